import html
import json
import re
import sqlite3
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

import msgspec
import pytest

from dagster_project.equity import equity_curve, read_fills
from dagster_project.home import Home
from dagster_project.lake.session_sources import LocalHome
from dagster_project.lake.sessions import archived_sessions, pull_sessions
from dagster_project.reports.summary import summarise_day
from dagster_project.reports.writing import due_summaries, read_summary, write_summary
from live.core.instruments import Instrument
from live.journal import read_tape

pytestmark = pytest.mark.anyio

INSTRUMENT = Instrument(instrument_id="binance-spot:BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=4)
CLOSES = [10_000, 10_050, 10_020, 10_180, 10_100, 10_400, 10_350, 10_300]
"""Closes in cents of the bars that the scripted market shows."""


def day_of(nanoseconds):
    """Give the UTC day of a time."""
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC).date()


async def trade(desk, told, closes=CLOSES):
    """Show the scripted market, with an order for the probe at each bar."""
    for close, word in zip(closes, told, strict=True):
        await desk.bar(word, close=close)


def pull(host):
    """Archive what the host recorded."""
    home = Home(host.home)
    pull_sessions(home, LocalHome(host.home))
    return home


def rows(host, *kinds):
    """Read rows of all sealed journals with nothing but SQLite and MessagePack: kind, then the fields in order."""
    found = []
    for path in sorted((host.home / "journal").glob("*.journal")):
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        found += [
            msgspec.msgpack.decode(body)
            for kind, body in connection.execute("SELECT kind, body FROM records ORDER BY seq")
            if kind in kinds
        ]
        connection.close()
    return found


class Book:
    """Keep cash and average cost of one strategy from its fills, in exact decimals."""

    def __init__(self):
        self.quantity = self.cash = self.cost = self.realised = self.fees = self.bought = self.sold = Decimal(0)

    def fill(self, side, price, quantity, fee):
        """Book a fill: cents, ten-thousandths, and hundred-millionths."""
        price, quantity, fee = Decimal(price) / 100, Decimal(quantity) / 10_000, Decimal(fee) / 10**8
        value = price * quantity
        self.fees += fee
        if side == "BUY":
            self.cash -= value + fee
            self.bought, self.cost, self.quantity = self.bought + value, self.cost + value, self.quantity + quantity
        else:
            released = (self.cost * quantity / self.quantity).quantize(Decimal("1e-8"), "ROUND_FLOOR")
            self.cash += value - fee
            self.realised += value - released
            self.sold, self.cost, self.quantity = self.sold + value, self.cost - released, self.quantity - quantity


def books(host):
    """Recompute each strategy's book from the recorded fills."""
    found = {}
    for _, _, _, strategy, account, _, _, _, side, price, quantity, fee, asset, *_ in rows(host, "FillRecorded"):
        assert asset == "USDT"
        found.setdefault((strategy, account), Book()).fill(side, price, quantity, fee)
    return found


def shown(amount, sign=""):
    """Write an amount as the page must."""
    text = f"{amount.quantize(Decimal('0.01'), ROUND_HALF_EVEN):,}"
    return f"{sign}{text}" if amount > 0 else text


def cells(page, heading):
    """Give the cells of the first table row below a column heading."""
    header, _, rest = page.partition(heading)
    del header
    row = re.search(r"</tr>\s*<tr>(.*?)</tr>", rest, re.DOTALL)
    return [html.unescape(one) for one in re.findall(r"<td[^>]*>(.*?)</td>", row[1])]


