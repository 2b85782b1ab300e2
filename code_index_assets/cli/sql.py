"""The `sql` command: questions to the catalogue."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..layout import Layout
from ..settings import load_settings


@click.command("sql")
@click.argument("query", required=False)
@click.option(
    "--file", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Read it from a file."
)
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@click.option("--list", "listing", is_flag=True, help="List the tables and what they hold.")
@click.option("--describe", metavar="TABLE", help="Show a table's columns and what they mean.")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds after which the query is stopped.")
def sql_command(
    query: str | None, path: Path | None, form: str, listing: bool, describe: str | None, timeout: float
) -> None:
    """Ask the catalogue one SQL QUERY ("-" reads it from standard input)."""
    from ..analytics.query import run_query, write_rows

    if listing:
        query = 'SELECT table_name AS "table", estimated_size AS rows, comment FROM duckdb_tables() ORDER BY 1'
    elif describe:
        name = describe.replace("'", "''")
        query = (
            'SELECT column_name AS "column", data_type AS type, comment FROM duckdb_columns() '  # noqa: S608
            f"WHERE table_name = '{name}' ORDER BY column_index"
        )
    elif path is not None:
        query = path.read_text()
    elif query == "-":
        query = sys.stdin.read()
    if not query:
        raise click.UsageError("give a query, --file, --list or --describe TABLE")
    names, rows = run_query(Layout(load_settings().data).check(), query, seconds=timeout)
    write_rows(names, rows, form, sys.stdout)  # type: ignore[arg-type]
