"""Queries: what they may, what they may not, and that nothing is cut silently."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import polars as pl
import pytest
from catalogs import ask, build
from chains import Chain
from click.testing import CliRunner
from templates import copy_of, made_once

from code_index_assets.analytics.query import Limits, run_query
from code_index_assets.cli.sql import sql_command
from code_index_assets.errors import NotBuiltError, QueryError


def make_built(home: Path) -> None:
    build(Chain(home / "data"))


@pytest.fixture
def built(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Chain:
    """A catalogue without any repository: enough to ask."""
    return Chain(copy_of(made_once(tmp_path_factory, "empty-catalogue", make_built), tmp_path / "built") / "data")


def refused(chain: Chain, sql: str, limits: Limits | None = None) -> str:
    with pytest.raises(QueryError) as error, run_query(chain.layout, sql, limits) as (_, rows):
        list(rows)
    return str(error.value)


def test_without_a_catalogue_the_remedy_is_told(chain: Chain) -> None:
    with pytest.raises(NotBuiltError, match="no catalogue"):
        ask(chain, "SELECT 1")


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE x AS SELECT 1", "CREATE TEMP TABLE x AS SELECT 1", "INSERT INTO raw.files SELECT * FROM raw.files",
        "DELETE FROM raw.files", "DROP VIEW files", "COPY files TO '/tmp/x.csv'", "ATTACH '/tmp/x.db'",
        "INSTALL httpfs", "LOAD httpfs", "SET memory_limit = '9GB'", "PRAGMA enable_profiling", "USE raw", "CHECKPOINT",
    ],
)  # fmt: skip
def test_only_reading_is_allowed(built: Chain, sql: str) -> None:
    before = built.layout.catalog.read_bytes()
    assert "is only read" in refused(built, sql)
    assert built.layout.catalog.read_bytes() == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('{0}')", "SELECT * FROM read_csv('{0}')", "FROM '{0}.csv'", "SELECT * FROM glob('/*')",
        "SELECT * FROM read_parquet('https://example.org/x.parquet')",
    ],
)  # fmt: skip
def test_no_file_and_no_network_is_in_reach(built: Chain, tmp_path: Path, sql: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden")
    (tmp_path / "secret.csv").write_text("hidden")
    message = refused(built, sql.format(secret))
    assert "nothing but the catalogue in reach" in message
    assert "hidden" not in message


def test_time_memory_and_rows_are_limited(built: Chain) -> None:
    assert "stopped after 0.5 s" in refused(
        built, "SELECT count(*) FROM range(10000000000) a, range(1000) b", Limits(0.5)
    )
    wide = "SELECT count(*), list(x) FROM (SELECT md5(range::VARCHAR) AS x FROM range(20000000))"
    assert "more than 50MB of memory" in refused(built, wide, Limits(memory="50MB"))
    assert "more than 3 rows" in refused(built, "SELECT * FROM range(10)", Limits(rows=3))
    with run_query(built.layout, "SELECT * FROM range(3)", Limits(rows=3)) as (_, rows):
        assert len(list(rows)) == 3


def test_what_one_function_allocates_at_once_is_limited_too(built: Chain) -> None:
    """DuckDB counts neither the memory nor looks at the clock while one value is made."""
    assert "more than 200MB of memory" in refused(  # and not stopped by the clock
        built, "SELECT length(repeat('a', 4000000000))", Limits(60, memory="200MB")
    )
    assert "larger than 64 MB" in refused(built, "SELECT repeat('a', 70000000)", Limits(memory="1GB"))


def test_all_that_reads_is_allowed_and_nothing_else_is_explained(built: Chain) -> None:
    for sql in (
        "WITH a AS (SELECT 1) SELECT * FROM a", "EXPLAIN ANALYZE SELECT 1", "explain -- why\n analyze select 1",
        "EXPLAIN (FORMAT json) SELECT 1", "DESCRIBE files", "SHOW TABLES", "SUMMARIZE files",
        "PRAGMA table_info('files')", "EXPLAIN (SELECT 1)",
    ):  # fmt: skip
        with run_query(built.layout, sql) as (names, rows):
            assert names and list(rows) is not None
    for sql in (
        "EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1", "EXPLAIN /* a */ ANALYZE DELETE FROM raw.files",
        "EXPLAIN (ANALYZE) DROP VIEW files", "PRAGMA threads=4", "PREPARE a AS SELECT 1", "CALL pragma_version()",
    ):  # fmt: skip
        assert "is only read" in refused(built, sql), sql


def test_wrong_queries_are_told_apart(built: Chain) -> None:
    assert "2 statements" in refused(built, "SELECT 1; SELECT 2")
    assert "Table with name nope" in refused(built, "SELECT * FROM nope")
    assert '"nope" not found' in refused(built, "SELECT nope FROM files")
    assert "syntax error" in refused(built, "SELEC 1")


def test_json_csv_and_parquet_hold_every_row(built: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODE_INDEX_DATA", str(built.settings.data))
    runner = CliRunner()
    query = "SELECT range AS n, 'a,\"b\nc' AS t, NULL AS e FROM range(5000)"
    made = runner.invoke(sql_command, [query, "--format", "json"], catch_exceptions=False)
    assert len(json.loads(made.stdout)) == 5000
    made = runner.invoke(sql_command, [query, "--format", "csv"], catch_exceptions=False)
    rows = list(csv.reader(made.stdout.splitlines(keepends=True)))
    assert len(rows) == 5001
    assert rows[1] == ["0", 'a,"b\nc', ""]
    target = tmp_path / "x.parquet"
    runner.invoke(sql_command, [query, "--format", "parquet", "-o", str(target)], catch_exceptions=False)
    assert pl.read_parquet(target).height == 5000
    table = runner.invoke(sql_command, [query, "--format", "table"], catch_exceptions=False).stdout
    assert "the first 1,000 of 5,000 rows" in table


def test_a_query_comes_from_a_file_or_standard_input(
    built: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODE_INDEX_DATA", str(built.settings.data))
    file = tmp_path / "q.sql"
    file.write_text("SELECT 41 + 1 AS answer;\n")
    runner = CliRunner()
    for arguments, text in (([str(file)], None), (["--file", str(file)], None), (["-"], file.read_text())):
        made = runner.invoke(sql_command, [*arguments, "--format", "csv"], input=text, catch_exceptions=False)
        assert made.stdout == "answer\n42\n"


def test_tables_are_listed_and_described(built: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODE_INDEX_DATA", str(built.settings.data))
    runner = CliRunner()
    listed = json.loads(runner.invoke(sql_command, ["--list", "--format", "json"], catch_exceptions=False).stdout)
    assert {row["table"] for row in listed} >= {"main.files", "marts.languages", "raw.log_records"}
    assert all(row["comment"] for row in listed if not row["table"].startswith("raw."))
    described = runner.invoke(
        sql_command, ["--describe", "marts.languages", "--format", "json"], catch_exceptions=False
    )
    assert all(row["comment"] for row in json.loads(described.stdout))
    with pytest.raises(QueryError, match="no table nope"):
        runner.invoke(sql_command, ["--describe", "nope"], catch_exceptions=False)
