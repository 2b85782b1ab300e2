"""Asking the catalogue: one read-only query with nothing but the catalogue in reach.

What lives here: opening the live catalogue, running a query under limits, what users read of its errors, writing
results row by row. What does not: the process a query runs in (`query_process.py`), building it (`catalog.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb

from ..errors import NotBuiltError, QueryError
from ..storage.layout import Layout
from .query_child import QueryProcess
from .query_process import connected

BATCH = 2_000

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
    """The live catalogue, read-only; no files, no network, no extensions. Raises NotBuiltError, QueryError.

    For queries of our own: `run_query` runs those of others.
    """
    _require_catalog(layout)
    try:
        with connected(layout.catalog, memory) as connection:
            yield connection
    except duckdb.IOException as error:
        raise _not_opened(layout, str(error)) from error


def _require_catalog(layout: Layout) -> None:
    if not layout.catalog.exists():
        raise NotBuiltError("there is no catalogue yet", remedy="run `code-index index`, or materialize `catalog`")


def _not_opened(layout: Layout, why: str) -> QueryError:
    return QueryError(
        f"the catalogue {layout.catalog} could not be opened: {why}", remedy="`code-index index NAME` builds it anew"
    )


@contextmanager
def run_query(
    layout: Layout, sql: str, limits: Limits | None = None
) -> Iterator[tuple[list[str], Iterator[tuple[Any, ...]]]]:
    """Column names and rows of one query, read as they are taken.

    The query runs in a separate process, which is ended when the time is up and cannot take more memory than it may
    (`query_process.py`). Raises QueryError: not one SELECT, wrong, too long, too much memory, more rows than allowed;
    NotBuiltError. The clock covers the reading as well.
    """
    limits = limits or Limits()
    _require_catalog(layout)
    question = {
        "catalog": str(layout.catalog), "sql": sql, "memory": limits.memory, "seconds": limits.seconds,
        "memory_bytes": memory_bytes(limits.memory),
    }  # fmt: skip
    with QueryProcess(question, limits.seconds) as process:
        frames = _frames(process, layout, limits)
        names = next(frames)[1]
        yield names, _rows(frames, limits)


def _frames(process: QueryProcess, layout: Layout, limits: Limits) -> Iterator[tuple[Any, ...]]:
    """The frames of an answer up to its end. Raises QueryError for the one that is an error."""
    while True:
        try:
            frame = process.frame()
        except TimeoutError:
            raise QueryError(
                f"the query was stopped after {limits.seconds:g} s", remedy="narrow it, or raise --timeout"
            ) from None
        except EOFError:
            raise _too_much_memory(limits) from None
        if frame[0] == "error":
            raise _translated(frame[1], frame[2], layout, limits)
        if frame[0] == "end":
            return
        yield frame


def _rows(frames: Iterator[tuple[Any, ...]], limits: Limits) -> Iterator[tuple[Any, ...]]:
    count = 0
    for _, batch in frames:
        count += len(batch)
        if limits.rows is not None and count > limits.rows:
            yield from batch[: len(batch) - (count - limits.rows)]
            raise QueryError(
                f"the result has more than {limits.rows:,} rows: what was written is not all of it",
                remedy="add LIMIT to the query, or raise --max-rows",
            )
        yield from batch


def memory_bytes(text: str) -> int:
    """The bytes of a size as DuckDB writes it (`1GB`, `512 MiB`). Raises QueryError."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", text, re.IGNORECASE)
    power = "kmgt".find(match[2].lower()) + 1 if match and match[2] else 0
    size = int(float(match[1]) * (1024 if match[3] else 1000) ** power) if match else 0
    if size < 1_000_000:
        raise QueryError(f"{text!r} is no size of memory a query can run in", remedy="write --memory 1GB or 512MB")
    return size


def _too_much_memory(limits: Limits) -> QueryError:
    return QueryError(f"the query needs more than {limits.memory} of memory", remedy="narrow it, or raise --memory")


def _translated(kind: str, text: str, layout: Layout, limits: Limits) -> QueryError:
    if kind == "memory":
        return _too_much_memory(limits)
    if kind == "unreadable":
        return QueryError(f"the query cannot be read: {text}", remedy="it is DuckDB's SQL")
    if kind == "several":
        return QueryError(f"one query at a time: these are {text} statements", remedy="run them one after the other")
    if kind == "writing":
        return QueryError(
            f"the catalogue is only read: {text} is not allowed",
            remedy="use SELECT, DESCRIBE, SHOW, SUMMARIZE, or EXPLAIN of a SELECT; copy catalog.duckdb to change it",
        )
    if kind == "wide":
        return QueryError("a row of the result is larger than 64 MB", remedy="select less of it: left(), substring()")
    if kind == "permission":
        return QueryError(
            "a query has nothing but the catalogue in reach: no files, no network, no extensions",
            remedy="query the Parquet artifacts with the duckdb shell or Polars (docs/questions.md)",
        )
    if text.startswith("IO Error") and str(layout.catalog) in text:
        return _not_opened(layout, text)
    place = re.search(r"LINE (\d+):", text)
    where = f" (line {place[1]})" if place and place[1] != "1" else ""
    message = re.sub(r"\s+LINE \d+:.*", "", text, flags=re.DOTALL) if "\n" in text else text
    return QueryError(f"the query failed{where}: {message}", remedy="`code-index sql --list` shows the tables")


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


def export_marts(layout: Layout, folder: Path, limits: Limits) -> Iterator[tuple[str, int]]:
    """Writes every mart into a folder, `<name>.parquet` each; yields file names and rows. Raises as `run_query`."""
    folder.mkdir(parents=True, exist_ok=True)
    with open_catalog(layout) as connection:
        marts = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'marts' UNION "
            "SELECT view_name FROM duckdb_views() WHERE schema_name = 'marts' ORDER BY 1"
        ).fetchall()
    for (name,) in marts:
        part = folder / f".{name}.parquet-part"
        try:
            with run_query(layout, f'SELECT * FROM marts."{name}"', limits) as (names, rows):
                count = write_parquet(names, rows, part)
            part.replace(folder / f"{name}.parquet")
        finally:
            part.unlink(missing_ok=True)
        yield f"{name}.parquet", count
