import asyncio
import json
import shutil

import pytest
from msgspec.structs import replace

from live.core.inputs import SessionStarted
from live.journal import JournalFile, JournalReader, SnapshotTaken
from live.latch import engage, latch_path


@pytest.fixture(name="journal")
def _journal(host, run_desk):
    """Record one session that traded and closed."""

    async def trade():
        async with run_desk() as desk:
            await desk.rest_an_order()
            await desk.bar(desk.BUY)
            await desk.bar()

    asyncio.run(trade())
    (journal,) = (host.home / "journal").glob("*.journal")
    return journal


def test_sessions_are_listed(interlock, host, journal):
    """Each with when it began, how much it recorded and whether it closed; one that cannot be read hides none of the others."""
    (host.home / "journal" / "000002-DAMAGED2.journal").write_bytes(b"not a journal")
    JournalFile.create(host.home / "journal" / "000003-CRASHED3.journal", session_id="000003-CRASHED3").abandon()
    listed = interlock("session", "list", "--json").document["sessions"]
    assert [one["session_id"] for one in listed] == [journal.stem, "000002-DAMAGED2", "000003-CRASHED3"]
    assert [one["state"].partition(":")[0] for one in listed] == ["closed", "unreadable", "running, crashed or halted"]
    assert listed[0]["rows"] > 20
    assert listed[2]["rows"] == 0
    text = interlock("session", "list")
    assert journal.stem in text.out
    assert "…" not in text.out


def test_a_session_is_replayed(interlock, journal):
    """The verdict is one line; the document holds the digests."""
    answer = interlock("session", "replay", journal, "--json")
    assert answer.code == 0
    assert answer.document["identical"]
    text = interlock("session", "replay", journal)
    assert "identical, record for record; parity digest" in text.out


def forge(journal, change):
    """Write the journal again with its entries changed."""
    forged = journal.with_name("forged.journal")
    with JournalReader(journal) as reader:
        new = JournalFile.create(forged, session_id=reader.meta.session_id)
        new.append_snapshot(reader.first_snapshot()[1], 0)
        for row in reader.rows():
            entry = row.entry()
            if not isinstance(entry, SnapshotTaken):
                entry, position = change(entry), (row.segment, row.offset)
                new.append_step(None, [entry], position) if row.is_output else new.append_step(entry, [], position)
        new.close()
    return forged


def test_another_engine_is_a_finding_and_what_if_goes_on(interlock, journal, host):
    """CODE_DIFFERS exits with 2; with --what-if the run is shown, and never called parity."""
    forged = forge(journal, lambda entry: replace(entry, engine_digest="0" * 64) if isinstance(entry, SessionStarted) else entry)
    tape = host.home / "tape" / journal.stem
    answer = interlock("session", "replay", forged, "--tape", tape, "--json")
    assert answer.code == 2
    assert answer.document["error"].startswith("CODE_DIFFERS")
    text = interlock("session", "replay", forged, "--tape", tape, "--what-if")
    assert text.code == 0
    assert "no parity claim: the code differs" in text.out


def test_a_difference_is_a_finding_that_names_the_record(interlock, journal, host):
    """Both sides are printed, and the exit code is 2."""
    forged = forge(journal, lambda entry: replace(entry, price=1) if type(entry).__name__ == "FillRecorded" else entry)
    answer = interlock("session", "replay", forged, "--tape", host.home / "tape" / journal.stem)
    assert answer.code == 2
    assert "(FillRecorded) differs: recorded FillRecorded(" in answer.error


def test_bundles_that_do_not_fit_are_named_only_when_none_fits(interlock, journal, host):
    """A damaged bundle beside the right one is no obstacle; without the right one every refusal is listed."""
    damaged = host.directory / "damaged.bundle.json"
    damaged.write_bytes(b"{}")
    missing = host.directory / "missing.bundle.json"
    right = host.bundles["probe"]
    assert interlock("session", "replay", journal, "--bundle", damaged, "--bundle", missing, "--bundle", right).code == 0
    answer = interlock("session", "replay", journal, "--bundle", damaged, "--bundle", missing)
    assert answer.code == 1
    assert "no trusted bundle holds probe@" in answer.error
    assert str(damaged) in answer.error
    assert "No such file" in answer.error


