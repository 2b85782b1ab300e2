"""The schedules: what is due each night, and the weekly compaction. Cron and time zone are settings."""

import dagster as dg

from code_index_assets.assets.partitions import add_partitions
from code_index_assets.triggers.due import due_partitions
from resources.code_index import CodeIndexResource

from .jobs import index_repository, weekly_compaction
from .priorities import priority_tags
from .timing import load_timing

_TIMING = load_timing()


@dg.schedule(
    job=index_repository,
    cron_schedule=_TIMING.nightly,
    execution_timezone=_TIMING.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=_TIMING.described(
        "Requests what is due and only that: moved head, changed rules or model, failed or missing verdict."
    ),
)
def nightly_rebuild(
    context: dg.ScheduleEvaluationContext, code_index: CodeIndexResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Asks for a run of every partition that is due."""
    _TIMING.check()
    due = due_partitions(code_index.layout(), code_index.settings())
    if not due:
        return dg.SkipReason("nothing is due")
    add_partitions(context.instance, [item.key for item in due])
    at = context.scheduled_execution_time.isoformat()
    return [
        dg.RunRequest(
            run_key=f"{item.key} {at}",
            partition_key=item.key,
            tags={**priority_tags("nightly"), "code_index/reason": item.reason[:250]},
        )
        for item in due
    ]


compaction_schedule = dg.ScheduleDefinition(
    name="weekly_compaction",
    job=weekly_compaction,
    cron_schedule=_TIMING.compaction,
    execution_timezone=_TIMING.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=_TIMING.described("Once a week: compacts what is stored and removes unreferenced artifacts."),
)
