"""Dagster's records in a real Postgres: a run in it, a bounded number of connections, one clear error each.

`pytest -m external` with Postgres installed (Debian: postgresql) and the extra `servers`.
"""

from __future__ import annotations

import concurrent.futures
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from postgres_server import Database, postgres, programs

from code_index_assets.errors import CodeIndexError, ConfigurationError
from code_index_assets.storage.layout import Layout

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.external,
    pytest.mark.skipif(programs() is None, reason="needs Postgres"),
    pytest.mark.skipif(importlib.util.find_spec("dagster_postgres") is None, reason="needs the extra `servers`"),
]


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with postgres() as server:
        yield server


@pytest.fixture(autouse=True)
def home(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "dagster"
    folder.mkdir()
    lines = (ROOT / "deploy" / "dagster.yaml").read_text().replace("/data/dagster", str(folder))
    start, end = lines.index("run_launcher:"), lines.index("run_coordinator:")
    (folder / "dagster.yaml").write_text(lines[:start] + lines[end:])  # runs of the command line need no Docker
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    monkeypatch.setenv("CODE_INDEX_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CODE_INDEX_POSTGRES_URL", database.url())
    monkeypatch.setenv("CODE_INDEX_POSTGRES_WAIT_SECONDS", "1")
    return folder


def opened(connections: int = 4) -> Any:
    from code_index_assets.assets.postgres_storage import PooledPostgresStorage
    from code_index_assets.settings import load_settings

    return PooledPostgresStorage(load_settings().model_copy(update={"postgres_connections": connections}))


def fault() -> CodeIndexError:
    with pytest.raises(CodeIndexError) as raised:
        opened()
    assert "word" not in raised.value.message  # the password is in no message
    return raised.value


def test_a_run_of_the_command_line_is_recorded_in_it(tmp_path: Path) -> None:
    import dagster as dg

    from code_index_assets.assets.instance import open_instance

    source = tmp_path / "shop"
    source.mkdir()
    (source / "cart.py").write_text("def total(prices):\n    return sum(prices)\n")
    command = [sys.executable, "-m", "code_index_assets.cli.main", "index", str(source), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=250)
    assert done.returncode == 0, done.stderr
    with open_instance(Layout(tmp_path / "data")) as instance:
        runs = instance.get_runs()
        assert runs and {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
        assert instance.fetch_materializations(dg.AssetKey("search_index"), limit=1).records
        assert {pool.name for pool in instance.event_log_storage.get_pool_limits()} >= {"git", "index_writer"}
    assert not list((tmp_path / "dagster").rglob("*.db"))


def test_threads_of_a_process_share_a_bounded_number_of_connections() -> None:
    import sqlalchemy

    storage = opened(connections=3)
    with concurrent.futures.ThreadPoolExecutor(12) as threads:
        list(threads.map(lambda _: storage.run_storage.get_runs(), range(60)))
    with storage.engine.connect() as connection:
        query = sqlalchemy.text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'code-index'")
        assert 1 <= connection.execute(query).scalar_one() <= 3
    storage.engine.dispose()


def test_the_web_server_keeps_to_the_bound() -> None:
    storage = opened(connections=2)
    for one in (storage.run_storage, storage.event_log_storage, storage.schedule_storage):
        one.optimize_for_webserver(statement_timeout=5000, pool_recycle=60, max_overflow=20)
    assert {id(storage.engine)} == {
        id(one._engine) for one in (storage.run_storage, storage.event_log_storage, storage.schedule_storage)
    }
    storage.engine.dispose()


def test_a_process_without_a_free_connection_names_the_setting() -> None:
    storage = opened(connections=2)
    held = [storage.engine.connect(), storage.engine.connect()]
    from code_index_assets.assets.postgres_storage import DatabaseUnavailableError, connect
    from code_index_assets.settings import load_settings

    settings = load_settings().model_copy(update={"postgres_connections": 2})
    storage.engine.pool._timeout = 0.2
    with pytest.raises(DatabaseUnavailableError, match="all 2 connections of this process") as raised:
        connect(storage.engine, settings)
    assert "CODE_INDEX_POSTGRES_CONNECTIONS" in raised.value.remedy
    for one in held:
        one.close()
    storage.engine.dispose()


def test_a_full_server_is_a_clear_error_and_passes(database: Database) -> None:
    import sqlalchemy

    engine = sqlalchemy.create_engine(
        database.url().replace("://", "+psycopg2://", 1), poolclass=sqlalchemy.pool.NullPool
    )
    held = []
    try:
        while True:
            held.append(engine.connect())
    except sqlalchemy.exc.OperationalError:
        pass
    found = fault()
    assert "no connection free" in found.message and found.retryable and "max_connections" in found.remedy
    for one in held:
        one.close()
    opened().engine.dispose()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"password": "wrong"}, "refuses the user dagster"),
        ({"user": "nobody"}, "refuses the user nobody"),
        ({"database": "nothing"}, "has no such database"),
    ],
)
def test_wrong_credentials(
    database: Database, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], said: str
) -> None:
    monkeypatch.setenv("CODE_INDEX_POSTGRES_URL", database.url(**change))
    found = fault()
    assert isinstance(found, ConfigurationError) and said in found.message and found.remedy


def test_no_server_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODE_INDEX_POSTGRES_URL", "postgresql://dagster:pass@127.0.0.1:1/dagster")
    found = fault()
    assert found.retryable and "127.0.0.1:1 does not answer" in found.message
