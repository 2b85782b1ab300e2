"""Helpers: parse a text, see rows by column name, check the laws every parse must keep."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from unittest import mock

from code_index_assets.chunking import single
from code_index_assets.chunking.context import ProjectContext
from code_index_assets.chunking.parse import ChunkOptions, SourceFile, parse_file
from code_index_assets.tables import CHUNKS, DIAGNOSTICS, IMPORTS, REFERENCES, SYMBOLS, Table

OPTIONS = ChunkOptions()


class Parsed:
    """A parsed text; rows as dictionaries."""

    def __init__(
        self,
        language: str | None,
        text: str,
        path: str = "file",
        context: ProjectContext | None = None,
        options: ChunkOptions = OPTIONS,
    ) -> None:
        self.file = SourceFile(path, "0" * 40, language, text)
        self.options = options
        # In a run a file is alone in a small process. Here the collector may take a second of CPU in the middle of it.
        with mock.patch.object(single, "FLOOR_SECONDS", 30.0):
            self.rows = parse_file(self.file, options, context)
        self.chunks = self._named(CHUNKS, self.rows.chunks)
        self.symbols = self._named(SYMBOLS, self.rows.symbols)
        self.imports = self._named(IMPORTS, self.rows.imports)
        self.references = {row["name"]: row["lines"] for row in self._named(REFERENCES, self.rows.references)}
        self.codes = [row["code"] for row in self._named(DIAGNOSTICS, self.rows.diagnostics)]

    @staticmethod
    def _named(table: Table, rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
        return [dict(zip([c.name for c in table.columns], row, strict=True)) for row in rows]

    def symbol(self, qualified: str, kind: str | None = None) -> dict[str, Any]:
        found = [s for s in self.symbols if s["qualified_name"] == qualified and kind in (None, s["kind"])]
        assert found, f"no {kind or 'symbol'} {qualified}; there are {sorted(self.names())}"
        return found[0]

    def names(self) -> set[tuple[str, str]]:
        return {(s["kind"], s["qualified_name"]) for s in self.symbols}

    def check_laws(self) -> None:
        """Chunks are exact slices in order without overlap, within bounds, and cover every line that is not blank."""
        raw = self.file.text.encode("utf-8", "replace")
        covered = bytearray(len(raw))
        at = 0
        for ordinal, chunk in enumerate(self.chunks):
            start, end = chunk["start_byte"], chunk["end_byte"]
            assert at <= start < end <= len(raw)
            assert chunk["ordinal"] == ordinal
            assert chunk["text"].encode() == raw[start:end]
            assert chunk["start_line"] == raw.count(b"\n", 0, start) + 1
            assert chunk["end_line"] == raw.count(b"\n", 0, end - 1) + 1
            assert sum(not c.isspace() for c in chunk["text"]) <= self.options.max_chars
            covered[start:end] = b"\1" * (end - start)
            at = end
        for offset, byte in enumerate(raw):
            assert covered[offset] or bytes([byte]).isspace(), f"byte {offset} is in no chunk"
        for rows, key in ((self.chunks, "chunk_id"), (self.symbols, "symbol_id")):
            ids = [row[key] for row in rows]
            assert len(ids) == len(set(ids))
