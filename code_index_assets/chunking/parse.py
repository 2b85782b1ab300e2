"""The door of this room: files to chunks, symbols, imports and references.

What lives here: the names other rooms use. What does not: how it is done (`single.py` one file, `batch.py` many).
"""

from __future__ import annotations

from .batch import Mode, ParsedTables, core_count, parse_files
from .context import ProjectContext, project_context
from .single import CHUNKER_VERSION, ChunkOptions, ParsedFile, SourceFile, parse_file, parser_fingerprint

__all__ = [
    "CHUNKER_VERSION",
    "ChunkOptions",
    "Mode",
    "ParsedFile",
    "ParsedTables",
    "ProjectContext",
    "SourceFile",
    "core_count",
    "parse_file",
    "parse_files",
    "parser_fingerprint",
    "project_context",
]
