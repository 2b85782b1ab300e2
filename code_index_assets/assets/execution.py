"""Running a step of a room as a Dagster asset: context in, metadata and data version out, failures classified.

What lives here: the adapter all assets use. What does not: what a step does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import dagster as dg

from ..chain.run import ChainRun, StepResult
from ..errors import CodeIndexError
from ..progress import Say, Stages
from ..records.failures import record_failure
from ..records.run_log import RunLog
from ..tables import Table
from .metadata import metadata_of

if TYPE_CHECKING:
    from resources.code_index import CodeIndexResource

# Whoever runs the chain inside its own process (the command line) hears progress here; else it goes to the run's log.
listener: ContextVar[Say | None] = ContextVar("listener", default=None)
LOG_SECONDS = 10.0
INTERRUPTED = "Interrupted"
TRIES = 3

# Only what may pass is tried again: steps raise Failure(allow_retries=False) for everything else.
retries = dg.RetryPolicy(max_retries=TRIES - 1, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.FULL)


def progress_of(context: dg.AssetExecutionContext) -> Say:
    """Where a step's progress goes: to a listening front end, or at most every 10 s to the run's log."""
    heard = listener.get()
    if heard is not None:
        return heard
    last = 0.0

    def say(line: str) -> None:
        nonlocal last
        if time.monotonic() - last >= LOG_SECONDS:
            last = time.monotonic()
            context.log.info(line)

    return say


# The chain run that this process is in, at most one: its steps follow one another here, and one hands a loaded model to
# the next. Steps in processes of their own find nothing, and lose the time of loading it again.
_at_work: list[ChainRun] = []


def _run_of(context: dg.AssetExecutionContext, code_index: CodeIndexResource) -> ChainRun:
    """The chain run of the running Dagster run and partition; an earlier one is closed."""
    layout, run_id, key = code_index.layout(), context.run.run_id, context.partition_key
    for run in _at_work:
        if (run.layout.root, run.run_id, run.key) == (layout.root, run_id, key):
            return run
        run.close()
    _at_work[:] = [code_index.chain_run(key, run_id)]
    return _at_work[0]


@contextmanager
def step_of(context: dg.AssetExecutionContext, code_index: CodeIndexResource) -> Iterator[ChainRun]:
    """The chain run of the running asset, at its step; writes the run log and turns errors into Dagster failures.

    A step holds the lock of its repository: Dagster's pools schedule, they do not protect.
    """
    asset = context.asset_key.to_user_string()
    key = context.partition_key
    started = time.time()
    try:
        step = _run_of(context, code_index)
        step.begin(Stages(f"{key} {asset}", progress_of(context)))
    except CodeIndexError as error:
        raise failure_of(error) from error
    log = RunLog(step.layout)
    if listener.get() is not None:
        step.stages.say("begins")
    try:
        with step.layout.lock(f"partition-{key}", timeout=step.settings.lock_timeout_seconds):
            yield step
            _tell_damage(log, context, step)
    except CodeIndexError as error:
        _record(log, context, "failed", started, error=str(error))
        kind = type(error).__name__
        record_failure(step.layout, key, asset, kind, error.message, error.retryable, context.run.run_id)
        raise failure_of(error) from error
    except Exception as error:
        _record(log, context, "failed", started, error=f"{type(error).__name__}: {error}")
        kind = type(error).__name__
        passing = isinstance(error, ConnectionError | TimeoutError)
        record_failure(step.layout, key, asset, kind, str(error)[:2000], passing, context.run.run_id)
        if passing:
            raise
        # A fault of the program fails the same way each time.
        raise dg.Failure(description=f"{kind}: {error}", allow_retries=False) from error
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError) as error:
        # Dagster's retry policy would begin the step anew: Ctrl-C has to be pressed once, not once a try.
        _record(log, context, "failed", started, error="interrupted")
        raise dg.Failure("interrupted", metadata={"error": INTERRUPTED}, allow_retries=False) from error
    finally:
        log.stages(context.run.run_id, key, asset, step.stages.done)


def _tell_damage(log: RunLog, context: dg.AssetExecutionContext, step: ChainRun) -> None:
    """Writes what was found damaged and made anew to the run log, and shows it as progress."""
    if step.store.damaged:
        told = {"partition": step.key, "asset": context.asset_key.to_user_string()}
        log.append("damage", context.run.run_id, [{**told, "what": what} for what in step.store.damaged])
        context.log.warning("damaged, and made anew: %s", "; ".join(step.store.damaged))


def run_step(
    context: dg.AssetExecutionContext, code_index: CodeIndexResource, step: Callable[[ChainRun], StepResult]
) -> dg.MaterializeResult:
    """Runs a step and reports it."""
    started = time.time()
    with step_of(context, code_index) as surroundings:
        result = step(surroundings)
        return report(context, surroundings, result, started)


def report(
    context: dg.AssetExecutionContext, step: ChainRun, result: StepResult, started: float
) -> dg.MaterializeResult:
    """Writes the step's record and makes the materialization."""
    fingerprint = result.artifact.fingerprint if result.artifact else None
    _record(
        RunLog(step.layout), context, result.outcome, started, commit=result.commit, fingerprint=fingerprint,
        info=result.info,
    )  # fmt: skip
    if result.artifact is not None:
        # Dagster's data version must change whenever what is downstream has to look again.
        version = dg.DataVersion(result.data_version or result.artifact.fingerprint)
    else:
        version = dg.DataVersion(result.data_version or result.commit)
    return dg.MaterializeResult(data_version=version, metadata=metadata_of(step, result))


def failure_of(error: CodeIndexError) -> dg.Failure:
    """The Dagster failure of an error: message, remedy, and no retry for what cannot succeed."""
    return dg.Failure(
        description=str(error),
        metadata={"error": type(error).__name__, "remedy": error.remedy or "-"},
        allow_retries=error.retryable,
    )


def column_schema(*tables: Table) -> dict[str, Any]:
    """Definition metadata that shows the columns of the asset's tables."""
    columns = [
        dg.TableColumn(
            name=column.name if len(tables) == 1 else f"{table.name}.{column.name}",
            type=str(column.dtype),
            description=column.description,
            constraints=dg.TableColumnConstraints(nullable=column.nullable),
        )
        for table in tables
        for column in table.columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns)}


def _record(log: RunLog, context: dg.AssetExecutionContext, outcome: str, started: float, **facts: Any) -> None:
    record = {
        "partition": context.partition_key,
        "asset": context.asset_key.to_user_string(),
        "outcome": outcome,
        "seconds": round(time.time() - started, 4),
        **facts,
    }
    log.append("step", context.run.run_id, [record])
