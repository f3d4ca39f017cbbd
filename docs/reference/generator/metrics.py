"""The page of metrics, from the registry that the service exposes."""

from typing import Any

from generator.markdown import code, page, table
from live.service.metrics import ServiceMetrics


def render() -> str:
    """Write the page."""
    registry: Any = ServiceMetrics().registry
    rows = [_row(collector) for collector in registry._collector_to_names]
    return page(
        "Metrics",
        "`GET /metrics` gives these in the Prometheus text format; no token is needed. Every label value is a code or an id of this "
        "program, never free text. Counters begin at 0 with each start of the service.",
        table(("metric", "type", "labels", "meaning"), rows),
    )


def _row(collector: Any) -> tuple[str, str, str, str]:
    kind = str(collector._type)
    name = f"{collector._name}_total" if kind == "counter" else str(collector._name)
    return code(name), kind, ", ".join(code(label) for label in collector._labelnames), str(collector._documentation)
