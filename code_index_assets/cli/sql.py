"""The `sql` command: questions to the catalogue."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast, get_args

import click

from ..analytics.formats import Format, write_rows
from ..analytics.lag import catalogue_lag, wait_for_catalogue
from ..errors import BehindError, QueryError
from ..settings import load_settings
from ..storage.layout import Layout
from ..workers.catalogue_follower import follow_catalogue

FORMATS = get_args(Format)
EXAMPLES = """\
Which repositories are there?        SELECT * FROM marts.repository_overview
Who defines a name?                  SELECT * FROM marts.symbol_definitions WHERE name = 'connect'
Who mentions it?                     SELECT * FROM marts.symbol_mentions WHERE name = 'connect'
Where does work gather?              SELECT * FROM marts.hot_spots ORDER BY score DESC LIMIT 20
What is asked in vain?               SELECT * FROM marts.usage_empty ORDER BY asked_at DESC LIMIT 20
Uses of names (the word REFERENCES   SELECT * FROM staging.stg_references LIMIT 20
is SQL's own: the raw table is raw.references_)"""


@click.command("sql")
@click.argument("query", required=False)
@click.option(
    "--file", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Read it from a file."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="How the rows are written [default: by the ending of --output, else a table, in a pipe tsv].",
)
@click.option("--vertical", is_flag=True, help="A line for each column of each row: for wide rows (--format vertical).")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json; errors are JSON too.")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.option("--list", "listing", is_flag=True, help="List the tables and what they hold.")
@click.option("--describe", metavar="TABLE", help="Show a table's columns and what they mean.")
@click.option(
    "--export",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write every mart into this folder, as a Parquet file each.",
)
@click.option("--examples", is_flag=True, help="Show queries to begin with.")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds after which the query is stopped.")
@click.option("--memory", default="1GB", show_default=True, help="Memory the query may take.")
@click.option("--wait", default=10.0, show_default=True, help="Seconds to wait for a catalogue that is behind.")
@click.option("--fresh", is_flag=True, help="Fail with exit code 5 rather than answer from a catalogue that is behind.")
@click.option("--max-rows", type=click.IntRange(min=1), help="Fail if there are more rows (default: no limit).")
def sql_command(
    query: str | None, path: Path | None, form: Format | None, vertical: bool, as_json: bool, output: Path | None,
    listing: bool, describe: str | None, folder: Path | None, examples: bool,
    timeout: float, memory: str, wait: float, fresh: bool, max_rows: int | None,
) -> None:  # fmt: skip
    """Ask the catalogue one SQL QUERY ("-" reads it from standard input, a *.sql path from that file).

    It only reads, and has nothing but the catalogue in reach: no files, no network.
    """
    from ..analytics.query import LIST_TABLES, Limits, describe_query, export_marts, run_query, write_parquet

    if examples:
        click.echo(EXAMPLES)
        return
    if folder is not None:
        layout = Layout(load_settings().data).check()
        _wait(layout, wait, fresh=fresh)
        for name, count in export_marts(layout, folder, Limits(timeout, memory, max_rows)):
            click.echo(f"{count:,} rows in {folder / name}", err=True)
        return
    text = _text(query, path)
    if listing:
        text = LIST_TABLES
    elif describe:
        text = describe_query(describe)
    if not text:
        raise click.UsageError("give a query, --file, --list or --describe TABLE")
    form = _form(form, vertical, as_json, output)
    if form == "parquet" and output is None:
        raise click.UsageError("--format parquet needs --output FILE")
    layout = Layout(load_settings().data).check()
    _wait(layout, wait, fresh=fresh)
    with run_query(layout, text, Limits(timeout, memory, max_rows)) as (names, rows):
        if form == "parquet" and output is not None:
            click.echo(f"{write_parquet(names, rows, output):,} rows in {output}", err=True)
        elif output is not None:
            with output.open("w", encoding="utf-8") as stream:
                write_rows(names, rows, form, stream)
        else:
            first = next(rows, None)
            if describe and first is None:
                raise QueryError(f"there is no table {describe}", remedy="`code-index sql --list` shows the tables")
            write_rows(names, _again(first, rows), form, sys.stdout)


def _wait(layout: Layout, seconds: float, *, fresh: bool) -> None:
    """Waits for the catalogue to hold what is published; says what it lacks, or with `fresh` raises BehindError."""
    if not layout.catalog.exists():
        return  # the query says what to do
    lag = catalogue_lag(layout)
    if lag.behind_publications and seconds > 0:
        follow_catalogue(layout)
        lag = wait_for_catalogue(layout, seconds)
    if not lag.behind_publications:
        return
    what = f"the catalogue lacks {lag.behind_publications:,} publications, the oldest {lag.behind_seconds:,.0f} s old"
    if fresh:
        raise BehindError(what, remedy="wait longer (--wait SECONDS), or build it now: code-index catalog")
    click.echo(f"note: {what}", err=True)


def _form(form: Format | None, vertical: bool, as_json: bool, output: Path | None) -> Format:
    """How the rows are written. Raises UsageError for options that contradict each other."""
    forms: list[Format] = [form] if form else []
    forms += ["vertical"] if vertical else []
    forms += ["json"] if as_json else []
    if len(set(forms)) > 1:
        raise click.UsageError(f"the rows can be written as {' or as '.join(forms)}, not as both")
    if forms:
        return forms[0]
    ending = output.suffix.removeprefix(".") if output is not None else ""
    if ending in ("json", "csv", "tsv", "parquet"):
        return cast(Format, ending)
    return "table" if output is not None or sys.stdout.isatty() else "tsv"


def _text(query: str | None, path: Path | None) -> str | None:
    if path is not None:
        return path.read_text()
    if query == "-":
        return sys.stdin.read()
    if query and query.endswith(".sql") and Path(query).is_file():
        return Path(query).read_text()
    return query


def _again(first: tuple[Any, ...] | None, rows: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    if first is not None:
        yield first
        yield from rows
