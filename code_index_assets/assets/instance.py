"""The Dagster instance in the data folder: made on first use, the same for the command line, the UI and the daemon.

What lives here: Dagster's home and what is left behind by killed command-line runs. What does not: the definitions.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter
from dagster._core.instance.ref import InstanceRef
from dagster._serdes import ConfigurableClassData

from ..operations.doctor.dagster import damaged_files, put_aside
from ..records.dagster_runs import HOST_TAG, PROCESS_TAG, is_alive, this_process
from ..records.observations import known_keys
from ..storage.layout import Layout, write_atomically
from .partitions import REPOSITORIES


def prepare_home(layout: Layout) -> Path:
    """Dagster's home with its dagster.yaml; a file that is there already is left as it is."""
    home = layout.create().dagster_home
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        template = files("code_index_assets.assets").joinpath("dagster.yaml").read_bytes()
        write_atomically(home / "dagster.yaml", template)
    return home


@contextlib.contextmanager
def open_instance(layout: Layout) -> Iterator[dg.DagsterInstance]:
    """The instance of a data folder. An explicitly set DAGSTER_HOME wins: servers keep theirs elsewhere."""
    home = Path(os.environ["DAGSTER_HOME"]) if os.environ.get("DAGSTER_HOME") else prepare_home(layout)
    given = os.environ.get("DAGSTER_HOME")
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    with contextlib.ExitStack() as stack:
        stack.callback(_give_back_home, given)
        # Two processes that make Dagster's tables at once fail each other ("table alembic_version already exists").
        with layout.lock("dagster-home", timeout=300):
            lost = [put_aside(file) for file in damaged_files(layout)]
            for line in lost:
                sys.stderr.write(f"{line}\n")
            instance = stack.enter_context(dg.DagsterInstance.from_ref(_reference(home)))
            for storage in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
                assert storage is not None
            fail_dead_runs(instance)
            set_pool_limits(instance)
            if lost:
                instance.add_dynamic_partitions(REPOSITORIES, known_keys(layout))
        yield instance


def _reference(home: Path) -> InstanceRef:
    """The instance that dagster.yaml describes; SQLite records are read and written through open connections."""
    found = InstanceRef.from_dir(str(home))
    storage = found.storage_data
    if storage is None or storage.class_name != "DagsterSqliteStorage":
        return found
    ours = ConfigurableClassData("code_index_assets.assets.sqlite_storage", "OpenSqliteStorage", storage.config_yaml)
    return found._replace(storage_data=ours)


def _give_back_home(given: str | None) -> None:
    """Sets DAGSTER_HOME as it was: left behind, it made the next data folder of a process use this one's records."""
    if given is None:
        os.environ.pop("DAGSTER_HOME", None)
    else:
        os.environ["DAGSTER_HOME"] = given


def pool_limits() -> dict[str, int]:
    """How many steps of each pool run at a time, by this machine's cores.

    The index writer's limit is above one on purpose: publications that wait for the lock together go out together.
    """
    cores = os.cpu_count() or 1
    return {"git": 4, "cpu": max(1, cores // 2), "embedding": 1, "index_writer": 4, "catalog": 1}


def set_pool_limits(instance: dg.DagsterInstance) -> None:
    """Sets the limits of pools that have none yet; what a person set in the UI stays. They cannot be set in YAML."""
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return
    known = {pool.name for pool in storage.get_pool_limits()}
    for name, limit in pool_limits().items():
        if name not in known:
            storage.set_concurrency_slots(name, limit)


def remove_old_runs(instance: dg.DagsterInstance, days: int, at_most: int = 5_000) -> int:
    """Removes ended runs older than this from Dagster's history (160 KB each on SQLite); returns how many."""
    before = datetime.now(UTC) - timedelta(days=days)
    ended = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]
    old = instance.get_runs(RunsFilter(statuses=ended, updated_before=before), limit=at_most)
    for run in old:
        instance.delete_run(run.run_id)
    return len(old)


def process_tags() -> dict[str, str]:
    """Tags that say which process runs a run, so that a later one can tell whether it still lives."""
    return {HOST_TAG: socket.gethostname(), PROCESS_TAG: this_process()}


def fail_dead_runs(instance: dg.DagsterInstance) -> int:
    """Marks runs of command lines that were killed as failed, and frees their pool slots; returns how many.

    Nobody else does: a daemon watches only the runs it launched itself.
    """
    active = RunsFilter(
        statuses=[DagsterRunStatus.STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.NOT_STARTED],
        tags={HOST_TAG: socket.gethostname()},
    )
    failed = 0
    for run in instance.get_runs(active):
        # A re-execution from the UI has its parent's tags, and runs elsewhere.
        if run.parent_run_id is None and not is_alive(run.tags[PROCESS_TAG]):
            instance.report_run_failed(run, "the process that ran it is gone")
            with contextlib.suppress(NotImplementedError):
                instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            failed += 1
    return failed
