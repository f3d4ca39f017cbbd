"""`interlock journal`: verify, show, export and compare what sessions recorded."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console

from live.cli.output import CommandError, Finding, JsonOption, answer, print_table

if TYPE_CHECKING:
    from live.journal.export import Writer
    from live.journal.succession import Predecessor
    from live.journal.verify import Progress, Verification

app = typer.Typer(
    help="Verify, show, export and compare what sessions recorded.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

FORMATS = "interlock.journal_formats"
"""The group of entry points through which the pipeline brings further formats of an export."""
ANCHOR_LOG = "anchors.jsonl"
SHOWN_BY_DEFAULT = 20
_LONG_FILE_BYTES = 32 * 1024 * 1024
"""A shorter journal is verified before a progress bar could be read."""

JournalArgument = Annotated[Path, typer.Argument(help="A session's journal, like data/journal/000001-8F3K2Q7A.journal.")]


@app.callback()
def journal() -> None:
    """Verify, show, export and compare what sessions recorded."""


@app.command(epilog="Example: interlock journal verify data/journal/000001-8F3K2Q7A.journal --anchors data/journal/anchors.jsonl")
def verify(
    path: JournalArgument,
    anchors: Annotated[
        Path | None, typer.Option("--anchors", help="Anchor log to compare with; the one beside the journal when left out.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a journal against its chain and its anchors.

    Exits with 2 and names the first damaged place when something does not hold. Any edit, removal or insertion before
    the last anchor is found. Rows after it form the unanchored tail, which is checked against itself alone; a session
    anchors each minute. In a journal that was closed and sealed, any changed byte is found. Whoever could change the
    journal could change a log beside it: name a copy that was kept elsewhere to be sure.
    """
    from live.journal.errors import JournalDamagedError
    from live.journal.succession import find_predecessor
    from live.journal.verify import verify_journal

    if anchors is None and (beside := path.with_name(ANCHOR_LOG)).exists():
        anchors = beside
    try:
        with _progress(path) as progress:
            result = verify_journal(path, anchors, progress)
        before = find_predecessor(path)
    except JournalDamagedError as damaged:
        raise Finding(str(damaged), {"journal": str(path), "verified": False}) from damaged
    payload = {
        "journal": str(path),
        "verified": True,
        **result._asdict(),
        "anchors": str(anchors) if anchors else None,
        "predecessor": before.session_id,
        "predecessor_proof": before.proof.name,
    }

    def text(console: Console) -> None:
        _print_verification(console, path, result, before, anchors)

    answer(payload, as_json=as_json, text=text)


