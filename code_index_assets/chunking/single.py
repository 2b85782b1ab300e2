"""One file to chunks, symbols, imports and references.

What lives here: `parse_file` and the rows it makes. Many files: `batch.py`. What does not: reading
files, selecting them, removing secrets (`sources/`), storing rows (`assets/`).
"""

from __future__ import annotations

import contextlib
import time
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from ..storage.fingerprint import digest, fingerprint
from . import grammars
from .code_facts import facts_of
from .context import EMPTY, ProjectContext
from .embedded import HOSTS, embed
from .facts import Outline, Plugin
from .outline import outline
from .plugins import QUERIES, plugin
from .recovery import error_bytes, recovered
from .references import MAX_NAME, hidden_spans, references
from .splitter import Piece, Splitter

CHUNKER_VERSION = "5"

# A query over one error node of 100,000 children takes 4.5 s (quadratic), and finds nothing in it.
MAX_ERROR_CHILDREN = 20_000

# CPU seconds that a file may take, below the limit that is set for any: of 22,040 files of 52 public repositories
# (203 MB) none under 1 KB took over 0.010 s, and none above took over 0.017 s a KB (docs/parsing.md).
FLOOR_SECONDS = 0.5
SECONDS_PER_KB = 0.25

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
    code_facts: list[Row] = field(default_factory=list)


class TooDeepError(Exception):
    """A file is nested so deeply that its grammar's scanner would crash the process, or all one error."""


class TimedOutError(Exception):
    """A file took longer than its limit."""


def parse_file(file: SourceFile, options: ChunkOptions, context: ProjectContext | None = None) -> ParsedFile:
    """Chunks, symbols, imports, references and diagnostics of one file. Never raises on any input.

    A file without grammar, one that takes too long or one whose parser fails comes back as chunks of lines and a
    diagnostic with the reason.
    """
    if file.language is None:
        return by_lines(file, options)
    try:
        return _parse(file, options, context or EMPTY)
    except grammars.GrammarMissingError as error:
        return given_up(file, options, "no_grammar", str(error))
    except TooDeepError:
        return given_up(file, options, "too_deep", "nested deeper than its grammar can follow")
    except TimedOutError:
        return given_up(file, options, "timeout", too_long(file, options))
    except MemoryError:
        return given_up(file, options, "memory", "needed more memory than a parser process may have")
    except Exception as error:  # a file must never stop a run, whatever a grammar or a rule does with it
        return given_up(file, options, "crashed", f"{type(error).__name__}: {error}"[:200])


def seconds_for(file: SourceFile, options: ChunkOptions) -> float:
    """CPU seconds that a file may take: in proportion to its size, and never more than the options give."""
    return min(options.timeout_seconds, FLOOR_SECONDS + SECONDS_PER_KB * len(file.text) / 1024)


def too_long(file: SourceFile, options: ChunkOptions) -> str:
    """What a diagnostic says of a file that took longer than it may."""
    return f"took more than {seconds_for(file, options):.2g} s"


def load(file: SourceFile) -> None:
    """Loads the file's grammar and query, which takes up to 0.3 s once a process and counts for no file."""
    with contextlib.suppress(grammars.GrammarMissingError):
        if file.language is not None:
            plugin(language_of(file.path, file.language))


def by_lines(file: SourceFile, options: ChunkOptions) -> ParsedFile:
    """Chunks of lines."""
    text = _Text(file, options)
    parsed = ParsedFile()
    parsed.chunks = _chunk_rows(text, None, text.splitter.split(0, len(text.raw), (), None), "lines")
    return parsed


def given_up(file: SourceFile, options: ChunkOptions, code: str, detail: str) -> ParsedFile:
    """Chunks of lines, and the diagnostic that says why."""
    parsed = by_lines(file, options)
    parsed.diagnostics.append((file.path, code, detail))
    return parsed


class _Text:
    """A file's text as bytes, with where its lines begin."""

    def __init__(self, file: SourceFile, options: ChunkOptions) -> None:
        self.file = file
        self.raw = file.text.encode("utf-8", "replace")
        self.plain = file.text.isascii()
        self.lines = line_starts(self.raw)
        self.splitter = Splitter(self.raw, self.lines, options.max_chars, options.min_chars)

    def slice(self, start: int, end: int) -> str:
        return self.file.text[start:end] if self.plain else self.raw[start:end].decode("utf-8")

    def line(self, offset: int) -> int:
        return bisect_right(self.lines, offset)


