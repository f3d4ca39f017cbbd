"""Configuration: `interlock.toml`, what it means, and where each value came from."""

from live.configuration.loading import CONFIGURATION_FILE, Configuration, keys_directory, load_configuration
from live.configuration.settings import (
    CONFIGURATION_SCHEMA,
    AccountSettings,
    ArmingSettings,
    ConfigurationError,
    ConfigurationFile,
    DeploymentSettings,
    FeedSettings,
    PromotionSettings,
    RegistrySettings,
    ServiceSettings,
    VenueSettings,
    parse_time,
)

__all__ = [
    "CONFIGURATION_FILE",
    "CONFIGURATION_SCHEMA",
    "AccountSettings",
    "ArmingSettings",
    "Configuration",
    "ConfigurationError",
    "ConfigurationFile",
    "DeploymentSettings",
    "FeedSettings",
    "PromotionSettings",
    "RegistrySettings",
    "ServiceSettings",
    "VenueSettings",
    "keys_directory",
    "load_configuration",
    "parse_time",
]
