"""Backups and the weekly comparison of catalogue, artifacts and index: their jobs and schedules."""

from dataclasses import asdict

import dagster as dg

from code_index_assets.assets.automation import max_runtime
from code_index_assets.assets.execution import failure_of, retries
from code_index_assets.errors import CodeIndexError, ConfigurationError
from resources.code_index import CodeIndexResource

from .timing import load_timing

_TIMING = load_timing()
_OFF, _ON = dg.DefaultScheduleStatus.STOPPED, dg.DefaultScheduleStatus.RUNNING


@dg.op(retry_policy=retries)
def make_backup(context: dg.OpExecutionContext, code_index: CodeIndexResource) -> None:
    """Backs the data folder up into CODE_INDEX_BACKUP_TARGET."""
    from code_index_assets.operations.backup import make

    layout, settings = code_index.layout(), code_index.settings()
    try:
        if settings.backup_target is None:
            raise ConfigurationError("no folder is named for backups", remedy="set CODE_INDEX_BACKUP_TARGET to one")
        keep = settings.backup_keep
        report = make.make_backup(layout, settings, settings.backup_target, keep=keep, say=context.log.info)
    except CodeIndexError as error:
        raise failure_of(error) from error
    context.add_output_metadata({**asdict(report), "left_out": list(report.left_out)})


@dg.job(
    description="Back the data folder up: what changed since the last backup is copied. `code-index restore` reads it.",
    tags=max_runtime(_TIMING.max_run_seconds),
)
def backup() -> None:
    """The job of the backup schedule."""
    make_backup()


backup_schedule = dg.ScheduleDefinition(
    name="backup",
    job=backup,
    cron_schedule=_TIMING.backup,
    execution_timezone=_TIMING.timezone,
    default_status=_ON if _TIMING.backs_up else _OFF,
    description=_TIMING.described("Backs up every 15 minutes; runs where CODE_INDEX_BACKUP_TARGET names a folder."),
)


@dg.op
def compare(context: dg.OpExecutionContext, code_index: CodeIndexResource) -> None:
    """Compares and repairs; fails with what only a person or an index run can repair."""
    from code_index_assets.operations.reconcile import reconcile as reconcile_data

    try:
        result = reconcile_data(code_index.layout(), code_index.settings(), repair=True, say=context.log.info)
    except CodeIndexError as error:
        raise failure_of(error) from error
    left = [f"{d.key}: {d.what} → {' '.join(d.command)}" for d in result.left]
    facts = {"partitions": result.partitions, "compared": result.compared, "repaired": list(result.repaired)}
    context.add_output_metadata({**facts, "differences": left})
    unpublished = [d for d in result.left if d.between != "registry, index"]
    if unpublished:
        raise dg.Failure(f"{len(unpublished):,} differences are left:\n" + "\n".join(left[:50]), allow_retries=False)


@dg.job(
    description="Compare registry, receipts, artifacts, index and catalogue id by id; repair what differs.",
    tags=max_runtime(_TIMING.max_run_seconds),
)
def reconcile() -> None:
    """The job of the weekly comparison."""
    compare()


reconcile_schedule = dg.ScheduleDefinition(
    name="weekly_reconcile",
    job=reconcile,
    cron_schedule=_TIMING.reconcile,
    execution_timezone=_TIMING.timezone,
    default_status=_ON,
    description=_TIMING.described("Once a week: compares what four places say of the same, and repairs it."),
)
