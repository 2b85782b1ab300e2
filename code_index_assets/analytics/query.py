"""Asking the catalogue: read-only SQL with nothing but the catalogue in reach.

What lives here: opening the live catalogue, running a query under limits, writing results. What does not: building it.
"""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TextIO

import duckdb

from ..errors import NotBuiltError, QueryError
from ..layout import Layout

Format = Literal["table", "json", "csv"]


@contextmanager
def open_catalog(layout: Layout, *, memory: str = "1GB") -> Iterator[duckdb.DuckDBPyConnection]:
    """The live catalogue, read-only; no files, no network, no extensions. Raises NotBuiltError."""
    if not layout.catalog.exists():
        raise NotBuiltError("there is no catalogue yet", remedy="run `code-index index`, or materialize `catalog`")
    config: dict[str, Any] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": memory,
    }
    connection = duckdb.connect(str(layout.catalog), read_only=True, config=config)
    try:
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


def run_query(layout: Layout, sql: str, *, seconds: float = 60.0) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Column names and rows of one query. Raises QueryError, also when it takes longer than `seconds`."""
    with open_catalog(layout) as connection:
        stop = threading.Timer(seconds, connection.interrupt)
        stop.start()
        try:
            result = connection.execute(sql)
            names = [column[0] for column in result.description or []]
            return names, result.fetchall()
        except duckdb.InterruptException as error:
            raise QueryError(
                f"the query was stopped after {seconds:.0f} s", remedy="narrow it, or raise --timeout"
            ) from error
        except duckdb.Error as error:
            raise QueryError(f"the query failed: {error}", remedy="`code-index sql --list` shows the tables") from error
        finally:
            stop.cancel()


def write_rows(names: list[str], rows: list[tuple[Any, ...]], form: Format, out: TextIO) -> None:
    """Writes a result; JSON and CSV hold every row."""
    if form == "json":
        json.dump([dict(zip(names, row, strict=True)) for row in rows], out, default=str, ensure_ascii=False)
        out.write("\n")
    elif form == "csv":
        writer = csv.writer(out)
        writer.writerow(names)
        writer.writerows(rows)
    else:
        from rich.console import Console
        from rich.table import Table

        table = Table(show_edge=False)
        for name in names:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*("" if value is None else str(value) for value in row))
        console = Console(file=out)
        console.print(table)
        console.print(f"{len(rows)} rows", style="dim")
