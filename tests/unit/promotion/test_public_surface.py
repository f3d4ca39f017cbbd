import types

import live.promotion

EXPECTED = [
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


def test_the_package_exports_exactly_what_it_promises() -> None:
    """A name that others import neither appears nor vanishes unnoticed."""
    assert sorted(live.promotion.__all__) == sorted(EXPECTED)


def test_every_public_name_is_exported() -> None:
    """What the package imports for its users is in `__all__`, and nothing else is public but its modules."""
    public = {name for name, value in vars(live.promotion).items() if not name.startswith("_") and not isinstance(value, types.ModuleType)}
    assert public == set(live.promotion.__all__)
