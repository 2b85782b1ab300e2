"""The sensor that tells people what is wrong.

What lives here: jobs whose last run failed, from Dagster's records, and a pass a minute. What does not: every other
condition and the channels (`code_index_assets/operations/alerts/`). A tick without a channel does nothing; one with
something to say waits ten seconds for a channel at most.
"""

import dagster as dg

from code_index_assets.operations.alerts.channels import channels_of
from code_index_assets.operations.alerts.conditions import FailedJob
from code_index_assets.operations.alerts.telling import tell
from resources.code_index import CodeIndexResource

# Runs of repositories have records of their own (`records/failures.py`): one alert a repository, not one a run.
JOBS = ("refresh_catalog", "weekly_compaction", "retire_repository")
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def failed_jobs(instance: dg.DagsterInstance) -> list[FailedJob]:
    """The jobs whose last ended run failed."""
    failed = []
    for name in JOBS:
        records = instance.get_run_records(dg.RunsFilter(job_name=name, statuses=_ENDED), limit=1)
        if records and records[0].dagster_run.status == dg.DagsterRunStatus.FAILURE:
            at = records[0].end_time or records[0].update_timestamp.timestamp()
            failed.append(FailedJob(name, records[0].dagster_run.run_id, at))
    return failed


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells the alert channels (CODE_INDEX_ALERT_*) what is wrong, once, and what is well again.",
)
def alerts(context: dg.SensorEvaluationContext, code_index: CodeIndexResource) -> dg.SkipReason:
    """One pass."""
    settings = code_index.settings()
    if not channels_of(settings):
        return dg.SkipReason("no channel is set (CODE_INDEX_ALERT_SLACK_URL, …_WEBHOOK_URL, …_EMAIL_TO)")
    told = tell(code_index.layout(), settings, failed_jobs(context.instance))
    for channel, problem in told.failed.items():
        context.log.warning("%s: %s", channel, problem)
    sent = ", ".join(told.sent) or "nobody, nothing is new"
    trouble = f"; not delivered: {', '.join(told.failed)}" if told.failed else ""
    return dg.SkipReason(f"{len(told.open)} alerts are open; told {sent}{trouble}")
