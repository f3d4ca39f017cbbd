"""From a strategy folder to a signed bundle, and from a signed bundle to a loaded strategy.

`load_strategy_folder` reads a folder, `build_bundle`, `sign_bundle` and `write_bundle` make a bundle of it,
`verify_bundle` refuses or opens a bundle, and `load_strategy` runs what it holds.
"""

from live.promotion.archive import MAXIMUM_ARCHIVE_BYTES, pack_files, pack_folder, read_archive, unpack_archive
from live.promotion.bundle import BUNDLE_SCHEMA, MAXIMUM_VALIDITY, PAYLOAD_TYPE, Bundle, build_bundle, sign_bundle, write_bundle
from live.promotion.documents import encode_canonical, parse_canonical, sha256_hex
from live.promotion.errors import (
    ArchiveError,
    BundleRefused,
    DocumentError,
    EvidenceError,
    KeyFileError,
    PromotionError,
    Refusal,
    StrategyFolderError,
    StrategyLoadError,
)
from live.promotion.evidence import EVIDENCE_SCHEMA, INTEGRITY_GATES, Evidence, GateResult, reevaluate
from live.promotion.keys import (
    ROLES,
    KeyFiles,
    Role,
    SigningKey,
    TrustedKey,
    generate_key,
    load_public_key,
    load_signing_key,
    parse_trusted_key,
)
from live.promotion.loader import LoadedStrategy, load_archive, load_strategy, load_strategy_source, unload
from live.promotion.parameters import ParameterRange, ParameterValue, parse_overrides
from live.promotion.strategy_folder import Fit, StrategyFolder, load_strategy_folder
from live.promotion.strategy_version import STRATEGY_VERSION_SCHEMA, DataNeeds, StrategyVersion, describe_version, read_version
from live.promotion.verification import VerifiedBundle, verify_bundle

__all__ = [
    "BUNDLE_SCHEMA",
    "EVIDENCE_SCHEMA",
    "INTEGRITY_GATES",
    "MAXIMUM_ARCHIVE_BYTES",
    "MAXIMUM_VALIDITY",
    "PAYLOAD_TYPE",
    "ROLES",
    "STRATEGY_VERSION_SCHEMA",
    "ArchiveError",
    "Bundle",
    "BundleRefused",
    "DataNeeds",
    "DocumentError",
    "Evidence",
    "EvidenceError",
    "Fit",
    "GateResult",
    "KeyFileError",
    "KeyFiles",
    "LoadedStrategy",
    "ParameterRange",
    "ParameterValue",
    "PromotionError",
    "Refusal",
    "Role",
    "SigningKey",
    "StrategyFolder",
    "StrategyFolderError",
    "StrategyLoadError",
    "StrategyVersion",
    "TrustedKey",
    "VerifiedBundle",
    "build_bundle",
    "describe_version",
    "encode_canonical",
    "generate_key",
    "load_archive",
    "load_public_key",
    "load_signing_key",
    "load_strategy",
    "load_strategy_folder",
    "load_strategy_source",
    "pack_files",
    "pack_folder",
    "parse_canonical",
    "parse_overrides",
    "parse_trusted_key",
    "read_archive",
    "read_version",
    "reevaluate",
    "sha256_hex",
    "sign_bundle",
    "unload",
    "unpack_archive",
    "verify_bundle",
    "write_bundle",
]
