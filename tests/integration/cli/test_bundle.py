import json
import shutil
from pathlib import Path

import pytest

from live.core.inputs import Bar
from live.journal import write_segment
from live.promotion import generate_key, load_strategy_folder

PEEKER = Path(__file__).parents[3] / "strategies" / "peeker"
BARS = 2_000
HALF_HOUR = 1_800 * 10**9
EIGHT_BARS = 8 * HALF_HOUR


@pytest.fixture(name="folder")
def _folder(host):
    """Copy the strategy that reads the future."""
    folder = host.directory / "peeker"
    shutil.copytree(PEEKER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(name="key")
def _key(host):
    """Make a gate key on disk."""
    return generate_key("command-line", "gate", host.keys)


def trust(key):
    """Write the block that lets a host trust a key."""
    return "\n".join(["[[trusted_keys]]", *(f'{name} = "{getattr(key.public, name)}"' for name in ("name", "role", "keyid", "public"))])


@pytest.fixture(name="make_bundle")
def _make_bundle(host, folder, key, wall, interlock):
    """Give a function that bundles it from the command line with a key that the host trusts, on bars that its weights know."""
    instrument = load_strategy_folder(folder).version.instruments[0]
    first = json.loads((folder / "weights" / "scores.json").read_text())["blocks"][0] * EIGHT_BARS
    closes = [400_000 + number % 7 * 100 for number in range(BARS)]
    bars = [
        Bar(at, at, instrument.instrument_id, close, close + 50, close - 50, close, 10**7)
        for at, close in zip(range(first, first + BARS * HALF_HOUR, HALF_HOUR), closes, strict=True)
    ]
    host.tape.unlink()
    write_segment(host.tape, bars, [instrument], "made by a test")

    def make_bundle(*arguments):
        answer = interlock(
            "strategy", "bundle", folder, "--tape", host.tape, "--key", key.private_path, "--set", "fraction=0.9", *arguments
        )
        assert answer.code == 0, answer
        (host.bundles["peeker"],) = (host.home / "bundles").iterdir()
        del host.bundles["probe"]
        host.configure(trust(key))
        wall.now += host.MINUTE
        return answer

    return make_bundle


@pytest.mark.anyio
async def test_a_bundle_of_three_gates_is_refused_unless_a_host_asks_for_no_more(host, key, make_bundle, run_desk):
    """A strategy that reads the future is bundled by the command line; no host runs it by default, and the sentence names the gates."""
    host.requirements = ()
    document = make_bundle("--json").document
    assert [gate["gate"] for gate in document["gates"]] == ["determinism", "replay", "limits"]
    assert document["missing_gates"] == ["data_quality", "look_ahead", "warm_up"]
    assert "a host refuses this bundle by default. `interlock evaluate` runs all of them" in document["caution"]
    async with run_desk() as desk:
        (shown,) = await desk.call("GET", "/v1/deployments")
        absent = "the gate is required here and the evidence has no result of it"
        assert (shown["status"], shown["reason"]) == (
            "REFUSED",
            f"the evidence does not meet this host's demands: data_quality: {absent}; look_ahead: {absent}; warm_up: {absent}",
        )
        await desk.call("POST", "/v1/arm", {"strategy_id": "peeker"}, expect=409)
    host.requirements = ("determinism", "replay", "limits")
    host.configure(trust(key))
    async with run_desk() as desk:
        (shown,) = await desk.call("GET", "/v1/deployments")
        assert shown["status"] == "LOADED"


def test_the_command_says_in_words_what_it_did_not_run(host, make_bundle, interlock):
    """Its table fits a page even where nothing folds it, and under it stands what no host runs by default; verifying says the same."""
    made = make_bundle()
    said = "3 of 6 integrity gates were run (determinism, replay, limits), and data_quality, look_ahead, warm_up were not"
    assert said in made.out
    table = [line for line in made.out.splitlines() if line.startswith(("│", "┃"))]
    assert [cell.strip() for cell in table[0].strip("┃").split("┃")] == ["gate", "kind", "result", "detail"]
    assert max(len(line) for line in table) <= 120
    verified = interlock("strategy", "verify", host.bundles["peeker"])
    assert verified.code == 0
    assert said in verified.out