def test_the_configuration_is_shown_with_its_origins(interlock, host):
    """Every value, and where it came from."""
    document = interlock("config", "show", "--json").document
    assert document["file"] == str(host.file)
    assert document["values"]["feed.speed"] == {"value": "1.0", "origin": str(host.file)}
    assert document["values"]["arming.challenge_seconds"] == {"value": "60", "origin": "default"}
    assert document["values"]["home"]["origin"] == "environment INTERLOCK_HOME"
    text = interlock("config", "show")
    assert document["digest"] in text.out
    assert f"Configuration from {host.file}" in text.out
    host.file.write_text("schema = 1\nsurprise = 1")
    broken = interlock("config", "show", "--json")
    assert broken.code == 1
    assert "surprise is not known" in broken.document["error"]


def test_the_doctor_says_what_must_be_mended(interlock, host):
    """What fails exits with 2 and is named; what is only worth knowing is a warning."""
    host.token()
    well = interlock("doctor", "--json")
    checks = {check["name"]: check for check in well.document["checks"]}
    assert well.code == 0
    assert {
        "python",
        "configuration",
        "home",
        "disk",
        "latches",
        "port",
        "exposure",
        "keys",
        "tokens",
        "trusted keys",
        "requirements",
        "clock",
    } == set(checks)
    shown = interlock("doctor").out
    assert "warn requirements: data_quality, replay, look_ahead, warm_up, limits not asked for" in shown
    engage(latch_path(host.home, "strategy", "probe"), "a test")
    assert "warn latches: engaged: STRATEGY probe (a test)" in interlock("doctor").out
    (host.keys / "gate.pem").write_text("a key")
    (host.keys / "gate.pem").chmod(0o644)
    (host.keys / "tokens.json").chmod(0o644)
    ill = interlock("doctor")
    assert ill.code == 2
    assert "FAIL keys: " in ill.out
    assert "gate.pem readable by others - chmod 600 them" in ill.out
    assert "error: 2 checks do not hold: keys, tokens" in ill.error
    assert interlock("doctor", "--json").document["error"] == "2 checks do not hold: keys, tokens"
    host.file.write_text("schema = ")
    ill = interlock("doctor")
    assert "FAIL configuration: " in ill.out
    assert "error: 1 check does not hold: configuration" in ill.error


def test_a_strategy_is_replayed_on_a_tape(interlock, host):
    """The table for people and the document for programs say the same; the journal is kept when it is asked for."""
    bars = [host.make_bar(host.MARKET + number * host.MINUTE, told={5: 2, 9: 3}.get(number, 0)) for number in range(20)]
    host.write_tape(*bars)
    (folder,) = (host.directory / "strategies").iterdir()
    kept = host.directory / "run.journal"
    document = interlock("replay", folder, "--tape", host.tape, "--journal", kept, "--json").document
    assert (document["events"], document["fills"]) == (20, 2)
    text = interlock("replay", folder, "--tape", host.tape)
    assert document["parity_digest"] in text.out
    assert "USDT" in text.out
    assert interlock("replay", folder, "--tape", host.tape, "--journal", kept).code == 1
    shutil.move(host.tape, host.tape.with_name("gone"))
    missing = interlock("replay", folder, "--tape", host.tape, "--json")
    assert missing.code == 1
    assert json.loads(missing.out)["error"]


def test_the_specification_is_signed_and_verified(interlock, host):
    """An unsigned, an edited and an untrusted specification are findings; a signed one is said by whom."""
    specification = host.directory / "SPEC.md"
    specification.write_text("# Spec\n\nVersion: 1.0\n\nWords.\n")
    keys = host.directory / "spec-keys"
    made = interlock("keys", "new", "owner", "--role", "spec", "--directory", keys, "--json").document
    trust = made["public_file"]
    unsigned = interlock("spec", "verify", specification, "--trust", trust)
    assert unsigned.code == 2
    assert "awaiting signature" in unsigned.error
    assert interlock("spec", "sign", specification, "--key", made["private"]).code == 0
    assert interlock("spec", "verify", specification, "--trust", trust, "--json").document["signer"] == "owner"
    assert "signed by owner" in interlock("spec", "verify", specification, "--trust", trust).out
    assert interlock("spec", "verify", specification).code == 2
    specification.write_text(specification.read_text().replace("Words", "Other words"))
    edited = interlock("spec", "verify", specification, "--trust", trust, "--json")
    assert edited.code == 2
    assert "was edited after version 1.0 was signed" in edited.document["error"]
    again = interlock("spec", "sign", specification, "--key", made["private"])
    assert again.code == 1
    assert "an edit after signing needs a new version" in again.error
