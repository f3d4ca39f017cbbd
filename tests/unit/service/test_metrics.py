import re

from prometheus_client.parser import text_string_to_metric_families

from live.core import records
from live.core.orders import OrderEvent, OrderState
from live.core.risk.codes import DenialCode
from live.service.authority import ACCESS_SCOPES
from live.service.metrics import ServiceMetrics


def samples(metrics: ServiceMetrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """Give every sample by its name and label values."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {(sample.name, tuple(sample.labels.values())): sample.value for family in families for sample in family.samples}


def test_every_code_is_there_at_zero_from_the_beginning() -> None:
    """An alert on a code that never came would otherwise have nothing to look at, and a dashboard would have holes."""
    found = samples(ServiceMetrics())
    for code in DenialCode:
        assert found["interlock_denials_total", (code,)] == 0
    for state in OrderState:
        assert found["interlock_order_transitions_total", (state,)] == 0
    for scope in ACCESS_SCOPES:
        assert found["interlock_access_denied_total", (scope,)] == 0
    assert found["interlock_kill_seconds_count", ()] == 0
    assert found["interlock_ready", ()] == 0


def test_names_follow_the_conventions_and_say_what_they_mean() -> None:
    """Names carry the product and the unit, counters end in _total, and each has one sentence of help."""
    for family in text_string_to_metric_families(ServiceMetrics().exposition().decode()):
        assert re.fullmatch(r"interlock_[a-z_]+", family.name), family.name
        assert family.documentation.endswith("."), family.name
        assert not re.search(r"_(ms|us|ns|millis|minutes|percent)$", family.name), family.name
        if "time" in family.name.split("_") or family.type == "histogram":
            assert family.name.endswith("_seconds"), family.name
        if family.type == "counter":
            assert all(sample.name.endswith(("_total", "_created")) for sample in family.samples), family.name


def test_what_the_engine_says_is_counted_by_its_codes() -> None:
    """Denials, state changes and alarms are counted under the names that the journal has for them."""
    metrics = ServiceMetrics()
    said = [
        records.OrderDenied(1, "IL1", DenialCode.DATA_STALE, ""),
        records.OrderTransitioned(1, "IL1", OrderEvent.SUBMIT, OrderState.SUBMITTING, ""),
        records.AlarmRaised(1, "LATE_FILL", "IL1", ""),
    ]
    metrics.observe(None, said, 3)
    found = samples(metrics)
    assert found["interlock_denials_total", ("DATA_STALE",)] == 1
    assert found["interlock_order_transitions_total", ("SUBMITTING",)] == 1
    assert found["interlock_alarms_total", ("LATE_FILL",)] == 1


def test_commits_are_timed_from_handing_over_to_durable() -> None:
    """Every step that became durable is one observation, and one that did not is none yet."""
    metrics = ServiceMetrics()
    for seq in (2, 5, 9):
        metrics.observe(None, [], seq)
    metrics.observe_durable(5)
    assert samples(metrics)["interlock_journal_commit_seconds_count", ()] == 2
    metrics.observe_durable(9)
    assert samples(metrics)["interlock_journal_commit_seconds_count", ()] == 3


def test_refused_calls_are_counted_by_the_scope_they_lacked() -> None:
    """Those that were only counted are told apart from those in the journal."""
    metrics = ServiceMetrics()
    metrics.observe_access_denied("kill", recorded=True)
    metrics.observe_access_denied("kill", recorded=False)
    found = samples(metrics)
    assert found["interlock_access_denied_total", ("kill",)] == 2
    assert found["interlock_access_denied_unrecorded_total", ()] == 1