def _parse(file: SourceFile, options: ChunkOptions, context: ProjectContext) -> ParsedFile:
    assert file.language is not None
    text = _Text(file, options)
    plug = plugin(language_of(file.path, file.language))
    if plug.facts.too_deep is not None and plug.facts.too_deep.search(text.raw):
        raise TooDeepError
    deadline = time.thread_time() + seconds_for(file, options)
    read = text.raw  # as the parser is given it
    root = syntax_tree(read, plug, deadline).root_node
    facts = plug.facts
    if facts.blank is not None and (root.has_error or (facts.misread is not None and facts.misread(text.raw))):
        root, read = _better(root, text.raw, facts.blank(text.raw), plug, deadline)
    broken = root.has_error
    blanked: list[tuple[int, int]] = []
    if broken:
        root, blanked = recovered(read, root, lambda part: syntax_tree(part, plug, deadline).root_node)
        if _one_error(root):
            raise TooDeepError
    view = outline(file.path, text.raw, root, plug, context)
    if plug.name in HOSTS:
        embed(view, root, context, deadline)
    if time.thread_time() > deadline:
        raise TimedOutError
    pieces = text.splitter.split(0, len(text.raw), view.definitions, root)
    facts_rows, without_facts = _fact_rows(file, plug.name, text.raw, root)
    return ParsedFile(
        _chunk_rows(text, view, pieces, "tree-sitter"),
        _symbol_rows(text, view),
        _import_rows(text, view, context),
        _reference_rows(text, view),
        [*([(file.path, "syntax_errors", _blanked_lines(blanked))] if broken else []), *without_facts],
        facts_rows,
    )


def language_of(path: str, language: str) -> str:
    """The language a file is parsed as: formats that a grammar's name does not tell apart."""
    if path.endswith(".ipynb"):
        return "ipynb"
    if path.endswith(".blade.php"):
        return "blade"
    return language


def _better(root: Any, raw: bytes, blanked: bytes, plug: Plugin, deadline: float) -> tuple[Any, bytes]:
    """The tree of the blanked text if fewer bytes of it are errors, and the text of the tree."""
    if blanked == raw:
        return root, raw
    other = syntax_tree(blanked, plug, deadline).root_node
    return (other, blanked) if error_bytes(other) <= error_bytes(root) else (root, raw)


def _blanked_lines(spans: list[tuple[int, int]]) -> str | None:
    """What a diagnostic says of lines that the grammar does not know."""
    if not spans:
        return None
    lines = ", ".join(f"{first}-{last}" if last > first else str(first) for first, last in spans)
    return f"read without line {lines}, which the grammar does not know"[:200]


def _one_error(root: Any) -> bool:
    """Whether the parser gave up on most of a large file."""
    if root.descendant_count < MAX_ERROR_CHILDREN:
        return False
    errors = [node for node in (root, *root.children[:100]) if node.is_error]
    return any(node.child_count > MAX_ERROR_CHILDREN for node in errors)


def syntax_tree(raw: bytes, plug: Plugin, deadline: float) -> Any:
    """The syntax tree. Raises TimedOutError."""
    from tree_sitter import Parser

    # The bytes at once: a callback that reads or looks at the clock costs 13 %, and py-tree-sitter keeps each piece
    # read, 1.2 GB for one Perl file of 180 KB whose scanner goes back often. A parse without an end ends its process.
    tree = Parser(plug.language).parse(raw)
    if time.thread_time() > deadline:
        raise TimedOutError
    return tree


def line_starts(raw: bytes) -> list[int]:
    """Offsets where lines begin; the first is 0. Lines end at '\\n' alone."""
    parts = raw.split(b"\n")
    starts = [0]
    starts.extend(accumulate([len(part) + 1 for part in parts[:-1]]))
    return starts


