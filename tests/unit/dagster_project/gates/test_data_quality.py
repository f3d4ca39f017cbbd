import pytest
from msgspec.structs import replace

from dagster_project.datasets import DatasetFile, DatasetManifest, Lineage
from dagster_project.gates.data_quality import data_quality_gate
from dagster_project.gates.policy import load_policy
from live.promotion import load_strategy_folder

POLICY = load_policy().data_quality


@pytest.fixture(name="version")
def _version(folder):
    return load_strategy_folder(folder).version


@pytest.fixture(name="manifest")
def _manifest(version):
    file = DatasetFile(
        instrument_id="binance-spot:BTCUSDT", name="btc.parquet", rows=9000, first=1, last=2, content="c" * 64, sha256="f" * 64
    )
    lineage = Lineage(table="lake/bars", table_version=1, sources=(), validation_ids=("v" * 64,))
    return DatasetManifest(
        schema=1,
        name="small",
        interval_seconds=version.data.interval_seconds,
        start=0,
        end=2,
        files=(file,),
        lineage=lineage,
        digest="d" * 64,
    )


def test_a_sound_dataset_of_the_right_instruments_passes(manifest, version):
    """Bars are counted after the declared warm-up."""
    result = data_quality_gate(manifest, [], version, POLICY)
    assert result.passed
    assert result.measured["bars"] == 9000 - version.data.warm_up_bars


@pytest.mark.parametrize(
    ("change", "problems", "said"),
    [
        ({}, ["btc.parquet is not what it was"], "btc.parquet is not what it was"),
        ({"interval_seconds": 60}, [], "its bars last 60 s and the strategy asks for 1800 s"),
        ({"files": ()}, [], "it holds no binance-spot:BTCUSDT"),
        ({"lineage": Lineage(table="lake/bars", table_version=1, sources=(), validation_ids=())}, [], "no row carries the id"),
    ],
)
def test_what_is_wrong_with_the_data_is_named(change, problems, said, manifest, version):
    """Damage, another interval, a missing instrument, rows that nobody validated."""
    result = data_quality_gate(replace(manifest, **change), problems, version, POLICY)
    assert not result.passed
    assert not result.holds
    assert said in result.detail


def test_too_few_bars_do_not_pass(manifest, version):
    """What is left after the warm-up must be worth judging."""
    short = replace(manifest, files=(replace(manifest.files[0], rows=version.data.warm_up_bars + POLICY.minimum_bars - 1),))
    assert not data_quality_gate(short, [], version, POLICY).passed
