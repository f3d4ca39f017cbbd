"""How a report is made to fit MLflow's pages."""

from dagster_project.tracking.descriptions import describe, fit


def test_links_stand_below_the_heading_and_nowhere_without_one() -> None:
    """Lists show how a description begins, so it begins with what it is about."""
    links = {"Run": "#/runs/1", "Data Docs": "http://docs"}
    assert describe("# ema_cross\nfine", links) == "# ema_cross\n\n[Run](#/runs/1) · [Data Docs](http://docs)\nfine"
    assert describe("fine", links) == "[Run](#/runs/1) · [Data Docs](http://docs)\n\nfine"
    assert describe("# ema_cross", links) == "# ema_cross\n\n[Run](#/runs/1) · [Data Docs](http://docs)"
    assert describe("# ema_cross\nfine", {}) == "# ema_cross\nfine"


def test_a_text_that_fits_is_left_alone_and_a_longer_one_is_cut_at_a_line() -> None:
    """Half a table row would be worse than none."""
    text = "one line\n" * 100
    assert fit(text, len(text)) == text
    cut = fit(text, len(text) - 1)
    assert len(cut) < len(text)
    assert cut.startswith("one line\n")
    assert cut.partition("\n\n")[0].splitlines()[-1] == "one line"
    assert "report.md" in cut
