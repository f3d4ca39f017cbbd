import tomllib

import pytest

from dagster_project.gates.errors import SubmissionError
from dagster_project.gates.submissions import list_submissions, open_submission, submit_strategy
from live.promotion import PromotionError, load_strategy_folder


def test_a_submission_is_the_version_with_the_chosen_parameters(home, folder):
    """The copy's defaults are the choice, so whoever reads the copy alone gets the version that was submitted."""
    submission = submit_strategy(home, folder, {"fast": "10"})
    expected = load_strategy_folder(folder, {"fast": 10}).version
    assert submission.digest == expected.digest
    assert submission.path == home.submissions / expected.digest
    declared = tomllib.loads((submission.path / "strategy.toml").read_text())
    assert declared["parameters"]["fast"]["default"] == 10
    assert declared["parameters"]["fast"]["maximum"] == 200
    assert (submission.path / "card.md").read_text() == (folder / "card.md").read_text()
    assert load_strategy_folder(submission.path).version == expected


def test_submitting_again_changes_nothing(home, folder):
    """The same version has one place."""
    one = submit_strategy(home, folder)
    inode = one.path.stat().st_ino
    other = submit_strategy(home, folder)
    assert (one.path, inode) == (other.path, other.path.stat().st_ino)
    assert [found.digest for found in list_submissions(home)] == [one.digest]
    assert [path.name for path in home.submissions.iterdir()] == [one.digest]


def test_other_parameters_are_another_submission(home, folder):
    """Each choice is a version of its own."""
    submit_strategy(home, folder)
    submit_strategy(home, folder, {"fast": 10})
    assert len(list_submissions(home)) == 2


def test_a_better_card_and_a_fit_replace_the_old_ones(home, folder):
    """Neither is part of the version, and both are worth having."""
    submit_strategy(home, folder)
    (folder / "card.md").write_text("# Better\n")
    (folder / "fit.py").write_text("def fit(parameters, bars):\n    return {}\n")
    before = submit_strategy(home, folder)
    toml = folder / "strategy.toml"
    toml.write_text(toml.read_text() + '\n[fit]\nentry_point = "fit:fit"\nuntil = "2018-10-01"\n')
    after = submit_strategy(home, folder)
    assert after.digest == before.digest
    assert (before.folder.fit, after.folder.fit is not None) == (None, True)
    assert (after.path / "card.md").read_text() == "# Better\n"


@pytest.mark.parametrize("spelled", ["label", "digest", "prefix"])
def test_a_submission_opens_by_label_digest_or_prefix(spelled, home, folder):
    """Seven characters are enough where they are enough."""
    submission = submit_strategy(home, folder)
    reference = {"label": submission.label, "digest": submission.digest, "prefix": submission.digest[:7]}[spelled]
    assert open_submission(home, reference) == submission


@pytest.mark.parametrize("reference", ["ema_cross@0000000", "mean_reversion@{prefix}", "{short}", "ema_cross", ""])
def test_what_is_not_there_is_said(reference, home, folder):
    """A wrong name with a right digest is wrong too."""
    digest = submit_strategy(home, folder).digest
    with pytest.raises(SubmissionError):
        open_submission(home, reference.format(prefix=digest[:7], short=digest[:6]))


def test_a_changed_copy_is_refused(home, folder):
    """Whoever edits a frozen source makes another version of it, which nobody submitted."""
    submission = submit_strategy(home, folder)
    source = submission.path / "strategy.py"
    source.chmod(0o644)
    source.write_text(source.read_text() + "\nEXTRA = 1\n")
    with pytest.raises(SubmissionError, match="somebody changed it"):
        open_submission(home, submission.label)


def test_a_broken_folder_is_not_submitted(home, folder):
    """Nothing half-written stays behind."""
    (folder / "strategy.py").write_text("import pandas as pd\nclass Other: ...\n")
    with pytest.raises(PromotionError, match="EmaCross"):
        submit_strategy(home, folder)
    assert not home.submissions.exists()


def test_an_undeclared_parameter_is_not_submitted(home, folder):
    """A typing error makes no version."""
    with pytest.raises(PromotionError, match="no parameter 'slowest'"):
        submit_strategy(home, folder, {"slowest": 3})
