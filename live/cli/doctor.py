"""`interlock doctor`: is this machine fit to run the service."""

import os
import platform
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.text import Text

from live.cli.output import Finding, JsonOption, answer, console
from live.cli.serve import ConfigOption
from live.core.errors import InterlockError

if TYPE_CHECKING:
    from live.configuration import Configuration

NEEDED_BYTES = 1_000_000_000
LOOPBACK = ("127.0.0.1", "::1", "localhost")
EXAMPLE = "Example: interlock doctor"


class Check(NamedTuple):
    """What was checked, whether it holds, what was seen, and what to do; a warning does not fail the doctor."""

    name: str
    holds: bool
    seen: str
    remedy: str = ""
    warning: bool = False


def doctor_command(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check Python, configuration, home, disk, latches, port, clock and keys; exit 2 when something must be mended."""
    from live.configuration import load_configuration

    checks = [_python()]
    loaded: Configuration | None = None
    try:
        loaded = load_configuration(config)
        checks.append(Check("configuration", True, str(loaded.file or "defaults only")))
    except InterlockError as error:
        checks.append(Check("configuration", False, str(error), "correct the file"))
    if loaded is not None:
        checks += [_home(loaded.home), _disk(loaded.home), _latches(loaded), _port(loaded), _exposure(loaded.service.host)]
        checks += _keys(loaded.keys)
        checks += [_trust(len(loaded.trusted_keys), len(loaded.deployments)), _requirements(loaded)]
        checks += _live(loaded)
    checks.append(_clock())
    payload = {"checks": [check._asdict() for check in checks]}
    failed = [check.name for check in checks if not check.holds and not check.warning]
    if not as_json:
        _print(console(), checks)
    if failed:
        said = "1 check does not hold" if len(failed) == 1 else f"{len(failed)} checks do not hold"
        raise Finding(f"{said}: {', '.join(failed)}", payload)
    if as_json:
        answer(payload, as_json=True, text=lambda _: None)


def _print(console: Console, checks: list[Check]) -> None:
    for check in checks:
        mark = ("ok  ", "green") if check.holds else ("warn", "yellow") if check.warning else ("FAIL", "red")
        remedy = f" - {check.remedy}" if not check.holds and check.remedy else ""
        console.print(Text.assemble(mark, f" {check.name}: {check.seen}{remedy}"))


def _python() -> Check:
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Check("python", supported, platform.python_version(), "use Python 3.11, 3.12 or 3.13")


def _home(home: Path) -> Check:
    return Check("home", os.access(_existing(home), os.W_OK), str(home.resolve()), "set INTERLOCK_HOME to a directory of yours")


def _disk(home: Path) -> Check:
    free = shutil.disk_usage(_existing(home)).free
    return Check("disk", free >= NEEDED_BYTES, f"{free / 1e9:.1f} GB free", "free at least 1 GB: a full disk halts trading")


def _existing(path: Path) -> Path:
    return next(one for one in (path.resolve(), *path.resolve().parents) if one.exists())


def _latches(configuration: "Configuration") -> Check:
    from live.latch import latch_path, read_latch
    from live.service.scopes import configured_scopes, scope_name

    engaged: list[str] = []
    for scope, target in configured_scopes(configuration):
        path = latch_path(configuration.home, scope, target)
        if path.exists() and (reading := read_latch(path)).engaged:
            engaged.append(f"{scope_name(scope, target)} ({reading.reason})")
    seen = f"engaged: {', '.join(engaged)}" if engaged else "none is engaged"
    return Check("latches", not engaged, seen, "release what is safe again: interlock release --reason ...", warning=True)


def _port(configuration: "Configuration") -> Check:
    from live.service.address import read_address

    host, port = configuration.service.host, configuration.service.port
    address = read_address(configuration.home)
    if address is not None and address.port == port:
        return Check("port", True, f"{host}:{port} is the running service's")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return Check("port", False, f"{host}:{port} {error.strerror}", "free it, or set service.port or INTERLOCK_PORT to another")
    return Check("port", True, f"{host}:{port} is free")


def _exposure(host: str) -> Check:
    private = host in LOOPBACK
    return Check("exposure", private, f"listens on {host}", "tokens cross the network in the clear: put TLS in front of it", warning=True)


def _keys(directory: Path) -> list[Check]:
    from live.service.authority import load_principals

    try:
        files = list(directory.iterdir())
        unsafe = [path.name for path in files if path.suffix == ".pem" and path.stat().st_mode & 0o077]
    except FileNotFoundError:
        return [Check("keys", False, f"{directory} does not exist", "make a key with `interlock keys new gate --role gate`", warning=True)]
    except OSError as error:
        return [Check("keys", False, f"{directory} cannot be read: {error.strerror}", "set INTERLOCK_KEYS to a directory of yours")]
    checks = [Check("keys", not unsafe, f"{directory}" + (f": {', '.join(unsafe)} readable by others" if unsafe else ""), "chmod 600 them")]
    try:
        tokens = load_principals(directory)
        checks.append(Check("tokens", bool(tokens), f"{len(tokens)} tokens", "make one with `interlock token new`", warning=True))
    except InterlockError as error:
        checks.append(Check("tokens", False, str(error)))
    return checks


def _trust(keys: int, deployments: int) -> Check:
    return Check(
        "trusted keys",
        keys > 0 or deployments == 0,
        f"{keys} pinned",
        "paste the block that `interlock keys new` prints into interlock.toml",
    )


def _requirements(configuration: "Configuration") -> Check:
    from live.promotion import INTEGRITY_GATES

    missing = [gate for gate in INTEGRITY_GATES if gate not in configuration.promotion.requirements]
    seen = f"{', '.join(missing)} not asked for" if missing else "every integrity gate is asked for"
    remedy = "evidence without them is accepted here: name them under [promotion.requirements], or leave the table out"
    return Check("requirements", not missing, seen, remedy, warning=True)


def _live(configuration: "Configuration") -> list[Check]:
    """Check what arming LIVE will ask for; none where nothing is LIVE, but keys that do not belong there."""
    from live.configuration import key_variables, read_account_key

    live = configuration.live_accounts
    idle = [name for account in configuration.accounts if account not in live for name in key_variables(account) if os.environ.get(name)]
    remedy = "unset it where nothing is LIVE: every strategy runs in a process that could read it"
    checks = [Check("idle keys", False, f"{', '.join(idle)} set", remedy, warning=True)] if idle else []
    for account_id in live:
        try:
            key = read_account_key(configuration.keys, account_id)
            checks.append(Check(f"key of {account_id}", True, f"from {key.origin}"))
        except InterlockError as error:
            checks.append(Check(f"key of {account_id}", False, str(error)))
    checks += [_conformance(configuration, venue_id) for venue_id in sorted(set(live.values()))]
    if live:
        checks.append(_operators(configuration))
    return checks


def _conformance(configuration: "Configuration", venue_id: str) -> Check:
    from live.configuration.venues import adapter_address
    from live.promotion.conformance import read_conformance, verify_conformance
    from live.venues.conformance.numbering import CASE_NUMBERS, KIT_VERSION

    try:
        adapter = adapter_address(venue_id, configuration.venues[venue_id], KIT_VERSION)
        raw = read_conformance(configuration.home, venue_id)
        found = verify_conformance(raw, configuration.trusted_keys, adapter, time.time_ns(), CASE_NUMBERS)
    except InterlockError as error:
        return Check(f"conformance of {venue_id}", False, str(error))
    return Check(f"conformance of {venue_id}", True, f"{len(found.evidence.cases)} cases, signed by {', '.join(found.signers)}")


def _operators(configuration: "Configuration") -> Check:
    from live.service.authority import load_principals
    from live.service.one_time_codes import enrolled

    try:
        armers = {principal.name for principal in load_principals(configuration.keys) if "arm" in principal.scopes}
    except InterlockError as error:
        return Check("operators", False, str(error))
    able = sorted(armers.intersection(enrolled(configuration.keys)))
    needed = 2 if configuration.live.second_person else 1
    seen = f"{', '.join(able) or 'nobody'} can arm LIVE, {needed} needed"
    return Check(
        "operators", len(able) >= needed, seen, "an operator has a token with the scope arm, and `interlock keys one-time-code NAME`"
    )


def _clock() -> Check:
    from live.venues.clock_offset import MILLISECOND, kernel_clock

    if time.time() < 1_700_000_000:
        return Check("clock", False, time.strftime("%Y-%m-%d", time.gmtime()), "set the clock")
    kernel = kernel_clock()
    if kernel is None:
        return Check("clock", False, "this system does not say whether it is synchronised", "run an NTP client", warning=True)
    seen = f"synchronised, largest error {kernel.maximum_error / MILLISECOND:.1f} ms" if kernel.synchronised else "not synchronised"
    return Check("clock", kernel.synchronised, seen, "run an NTP client; a LIVE venue will need it", warning=True)
