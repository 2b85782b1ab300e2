"""One file to chunks, symbols, imports and references.

What lives here: `parse_file` and the rows it makes. Many files: `batch.py`. What does not: reading
files, selecting them, removing secrets (`sources/`), storing rows (`assets/`).
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from ..fingerprint import digest, fingerprint
from . import grammars
from .context import EMPTY, ProjectContext
from .outline import Outline, outline
from .plugins import QUERIES, Plugin, plugin
from .references import MAX_NAME, hidden_spans, references
from .splitter import Piece, Splitter

CHUNKER_VERSION = "1"

# Below this the parser gets the bytes at once: reading through a callback, which is what makes a time limit possible,
# costs 13 % on small files, and no grammar needs seconds for so little.
CALLBACK_BYTES = 16_384
READ_BYTES = 1 << 16

Row = tuple[Any, ...]


@dataclass(frozen=True)
class SourceFile:
    """One file to parse: its text decoded, secrets already removed."""

    path: str
    blob: str
    language: str | None
    text: str


@dataclass(frozen=True)
class ChunkOptions:
    """Sizes in characters that are not white space; the time one file may take."""

    max_chars: int = 1500
    min_chars: int = 100
    timeout_seconds: float = 5.0


@dataclass
class ParsedFile:
    """Rows of the tables of the same names in `tables.py`, as tuples in column order."""

    chunks: list[Row] = field(default_factory=list)
    symbols: list[Row] = field(default_factory=list)
    imports: list[Row] = field(default_factory=list)
    references: list[Row] = field(default_factory=list)
    diagnostics: list[Row] = field(default_factory=list)


class TimedOutError(Exception):
    """A file took longer than its limit."""


def parse_file(file: SourceFile, options: ChunkOptions, context: ProjectContext | None = None) -> ParsedFile:
    """Chunks, symbols, imports, references and diagnostics of one file. Never raises on any input.

    A file without grammar, one that takes too long or one whose parser fails comes back as chunks of lines and a
    diagnostic that says so.
    """
    found = ParsedFile()
    raw = file.text.encode("utf-8", "replace")
    lines = line_starts(raw)
    splitter = Splitter(raw, lines, options.max_chars, options.min_chars)
    if file.language is None:
        _rows(found, file, raw, lines, None, splitter.split(0, len(raw), (), None), "lines")
        return found
    try:
        _parse(found, file, raw, lines, splitter, options, context or EMPTY)
        return found
    except grammars.GrammarMissingError as error:
        code, detail = "no_grammar", str(error)
    except TimedOutError:
        code, detail = "timeout", f"took more than {options.timeout_seconds:g} s"
    except Exception as error:  # a file must never stop a run, whatever a grammar or a rule does with it
        code, detail = "crashed", f"{type(error).__name__}: {error}"[:200]
    found = ParsedFile(diagnostics=[(file.path, code, detail)])
    _rows(found, file, raw, lines, None, splitter.split(0, len(raw), (), None), "lines")
    return found


def _parse(
    found: ParsedFile,
    file: SourceFile,
    raw: bytes,
    lines: list[int],
    splitter: Splitter,
    options: ChunkOptions,
    context: ProjectContext,
) -> None:
    assert file.language is not None
    plug = plugin(file.language)
    deadline = time.monotonic() + options.timeout_seconds
    tree, expired = syntax_tree(raw, plug, deadline)
    root = tree.root_node
    view = outline(file.path, raw, root, plug, context)
    if expired is not None and expired():
        raise TimedOutError
    if root.has_error:
        found.diagnostics.append((file.path, "syntax_errors", None))
    pieces = splitter.split(0, len(raw), view.definitions, root)
    _rows(found, file, raw, lines, view, pieces, "tree-sitter")
    _symbol_rows(found, file, lines, view)
    _import_rows(found, file, lines, view, context)
    _reference_rows(found, file, view)


def syntax_tree(raw: bytes, plug: Plugin, deadline: float) -> tuple[Any, Callable[..., bool] | None]:
    """The syntax tree, and the question "is time up?" where the text is long enough to need one.

    Raises TimedOutError.
    """
    from tree_sitter import Parser

    parser = Parser(plug.language)
    if len(raw) < CALLBACK_BYTES:
        return parser.parse(raw), None

    def expired(*_: Any) -> bool:
        return time.monotonic() > deadline

    def read(offset: int, _: Any) -> bytes:
        return raw[offset : offset + READ_BYTES]

    try:
        return parser.parse(read, progress_callback=expired), expired
    except ValueError:
        raise TimedOutError from None


def line_starts(raw: bytes) -> list[int]:
    """Offsets where lines begin; the first is 0. Lines end at '\\n' alone."""
    parts = raw.split(b"\n")
    starts = [0]
    starts.extend(accumulate([len(part) + 1 for part in parts[:-1]]))
    return starts


def _rows(
    found: ParsedFile,
    file: SourceFile,
    raw: bytes,
    lines: list[int],
    view: Outline | None,
    pieces: list[Piece],
    parser: str,
) -> None:
    """Chunk rows of pieces."""
    path, blob, language = file.path, file.blob, file.language
    plain = len(raw) == len(file.text)
    text = file.text
    definitions = view.definitions if view is not None else []
    seen: Counter[tuple[str, str, str]] = Counter()
    at = 0
    for ordinal, piece in enumerate(pieces):
        start, end, owner = piece.start, piece.end, piece.owner
        body = text[start:end] if plain else raw[start:end].decode("utf-8")
        names: list[str] = []
        while at < len(definitions) and definitions[at].name_start < end:
            if definitions[at].name_start >= start:
                names.append(definitions[at].name)
            at += 1
        if owner is None:
            kind = "lines" if view is None else "block"
            name = qualified = local = signature = doc = None
        else:
            kind, name, qualified, local = owner.kind, owner.name, owner.qualified, owner.local
            signature, doc = owner.signature, owner.doc
        text_hash = digest(body)
        key = (kind, qualified or "", text_hash)
        number = seen[key]
        seen[key] += 1
        found.chunks.append(
            (
                digest(path, kind, qualified or "", text_hash, str(number)),
                path,
                blob,
                ordinal,
                bisect_right(lines, start),
                bisect_right(lines, max(start, end - 1)),
                start,
                end,
                language,
                kind,
                name,
                qualified,
                local,
                signature,
                doc,
                list(dict.fromkeys(names)),
                body,
                text_hash,
                parser,
            )
        )


def _symbol_rows(found: ParsedFile, file: SourceFile, lines: list[int], view: Outline) -> None:
    path = file.path
    seen: Counter[tuple[str, str]] = Counter()
    for d in view.definitions:
        key = (d.kind, d.qualified)
        number = seen[key]
        seen[key] += 1
        found.symbols.append(
            (
                digest(path, d.kind, d.qualified, str(number)),
                path,
                d.name,
                d.qualified,
                d.local,
                d.kind,
                file.language,
                bisect_right(lines, d.start),
                bisect_right(lines, max(d.start, d.end - 1)),
                d.signature,
                d.doc,
                d.parent.qualified if d.parent is not None else (view.module or None),
                d.visibility,
                d.decorators,
                d.extends,
                d.facts,
            )
        )


def _import_rows(found: ParsedFile, file: SourceFile, lines: list[int], view: Outline, context: ProjectContext) -> None:
    resolve = view.plugin.facts.resolve
    for item in sorted(view.imports, key=lambda i: i.start):
        resolved = item.resolved
        if resolved is None and resolve is not None and context.paths:
            resolved = resolve(file.path, item.module, context)
        found.imports.append((file.path, bisect_right(lines, item.start), item.module, item.name, item.alias, resolved))


def _reference_rows(found: ParsedFile, file: SourceFile, view: Outline) -> None:
    names = [(d.name_start, d.name_start + len(d.name.encode())) for d in view.definitions]
    hidden = hidden_spans(names, view.comments, view.masks)
    path = file.path
    for name, at in references(view.raw, hidden, view.plugin.keywords).items():
        if len(name) <= MAX_NAME:
            found.references.append((path, name.decode("utf-8", "replace"), at))


def parser_fingerprint(options: ChunkOptions) -> str:
    """Fingerprint of everything chunks depend on beside the file and its context."""
    queries = {file.name: digest(file.read_bytes()) for file in sorted(QUERIES.glob("*.scm"))}
    facts = {
        str(file.relative_to(QUERIES.parent)): digest(file.read_bytes())
        for file in sorted((QUERIES.parent / "languages").glob("*.py"))
    }
    return fingerprint(
        {
            "chunker": CHUNKER_VERSION,
            "grammars": grammars.versions(),
            "queries": queries,
            "languages": facts,
            "max_chars": options.max_chars,
            "min_chars": options.min_chars,
        }
    )
