"""Assets of retention: the plan of what could be deleted."""

import time

import dagster as dg
import msgspec

from dagster_project.defs.resources import HomeResource
from dagster_project.lake.retention import POLICY_FILE, load_retention_policy, plan_retention
from dagster_project.reports import wording
from live.promotion.durable_files import replace_file

SHOWN_ITEMS = 200


@dg.asset(group_name="retention", owners=["team:research"], kinds={"python"})
def retention_plan(home: HomeResource) -> dg.MaterializeResult:
    """List what could go by the retention policy and what is held, with reasons and bytes; nothing is deleted."""
    from live.configuration import load_configuration

    opened = home.open()
    configuration = load_configuration()
    deployed = [configuration.path(bundle) for one in configuration.deployments if (bundle := one.bundle)]
    plan = plan_retention(opened, load_retention_policy(), time.time_ns(), deployed)
    written = opened.reports / "retention" / "plan.json"
    written.parent.mkdir(parents=True, exist_ok=True)
    replace_file(written, msgspec.json.format(msgspec.json.encode(plan), indent=1) + b"\n")
    items: list[tuple[object, ...]] = [
        (one.action, one.path, one.class_name, one.bytes, one.age_days, "; ".join(one.reasons)) for one in plan.items[:SHOWN_ITEMS]
    ]
    classes: list[tuple[object, ...]] = [(one.name, one.items, one.bytes, one.delete, one.delete_bytes, one.held) for one in plan.classes]
    return dg.MaterializeResult(
        metadata={
            "could_be_deleted": len(plan.acting("delete")),
            "could_be_deleted_bytes": plan.delete_bytes,
            "held": len(plan.acting("hold")),
            "items": dg.MetadataValue.md("\n".join(wording.table(("Action", "Path", "Class", "Bytes", "Days", "Why"), items))),
            "classes": dg.MetadataValue.md(
                "\n".join(wording.table(("Class", "Items", "Bytes", "Could go", "Their bytes", "Held"), classes))
            ),
            "plan": dg.MetadataValue.path(written),
            "policy": dg.MetadataValue.path(POLICY_FILE),
        }
    )
