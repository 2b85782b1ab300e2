"""The Dagster instance in the data folder: made on first use, the same for the command line, the UI and the daemon.

What lives here: Dagster's home and what is left behind by killed command-line runs. What does not: the definitions.
"""

from __future__ import annotations

import contextlib
import hashlib
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
from ..records.dagster_runs import HOST_TAG, PROCESS_TAG, WORKER_TAG, is_alive, this_process, worker_is_alive
from ..records.observations import known_keys
from ..storage.layout import Layout, write_atomically
from .partitions import REPOSITORIES

# What earlier releases wrote as dagster.yaml, by SHA-256: replaced by the present template.
_FORMER_TEMPLATES = {
    "f662fd11e3e148809894924f107011b595a7fa23a7014e34c9f58bffba26f222",
    "5223d3e81a41d365ddd8783a26b61a3f52f1ca7d23b286a2a9c441382017f7a8",
    "46500f4adf1a7f09228294f4e9e8f6238b9ea4c2d42376540de4706909bd1bc9",
    "f9c4a4c27cbd2c6d1ec53d9ca1850dd74762c6c2e186c68969b207849d8d2681",
    "b062a917137c3592d1072ed479e7a65ba3ef73edbc2e5d32b26546dea57f76df",
    "e1d56f997d76357d053f9a1ba6796c69b00772a0cae41aae8b4eeb80f3df36f8",
}


def prepare_home(layout: Layout) -> Path:
    """Dagster's home with its dagster.yaml; a file that a person has changed is left as it is."""
    home = layout.create().dagster_home
    home.mkdir(parents=True, exist_ok=True)
    file = home / "dagster.yaml"
    if not file.exists() or hashlib.sha256(file.read_bytes()).hexdigest() in _FORMER_TEMPLATES:
        write_atomically(file, files("code_index_assets.assets").joinpath("dagster.yaml").read_bytes())
    return home


@contextlib.contextmanager
def open_instance(layout: Layout, *, own_process: bool = False) -> Iterator[dg.DagsterInstance]:
    """The instance of a data folder. An explicitly set DAGSTER_HOME wins: servers keep theirs elsewhere.

    `own_process`: this process does nothing but runs, and what they print goes to the UI alone.
    """
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
            instance = stack.enter_context(dg.DagsterInstance.from_ref(_reference(home, own_process)))
            for storage in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
                assert storage is not None
            fail_dead_runs(instance)
            set_pool_limits(instance)
            if lost:
                instance.add_dynamic_partitions(REPOSITORIES, known_keys(layout))
        yield instance


def _reference(home: Path, own_process: bool) -> InstanceRef:
    """The instance that dagster.yaml describes; SQLite records are read and written through open connections."""
    found = InstanceRef.from_dir(str(home))
    storage, logs = found.storage_data, found.compute_logs_data
    if storage is not None and storage.class_name == "DagsterSqliteStorage":
        module = "code_index_assets.assets.sqlite_storage"
        found = found._replace(storage_data=ConfigurableClassData(module, "OpenSqliteStorage", storage.config_yaml))
    if own_process and logs.class_name == "LocalComputeLogManager":
        module = "code_index_assets.assets.compute_logs"
        found = found._replace(compute_logs_data=ConfigurableClassData(module, "FileLogs", logs.config_yaml))
    return found


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
        # Dagster leaves what a run printed on the disk.
        with contextlib.suppress(Exception):
            instance.compute_log_manager.delete_logs(prefix=[run.run_id])
    return len(old)


def process_tags() -> dict[str, str]:
    """Tags that say which process runs a run, so that a later one can tell whether it still lives."""
    return {HOST_TAG: socket.gethostname(), PROCESS_TAG: this_process()}


def fail_dead_runs(instance: dg.DagsterInstance) -> int:
    """Marks runs of command lines and run workers that were killed as failed, and frees their pool slots; returns how
    many. A daemon sees those of its own launches only, and later."""
    statuses = [DagsterRunStatus.STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.NOT_STARTED]
    failed = 0
    for run in instance.get_runs(RunsFilter(statuses=statuses)):
        # A re-execution from the UI has its parent's tags, and runs elsewhere.
        command_line = run.tags.get(HOST_TAG) == socket.gethostname() and run.parent_run_id is None
        gone = command_line and not is_alive(run.tags[PROCESS_TAG])
        if gone or worker_is_alive(run.run_id, run.tags.get(WORKER_TAG)) is False:
            instance.report_run_failed(run, "the process that ran it is gone")
            with contextlib.suppress(NotImplementedError):
                instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            failed += 1
    return failed
