import io
import json

import pytest
from rich.console import Console

from live.cli.output import CommandError, Finding, UsageProblem, answer, console, print_table, run_reporting_errors

ROWS = [
    {"order_id": "ILABCDEFGH00000001", "quantity": "12.50", "note": "[bold]not markup[/]"},
    {"order_id": "ILABCDEFGH00000002", "quantity": "1234567.00", "note": None},
]


def printed(width: int) -> str:
    """Print the rows on a terminal of a width."""
    stream = io.StringIO()
    print_table(Console(file=stream, width=width, soft_wrap=True), "Orders", ROWS, ("order_id", "quantity", "note"), numbers=("quantity",))
    return stream.getvalue()


def test_numbers_stand_to_the_right() -> None:
    """So that their size can be seen at a glance."""
    lines = printed(100).splitlines()
    first, second = (next(line for line in lines if row["order_id"] in line) for row in ROWS)
    assert first.index("12.50") + len("12.50") == second.index("1234567.00") + len("1234567.00")


@pytest.mark.parametrize("width", [30, 40, 60])
def test_what_is_too_long_goes_on_in_the_next_line(width: int) -> None:
    """An id that was cut off could not be copied: every character of it is there, and no line is wider than the terminal."""
    shown = printed(width)
    assert "…" not in shown
    assert all(len(line) <= width for line in shown.splitlines())
    column = "".join(line.split("│")[1].strip() for line in shown.splitlines() if line.startswith("│"))
    assert column == "".join(str(row["order_id"]) for row in ROWS)


def test_values_are_text_and_not_markup() -> None:
    """What somebody wrote into a reason cannot color or hide what is printed."""
    assert "[bold]not markup[/]" in printed(100)


def test_a_column_without_values_is_left_out() -> None:
    """What says nothing takes no room from what does; a zero says something."""
    stream = io.StringIO()
    rows = [{"name": "a", "reason": None, "target": "", "count": 0}, {"name": "b", "reason": "", "count": None}]
    print_table(Console(file=stream), "Rows", rows, ("name", "reason", "target", "count"))
    shown = stream.getvalue()
    assert "name" in shown
    assert "count" in shown
    assert "reason" not in shown
    assert "target" not in shown


def test_nothing_is_said_to_be_nothing() -> None:
    """An empty table is one line."""
    stream = io.StringIO()
    print_table(Console(file=stream), "Orders", [], ("order_id",))
    assert stream.getvalue() == "Orders: none\n"


def test_where_output_is_no_terminal_a_row_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A file or a pipe gets whole lines, to be searched."""
    print_table(console(), "Orders", [{"note": "x" * 500}], ("note",))
    assert "x" * 500 in capsys.readouterr().out


def test_an_answer_is_a_document_or_text(capsys: pytest.CaptureFixture[str]) -> None:
    """One JSON document for programs, what was drawn for people, never both."""
    answer({"b": 1, "a": [2]}, as_json=True, text=lambda _: pytest.fail("text was drawn"))
    assert json.loads(capsys.readouterr().out) == {"a": [2], "b": 1}
    answer({}, as_json=False, text=lambda console: console.print("hello"))
    assert capsys.readouterr().out == "hello\n"


@pytest.mark.parametrize(
    ("error", "code"), [(CommandError("it [is] wrong"), 1), (Finding("it [is] wrong", {"seen": 3}), 2), (UsageProblem("it [is] wrong"), 2)]
)
def test_errors_become_one_sentence_and_an_exit_code(capsys: pytest.CaptureFixture[str], error: Exception, code: int) -> None:
    """1 for an error, 2 for a check that does not hold or wrong usage; a document carries what was found."""

    def fail() -> None:
        raise error

    assert run_reporting_errors(fail, as_json=False) == code
    assert capsys.readouterr() == ("", "error: it [is] wrong\n")
    assert run_reporting_errors(fail, as_json=True) == code
    document = json.loads(capsys.readouterr().out)
    assert document["error"] == "it [is] wrong"
    assert document.get("seen") == (3 if type(error) is Finding else None)


def test_a_command_that_succeeds_exits_with_0() -> None:
    """And prints nothing of its own."""
    assert run_reporting_errors(lambda: None, as_json=True) == 0
