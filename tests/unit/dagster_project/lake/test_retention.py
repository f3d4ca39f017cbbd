import os
import sqlite3

import msgspec
import pytest

from dagster_project.home import Home
from dagster_project.lake.retention import DAY, POLICY_FILE, RetentionError, load_retention_policy, plan_retention
from live.promotion.cache import Accepted, AliasState, StrategyState, cached_bundle_path, write_state

NOW = 20_000 * DAY
OLD = 4_000
DATASET, OTHER, VERSION = "d" * 64, "e" * 64, "a" * 64
MANY = 25
"""More than `keep_newest` keeps of any class that is used here."""


@pytest.fixture(name="home")
def _home(tmp_path):
    return Home(tmp_path)


def put(path, days, content=b"x"):
    """Write a file that was last changed so many days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(NOW - days * DAY, NOW - days * DAY))
    return path


def crowd(folder, name):
    """Put many young items beside the ones that a test is about, so that `keep_newest` is spent on them."""
    for number in range(MANY):
        put(folder / name.format(number), 1)


def plan(home, policy=None, **options):
    """Plan with the policy that is shipped, or with another."""
    found = plan_retention(home, policy or load_retention_policy(), NOW, **options)
    return {item.path: item for item in found.items}


def test_a_dataset_that_evidence_refers_to_is_held(home):
    """However old it is; the same dataset without the evidence could go, and the reason is said either way."""
    crowd(home.datasets, "f{:063d}/manifest.json")
    put(home.datasets / DATASET / "manifest.json", OLD)
    put(home.datasets / OTHER / "manifest.json", OLD, b"four")
    evidence = {"dataset_digest": DATASET, "strategy_version_digest": VERSION}
    put(home.evidence / VERSION / DATASET[:12] / "evidence.json", 1, msgspec.json.encode(evidence))
    found = plan(home)
    assert set(found) == {f"datasets/{DATASET}", f"datasets/{OTHER}"}
    held, gone = found[f"datasets/{DATASET}"], found[f"datasets/{OTHER}"]
    assert (held.action, held.reasons) == ("hold", (f"evidence {VERSION}/{DATASET[:12]} refers to it",))
    assert (gone.action, gone.bytes, gone.age_days, gone.reasons) == ("delete", 4, OLD, (f"{OLD} days old, kept for 180",))


def test_what_a_trial_or_a_name_refers_to_is_held(home):
    """The ledger of trials counts what was tried on a dataset, and a name must lead somewhere."""
    crowd(home.datasets, "f{:063d}/manifest.json")
    for digest in (DATASET, OTHER):
        put(home.datasets / digest / "manifest.json", OLD)
    put(home.trials, 1, msgspec.json.encode({"number": 7, "dataset_digest": DATASET}) + b"\n")
    put(home.datasets / "names" / "sample", 1, OTHER.encode())
    found = plan(home)
    assert found[f"datasets/{DATASET}"].reasons == ("trial 7 was made on it",)
    assert found[f"datasets/{OTHER}"].reasons == ("it is the newest dataset named sample",)


def test_what_an_unreadable_document_may_refer_to_is_held(home):
    """Not knowing is no permission: while a piece of evidence cannot be read, no dataset may go."""
    crowd(home.datasets, "f{:063d}/manifest.json")
    put(home.datasets / DATASET / "manifest.json", OLD)
    put(home.evidence / VERSION / "x" / "evidence.json", 1, b"{")
    (item,) = plan(home).values()
    assert item.action == "hold"
    assert item.reasons == (f"it may be needed: evidence/{VERSION}/x/evidence.json cannot be read (DecodeError)",)


def test_young_items_and_the_newest_are_kept(home):
    """By age or by number, whichever keeps more."""
    for number in range(MANY):
        put(home.staging / f"{number:02d}.parquet", 100 + number)
    found = plan(home)
    assert sorted(found) == [f"lake/staging/{number:02d}.parquet" for number in range(5, MANY)]
    for path in home.staging.iterdir():
        put(path, 29)
    assert plan(home) == {}


def test_a_journal_that_is_not_archived_is_held(home):
    """Without a verified copy the only one stays, its tape with it."""
    names = [f"{number:06d}-ABCDEFGH" for number in range(1, 7)]
    for name in names:
        put(home.root / "journal" / f"{name}.journal", OLD)
        put(home.root / "tape" / name / "000001.tape", OLD)
    found = plan(home)
    assert {item.action for item in found.values()} == {"hold"}
    assert found[f"journal/{names[0]}.journal"].reasons == ("the archive has no verified copy of it",)
    assert found[f"tape/{names[0]}"].reasons == ("the archive has no verified copy of it",)


def test_what_proves_the_rest_is_in_no_plan(home):
    """Anchors, trials and latches are no items, whatever a class matches."""
    put(home.root / "journal" / "anchors.jsonl", OLD)
    put(home.root / "latch" / "global.latch", OLD)
    text = POLICY_FILE.read_text().replace(
        'path = "lake/staging/*.parquet"\nkeep_days = 30\nkeep_newest = 5', 'path = "[jl]*/*"\nkeep_days = 1\nkeep_newest = 0'
    )
    wide = put(home.root / "policy.toml", 1, text.encode())
    put(home.root / "journal" / "other.txt", OLD)
    assert list(plan(home, load_retention_policy(wide))) == ["journal/other.txt"]


def test_a_legal_hold_keeps_what_it_matches_and_what_is_inside(home):
    """Its reason is the first that is said."""
    crowd(home.root / "strategies", "f{:063d}/strategy.py")
    put(home.root / "strategies" / DATASET / "strategy.py", OLD)
    text = POLICY_FILE.read_text() + '\n[[hold]]\npath = "strategies"\nreason = "dispute 12"\n'
    (item,) = plan(home, load_retention_policy(put(home.root / "policy.toml", 1, text.encode()))).values()
    assert (item.action, item.reasons) == ("hold", ("legal hold: dispute 12",))


def test_only_artifacts_of_deleted_runs_could_go(home):
    """They are as old as their deletion; runs that are there are no items."""
    home.mlflow.mkdir()
    connection = sqlite3.connect(home.mlflow / "mlflow.db")
    connection.execute("CREATE TABLE runs (run_uuid TEXT, lifecycle_stage TEXT, deleted_time INTEGER)")
    days = {"gone": 40, "fresh": 3}
    rows = [(run, "deleted", (NOW - age * DAY) // 1_000_000) for run, age in days.items()]
    connection.executemany("INSERT INTO runs VALUES (?, ?, ?)", [*rows, ("there", "active", None)])
    connection.commit()
    connection.close()
    for run in ("gone", "fresh", "there"):
        put(home.mlflow / "artifacts" / "1" / run / "artifacts" / "report.md", OLD)
    assert [(item.path, item.age_days) for item in plan(home).values()] == [("mlflow/artifacts/1/gone", 40)]


def test_a_deployed_bundle_is_held(home):
    """What the configuration names must be there at the next start; one that cannot be read is held too."""
    crowd(home.root / "strategies", "f{:063d}/strategy.py")
    bundle = put(home.root / "strategies" / DATASET, OLD)
    (item,) = plan(home, deployed=[bundle]).values()
    assert item.reasons == ("the live service's configuration deploys it",)


def test_a_bundle_from_the_registry_is_held_while_an_alias_lets_it_load(home):
    """Trading goes on with it while the registry is down; one that no alias names any more could go, once it can be read."""
    crowd(home.root / "registry" / "bundles", "f{:063d}.bundle.json.not")
    named, other = (put(cached_bundle_path(home.root, digest), OLD) for digest in (DATASET, OTHER))
    accepted = AliasState("accepted", "", "", 3, DATASET, 1, Accepted(3, DATASET, "subject@aaaaaaa"))
    write_state(home.root, StrategyState(1, "subject", "http://127.0.0.1:5000", 1, "", (), {"champion": accepted}))
    text = POLICY_FILE.read_text().replace("keep_newest = 20", "keep_newest = 0")
    found = plan(home, load_retention_policy(put(home.root / "policy.toml", 1, text.encode())))
    assert found[f"registry/bundles/{named.name}"].reasons[0] == "subject runs it under the alias champion"
    unknown = "it may be needed: registry/bundles/{}.bundle.json cannot be read (BundleRefused)"
    assert found[f"registry/bundles/{other.name}"].reasons == tuple(unknown.format(digest) for digest in (DATASET, OTHER))


@pytest.mark.parametrize("page", ["gx/uncommitted/validations/bars/1", "gx/uncommitted/data_docs/local_site/validations/bars/1"])
def test_quality_runs_and_their_pages_could_go(home, page):
    """The verdicts behind them are elsewhere and stay, so nothing holds them."""
    for number in range(100):
        put(home.root / page.replace("/1", f"/f{number}") / "run.json", 1)
    put(home.root / page / "run.json", OLD)
    (item,) = plan(home).values()
    assert (item.path, item.action) == (page, "delete")


def test_planning_deletes_nothing(home):
    """A plan is words: every file is there afterwards."""
    crowd(home.datasets, "f{:063d}/manifest.json")
    put(home.datasets / DATASET / "manifest.json", OLD)
    before = sorted(home.root.rglob("*"))
    assert plan(home)[f"datasets/{DATASET}"].action == "delete"
    assert sorted(home.root.rglob("*")) == before


def test_the_plan_counts_by_class(home):
    """Items, bytes, what could go and what is held."""
    crowd(home.datasets, "f{:063d}/manifest.json")
    put(home.datasets / DATASET / "manifest.json", OLD, b"12345")
    found = plan_retention(home, load_retention_policy(), NOW)
    (count,) = [one for one in found.classes if one.name == "datasets"]
    assert (count.items, count.bytes, count.delete, count.delete_bytes, count.held) == (MANY + 1, MANY + 5, 1, 5, 0)
    assert found.delete_bytes == 5


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("schema = 1", "schema = 2"), "has schema 2, this program reads 1"),
        (("keep_days = 30", "keep_days = 0"), "keep_days is at least 1"),
        (('path = "lake/staging/*.parquet"', 'path = "../*"'), "never leaves it, received '../\\*'"),
        (('path = "lake/staging/*.parquet"', 'path = "/etc/*"'), "never leaves it, received '/etc/\\*'"),
        (('path = "lake/staging/*.parquet"', 'path = "**/*"'), "names a folder of the home first"),
        (("keep_newest = 5", "keep_latest = 5"), "unknown field `keep_latest`|missing required field"),
        (("[[class]]", "[[class"), "cannot be read"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(tmp_path, change, expected):
    """One sentence says what was wrong; nothing is planned by it."""
    path = tmp_path / "retention.toml"
    path.write_text(POLICY_FILE.read_text().replace(*change, 1))
    with pytest.raises(RetentionError, match=expected):
        load_retention_policy(path)