async def test_every_number_of_a_page_is_what_the_fills_add_up_to(host, run_desk, wall):
    """Cash, average cost, fees, profit, orders, denials and heads are computed anew from the journal's rows by other means."""
    host.bundle("second")
    host.configure()
    buy, flat, rest = 2, 3, 1
    async with run_desk() as desk:
        await desk.arm()
        await trade(desk, [0, rest, buy, 0, flat, buy, 0, 0])
        await desk.arm("second")
        await trade(desk, [0, buy, 0, flat, buy, 0, 0, 0])
        await desk.bar(buy, close=600)
        await desk.bar(0, close=10_250)
        positions = await desk.call("GET", "/v1/positions")
        await desk.call("POST", "/v1/kill", {"reason": "the drill"})
        head = desk.service.session.journal_path.stem
    home = pull(host)
    day = day_of(wall.now)
    written = write_summary(home, summarise_day(home, day))
    page = written.page.read_text()
    document = json.loads((written.folder / "summary.json").read_text())

    found = books(host)
    assert sorted(found) == [("probe", "paper"), ("second", "paper")]
    mark = Decimal("102.50")
    states, owner, denials = {}, {}, Counter()
    for kind, _, order, *rest_of in rows(host, "IntentRecorded", "OrderTransitioned", "OrderDenied"):
        if kind == "IntentRecorded":
            owner[order], states[order] = rest_of[2], "INTENT_RECORDED"
        elif kind == "OrderTransitioned":
            states[order] = rest_of[1]
        else:
            states[order] = "DENIED"
            denials[owner[order], rest_of[0]] += 1
    assert denials, "the bar far below the market must have been denied"
    total = sum(book.cash + book.quantity * mark for book in found.values())
    for one in document["deployments"]:
        book = found[one["strategy_id"], one["account_id"]]
        profit = book.cash + book.quantity * mark
        (result,) = one["results"]
        assert Decimal(result["profit"]) == Decimal(result["profit_to_date"]) == profit
        assert Decimal(result["realised"]) == book.realised
        assert Decimal(result["fees"]) == Decimal(one["fees"]["USDT"]) == book.fees
        assert (Decimal(result["bought"]), Decimal(result["sold"])) == (book.bought, book.sold)
        assert one["orders"] == dict(Counter(states[order] for order in states if owner[order] == one["strategy_id"]))
        assert one["denials"] == {code: count for (name, code), count in denials.items() if name == one["strategy_id"]}
        assert len(one["fills"]) == sum(row[3] == one["strategy_id"] for row in rows(host, "FillRecorded"))
        section = page.partition(f'data-deployment="{one["strategy_id"]}/paper"')[2].partition("</section>")[0]
        assert cells(section, "Profit to date") == [
            "USDT",
            shown(profit, "+"),
            shown(book.realised, "+"),
            shown(book.fees),
            shown(profit, "+"),
            shown(book.bought),
            shown(book.sold),
        ]
        held = [line for line in positions if line["strategy_id"] == one["strategy_id"] and Decimal(line["quantity"])]
        assert [(line["quantity"], line["cost"]) for line in one["positions"]] == [(line["quantity"], line["cost"]) for line in held]
        assert all(Decimal(line["value"]) == book.quantity * mark for line in one["positions"])
        assert one["profits"][0]["points"][-1][1] == profit * 10**8
    figures = dict(re.findall(r'data-figure="([^"]+)"[^>]*>([^<]+)<', page))
    assert figures == {
        "profit.USDT": shown(total, "+"),
        "fees.USDT": shown(sum(book.fees for book in found.values())),
        "orders": str(len(states)),
        "fills": str(len(rows(host, "FillRecorded"))),
        "denials": str(denials.total()),
        "alarms": str(len(rows(host, "AlarmRaised"))),
        "kills": "1",
    }
    (account,) = document["accounts"]
    assert Decimal(account["closing"]) == 10_000 + total
    assert account["curve"]["points"][-1][1] == (10_000 + total) * 10**8
    assert len(account["curve"]["points"]) == 2 * len(CLOSES) + 2
    bars = [bar for _, _, bar in read_tape(host.home / "tape" / head)]
    curve = equity_curve(read_fills(host.home / "journal" / f"{head}.journal"), bars, {host.BTC: INSTRUMENT}, 10_000 * 10**8)
    assert [tuple(point) for point in account["curve"]["points"]] == [tuple(point) for point in curve]
    sqlite = sqlite3.connect(host.home / "journal" / f"{head}.journal")
    (stored,) = sqlite.execute("SELECT head FROM commits ORDER BY number DESC LIMIT 1").fetchone()
    (count,) = sqlite.execute("SELECT count(*) FROM records").fetchone()
    sqlite.close()
    assert document["sessions"][0]["head"] == stored
    assert document["sessions"][0]["records"] == count
    assert stored in page
    assert document["complete"]