@app.command(epilog="Example, keep a month and see what would go: interlock journal retain --keep-days 31")
def retain(
    keep_sessions: Annotated[int | None, typer.Option("--keep-sessions", min=1, help="Keep so many of the newest sessions.")] = None,
    keep_days: Annotated[int | None, typer.Option("--keep-days", min=0, help="Keep sessions sealed within so many days.")] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", help="Directory that sessions are moved to; INTERLOCK_HOME/archive when left out.", file_okay=False),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Move them; without it the plan is shown and nothing is done.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Move whole old sessions, journal and tape, to an archive directory; nothing is deleted.

    Sessions go oldest first, and only when they were sealed. What the next start needs stays. The heads of what was
    moved are kept in journal/moved.jsonl, so that verify still proves what the next session follows. A run that was cut
    off is finished by the next one.
    """
    import time

    from live.driver.retention import apply_retention, plan_retention
    from live.latch import home_directory

    home, now = home_directory(), time.time_ns()
    archive = to if to is not None else home / "archive"
    plans = plan_retention(home, now=now, keep_sessions=keep_sessions, keep_days=keep_days)
    moved = [one.session_id for one in apply_retention(home, archive, plans, now=now)] if apply else []
    payload = {"home": str(home), "archive": str(archive), "applied": apply, "moved": moved, "plan": [plan._asdict() for plan in plans]}

    def text(console: Console) -> None:
        rows = [{**plan._asdict(), "moves": "moves" if plan.moves else "stays"} for plan in plans]
        print_table(console, f"Sessions in {home}", rows, ("session_id", "bytes", "moves", "reason"), numbers=("bytes",))
        going = sum(plan.moves for plan in plans)
        done = (
            f"{len(moved)} sessions were moved to {archive}" if apply else f"{going} sessions would move to {archive}: add --apply to do it"
        )
        console.print(done, markup=False)

    answer(payload, as_json=as_json, text=text)


@app.command(
    epilog="Example, the last five fills: interlock journal show data/journal/000001-8F3K2Q7A.journal --kind FillRecorded --last 5"
)
def show(
    path: JournalArgument,
    after: Annotated[int | None, typer.Option("--after", min=0, help="Only rows after this sequence number.")] = None,
    kinds: Annotated[list[str] | None, typer.Option("--kind", help="Only this kind, like OrderDenied; repeat it for several.")] = None,
    last: Annotated[int | None, typer.Option("--last", min=1, help="Only so many rows, the newest ones.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Print rows of a journal.

    Without --after and --last these are the newest 20. The session may be running.
    """
    from live.journal.export import row_document
    from live.journal.reader import JournalReader

    _check_kinds(kinds)
    limit = SHOWN_BY_DEFAULT if last is None and after is None else last
    with JournalReader(path) as reader:
        rows = list(reader.rows(after or 0, kinds, newest_first=limit is not None, limit=limit))
        session_id = reader.meta.session_id
    documents = [row_document(row) for row in (rows if limit is None else reversed(rows))]
    payload = {"session_id": session_id, "rows": documents}
    answer(payload, as_json=as_json, text=lambda console: _print_rows(console, documents))


class ExportFormat(StrEnum):
    """How an exported journal is written."""

    JSONL = "jsonl"
    PARQUET = "parquet"


@app.command(epilog="Example: interlock journal export data/journal/000001-8F3K2Q7A.journal --out session.jsonl")
def export(
    path: JournalArgument,
    out: Annotated[Path, typer.Option("--out", help="File to write.", dir_okay=False)],
    form: Annotated[
        ExportFormat, typer.Option("--format", help="One JSON document a line, or a Parquet table (needs the pipeline extra).")
    ] = ExportFormat.JSONL,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a journal as JSON lines or as a Parquet table.

    The file holds every row with its fields by name; it is written whole or not at all. An entry of an older schema is
    written as the newest one.
    """
    from live.journal.export import export_rows, write_json_lines
    from live.journal.reader import JournalReader

    write = write_json_lines if form is ExportFormat.JSONL else _installed_format(form)
    with JournalReader(path) as reader:
        count = export_rows(reader.rows(), out, replace=force, write=write, session_id=reader.meta.session_id)
    payload = {"path": str(out), "rows": count, "format": str(form)}
    answer(payload, as_json=as_json, text=lambda console: console.print(f"{count:,} rows written to {out}", markup=False))


@app.command(epilog="Example: interlock journal diff data/journal/000001-8F3K2Q7A.journal replayed.journal")
def diff(
    left: Annotated[Path, typer.Argument(help="A journal.")],
    right: Annotated[Path, typer.Argument(help="The journal to compare it with.")],
    as_json: JsonOption = False,
) -> None:
    """Compare what two sessions said, record for record.

    Exits with 2 and names the first record that differs. Only output records count: the same decisions, orders, fills
    and ledger from other inputs are the same.
    """
    from live.journal.difference import first_difference
    from live.journal.reader import JournalReader

    with JournalReader(left) as left_reader, JournalReader(right) as right_reader:
        difference = first_difference(left_reader.rows(), right_reader.rows())
        if difference is not None:
            payload = {"identical": False, "left": str(left), "right": str(right), **difference.document()}
            raise Finding(f"{left.name} and {right.name} differ: {difference.describe()}", payload)
        digest = left_reader.parity_digest()
    payload = {"identical": True, "left": str(left), "right": str(right), "outputs": digest.count, "parity_digest": digest.hexdigest()}

    def text(console: Console) -> None:
        console.print(f"The same {digest.count:,} output records.\nparity digest {digest.hexdigest()}", markup=False)

    answer(payload, as_json=as_json, text=text)


def _installed_format(form: ExportFormat) -> "Writer":
    """Find what writes a format among what is installed beside the live host."""
    found = next(iter(entry_points(group=FORMATS, name=form)), None)
    if found is None:
        raise CommandError(f"`--format {form}` needs the pipeline, which is not installed: pip install 'interlock[pipeline]'")
    return cast("Writer", found.load())


def _check_kinds(kinds: list[str] | None) -> None:
    from live.journal.entries import KINDS

    known = sorted(name for name, _ in KINDS.values())
    for kind in kinds or ():
        if kind not in known:
            raise CommandError(f"--kind {kind} is no kind of entry: the kinds are {', '.join(known)}")


@contextmanager
def _progress(path: Path) -> "Generator[Progress | None]":
    """Draw a bar on standard error while a long journal is verified by a person."""
    if not sys.stderr.isatty() or not path.exists() or path.stat().st_size < _LONG_FILE_BYTES:
        yield None
        return
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("verifying", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_verification(console: Console, path: Path, result: "Verification", before: "Predecessor", anchors: Path | None) -> None:
    from rich.table import Table

    from live.journal.export import format_time

    if result.sealed:
        vouched = "the seal covers every byte of the file"
    elif anchors is None:
        vouched = "not compared with anchors (--anchors)"
    elif result.unanchored_records:
        vouched = f"anchored through seq {result.anchored_through_seq:,}; unanchored tail: {result.unanchored_commits:,} commits, "
        vouched += f"{result.unanchored_records:,} rows"
        vouched += f", since {format_time(result.anchored_at)}" if result.anchored_at else ""
    else:
        vouched = f"anchored through seq {result.anchored_through_seq:,}, the last"
    if result.torn_anchor_bytes:
        vouched += f"; the anchor log ends in a torn line of {result.torn_anchor_bytes} bytes"
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in (
        ("session", result.session_id),
        ("rows", f"{result.records:,}, of them {result.outputs:,} output records"),
        ("commits", f"{result.commits:,}"),
        ("snapshots", f"{result.snapshots:,}"),
        ("head", result.head),
        ("parity digest", result.parity_digest),
        ("vouched for", vouched),
        ("anchor log", str(anchors or "none")),
        ("follows", f"session {before.session_id}: {before.proof}" if before.session_id else str(before.proof)),
    ):
        table.add_row(name, _literal(value))
    console.print(f"{path} holds.", markup=False)
    console.print(table)


def _print_rows(console: Console, documents: list[dict[str, Any]]) -> None:
    if not documents:
        console.print("no rows match")
        return
    lines = [(str(document["seq"]), document["time"], document["kind"], _fields(document["entry"])) for document in documents]
    if not console.is_terminal:
        for seq, time, kind, fields in lines:
            console.print(f"{seq:>9}  {time}  {kind:<19}  {fields}".rstrip(), markup=False)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("seq", justify="right", no_wrap=True)
    for column in ("time", "kind"):
        table.add_column(column, no_wrap=True)
    table.add_column("entry", overflow="fold")
    for line in lines:
        table.add_row(*line[:3], _literal(line[3]))
    console.print(table)


def _fields(entry: dict[str, Any]) -> str:
    return "  ".join(f"{name}={value}" for name, value in entry.items() if name not in {"ts", "ts_init"})


def _literal(text: str) -> str:
    from rich.markup import escape

    return escape(text)
