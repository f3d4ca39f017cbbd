"""`interlock replay` of a single file: every setting by option or file, exact figures, a page, and going on after a stop."""

import asyncio

import pytest

from live.core.instruments import Instrument
from live.core.market_events import Bar
from live.journal.segments import write_segment

MINUTE = 60 * 10**9
START = 1_704_067_200 * 10**9
BTC = Instrument(instrument_id="sim:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=3)
STRATEGY = """
import msgspec
from live.core.strategy import Strategy

class Parameters(msgspec.Struct, frozen=True):
    size: str = "0.1"
    every: int = 3

class Swing(Strategy):
    Parameters = Parameters

    def __init__(self, parameters):
        self._p, self._seen = parameters, 0

    def on_bar(self, bar, context):
        self._seen += 1
        if self._seen % self._p.every == 0:
            units = context.units(bar.instrument_id, self._p.size)
            context.target_units(bar.instrument_id, 0 if context.position(bar.instrument_id) else units, reason="swing")
"""


@pytest.fixture(name="swing")
def _swing(tmp_path):
    """Write the strategy, and a tape of 100 bars from 100.00 that rise by 0.50."""
    file = tmp_path / "swing.py"
    file.write_text(STRATEGY)
    closes = [10_000 + 50 * number for number in range(101)]
    bars = [
        Bar(START + n * MINUTE, START + n * MINUTE, BTC.instrument_id, closes[n - 1], closes[n], closes[n - 1], closes[n], 10_000)
        for n in range(1, 101)
    ]
    write_segment(tmp_path / "up.tape.gz", bars, [BTC], "test")
    return f"{file}:Swing", tmp_path / "up.tape.gz", tmp_path


FREE = ("--fee-ppm", "0", "--slippage-basis-points", "0")


def test_a_single_file_is_replayed_to_the_last_digit(interlock, swing):
    """In at an open, out at the third after it, sixteen times: each swing earns 0.1 times 1.50, and the last is half a unit up."""
    strategy, tape, _ = swing
    document = interlock("replay", strategy, "--data", tape, "--balance", "USDT=1000", "--balance", "BTC=2", *FREE, "--json").document
    assert document["performance"]["profit"] == "2.45000000"
    assert document["balances"]["replay"] == {"BTC": "2.10000000", "USDT": "987.45000000"}
    assert document["positions"] == {"sim:BTCUSDT": "0.100"}
    assert document["performance"]["trades"] == 16
    assert document["performance"]["win_rate"] == 1.0
    assert document["denials"] == {}
    text = interlock("replay", strategy, "--data", tape, "--balance", "USDT=1000", *FREE).out
    assert "2.45000000 USDT" in text
    assert document["parity_digest"] != ""
    assert "derived from the opening balances" in text


def test_options_come_before_the_file_and_what_is_printed_repeats_the_run(interlock, swing):
    """The settings in the document, written down, give the same digest."""
    strategy, tape, folder = swing
    config = folder / "replay.toml"
    config.write_text(f'data = ["{tape}"]\nbalances = {{ USDT = "5000" }}\n[parameters]\nevery = 5\n[venue.costs]\ntaker_fee_ppm = 100\n')
    first = interlock("replay", strategy, "--config", config, "--set", "every=4", "--start", "2024-01-01T00:10:00Z", "--json").document
    settings = first["settings"]
    assert (settings["parameters"]["every"], settings["venue"]["costs"]["taker_fee_ppm"]) == (4, 100)
    assert settings["balances"] == {"USDT": "5000"}
    assert first["events"] == 90
    report = folder / "run.html"
    interlock("replay", strategy, "--config", config, "--set", "every=4", "--start", "2024-01-01T00:10:00Z", "--report", report)
    page = report.read_text()
    again = folder / "again.toml"
    again.write_text(page.partition("<pre>")[2].partition("</pre>")[0].replace("&quot;", '"').replace("&#x27;", "'"))
    assert interlock("replay", strategy, "--config", again, "--json").document["parity_digest"] == first["parity_digest"]


def test_history_before_the_start_is_handed_on_and_traded_on_by_nobody(interlock, swing):
    """Ten bars of history move the count, and the first order comes after the start."""
    strategy, tape, folder = swing
    journal = folder / "run.journal"
    options = ("--start", "2024-01-01T00:10:00Z", "--history-bars", "4", "--journal", journal)
    document = interlock("replay", strategy, "--data", tape, *options, "--json").document
    assert document["events"] == 94
    decisions = interlock("journal", "show", journal, "--kind", "DecisionRecorded", "--last", "100").out
    assert "2024-01-01T00:12:00" in decisions.splitlines()[0]


def test_positions_are_closed_out_at_the_end_on_the_record(interlock, swing):
    """With the fee of the last order, as a step that the journal names."""
    strategy, tape, folder = swing
    journal = folder / "run.journal"
    options = ("--data", tape, "--set", "every=90", "--fee-ppm", "1000", "--slippage-basis-points", "0")
    left = interlock("replay", strategy, *options, "--json").document
    assert left["positions"] == {"sim:BTCUSDT": "0.100"}
    closed = interlock("replay", strategy, *options, "--close-out", "LAST_PRICE", "--journal", journal, "--json").document
    assert closed["positions"] == {}
    assert closed["fills"] == left["fills"] + 1
    # Bought at the open of bar 91, 145.00, sold at the last close, 150.00: 0.1 of each, with 0.1 % in and out.
    assert closed["performance"]["profit"] == "0.47050000"
    assert "CloseOutRequested" in interlock("journal", "show", journal, "--kind", "CloseOutRequested").out


def test_a_margin_account_goes_short_and_a_cash_account_does_not(interlock, swing):
    """By the account, not by the strategy."""
    strategy, tape, _ = swing
    options = ("--data", tape, "--set", "size=-0.1", *FREE, "--json")
    assert interlock("replay", strategy, *options).document["fills"] == 0
    short = interlock("replay", strategy, *options, "--leverage", "3", "--instrument", "kind=PERPETUAL").document
    assert short["settings"]["account"] == {"leverage": "3", "type": "MARGIN"}
    assert short["performance"]["profit"].startswith("-")
    assert short["fills"] > 20


def test_a_stopped_replay_goes_on_to_the_same_digest(interlock, swing):
    """With the journal of one that never stopped; with another parameter it is refused."""
    strategy, tape, folder = swing
    stopped = folder / "stopped.journal"
    whole = interlock("replay", strategy, "--data", tape, "--json").document
    assert "--resume" in interlock("replay", strategy, "--data", tape, "--journal", stopped, "--stop-after", "43").out
    refused = interlock("replay", strategy, "--data", tape, "--journal", stopped, "--resume", "--set", "every=4")
    assert refused.code == 1
    assert "differs" in refused.error
    resumed = interlock("replay", strategy, "--data", tape, "--journal", stopped, "--resume", "--json").document
    assert resumed["parity_digest"] == whole["parity_digest"]
    assert interlock("journal", "verify", stopped).code == 0


def test_limits_may_be_tightened_and_are_shown(interlock, swing):
    """By file and by option; what is denied is counted by code."""
    strategy, tape, folder = swing
    limits = folder / "limits.toml"
    limits.write_text("[limits]\nmaximum_open_orders = 3\n")
    options = ("--limits", limits, "--limit", 'maximum_order_notional="5.00"', "--json")
    document = interlock("replay", strategy, "--data", tape, *options).document
    assert (document["limits"]["maximum_open_orders"], document["limits"]["maximum_order_notional"]) == (3, "5.00000000")
    assert document["denials"] == {"NOTIONAL_ABOVE_MAXIMUM": document["intents"]}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--balance", "USDT"), "--balance takes name=value"),
        (("--set", "every=1", "--set", "every=2"), "sets every twice"),
        (("--set", "many=1"), "no parameter 'many'"),
        (("--venue", "costs.fees=1"), "unknown field `fees`"),
        (("--instrument", "sim:ETHUSDT.lot_size=1"), "no 'sim:ETHUSDT' in the market data"),
        (("--report", "/nowhere/run.html"), "is no directory"),
        (("--config", "gone.toml"), "gone.toml cannot be read"),
    ],
)
def test_what_is_wrong_is_one_sentence(interlock, swing, options, said):
    """And no replay runs."""
    strategy, tape, _ = swing
    answer = interlock("replay", strategy, "--data", tape, *options)
    assert answer.code == 1
    assert said in " ".join(answer.error.split())


def test_other_settings_over_what_a_session_saw_are_never_called_parity(interlock, host, run_desk):
    """Its journal stands for its market data; the answer says what it is, and that it proves nothing."""

    async def trade():
        async with run_desk() as desk:
            await desk.bar(desk.BUY)
            await desk.bar()

    asyncio.run(trade())
    (journal,) = (host.home / "journal").glob("*.journal")
    (folder,) = (host.directory / "strategies").iterdir()
    answer = interlock("replay", folder, "--data", journal, "--fee-ppm", "5", "--json").document
    assert answer["events"] > 1
    assert any(note.startswith(f"What if: the market data of session {journal.stem}") for note in answer["notes"])
    text = interlock("replay", folder, "--data", journal, "--fee-ppm", "5").out
    assert "proves nothing about that session" in text
    assert "identical" not in text