async def test_a_wish_that_became_no_order_is_counted_as_a_denial_of_its_strategy(host, run_desk, wall):
    """A target that is not a number is denied before there is an order, and is no order of the day."""
    host.bundle(source=host.PROBE.replace('0.1, reason="told to buy"', 'float("nan"), reason="told to buy"'))
    host.configure()
    async with run_desk() as desk:
        await desk.arm()
        await trade(desk, [0, 2, 0], CLOSES[:3])
    ((code, detail),) = [(row[3], row[4]) for row in rows(host, "OrderDenied")]
    assert detail.startswith("probe wanted fraction nan")
    summary = summarise_day(pull(host), day_of(wall.now))
    (deployment,) = summary.deployments
    assert (deployment.denials, deployment.orders, summary.totals["denials"]) == ({code: 1}, {}, 1)


async def test_a_held_position_is_valued_over_midnight_and_the_days_add_up(host, run_desk, wall):
    """One session runs over midnight: each record counts for its own day, and the second day begins from the first one's close."""
    host.bundle(days=3)
    host.configure()
    midnight = (wall.now // host.DAY + 1) * host.DAY
    wall.now = midnight - 10 * host.MINUTE
    async with run_desk() as desk:
        await desk.arm()
        await desk.bar()
        await desk.bar(desk.BUY, close=10_000)
        await desk.bar(close=10_100)
        session = desk.service.session
        tip = session.journal.tip
        session.anchors.anchor(session_id=session.session_id, commit=tip.commit, seq=tip.seq, head=tip.head, at=midnight - 5 * host.MINUTE)
        wall.now = midnight + 10 * host.MINUTE
        for close in (10_110, 10_120, 10_130, 10_140, 10_150, 10_160):
            await desk.bar(close=close)
        await desk.bar(desk.FLAT, close=10_200)
        await desk.bar(close=10_300)
    home = pull(host)
    before, after = day_of(midnight - 1), day_of(midnight)
    first, second = summarise_day(home, before), summarise_day(home, after)
    assert archived_sessions(home)[0].days == (str(before), str(after))
    assert (first.totals["fills"], second.totals["fills"]) == (1, 1)
    assert sum(one.records for day in (first, second) for one in day.sessions) == archived_sessions(home)[0].records
    one, other = first.deployments[0].results[0], second.deployments[0].results[0]
    (book,) = books(host).values()
    assert Decimal(one.profit) + Decimal(other.profit) == book.cash == Decimal(other.profit_to_date)
    assert Decimal(one.realised) == 0
    assert Decimal(other.realised) == book.realised
    assert first.accounts[0].closing == second.accounts[0].opening
    assert second.accounts[0].deposits == "0.00000000"
    assert first.deployments[0].positions[0].mark == "101.20"
    assert (first.last_market + host.MINUTE, len(second.accounts[0].curve.points)) == (second.first_market, 6)
    assert second.deployments[0].positions == ()


async def test_a_session_that_says_nothing_all_day_still_has_a_page_with_its_market(host, run_desk, wall):
    """Days without one record lie between two that have some: the bars between are shared out by their time."""
    host.bundle(days=9)
    host.configure()
    midnight = (wall.now // host.DAY + 1) * host.DAY
    wall.now = midnight - host.MINUTE
    async with run_desk() as desk:
        await desk.bar(close=10_000)
        session = desk.service.session
        tip = session.journal.tip
        session.anchors.anchor(session_id=session.session_id, commit=tip.commit, seq=tip.seq, head=tip.head, at=wall.now)
        for number in range(30):
            await desk.bar(close=10_000 + number)
        wall.now = midnight + 2 * host.DAY + host.MINUTE
    home = pull(host)
    quiet = summarise_day(home, day_of(midnight))
    assert quiet.headline == "Nothing was traded in 1 session."
    assert [one.records for one in quiet.sessions] == [0]
    assert len(quiet.accounts[0].curve.points) == 14
    assert quiet.accounts[0].opening == quiet.accounts[0].closing == "10000.00000000"
    days = [summarise_day(home, day_of(midnight) + timedelta(days=number)) for number in (-1, 0, 1, 2)]
    assert sum(len(one.accounts[0].curve.points) for one in days if one.accounts) == 31


async def test_what_is_held_between_sessions_is_valued_at_the_last_price_of_the_one_before(host, run_desk, wall):
    """The second session's day begins from where the first one's ended, though its own tape does not say that price."""
    host.bundle(days=3)
    host.configure()
    first_day = day_of(wall.now)
    async with run_desk() as desk:
        await desk.arm()
        await trade(desk, [0, desk.BUY, 0], [10_000, 10_000, 10_500])
    wall.now += host.DAY
    async with run_desk() as desk:
        await desk.bar(close=11_000)
    home = pull(host)
    one, other = (summarise_day(home, first_day + timedelta(days=number)) for number in range(2))
    assert one.accounts[0].closing == other.accounts[0].opening
    (book,) = books(host).values()
    assert Decimal(other.deployments[0].results[0].profit) == book.quantity * Decimal("5.00")
    assert other.headline == "Nothing was traded in 1 session."
    assert other.complete


async def test_the_same_archive_gives_the_same_bytes(host, run_desk, wall):
    """Nothing of the machine, its clock or the order of anything is in a summary."""
    async with run_desk() as desk:
        await desk.arm()
        await trade(desk, [0, 2, 0, 3, 1, 0, 2, 0])
    home = pull(host)
    written = write_summary(home, summarise_day(home, day_of(wall.now)))
    files = {path.name: path.read_bytes() for path in written.folder.iterdir()}
    again = write_summary(home, summarise_day(home, day_of(wall.now)))
    assert {path.name: path.read_bytes() for path in again.folder.iterdir()} == files
    assert sorted(files) == ["summary.html", "summary.json", "summary.md"]
    assert read_summary(home, day_of(wall.now)) == summarise_day(home, day_of(wall.now))


async def test_a_page_needs_nothing_else_and_runs_nothing(host, run_desk, wall):
    """No address, no script and no other file is in it, and what people typed stays text, in Markdown too."""
    async with run_desk() as desk:
        await desk.arm()
        await trade(desk, [0, 2, 0, 3, 1, 0, 2, 0])
        await desk.call("POST", "/v1/kill", {"reason": "<script>alert(1)</script> | <img src=x>"})
    home = pull(host)
    written = write_summary(home, summarise_day(home, day_of(wall.now)))
    page = written.page.read_text()
    assert "&lt;script&gt;alert(1)" in page
    assert not re.search(r"<script|<img|<link|<[^>]*\b(src|href|on\w+)=|https?://|url\(|@import", page)
    assert "<svg" in page
    assert "<script" not in written.markdown


@pytest.mark.parametrize("over", [True, False])
def test_a_day_without_a_session_still_gets_a_page(tmp_path, over):
    """It says so, has no numbers that could be taken for a result, and is complete when nothing is missing."""
    home = Home(tmp_path)
    written = write_summary(home, summarise_day(home, date(2026, 3, 1), over=over))
    page = written.page.read_text()
    assert "No session ran on this day." in page
    assert "data-figure" not in page
    assert ("so far" in page) is not over
    assert "No session ran on this day." in written.markdown


async def test_a_session_that_is_open_is_named_and_never_read(host, run_desk, wall):
    """Its journal may be any bytes: nothing looks into it, the summary says that it is not counted, and counts it once it is pulled."""
    day = day_of(wall.now)
    async with run_desk() as desk:
        await desk.arm()
        await trade(desk, [0, 2, 0, 3, 1, 0, 2, 0])
    unsealed = host.home / "journal" / "000002-STRANGER.journal"
    unsealed.write_bytes(b"no journal at all")
    home = pull(host)
    summary = summarise_day(home, day)
    assert not summary.complete
    assert summary.totals["sessions"] == 1
    assert [(one.session_id, one.status) for one in summary.sessions][1:] == [("000002-STRANGER", "open")]
    assert summary.warnings[0].startswith("Session 000002-STRANGER is open and not counted: it has no seal yet")
    unsealed.unlink()
    assert summarise_day(pull(host), day).complete


async def test_a_session_that_is_missing_from_the_archive_is_noticed(host, run_desk, wall):
    """The chain says that something came before, so a summary without it is not called complete."""
    for _ in range(2):
        async with run_desk() as desk:
            await desk.bar()
    home = pull(host)
    assert summarise_day(home, day_of(wall.now)).complete
    first = archived_sessions(home)[0].session_id
    (home.sessions / first).rename(home.root / "lost")
    summary = summarise_day(home, day_of(wall.now))
    assert not summary.complete
    assert summary.warnings[0].startswith("The archive has a gap before 000002-")


async def test_missing_bars_and_a_feed_that_went_down_are_named(host, run_desk, wall):
    """The usual distance of bars tells where others are missing."""
    async with run_desk() as desk:
        for number in range(6):
            desk._at += 30 * host.MINUTE * (number == 4)
            await desk.bar()
    summary = summarise_day(pull(host), day_of(wall.now))
    assert [(gap.instrument_id, gap.missing_bars) for gap in summary.gaps] == [(host.BTC, 30)]
    assert summary.gaps[0].detail == "30 bars of 60 s are missing"


async def test_every_day_since_the_first_session_is_due_once(host, run_desk, wall):
    """Days that were missed are due, oldest first and so many at a time; a session that arrives later makes its day due again."""
    day = day_of(wall.now)
    async with run_desk() as desk:
        await desk.bar()
    home = pull(host)
    today = day + timedelta(days=3)
    assert [one.day for one in due_summaries(home, today, 31)] == [day + timedelta(days=number) for number in range(3)]
    assert [one.day for one in due_summaries(home, today, 2)] == [day, day + timedelta(days=1)]
    for one in due_summaries(home, today, 31):
        write_summary(home, summarise_day(home, one.day))
    assert due_summaries(home, today, 31) == []
    async with run_desk() as desk:
        await desk.bar()
    pull(host)
    assert [one.day for one in due_summaries(home, today, 31)] == [day]


async def test_the_day_that_is_not_over_is_summarised_so_far_and_again_when_it_is(host, run_desk, wall):
    """A newcomer finds a page on the same day; it is made anew once the day is over."""
    day = day_of(wall.now)
    async with run_desk() as desk:
        await desk.bar()
    home = pull(host)
    assert [one.day for one in due_summaries(home, day, 31)] == [day - timedelta(days=1), day]
    written = write_summary(home, summarise_day(home, day, over=False))
    assert "so far" in written.page.read_text()
    assert day not in [one.day for one in due_summaries(home, day, 31)]
    assert day in [one.day for one in due_summaries(home, day + timedelta(days=1), 31)]


async def test_sessions_of_another_live_host_change_no_number_of_this_one(host, run_desk, wall):
    """A host that began anew has a chain and accounts of its own, though their names and the numbers of its sessions are the same."""
    host.bundle(days=3)
    host.configure()
    async with run_desk() as desk:
        await desk.arm()
        await trade(desk, [0, desk.BUY, 0], [10_000, 10_000, 10_500])
    async with run_desk() as desk:
        await desk.bar(close=11_000)
    alone = summarise_day(pull(host), day_of(wall.now))
    for name in ("journal", "tape", "latch"):
        (host.home / name).rename(host.home / f"{name}-of-the-other")
    async with run_desk() as desk:
        await desk.arm()
        await trade(desk, [0, desk.BUY, 0], [10_000, 10_000, 9_000])
    home = pull(host)
    assert len(archived_sessions(home)) == 3
    together = summarise_day(home, day_of(wall.now))
    assert together.complete
    assert set(alone.accounts) < set(together.accounts)
    assert [one for one in together.deployments if one in alone.deployments] == list(alone.deployments)
    assert together.totals["fills"] == alone.totals["fills"] * 2
    assert not [warning for warning in together.warnings if "gap" in warning]
