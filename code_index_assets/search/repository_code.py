"""The definitions, imports and names of one published repository, looked up by path and by name.

What lives here: `RepositoryCode`, kept in this process for the repositories asked about last. What does not: resolved
edges (`graphs.py`), chunks and texts (`files.py`), answers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..index.manifest import Receipt
from ..storage.layout import Layout
from .graphs import CodeGraph, graph_of
from .tables import PublishedTables

if TYPE_CHECKING:
    import polars as pl

KEPT = 4
SYMBOL_COLUMNS = (
    "path", "name", "qualified_name", "kind", "language", "start_line", "end_line", "signature", "decorators",
)  # fmt: skip


@dataclass(frozen=True)
class Symbol:
    """A definition as the chunker read it."""

    path: str
    name: str
    qualified_name: str
    kind: str
    language: str
    start_line: int
    end_line: int
    signature: str | None
    decorators: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[str, int, int]:
        """File, first and last line."""
        return self.path, self.start_line, self.end_line

    @property
    def line(self) -> str:
        """The signature on one line, or what is known in place of it."""
        return " ".join((self.signature or f"{self.kind} {self.name}").split())


class RepositoryCode:
    """Lookups in one published repository. Tables are read when they are first needed."""

    def __init__(self, layout: Layout, receipt: Receipt) -> None:
        self.receipt = receipt
        self._layout = layout
        self._tables = PublishedTables(layout, {receipt.key: receipt})
        self._symbols_of: dict[str, tuple[Symbol, ...]] = {}

    @property
    def graph(self) -> CodeGraph:
        """The resolver's graph. Raises SnapshotGoneError, CorruptArtifactError."""
        return graph_of(self._layout, self.receipt)

    def role(self, path: str) -> str:
        """The role of a file, such as source, test or docs."""
        return self.paths.get(path, "source")

    # -- definitions ---------------------------------------------------------------------------------------------------

    @cached_property
    def _symbols(self) -> pl.DataFrame:
        return self._tables.scan("symbols").select(SYMBOL_COLUMNS).sort("path", "start_line", "end_line").collect()

    @cached_property
    def _symbol_names(self) -> _Rows:
        import polars as pl

        names = self._symbols.select("name", row=pl.int_range(pl.len())).sort("name", "row")
        return _Rows(names, "name")

    @cached_property
    def _symbol_paths(self) -> _Rows:
        return _Rows(self._symbols, "path")

    def symbols_of(self, path: str) -> tuple[Symbol, ...]:
        """The definitions of a file, by line; what encloses others comes before them."""
        if path not in self._symbols_of:
            made = [_symbol(row) for row in self._symbol_paths.of(path).iter_rows()]
            self._symbols_of[path] = tuple(sorted(made, key=lambda s: (s.start_line, -s.end_line)))
        return self._symbols_of[path]

    def all_symbols(self) -> pl.DataFrame:
        """Every definition, by path and line."""
        return self._symbols

    def named(self, name: str, most: int) -> tuple[Symbol, ...]:
        """The definitions of a name; none if there are more than `most`."""
        if not 0 < self._symbol_names.count(name) <= most:
            return ()
        rows = self._symbol_names.of(name).get_column("row").to_list()
        return tuple(_symbol(self._symbols.row(row)) for row in rows)

    def around(self, path: str, line: int, name: str = "") -> Symbol | None:
        """The innermost definition around a line, the one of a name first."""
        inside = [s for s in self.symbols_of(path) if s.start_line <= line <= s.end_line]
        called = [s for s in inside if s.name == name]
        return (called or inside or [None])[-1]  # type: ignore[list-item]

    # -- names and imports ---------------------------------------------------------------------------------------------

    @cached_property
    def _uses(self) -> pl.DataFrame:
        return self._tables.scan("references").select("path", "name", "lines").sort("name", "path").collect()

    @cached_property
    def _use_names(self) -> _Rows:
        return _Rows(self._uses, "name")

    @cached_property
    def _use_paths(self) -> _Rows:
        return _Rows(self._uses.sort("path", "name"), "path")

    def user_count(self, name: str) -> int:
        """How many files mention a name."""
        return self._use_names.count(name)

    def users(self, name: str, most: int) -> list[tuple[str, list[int]]]:
        """Files that mention a name, with the lines; none if there are more than `most`."""
        if not 0 < self.user_count(name) <= most:
            return []
        return list(self._use_names.of(name).select("path", "lines").iter_rows())

    def names_in(self, path: str, first: int, last: int) -> list[tuple[str, int]]:
        """Names that lines of a file mention, each with the first of these lines."""
        rows = self._use_paths.of(path).select("name", "lines")
        return [
            (name, hit)
            for name, lines in rows.iter_rows()
            if (hit := next((line for line in lines if first <= line <= last), 0))
        ]

    def uses(self) -> pl.DataFrame:
        """Every mention: path, name, lines."""
        return self._uses

    @cached_property
    def imports(self) -> pl.DataFrame:
        """Imports that lead to files of the repository: path, line, resolved."""
        import polars as pl

        scan = self._tables.scan("imports").select("path", "line", "resolved")
        return scan.filter(pl.col("resolved").is_not_null() & (pl.col("resolved") != pl.col("path"))).collect()

    def imported_modules(self) -> list[tuple[str, str]]:
        """Files, each with a module that it imports as it is written there."""
        scan = self._tables.scan("imports").select("path", "module").unique()
        return list(scan.sort("path", "module").collect().iter_rows())

    @cached_property
    def languages(self) -> dict[str, str | None]:
        """The language of every kept file."""
        return {path: language for path, _, language in self._files}

    @cached_property
    def _files(self) -> list[tuple[str, str, str | None]]:
        import polars as pl

        kept = self._tables.scan("files").filter(pl.col("status") == "kept")
        return list(kept.select("path", "role", "language").sort("path").collect().iter_rows())

    # -- texts ---------------------------------------------------------------------------------------------------------

    def texts(self, paths: Iterable[str]) -> dict[str, list[tuple[int, int, str]]]:
        """The chunks of files, by line: first line, last line, text. Only the buckets of these files are read."""
        wanted = [(self.receipt.key, path) for path in dict.fromkeys(paths)]
        if not wanted:
            return {}
        columns = ("path", "start_line", "end_line", "text", "start_byte")
        rows = self._tables.scan_paths("chunks", wanted).select(columns).sort("path", "start_byte").collect()
        found: dict[str, list[tuple[int, int, str]]] = {}
        for path, start, end, text, _ in rows.iter_rows():
            found.setdefault(path, []).append((start, end, text))
        return found

    def chunks(self) -> pl.LazyFrame:
        """Every chunk, not read yet."""
        return self._tables.scan("chunks")

    @cached_property
    def paths(self) -> Mapping[str, str]:
        """The role of every kept file by its path."""
        return {path: role for path, role, _ in self._files}


