"""Asking the catalogue: one read-only query with nothing but the catalogue in reach.

What lives here: opening the live catalogue, running a query under limits, writing results row by row. What does not:
building it (`catalog.py`).
"""

from __future__ import annotations

import csv
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TextIO

import duckdb

from ..errors import NotBuiltError, QueryError
from ..layout import Layout

Format = Literal["table", "json", "csv", "parquet"]
BATCH = 2_000
TABLE_ROWS = 1_000

LIST_TABLES = """
SELECT schema_name || '.' || name AS "table", kind, rows, comment FROM (
    SELECT t.schema_name, t.table_name AS name, 'table' AS kind, t.estimated_size AS rows, t.comment
    FROM duckdb_tables() t
    WHERE NOT t.internal AND t.schema_name <> 'meta'
    UNION ALL
    SELECT v.schema_name, v.view_name, 'view', m.rows, v.comment FROM duckdb_views() v
    LEFT JOIN meta.models m ON m.model = v.schema_name || '.' || v.view_name
        OR (v.schema_name = 'main' AND m.exposed_as = v.view_name)
    WHERE NOT v.internal
)
ORDER BY list_position(['main', 'marts', 'intermediate', 'staging', 'raw'], schema_name), schema_name, name
"""


@dataclass(frozen=True)
class Limits:
    """What a query may take: wall seconds, DuckDB's memory, rows returned (None: all)."""

    seconds: float = 60.0
    memory: str = "1GB"
    rows: int | None = None


@contextmanager
def open_catalog(layout: Layout, *, memory: str = "1GB") -> Iterator[duckdb.DuckDBPyConnection]:
    """The live catalogue, read-only; no files, no network, no extensions. Raises NotBuiltError, QueryError."""
    if not layout.catalog.exists():
        raise NotBuiltError("there is no catalogue yet", remedy="run `code-index index`, or materialize `catalog`")
    config: dict[str, Any] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": memory,
        "temp_directory": "",
    }
    try:
        connection = duckdb.connect(str(layout.catalog), read_only=True, config=config)
    except duckdb.Error as error:
        raise QueryError(
            f"the catalogue {layout.catalog} could not be opened: {error}",
            remedy="check --memory" if "memory" in str(error).lower() else "`code-index index NAME` builds it anew",
        ) from error
    try:
        connection.execute("SET enable_progress_bar = false")  # it would be written into the answer
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


@contextmanager
def run_query(
    layout: Layout, sql: str, limits: Limits | None = None
) -> Iterator[tuple[list[str], Iterator[tuple[Any, ...]]]]:
    """Column names and rows of one query, read as they are taken.

    Raises QueryError: not one SELECT, wrong, too long, too much memory, more rows than allowed. The clock covers the
    reading as well.
    """
    limits = limits or Limits()
    with open_catalog(layout, memory=limits.memory) as connection:
        _require_reading(connection, sql)
        stop = threading.Timer(limits.seconds, connection.interrupt)
        stop.daemon = True
        deadline = time.monotonic() + limits.seconds
        stop.start()
        try:
            with _translated(limits):
                connection.execute(sql)
            names = [column[0] for column in connection.description or []]
            yield names, _rows(connection, limits, deadline)
        finally:
            stop.cancel()


def _rows(connection: duckdb.DuckDBPyConnection, limits: Limits, deadline: float) -> Iterator[tuple[Any, ...]]:
    count = 0
    while True:
        with _translated(limits):
            batch = connection.fetchmany(BATCH)
        if time.monotonic() > deadline:
            raise _too_long(limits)
        if not batch:
            return
        count += len(batch)
        if limits.rows is not None and count > limits.rows:
            yield from batch[: len(batch) - (count - limits.rows)]
            raise QueryError(
                f"the result has more than {limits.rows:,} rows: what was written is not all of it",
                remedy="add LIMIT to the query, or raise --max-rows",
            )
        yield from batch


