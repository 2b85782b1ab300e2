"""Dagster's records in Postgres, through a pool of bounded size in each process.

What lives here: a storage class that differs from Dagster's only in how it connects, and one clear error for each way
in which Postgres cannot be used. What does not: tables, queries and events, which are Dagster's own, and the choice of
a storage (`dagster.yaml`; the one of `deploy/` names this class).

Dagster opens and closes a connection for each call and has no upper bound: threads of a busy daemon open as many as
they are. Here a process has at most `CODE_INDEX_POSTGRES_CONNECTIONS`, shared by its three storages, so that the number
of processes times that number is what Postgres must allow.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy
from dagster._core.storage.base_storage import DagsterStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from ..errors import CodeIndexError, ConfigurationError
from ..settings import load_settings

if TYPE_CHECKING:
    from ..settings.deployment import DeploymentSettings

try:
    from dagster_postgres import (
        DagsterPostgresStorage,
        PostgresEventLogStorage,
        PostgresRunStorage,
        PostgresScheduleStorage,
    )
except ImportError as error:
    raise ConfigurationError(
        "dagster.yaml keeps Dagster's records in Postgres, and dagster-postgres is not installed",
        remedy="pip install 'code-index[servers]'",
    ) from error

_PAUSE_SECONDS = 0.25
_FULL = ("too many clients already", "remaining connection slots", "too many connections for")


class DatabaseUnavailableError(CodeIndexError):
    """Postgres does not answer, or has no connection free. Trying again later may succeed."""

    retryable = True


class PooledPostgresStorage(DagsterPostgresStorage):
    """Dagster's three storages in one database, through one pool."""

    def __init__(self, settings: DeploymentSettings, inst_data: ConfigurableClassData | None = None) -> None:
        """Raises ConfigurationError, DatabaseUnavailableError."""
        address = checked_address(settings.postgres_url.get_secret_value() if settings.postgres_url else "")
        engine = pooled_engine(address, settings)
        connect(engine, settings).close()
        self.postgres_url = address.render_as_string(hide_password=False)
        self.should_autocreate_tables = True
        self._inst_data = inst_data
        self._run_storage = _on(engine, _PooledRuns(self.postgres_url))
        self._event_log_storage = _on(engine, _PooledEvents(self.postgres_url))
        self._schedule_storage = _on(engine, _PooledSchedules(self.postgres_url))
        DagsterStorage.__init__(self)  # type: ignore[no-untyped-call]  # past the constructor of Postgres
        self.engine = engine

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No options: `CODE_INDEX_POSTGRES_*` are the settings."""
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> PooledPostgresStorage:
        """Connects as the settings say. Raises ConfigurationError, DatabaseUnavailableError."""
        del config_value
        return cls(load_settings(), inst_data)


def checked_address(text: str) -> URL:
    """The address of a database. Raises ConfigurationError for half of one; the password is in no message."""
    if not text:
        raise ConfigurationError(
            "dagster.yaml keeps Dagster's records in Postgres, and CODE_INDEX_POSTGRES_URL is not set",
            remedy="set CODE_INDEX_POSTGRES_URL=postgresql://user:password@host:5432/database",
        )
    remedy = "write it as postgresql://user:password@host:5432/database"
    try:
        address = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError("CODE_INDEX_POSTGRES_URL is not the address of a database", remedy=remedy) from error
    if address.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError(
            f"CODE_INDEX_POSTGRES_URL begins with {address.drivername}://, not postgresql://", remedy=remedy
        )
    missing = [name for name in ("username", "database") if not getattr(address, name)]
    if missing:
        raise ConfigurationError(f"CODE_INDEX_POSTGRES_URL has no {' and no '.join(missing)}", remedy=remedy)
    # Named, since SQLAlchemy 2.1 takes psycopg 3 for `postgresql://`, which dagster-postgres does not bring.
    return address.set(drivername="postgresql+psycopg2")


def pooled_engine(address: URL, settings: DeploymentSettings) -> Engine:
    """An engine that opens at most so many connections and keeps those that were needed at one time."""
    return sqlalchemy.create_engine(
        address,
        isolation_level="AUTOCOMMIT",
        poolclass=QueuePool,
        pool_size=settings.postgres_connections,
        max_overflow=0,
        pool_timeout=settings.postgres_wait_seconds,
        pool_pre_ping=True,
        connect_args={"application_name": "code-index", "connect_timeout": 10},
    )


def connect(engine: Engine, settings: DeploymentSettings) -> sqlalchemy.Connection:
    """A connection, waited for while none is free. Raises ConfigurationError, DatabaseUnavailableError."""
    until = time.monotonic() + settings.postgres_wait_seconds
    while True:
        try:
            return engine.connect()
        except SQLAlchemyError as error:
            found = explained(error, engine, settings)
            if not isinstance(found, DatabaseUnavailableError) or time.monotonic() >= until:
                raise found from error
        time.sleep(_PAUSE_SECONDS)


def explained(error: SQLAlchemyError, engine: Engine, settings: DeploymentSettings) -> CodeIndexError:
    """What a failed connection means, in words that name the database and what to do."""
    address = engine.url
    where = f"Postgres at {address.host or 'the local socket'}:{address.port or 5432}"
    said = str(getattr(error, "orig", None) or error).strip()
    if isinstance(error, sqlalchemy.exc.TimeoutError):
        return DatabaseUnavailableError(
            f"all {settings.postgres_connections} connections of this process to {where} are in use, "
            f"for {settings.postgres_wait_seconds:g} s",
            remedy="raise CODE_INDEX_POSTGRES_CONNECTIONS (and max_connections of Postgres by as many a process)",
        )
    if any(sign in said for sign in _FULL):
        return DatabaseUnavailableError(
            f"{where} has no connection free",
            remedy="run fewer processes, lower CODE_INDEX_POSTGRES_CONNECTIONS, or raise max_connections of Postgres; "
            "docs/deployment.md has the sum",
        )
    if "authentication failed" in said or "no password supplied" in said or "no pg_hba.conf entry" in said:
        return ConfigurationError(
            f"{where} refuses the user {address.username}",
            remedy="correct user and password in CODE_INDEX_POSTGRES_URL",
        )
    if "does not exist" in said:
        remedy = f"create it: createdb {address.database}, or correct CODE_INDEX_POSTGRES_URL"
        return ConfigurationError(f"{where} has no such database or user: {said.splitlines()[-1]}", remedy=remedy)
    if isinstance(error, OperationalError):
        return DatabaseUnavailableError(
            f"{where} does not answer: {said.splitlines()[-1] if said else 'no reason given'}",
            remedy="start Postgres, or correct host and port in CODE_INDEX_POSTGRES_URL",
        )
    return DatabaseUnavailableError(f"{where} cannot be used: {said}", remedy="see the log of Postgres")


class _Pooled:
    """What the three storages share: the engine, which the web server must not replace, and how they connect."""

    _engine: Engine

    def optimize_for_webserver(self, statement_timeout: int, pool_recycle: int, max_overflow: int) -> None:
        """Dagster's web server would open a pool of its own for each storage: the bounded one stays."""
        del pool_recycle, max_overflow
        sqlalchemy.event.listen(self._engine, "connect", _limit_statements(statement_timeout))

    @contextmanager
    def _pooled_connection(self) -> Iterator[sqlalchemy.Connection]:
        with connect(self._engine, load_settings()) as connection:
            yield connection


class _PooledRuns(_Pooled, PostgresRunStorage):
    def connect(self) -> AbstractContextManager[sqlalchemy.Connection]:
        """See `PostgresRunStorage.connect`."""
        return self._pooled_connection()

    def dispose(self) -> None:
        """Ends the connections that are kept; Dagster calls it when it is done with an instance."""
        self._engine.dispose()
        super().dispose()


class _PooledEvents(_Pooled, PostgresEventLogStorage):
    def _connect(self) -> AbstractContextManager[sqlalchemy.Connection]:
        return self._pooled_connection()


class _PooledSchedules(_Pooled, PostgresScheduleStorage):
    def connect(self, run_id: str | None = None) -> AbstractContextManager[sqlalchemy.Connection]:
        """See `PostgresScheduleStorage.connect`."""
        return self._pooled_connection()


def _on(engine: Engine, storage: Any) -> Any:
    """A storage that has made its tables through Dagster's own engine, and uses this one from now on."""
    storage._engine = engine
    return storage


def _limit_statements(milliseconds: int) -> Any:
    def limit(connection: Any, record: Any) -> None:
        del record
        with connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = {int(milliseconds)}")

    return limit