class _Rows:
    """The rows of a frame that is sorted by a text, by that text."""

    def __init__(self, frame: pl.DataFrame, text: str) -> None:
        self._frame = frame
        self._at: dict[str, tuple[int, int]] = {}
        first = 0
        # A dictionary: searching in a sorted column costs half a millisecond a name.
        for value, count in frame.group_by(text, maintain_order=True).len().iter_rows():
            self._at[value] = (first, count)
            first += count

    def count(self, text: str) -> int:
        return self._at.get(text, (0, 0))[1]

    def of(self, text: str) -> pl.DataFrame:
        first, count = self._at.get(text, (0, 0))
        return self._frame.slice(first, count)


def _symbol(row: tuple[object, ...]) -> Symbol:
    *fields, decorators = row
    return Symbol(*(*fields, tuple(decorators or ())))  # type: ignore[arg-type]


_opened: dict[tuple[Path, str, str], RepositoryCode] = {}


def code_of(layout: Layout, receipt: Receipt) -> RepositoryCode:
    """The code of a published repository; those asked about last stay open in this process."""
    name = (layout.root, receipt.key, receipt.artifacts.get("chunks", ""))
    code = _opened.pop(name, None) or RepositoryCode(layout, receipt)
    while len(_opened) >= KEPT:
        _opened.pop(next(iter(_opened)))
    _opened[name] = code
    return code


def lines_of(chunks: list[tuple[int, int, str]], first: int, last: int) -> str:
    """Lines of a file from its chunks, which cover every line that is not blank."""
    found: dict[int, str] = {}
    starts = [start for start, _, _ in chunks]
    for number in range(max(bisect_right(starts, first) - 1, 0), len(chunks)):
        start, end, text = chunks[number]
        if start > last:
            break
        if end < first:
            continue
        for line, content in enumerate(text.split("\n"), start):
            # Two chunks may share a line: `a(); b();`
            found[line] = found[line] + content if line in found else content
    # An early chunk may be longer than those after it.
    for start, end, text in chunks[: max(bisect_right(starts, first) - 1, 0)]:
        if end >= first:
            for line, content in enumerate(text.split("\n"), start):
                found.setdefault(line, content)
    return "\n".join(found.get(line, "") for line in range(first, last + 1))
