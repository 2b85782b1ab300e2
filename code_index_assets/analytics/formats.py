"""Rows of a query as text: a table for people, TSV for pipes, CSV, JSON, and a line for each column.

What lives here: writing them as they come. What does not: the query (`query.py`) and Parquet, which is not text.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, Literal, TextIO

Format = Literal["table", "tsv", "vertical", "json", "csv", "parquet"]
TABLE_ROWS = 1_000
# As PostgreSQL and MySQL write them: a row is a line, and a column ends at a tab.
_ESCAPED = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def write_rows(names: list[str], rows: Iterator[tuple[Any, ...]], form: Format, out: TextIO) -> None:
    """Writes a result as it comes; all forms hold every row, but a table says where it was cut."""
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
    elif form == "tsv":
        out.write("\t".join(_cell(name) for name in names) + "\n")
        for row in rows:
            out.write("\t".join(_cell(value) for value in row) + "\n")
    elif form == "vertical":
        _write_vertical(names, rows, out)
    else:
        _write_table(names, rows, out)


def _cell(value: Any) -> str:
    return "" if value is None else str(value).translate(_ESCAPED)


def _write_vertical(names: list[str], rows: Iterator[tuple[Any, ...]], out: TextIO) -> None:
    width = max((len(name) for name in names), default=0)
    for number, row in enumerate(rows, 1):
        out.write(f"{f'-- row {number:,} ':-<{width + 20}}\n")
        for name, value in zip(names, row, strict=True):
            # Further lines of a value stand below its first one.
            text = ("" if value is None else str(value)).replace("\n", "\n" + " " * (width + 2))
            out.write(f"{name:>{width}}: {text}".rstrip() + "\n")


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
