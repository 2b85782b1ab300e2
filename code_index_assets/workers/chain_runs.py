"""Index runs of this process: the chain for partitions, one after the other, and the catalogue after them.

What lives here: these runs as Dagster runs, and their outcomes. What does not: who asked for them (`cli/index.py`, a
run worker) and how a run says whose it is (`in_process.py`).
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..analytics.lag import CatalogueLag, catalogue_lag
from ..analytics.pending import pending_edges
from ..errors import CodeIndexError, LockedError
from ..index.published import PublishedIndex
from ..progress import Say
from ..records.run_log import RunLog
from ..settings import Settings
from ..storage.layout import Layout
from .catalogue_follower import EDGES_LOCK, LOCK, follow_catalogue, follow_edges
from .outcome import Outcome

if TYPE_CHECKING:
    import dagster as dg

# Its steps say what they do to a listener; Dagster's own lines are for the log in the UI.
# Edges of a repository that pushes come to are made when none has come for so long.
QUIET_SECONDS = 20.0
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class Loaded:
    """Dagster, the instance of a data folder and the definitions, ready to run."""

    layout: Layout
    instance: dg.DagsterInstance
    defs: dg.Definitions
    seconds: float

    def job(self, name: str) -> dg.JobDefinition:
        """A job of the definitions."""
        return self.defs.resolve_job_def(name)


@contextlib.contextmanager
def loaded(layout: Layout, *, own_process: bool = False, catalogue: bool = True) -> Iterator[Loaded]:
    """Imports Dagster, opens the instance and builds the definitions, on demand without those of the catalogue.

    `own_process`: what runs print is for the UI.
    """
    started = time.perf_counter()
    # What is imported stays: collecting while it is loaded finds little, and takes a fifth of that time, 0.4 s of CPU.
    gc.disable()
    try:
        from ..assets.instance import open_instance
        from ..code_location import build_defs, chain_defs

        with open_instance(layout, own_process=own_process) as instance:
            defs = build_defs() if catalogue else chain_defs()
            gc.enable()
            yield Loaded(layout, instance, defs, time.perf_counter() - started)
    finally:
        gc.enable()


def run_chain(settings: Settings, layout: Layout, keys: list[str], say: Say) -> list[Outcome]:
    """Materializes the chain for partitions, one after the other, on the shared instance; the catalogue follows.

    The first catalogue of a data folder is built here, so that readers of the file find one.

    Raises KeyboardInterrupt if a run was interrupted, CodeIndexError if the catalogue could not be built.
    """
    first_catalogue = not layout.catalog.exists()
    unchanged = {} if first_catalogue else _unchanged(settings, layout, keys, say)
    keys = [key for key in keys if key not in unchanged]
    if not keys:
        return list(unchanged.values())
    say("loading Dagster")
    with _suite_process(settings, layout, keys), loaded(layout, catalogue=first_catalogue) as ready:
        outcomes = run_partitions(ready, keys, say)
        published = any(outcome.success for outcome in outcomes)
        if published and first_catalogue:
            seconds = run_catalogue(ready, say)
            last = {"asset": "catalog", "stage": "build", "started_at": time.time(), "seconds": seconds}
            outcomes[-1].stages.append(last)
        first = {"asset": "", "stage": "import Dagster", "started_at": 0.0, "seconds": ready.seconds}
        outcomes[0].stages.insert(0, first)
    if published and catalogue_lag(layout).behind_publications:
        follow_catalogue(layout)
    elif published and first_catalogue and pending_edges(layout):
        follow_edges(layout)
    return [*unchanged.values(), *outcomes]


def _unchanged(settings: Settings, layout: Layout, keys: list[str], say: Say) -> dict[str, Outcome]:
    """The local partitions that are published as they are now, and what became of them: they need no Dagster run."""
    from ..chain.unchanged import record_if_unchanged

    outcomes = {}
    for key in keys:
        if not _is_here(settings, layout, key):
            continue
        started = time.perf_counter()
        run_id = record_if_unchanged(settings, layout, key, say)
        if run_id is not None:
            outcomes[key] = _outcome_of(layout, key, run_id, time.perf_counter() - started)
    return outcomes


@contextlib.contextmanager
def _suite_process(settings: Settings, layout: Layout, keys: list[str]) -> Iterator[None]:
    """Lets Great Expectations load beside Dagster if a partition surely has something new; else the step that finds
    something new starts it."""
    from ..quality.suite_process import end_suite_process, start_suite_process
    from ..records.observations import last_observation

    if any(last_observation(layout, key) is None or _is_here(settings, layout, key) for key in keys):
        start_suite_process()
    try:
        yield
    finally:
        end_suite_process()


def _is_here(settings: Settings, layout: Layout, key: str) -> bool:
    """Whether a partition is read from this machine's disk. To look at another machine twice could mean to wait twice
    for one that does not answer."""
    from ..sources.registry import Registry, parse_partition_key

    try:
        entry, _ = parse_partition_key(key, Registry.load(settings.registry_file, layout))
    except CodeIndexError:
        return False  # the run says what is wrong
    return entry.url is None


def run_partitions(
    ready: Loaded, keys: list[str], say: Say, done: Callable[[Outcome], None] = lambda outcome: None, *,
    at: Callable[[str], None] = lambda run_id: None, tags: dict[str, str] | None = None,
) -> list[Outcome]:  # fmt: skip
    """Materializes the chain for partitions, one after the other.

    `at` hears the id of each Dagster run when it begins, `done` its outcome when it is known: a successful partition is
    searchable then, and the catalogue follows (`run_catalogue`). Raises KeyboardInterrupt if a run was interrupted.
    """
    from ..assets.partitions import add_partitions
    from .in_process import run_in_process

    outcomes: list[Outcome] = []
    with _listening(say):
        add_partitions(ready.instance, keys)
        chain = ready.job("index_repository")
        for key in keys:
            started = time.perf_counter()
            result = run_in_process(
                chain, ready.instance, at=at, more_tags=tags or {}, partition_key=key, run_config=_QUIET
            )
            _stop_if_interrupted(result)
            error_type, error = _error_of(result)
            seconds = time.perf_counter() - started
            success = bool(result.success)
            outcomes.append(_outcome_of(ready.layout, key, result.run_id, seconds, error, error_type, success=success))
            done(outcomes[-1])
            give_back_memory()
    return outcomes


def run_catalogue(ready: Loaded, say: Say, *, all_edges: bool = False) -> float:
    """Builds the catalogue; returns the seconds it took. Without `all_edges` those of large repositories stay pending.

    Raises KeyboardInterrupt, CodeIndexError.
    """
    import dagster as dg

    from ..assets.catalog import edges_follow
    from .in_process import run_in_process

    started = time.perf_counter()
    edges_follow.set(not all_edges)
    with _listening(say):
        say("catalog: build")
        result = run_in_process(
            ready.job("refresh_catalog"),
            ready.instance,
            # All models are built; reporting each with its tests as Dagster events costs 5 s of CPU more.
            asset_selection=[dg.AssetKey("catalog")],
            run_config=_QUIET,
        )
    _stop_if_interrupted(result)
    if not result.success:
        raise CodeIndexError(f"the catalogue could not be built: {_error_of(result)[1]}")
    return time.perf_counter() - started


def bring_up_to_date(layout: Layout, say: Say) -> CatalogueLag:
    """Builds the catalogue until it holds all that is published, unless another process does; returns what it lacks.

    A publication that comes while the catalogue is built is seen afterwards, by this process or the next one: the lock
    is free again before the last look. Raises CodeIndexError if it cannot be built.
    """
    while True:
        try:
            with layout.lock(LOCK, timeout=0):
                if catalogue_lag(layout).behind_publications or not layout.catalog.exists():
                    with loaded(layout) as ready:
                        run_catalogue(ready, say)
        except LockedError:
            return catalogue_lag(layout)
        lag = catalogue_lag(layout)
        if not lag.behind_publications:
            return lag


def complete_edges(layout: Layout, say: Say, *, patient: bool = False) -> None:
    """Makes the edges that the catalogue lacks, unless another process does. `patient`: at low priority, and when
    nothing was published for `QUIET_SECONDS`: every push would make them anew. Raises CodeIndexError."""
    if not pending_edges(layout):
        return
    with contextlib.suppress(LockedError), layout.lock(EDGES_LOCK, timeout=0):
        if patient:
            os.nice(10)
            _wait_until_quiet(layout)
        with loaded(layout) as ready:
            run_catalogue(ready, say, all_edges=True)


def _wait_until_quiet(layout: Layout) -> None:
    until = time.monotonic() + 10 * QUIET_SECONDS
    while time.monotonic() < until:
        newest = max((r.published_at for r in PublishedIndex(layout).receipts.values()), default=0.0)
        if time.time() - newest >= QUIET_SECONDS:
            return
        time.sleep(1.0)


@contextlib.contextmanager
def _listening(say: Say) -> Iterator[None]:
    from ..assets.execution import listener

    token = listener.set(say)
    try:
        yield
    finally:
        listener.reset(token)


def _stop_if_interrupted(result: Any) -> None:
    """Raises KeyboardInterrupt if the run was ended by a signal: Dagster reports that as any failure, and goes on."""
    import dagster as dg

    from ..assets.execution import INTERRUPTED

    for event in result.all_events:
        data = event.event_specific_data
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            said = data.user_failure_data.metadata.get("error") if data.user_failure_data is not None else None
            names = (said.value if said else None, data.error.cls_name if data.error else None)
            if INTERRUPTED in names or "DagsterExecutionInterruptedError" in names:
                raise KeyboardInterrupt
        elif event.event_type == dg.DagsterEventType.RUN_FAILURE and _is_ended(data.failure_reason):
            raise KeyboardInterrupt


def _is_ended(reason: Any) -> bool:
    return reason is not None and reason.value == "UNEXPECTED_TERMINATION"


def give_back_memory() -> None:
    """Has glibc return freed memory to the system: 60 MB after eight repositories, which later ones did not reuse."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def _outcome_of(
    layout: Layout, key: str, run_id: str, seconds: float, error: str = "", error_type: str = "", *,
    success: bool = True,
) -> Outcome:  # fmt: skip
    log = RunLog(layout)
    return Outcome(
        key, run_id, success, seconds, error,
        log.of_run(run_id, "step"), log.of_run(run_id, "stage"), log.of_run(run_id, "damage"), error_type,
    )  # fmt: skip


def _error_of(result: Any) -> tuple[str, str]:
    """Class name and message of a failed run's last failed step that says more than Dagster's own; "" if none."""
    import dagster as dg

    error = error_type = ""
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.STEP_FAILURE:
            data = event.step_failure_data
            if data.user_failure_data is not None:
                kind = data.user_failure_data.metadata.get("error")
                error_type = str(kind.value) if kind else ""
                error = f"{error_type or 'error'}: {data.user_failure_data.description}"
            elif not error:
                error = str(data.error.message if data.error else "a step failed")
    return error_type, error