def _chunk_rows(text: _Text, view: Outline | None, pieces: list[Piece], parser: str) -> list[Row]:
    path, blob, language = text.file.path, text.file.blob, text.file.language
    definitions = view.definitions if view is not None else []
    rows: list[Row] = []
    seen: dict[tuple[str, str, str], int] = {}
    at = 0
    for ordinal, piece in enumerate(pieces):
        start, end, owner = piece.start, piece.end, piece.owner
        body = text.slice(start, end)
        names: dict[str, None] = {}
        while at < len(definitions) and definitions[at].start < end:
            if definitions[at].start >= start:
                names[definitions[at].name] = None
            at += 1
        what: tuple[str, str | None, str | None, str | None, str | None, str | None]
        if owner is None:
            what = ("lines" if view is None else "block", None, None, None, None, None)
        else:
            what = (owner.kind, owner.name, owner.qualified, owner.local, owner.signature, owner.doc)
        text_hash = digest(body)
        key = (what[0], what[2] or "", text_hash)
        number = seen.get(key, 0)
        seen[key] = number + 1
        lines = (text.line(start), text.line(max(start, end - 1)))
        chunk_id = digest(path, *key, str(number))
        rows.append(
            (chunk_id, path, blob, ordinal, *lines, start, end, language, *what, list(names), body, text_hash, parser)
        )
    return rows


def _symbol_rows(text: _Text, view: Outline) -> list[Row]:
    path, language = text.file.path, text.file.language
    rows: list[Row] = []
    seen: dict[tuple[str, str], int] = {}
    for d in view.definitions:
        key = (d.kind, d.qualified)
        number = seen.get(key, 0)
        seen[key] = number + 1
        parent = d.parent.qualified if d.parent is not None else (view.module or None)
        rows.append(
            (
                digest(path, *key, str(number)),
                path,
                d.name,
                d.qualified,
                d.local,
                d.kind,
                language,
                text.line(d.start),
                text.line(max(d.start, d.end - 1)),
                d.signature,
                d.doc,
                parent,
                d.visibility,
                d.decorators,
                list(dict.fromkeys(d.extends)),
                list(dict.fromkeys(d.facts)),
            )
        )
    return rows


def _import_rows(text: _Text, view: Outline, context: ProjectContext) -> list[Row]:
    resolve = view.plugin.facts.resolve
    path = text.file.path
    rows: list[Row] = []
    for item in sorted(view.imports, key=lambda i: i.start):
        resolved = item.resolved
        if resolved is None and resolve is not None and context.paths:
            resolved = resolve(path, item.module, context)
        rows.append((path, text.line(item.start), item.module, item.name, item.alias, resolved))
    return rows


def _reference_rows(text: _Text, view: Outline) -> list[Row]:
    names = [(d.name_start, d.name_start + len(d.name)) for d in view.definitions]
    hidden = hidden_spans(names, view.comments, view.masks)
    lines_of = references(view.raw, hidden, view.keywords, view.plugin.facts.token)
    path = text.file.path
    return [(path, name.decode("utf-8", "replace"), at) for name, at in lines_of.items() if len(name) <= MAX_NAME]


def _fact_rows(file: SourceFile, language: str, raw: bytes, root: Any) -> tuple[list[Row], list[Row]]:
    """What edges are resolved from, and a diagnostic where it could not be read: chunks never depend on it."""
    try:
        facts = facts_of(file.path, language, raw, root)
    except Exception as error:  # a tree that a rule does not expect, or one too deep to walk
        return [], [(file.path, "no_facts", f"{type(error).__name__}: {error}"[:200])]
    return [(file.path, language, facts.names(), facts.to_json())] if facts is not None else [], []


def parser_fingerprint(options: ChunkOptions) -> str:
    """Fingerprint of everything chunks depend on beside the file and its context."""
    queries = {file.name: digest(file.read_bytes()) for file in sorted(QUERIES.glob("*.scm"))}
    code = {
        str(file.relative_to(QUERIES.parent)): digest(file.read_bytes())
        for file in sorted(QUERIES.parent.rglob("*.py"))
    }
    return fingerprint(
        {
            "chunker": CHUNKER_VERSION,
            "grammars": grammars.versions(),
            "queries": queries,
            "code": code,
            "max_chars": options.max_chars,
            "min_chars": options.min_chars,
        }
    )