def _require_reading(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Raises QueryError unless the text is exactly one statement that only reads."""
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(f"the query cannot be read: {error}", remedy="it is DuckDB's SQL") from error
    if len(statements) != 1:
        raise QueryError(
            f"one query at a time: these are {len(statements)} statements", remedy="run them one after the other"
        )
    kind = statements[0].type
    if kind not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
        raise QueryError(
            f"the catalogue is only read: {kind.name} is not allowed",
            remedy="use SELECT, DESCRIBE, SUMMARIZE or EXPLAIN; copy catalog.duckdb to change it",
        )


@contextmanager
def _translated(limits: Limits) -> Iterator[None]:
    try:
        yield
    except duckdb.InterruptException as error:
        raise _too_long(limits) from error
    except duckdb.OutOfMemoryException as error:
        raise QueryError(
            f"the query needs more than {limits.memory} of memory", remedy="narrow it, or raise --memory"
        ) from error
    except duckdb.PermissionException as error:
        raise QueryError(
            "a query has nothing but the catalogue in reach: no files, no network, no extensions",
            remedy="query the Parquet artifacts with the duckdb shell or Polars (docs/questions.md)",
        ) from error
    except duckdb.Error as error:
        text = re.sub(r"\s+LINE \d+:.*", "", str(error), flags=re.DOTALL) if "\n" in str(error) else str(error)
        place = re.search(r"LINE (\d+):", str(error))
        where = f" (line {place[1]})" if place and place[1] != "1" else ""
        raise QueryError(
            f"the query failed{where}: {text}", remedy="`code-index sql --list` shows the tables"
        ) from error


def _too_long(limits: Limits) -> QueryError:
    return QueryError(f"the query was stopped after {limits.seconds:g} s", remedy="narrow it, or raise --timeout")


def list_tables(layout: Layout) -> list[tuple[str, str]]:
    """Schema and name of every table of the catalogue. Raises NotBuiltError, QueryError."""
    with open_catalog(layout) as connection:
        rows = connection.execute("SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal").fetchall()
    return [(str(schema), str(table)) for schema, table in rows]


def verified_tables(layout: Layout) -> list[tuple[str, str]]:
    """The same, with every block of them read: DuckDB verifies their checksums. Raises duckdb.Error too."""
    tables = list_tables(layout)
    with open_catalog(layout) as connection:
        for schema, table in tables:
            connection.execute(f'SELECT bit_xor(hash(t)) FROM "{schema}"."{table}" t').fetchall()
    return tables


def describe_query(name: str) -> str:
    """The query that lists a table's columns; `name` with or without schema."""
    schema, _, table = name.rpartition(".")
    words = [word.replace("'", "''") for word in (schema, table)]
    narrowed = f"AND schema_name = '{words[0]}' " if schema else ""
    return (
        'SELECT schema_name AS "schema", column_name AS "column", data_type AS type, comment FROM duckdb_columns() '
        f"WHERE table_name = '{words[1]}' AND NOT internal {narrowed}ORDER BY schema_name, column_index"
    )


def write_rows(names: list[str], rows: Iterator[tuple[Any, ...]], form: Format, out: TextIO) -> None:
    """Writes a result as it comes; JSON and CSV hold every row, a table says where it was cut."""
    if form == "json":
        out.write("[")
        for number, row in enumerate(rows):
            out.write(",\n " if number else "")
            json.dump(dict(zip(names, row, strict=True)), out, default=str, ensure_ascii=False)
        out.write("]\n")
    elif form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
    else:
        _write_table(names, rows, out)


def _write_table(names: list[str], rows: Iterator[tuple[Any, ...]], out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    shown = 0
    for row in islice(rows, TABLE_ROWS):
        table.add_row(*("" if value is None else str(value) for value in row))
        shown += 1
    more = sum(1 for _ in rows)
    console = Console(file=out)
    console.print(table)
    console.print(
        f"{shown} rows" if not more else f"the first {shown:,} of {shown + more:,} rows (--format csv has all)",
        style="dim",
    )


def write_parquet(names: list[str], rows: Iterator[tuple[Any, ...]], path: Path) -> int:
    """Writes a result as Parquet, whole or not at all; returns its rows. Column names must differ."""
    import polars as pl

    if len(set(names)) != len(names):
        raise QueryError("two columns have the same name", remedy="name them apart with AS")
    frames = []
    while batch := list(islice(rows, 50 * BATCH)):
        frames.append(pl.DataFrame(batch, schema=names, orient="row", infer_schema_length=None))
    frame = (
        pl.concat(frames, how="vertical_relaxed") if frames else pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    )
    part = path.with_name(f".{path.name}.part")
    try:
        frame.write_parquet(part)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise QueryError(f"{path} cannot be written: {error.strerror}") from error
    return frame.height
