"""Session validation: run an archived session's inputs through the engine again and report whether it says the same."""

from enum import StrEnum
from pathlib import Path

import msgspec

from dagster_project.home import Home
from dagster_project.lake.session_copies import ANCHORS_FILE, ArchivedSession
from dagster_project.lake.sessions import journal_of, tape_of
from dagster_project.reports import wording
from dagster_project.reports.strategies import LoadStrategies
from live.core.errors import InterlockError
from live.driver.engine_digest import engine_digest
from live.driver.session_replay import SessionReplayResult, replay_session
from live.journal import JournalError, verify_journal
from live.promotion.durable_files import replace_file

VALIDATION_SCHEMA = 1
SESSIONS = "sessions"
JSON_FILE, MARKDOWN_FILE, PAGE_FILE = "validation.json", "validation.md", "validation.html"


class Verdict(StrEnum):
    """What became of a validation."""

    IDENTICAL = "IDENTICAL"
    """Every record is the same, by the engine that recorded it."""
    DIFFERS = "DIFFERS"
    """A record differs; the report names the first one."""
    CODE_DIFFERS = "CODE_DIFFERS"
    """This engine is another than the one that recorded the session: equal records are no proof, and other ones no fault."""
    DAMAGED = "DAMAGED"
    """The archive no longer holds what was sealed."""
    NOT_REPLAYED = "NOT_REPLAYED"
    """It could not be run again; the report says why."""


MEANING = {
    Verdict.IDENTICAL: "Replayed: identical, record for record.",
    Verdict.DIFFERS: "Replayed: a record differs from what was recorded.",
    Verdict.CODE_DIFFERS: "Replayed by another engine than the one that recorded it, which proves nothing.",
    Verdict.DAMAGED: "Not replayed: the archived journal is not what was sealed.",
    Verdict.NOT_REPLAYED: "Not replayed.",
}


class SessionValidation(msgspec.Struct, frozen=True, kw_only=True):
    """Report the validation of one session.

    Attributes:
        file_sha256: of the journal, as it was archived.
        engine_digest: of the engine that replayed it.
        reason: why it could not be replayed, or was found damaged; empty otherwise.
        result: what the replay gave, None when there was none.
    """

    schema: int
    session_id: str
    verdict: Verdict
    file_sha256: str
    engine_digest: str
    reason: str
    result: SessionReplayResult | None

    @property
    def sentence(self) -> str:
        """Say the verdict in one sentence, with the first record that differs."""
        first = None if self.result is None else self.result.difference
        if first is None:
            return f"{MEANING[self.verdict]} {self.reason}".strip()
        differs = f"Record {first.seq} ({first.kind or 'after the end'}) differs: recorded {first.recorded}, replayed {first.replayed}"
        return differs if self.verdict is Verdict.DIFFERS else f"{MEANING[self.verdict]} {differs}"


def validate_session(home: Home, session: ArchivedSession, load_strategies: LoadStrategies) -> SessionValidation:
    """Verify an archived session against its seal and replay it; what is wrong with it is the report, never an error."""
    folder = home.sessions / session.session_id
    journal = journal_of(home, session.session_id)
    result: SessionReplayResult | None = None
    reason = ""
    try:
        verify_journal(journal, folder / ANCHORS_FILE)
        result = replay_session(journal, load_strategies, tape=tape_of(home, session.session_id))
        verdict = _judge(result)
    except JournalError as error:
        verdict, reason = Verdict.DAMAGED, str(error)
    except InterlockError as error:
        verdict, reason = Verdict.NOT_REPLAYED, str(error)
    return SessionValidation(
        schema=VALIDATION_SCHEMA,
        session_id=session.session_id,
        verdict=verdict,
        file_sha256=session.file_sha256,
        engine_digest=engine_digest(),
        reason=reason,
        result=result,
    )


def earlier_validation(home: Home, session: ArchivedSession) -> SessionValidation | None:
    """Give an earlier report that still stands: the session was identical, or this same engine gave its verdict on it.

    What could not be replayed or was damaged is tried again, since either can be mended.
    """
    report = read_validation(home, session.session_id)
    if report is None or report.file_sha256 != session.file_sha256:
        return None
    judged = report.verdict in {Verdict.DIFFERS, Verdict.CODE_DIFFERS} and report.engine_digest == engine_digest()
    return report if judged or report.verdict is Verdict.IDENTICAL else None


def read_validation(home: Home, session_id: str) -> SessionValidation | None:
    """Read the report of a session, None when there is none or another version of this program wrote it."""
    path = _folder(home, session_id) / JSON_FILE
    if not path.exists():
        return None
    try:
        report = msgspec.json.decode(path.read_bytes(), type=SessionValidation)
    except msgspec.MsgspecError:
        return None
    return report if report.schema == VALIDATION_SCHEMA else None


def write_validation(home: Home, report: SessionValidation) -> Path:
    """Write a report as JSON, Markdown and a page; gives the page."""
    folder = _folder(home, report.session_id)
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / PAGE_FILE, render_page(report).encode())
    replace_file(folder / MARKDOWN_FILE, render_markdown(report).encode())
    replace_file(folder / JSON_FILE, msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    return folder / PAGE_FILE


def render_markdown(report: SessionValidation) -> str:
    """Give a report as Markdown."""
    lines = [f"# Session {report.session_id}: {report.verdict}", "", wording.cell(report.sentence), ""]
    return "\n".join([*lines, *wording.table(("What", "Value"), facts(report))])


def render_page(report: SessionValidation) -> str:
    """Give a report as one HTML file."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    templates = Path(__file__).with_name("templates")
    environment = Environment(loader=FileSystemLoader(templates), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    style = Markup((templates / "page.css").read_text())
    return environment.get_template("validation.html.j2").render(report=report, facts=facts(report), style=style)


def facts(report: SessionValidation) -> list[tuple[object, ...]]:
    """List what was compared, and with what."""
    listed: list[tuple[object, ...]] = [("Journal, sha256", report.file_sha256), ("Replayed by engine", report.engine_digest)]
    result = report.result
    if result is None:
        return listed
    ended = "in an orderly way" if result.closed else f"by a crash; {result.tail_records} records followed the last durable one"
    return [
        ("Records compared", result.records),
        ("Inputs fed", result.inputs),
        ("Market events fed", result.market_events),
        ("Parity digest, recorded", result.recorded_digest),
        ("Parity digest, replayed", result.replayed_digest),
        ("The session ended", ended if result.failure is None else f"by a failure, again: {result.failure}"),
        *listed,
    ]


def _judge(result: SessionReplayResult) -> Verdict:
    if result.code_differs:
        return Verdict.CODE_DIFFERS
    return Verdict.IDENTICAL if result.difference is None else Verdict.DIFFERS


def _folder(home: Home, session_id: str) -> Path:
    return home.reports / SESSIONS / session_id
