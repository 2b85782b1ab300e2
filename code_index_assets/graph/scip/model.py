"""SCIP indexes: documents with occurrences of symbols, from bytes and back.

What lives here: the part of the format that edges are made of (sourcegraph/scip, `scip.proto`). What does not: storing
an index (`index/precise.py`), what its occurrences mean for a repository (`overlay.py`).

Lines and columns of SCIP count from 0; columns are in the document's encoding (`Encoding`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from .wire import MalformedError, fields, message, numbers, put, put_message, put_packed, text

DEFINITION, IMPORT, WRITE, READ = 1, 2, 4, 8
LARGEST_LINE = 1 << 31


class Encoding(IntEnum):
    """What columns count."""

    UNSPECIFIED = 0
    UTF8 = 1
    UTF16 = 2
    UTF32 = 3


@dataclass(frozen=True)
class Occurrence:
    """A symbol at a place; `end` is on the same line, or -1 where the range is longer."""

    line: int
    column: int
    end: int
    symbol: str
    roles: int = 0

    @property
    def defines(self) -> bool:
        """Whether it is the symbol's definition."""
        return bool(self.roles & DEFINITION)


@dataclass(frozen=True)
class Document:
    """One file of an index. `implements`: (symbol, symbol that it implements or overrides)."""

    path: str
    occurrences: tuple[Occurrence, ...] = ()
    language: str = ""
    encoding: Encoding = Encoding.UNSPECIFIED
    implements: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ScipIndex:
    """An index: the tool that wrote it, and documents."""

    tool: str
    documents: tuple[Document, ...] = ()
    version: str = ""
    root: str = field(default="")


def read_index(raw: bytes) -> ScipIndex:
    """An index from its bytes. Raises MalformedError if they are none."""
    tool = version = root = ""
    documents: list[Document] = []
    known = False
    for number, value in fields(memoryview(raw)):
        if number == 1:
            known = True
            for inner, part in fields(message(value)):
                if inner == 2:
                    named = dict(fields(message(part)))
                    tool, version = text(named.get(1, memoryview(b""))), text(named.get(2, memoryview(b"")))
                elif inner == 3:
                    root = text(part)
        elif number == 2:
            known = True
            documents.append(_document(message(value)))
    if not known:
        raise MalformedError("it has neither metadata nor documents")
    return ScipIndex(tool, tuple(documents), version, root)


def _document(data: memoryview) -> Document:
    path = language = ""
    encoding = Encoding.UNSPECIFIED
    occurrences: list[Occurrence] = []
    implements: list[tuple[str, str]] = []
    for number, value in fields(data):
        if number == 1:
            path = text(value)
        elif number == 2:
            occurrence = _occurrence(message(value))
            if occurrence is not None:
                occurrences.append(occurrence)
        elif number == 3:
            implements.extend(_implements(message(value)))
        elif number == 4:
            language = text(value)
        elif number == 6 and isinstance(value, int) and value <= max(Encoding):
            encoding = Encoding(value)
    return Document(path, tuple(occurrences), language, encoding, tuple(implements))


def _occurrence(data: memoryview) -> Occurrence | None:
    place: list[int] = []
    symbol, roles = "", 0
    for number, value in fields(data):
        if number == 1:
            place.extend(numbers(value))
        elif number == 2:
            symbol = text(value)
        elif number == 3 and isinstance(value, int):
            roles = value & 0xFF
    if not symbol:
        return None
    if len(place) not in (3, 4) or max(place) >= LARGEST_LINE:
        raise MalformedError(f"the range of an occurrence of {symbol!r} has {len(place)} numbers")
    if len(place) == 4 and place[2] != place[0]:
        return Occurrence(place[0], place[1], -1, symbol, roles)
    return Occurrence(place[0], place[1], place[-1], symbol, roles)


def _implements(data: memoryview) -> list[tuple[str, str]]:
    symbol, found = "", []
    for number, value in fields(data):
        if number == 1:
            symbol = text(value)
        elif number == 4:
            relation = dict(fields(message(value)))
            if relation.get(3) and 1 in relation:
                found.append(text(relation[1]))
    return [(symbol, base) for base in found]


def write_index(index: ScipIndex) -> bytes:
    """The bytes of an index."""
    tool = put(1, index.tool) + put(2, index.version)
    metadata = put(2, tool) + put(3, index.root) + put(4, 1)
    return put(1, metadata) + b"".join(put_message(2, _put_document(document)) for document in index.documents)


def _put_document(document: Document) -> bytes:
    body = put(1, document.path) + put(4, document.language) + put(6, int(document.encoding))
    bases: dict[str, list[str]] = {}
    for symbol, base in document.implements:
        bases.setdefault(symbol, []).append(base)
    symbols: Iterable[str] = dict.fromkeys(o.symbol for o in document.occurrences if o.defines)
    body += b"".join(put_message(2, _put_occurrence(occurrence)) for occurrence in document.occurrences)
    for symbol in symbols:
        related = b"".join(put(4, put(1, base) + put(3, 1)) for base in bases.get(symbol, ()))
        body += put(3, put(1, symbol) + related)
    return body


def _put_occurrence(one: Occurrence) -> bytes:
    return put_packed(1, (one.line, one.column, one.end)) + put(2, one.symbol) + put(3, one.roles)


def symbol_name(symbol: str) -> str:
    """The name of what a symbol stands for: its last descriptor, without what escapes it; "" of a local one."""
    if symbol.startswith("local "):
        return ""
    body = symbol.rstrip("/#.:!")
    if symbol.endswith(").") and "(" in body:  # a method, with what tells it from its overloads
        body = body[: body.rindex("(")]
    elif body.endswith(("]", ")")):
        body = body[:-1]
    if body.endswith("`"):
        start = body.rfind("`", 0, len(body) - 1)
        return body[start + 1 : -1]
    end = len(body)
    start = end
    while start > 0 and (body[start - 1].isalnum() or body[start - 1] in "_+-$"):
        start -= 1
    return body[start:end]


def package_of(symbol: str) -> tuple[str, str]:
    """Package and version of a symbol: `scheme manager package version descriptors`."""
    parts = symbol.split(" ", 4)
    if len(parts) < 5 or symbol.startswith("local "):
        return "", ""
    return ("" if parts[2] == "." else parts[2]), ("" if parts[3] == "." else parts[3])
