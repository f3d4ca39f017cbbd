"""Configuration: `interlock.toml`, what it means, and where each value came from."""

from live.configuration.credentials import AccountKey, live_keys, read_account_key
from live.configuration.loading import CONFIGURATION_FILE, Configuration, keys_directory, load_configuration
from live.configuration.settings import (
    CONFIGURATION_SCHEMA,
    AccountSettings,
    ArmingSettings,
    ClockSettings,
    ConfigurationError,
    ConfigurationFile,
    DeploymentSettings,
    FeedSettings,
    LiveSettings,
    Mode,
    PromotionSettings,
    RegistrySettings,
    ServiceSettings,
    VenueSettings,
    parse_time,
)
from live.configuration.venues import key_variables

__all__ = [
    "CONFIGURATION_FILE",
    "CONFIGURATION_SCHEMA",
    "AccountKey",
    "AccountSettings",
    "ArmingSettings",
    "ClockSettings",
    "Configuration",
    "ConfigurationError",
    "ConfigurationFile",
    "DeploymentSettings",
    "FeedSettings",
    "LiveSettings",
    "Mode",
    "PromotionSettings",
    "RegistrySettings",
    "ServiceSettings",
    "VenueSettings",
    "key_variables",
    "keys_directory",
    "live_keys",
    "load_configuration",
    "parse_time",
    "read_account_key",
]
