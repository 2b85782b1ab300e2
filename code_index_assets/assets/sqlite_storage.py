"""Dagster's SQLite records through connections that stay open: fewer seconds of bookkeeping in each run.

What lives here: storage classes that differ from Dagster's only in how they connect. What does not: tables, queries and
events, which are Dagster's own, and the choice of a storage (`instance.py`: a Postgres storage is left as it is).

Dagster makes an engine, a connection and a compiled form of each statement anew for every call: 752 times in an index
run of an unchanged repository and its catalogue, and migrates a new file for every run. Here a file has one engine as
long as it is in use, and the file of a new run is a copy of an empty one. To learn whether a file has a revision,
Dagster loads every migration script it ever had, 0.2 s of CPU a process: here the file is asked.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import dagster
import sqlalchemy
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS, create_db_conn_string
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import NullPool, StaticPool

from ..storage.layout import write_atomically

# Files of runs that are kept open: a run, and one or two that are read beside it.
OPEN_RUNS = 3


class OpenFiles:
    """One engine with one connection a file; used under a lock of the owner."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._open: OrderedDict[str, tuple[Engine, tuple[int, int]]] = OrderedDict()

    def engine(self, address: str, path: str) -> Engine:
        """The engine of a file; a file that was replaced since (`code-index repair dagster`) is opened anew."""
        known = self._open.get(address)
        if known is not None and known[1] == _identity(path):
            self._open.move_to_end(address)
            return known[0]
        self.forget(address)
        engine = sqlalchemy.create_engine(
            address,
            poolclass=StaticPool,
            connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )
        sqlalchemy.event.listen(engine, "connect", _relaxed)
        with engine.connect():
            pass  # makes the file: only then it has an identity
        self._open[address] = (engine, _identity(path))
        while len(self._open) > self._at_most:
            self._open.popitem(last=False)[1][0].dispose()
        return engine

    def forget(self, address: str) -> None:
        """Closes a file."""
        known = self._open.pop(address, None)
        if known is not None:
            known[0].dispose()

    def close(self) -> None:
        """Closes all files."""
        for address in list(self._open):
            self.forget(address)


def _identity(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116 - called for every event
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


def _relaxed(connection: Any, record: object) -> None:
    """With a write-ahead log, no commit is lost to a killed process at this level; a power cut may take the last."""
    del record
    connection.execute("PRAGMA synchronous = NORMAL")


class OpenEventLog(SqliteEventLogStorage):
    """Dagster's event log with files that stay open."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._files = OpenFiles(OPEN_RUNS + 1)
        self._empty: bytes | None = None
        self._present: set[str] = set()
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            if shard not in self._initialized_dbs:
                self._prepare(shard)
                self._initialized_dbs.add(shard)
            engine = self._files.engine(self.conn_string_for_shard(shard), self.path_for_shard(shard))
            with engine.connect() as connection, connection.begin():
                yield connection

    def _prepare(self, shard: str) -> None:
        """Makes the file of a shard or brings it up to date: a new one is a copy of an empty one."""
        path = Path(self.path_for_shard(shard))
        if shard != INDEX_SHARD_NAME and not path.exists():
            if self._empty is None:
                self._empty = self._make_empty()
            handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
            with os.fdopen(handle, "wb") as stream:
                stream.write(self._empty)
            try:
                os.link(name, path)
                return
            except FileExistsError:
                pass  # another process was first: as any other file
            finally:
                Path(name).unlink()
        self._initdb(_single_use(self.conn_string_for_shard(shard)))

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:
        if not has_revision(Path(engine.url.database or "")):
            super()._initdb(engine, for_index_shard)

    def _make_empty(self) -> bytes:
        """The bytes of a new run's file; kept beside the runs' folder for the processes to come."""
        kept = Path(self._base_dir).parent / f"new-run-{dagster.__version__}.db"
        if not has_revision(kept):
            write_atomically(kept, self._newly_made())
        return kept.read_bytes()

    def _newly_made(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            engine = _single_use(create_db_conn_string(folder, "empty"))
            self._initdb(engine)
            engine.dispose()
            return (Path(folder) / "empty.db").read_bytes()

    def has_table(self, table_name: str) -> bool:
        """Whether a table is there. Dagster asks before most calls; what is there stays."""
        if table_name not in self._present and super().has_table(table_name):
            self._present.add(table_name)
        return table_name in self._present

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        if column_name not in self._present and super()._has_asset_key_col_on_connection(conn, column_name):
            self._present.add(column_name)
        return column_name in self._present

    def delete_events(self, run_id: str) -> None:
        """Deletes a run's events, and closes its file before that."""
        with self._db_lock:
            self._files.forget(self.conn_string_for_shard(run_id))
        super().delete_events(run_id)

    def dispose(self) -> None:
        """Closes the files."""
        super().dispose()
        with self._db_lock:
            self._files.close()


class OpenRunStorage(SqliteRunStorage):
    """Dagster's table of runs, its file open all the time."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._files = OpenFiles(1)
        self._lock = threading.RLock()
        super().__init__(conn_string, inst_data)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """One transaction on the open connection; on one of its own inside another."""
        if self._lock.acquire(blocking=False):
            try:
                if not getattr(self, "_busy", False):
                    self._busy = True
                    try:
                        engine = self._files.engine(self._conn_string, self._conn_string.removeprefix("sqlite:///"))
                        with engine.connect() as connection, connection.begin():
                            yield connection
                    finally:
                        self._busy = False
                    return
            finally:
                self._lock.release()
        with super().connect() as connection:
            yield connection

    def dispose(self) -> None:
        """Closes the file."""
        super().dispose()
        with self._lock:
            self._files.close()


class OpenSqliteStorage(DagsterSqliteStorage):
    """Dagster's SQLite storage with files that stay open."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super(DagsterSqliteStorage, self).__init__()  # type: ignore[no-untyped-call]
        self.base_dir = base_dir
        history = Path(base_dir) / "history"
        runs, schedules = history / "runs.db", Path(base_dir) / "schedules" / "schedules.db"
        self._run_storage = (
            OpenRunStorage(create_db_conn_string(str(history), "runs"))
            if has_revision(runs, "instance_info")
            else OpenRunStorage.from_local(str(history))
        )
        self._event_log_storage = OpenEventLog(str(history / "runs"))
        self._schedule_storage = (
            SqliteScheduleStorage(create_db_conn_string(str(schedules.parent), "schedules"))
            if has_revision(schedules)
            else SqliteScheduleStorage.from_local(str(schedules.parent))
        )
        self._inst_data = inst_data

    @classmethod
    def from_config_value(  # type: ignore[override]
        cls, inst_data: ConfigurableClassData, config_value: dict[str, str]
    ) -> OpenSqliteStorage:
        """The storage of a folder."""
        return cls.from_local(inst_data=inst_data, **config_value)


def has_revision(path: Path, *tables: str) -> bool:
    """Whether a file of Dagster's is complete: it names the revision of its tables, and has these tables."""
    if not path.is_file():
        return False
    wanted = {"alembic_version", *tables}
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            return wanted <= found and connection.execute("SELECT 1 FROM alembic_version").fetchone() is not None
    except sqlite3.Error:
        return False


def _single_use(address: str) -> Engine:
    return sqlalchemy.create_engine(address, poolclass=NullPool, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
