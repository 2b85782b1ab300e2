"""Globs: the one matcher for ignore files, attributes, CODEOWNERS, registry entries, refs and path filters.

What lives here: git's wildmatch, with braces on request, compiled for an engine that runs in linear time. What does
not: which patterns a file has, nesting and negation (`ignore.py`), folders in path filters (`index/filters.py`).

The engine is RE2: Python's `re` backtracks, so that `?*?*?*?*?*?*?*?*?*?*?*Z` against one path of 60 characters held
the interpreter lock for hours. A glob without wildcards, or with a single leading star, needs no engine at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import re2

# Linux allows no longer path, so that a longer glob is a mistake or an attack: it matches nothing.
MAX_GLOB_BYTES = 4096
# Braces inside braces: deeper ones are taken as they are written.
MAX_BRACE_DEPTH = 8
_SPECIAL = b"*?[\\"
_POSIX = {
    b"alnum": rb"0-9A-Za-z", b"alpha": rb"A-Za-z", b"blank": rb" \t", b"cntrl": rb"\x00-\x1f\x7f", b"digit": rb"0-9",
    b"graph": rb"!-~", b"lower": rb"a-z", b"print": rb" -~", b"punct": rb"!-/:-@\[-`{-~", b"space": rb" \t\n\r\f\v",
    b"upper": rb"A-Z", b"xdigit": rb"0-9A-Fa-f",
}  # fmt: skip
_POSIX_BYTES = {
    name: frozenset(b for b in range(256) if re.fullmatch(b"[" + body + b"]", bytes([b])))
    for name, body in _POSIX.items()
}
_POSIX_CLASS = re.compile(rb"\[:([^\]]*):\]")
_ALL_BYTES = frozenset(range(256))
_SLASH = frozenset(b"/")


@dataclass(frozen=True)
class Glob:
    """A compiled glob. Exactly one of `exact`, `ending` and `_engine` decides."""

    source: bytes
    exact: bytes | None = None
    ending: bytes | None = None
    # In a path, a leading star must not cross a slash.
    within_segment: bool = False
    _engine: Any = field(default=None, repr=False, compare=False)

    def matches(self, subject: bytes) -> bool:
        """Whether the whole subject matches; time grows linearly with the subject."""
        if self.exact is not None:
            return subject == self.exact
        if self.ending is not None:
            if not subject.endswith(self.ending):
                return False
            return not self.within_segment or b"/" not in subject[: len(subject) - len(self.ending)]
        return self._engine.fullmatch(subject) is not None


@lru_cache(maxsize=4096)
def compile_glob(glob: bytes, *, pathname: bool, braces: bool = False) -> Glob | None:
    """Compiles a glob, or returns None if it can match nothing (an open class, a trailing backslash).

    With `pathname`, `*`, `?` and classes stop at a slash and `**` crosses it; without, the subject is one name. With
    `braces`, `{a,b}` means either.
    """
    if len(glob) > MAX_GLOB_BYTES:
        return None
    special = _SPECIAL + (b"{" if braces else b"")
    if not any(c in special for c in glob):
        return Glob(glob, exact=glob)
    rest = glob[1:]
    if glob.startswith(b"*") and not any(c in special for c in rest):
        return Glob(glob, ending=rest, within_segment=pathname)
    translated = _Translation(glob, pathname, braces).source()
    if translated is None:
        return None
    try:
        return Glob(glob, _engine=re2.compile(translated, _options()))
    except re2.error:
        return None


@lru_cache(maxsize=1)
def _options() -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.dot_nl = True
    options.log_errors = False
    options.never_capture = True
    return options


class _Translation:
    """One glob, translated to a regular expression that RE2 takes."""

    def __init__(self, glob: bytes, pathname: bool, braces: bool) -> None:
        self._glob = glob
        self._pathname = pathname
        self._closing = _closing_braces(glob) if braces else {}
        self._one = rb"[^/]" if pathname else rb"."

    def source(self) -> bytes | None:
        return self._part(0, len(self._glob))

    def _part(self, i: int, end: int) -> bytes | None:
        glob = self._glob
        out: list[bytes] = []
        while i < end:
            c = glob[i : i + 1]
            if c == b"*":
                i = self._stars(i, end, out)
            elif c == b"?":
                out.append(self._one)
                i += 1
            elif c == b"[":
                parsed = _bracket(glob, i, self._pathname)
                if parsed is None:
                    return None
                i, piece = parsed
                out.append(piece)
            elif c == b"\\":
                if i + 1 == end:
                    return None
                out.append(_escaped(glob[i + 1]))
                i += 2
            elif i in self._closing:
                commas = self._closing[i]
                parts = [self._part(a + 1, b) for a, b in zip((i, *commas), commas, strict=False)]
                if any(part is None for part in parts):
                    return None
                out.append(b"(?:" + b"|".join(part for part in parts if part is not None) + b")")
                i = commas[-1] + 1
            else:
                out.append(_escaped(glob[i]))
                i += 1
        return b"".join(out)

    def _stars(self, start: int, limit: int, out: list[bytes]) -> int:
        """Translates a run of stars; returns where to go on."""
        glob = self._glob
        end = start
        while end < limit and glob[end : end + 1] == b"*":
            end += 1
        if not self._pathname:
            out.append(rb".*")
            return end
        bounded = end - start > 1 and (start == 0 or glob[start - 1 : start] in (b"/", b"{", b","))
        if bounded and end == len(glob):
            out.append(rb".*")
        elif bounded and end < limit and glob[end : end + 1] == b"/":
            out.append(rb"(?:.*/)?")
            return end + 1
        else:
            out.append(rb"[^/]*")
        return end


def _closing_braces(glob: bytes) -> dict[int, tuple[int, ...]]:
    """For each opening brace that is closed: where its commas and its closing brace are."""
    closing: dict[int, tuple[int, ...]] = {}
    opened: list[list[int]] = []
    i = 0
    while i < len(glob):
        c = glob[i : i + 1]
        if c == b"\\":
            i += 1
        elif c == b"[":
            parsed = _bracket(glob, i, pathname=False)
            i = parsed[0] - 1 if parsed else i
        elif c == b"{":
            opened.append([i])
        elif c == b"," and opened:
            opened[-1].append(i)
        elif c == b"}" and opened:
            start, *commas = opened.pop()
            if len(opened) < MAX_BRACE_DEPTH:
                closing[start] = (*commas, i)
        i += 1
    return closing


def _escaped(byte: int) -> bytes:
    return re.escape(bytes([byte])) if byte < 0x80 and byte else rb"\x%02x" % byte


def _bracket(glob: bytes, start: int, pathname: bool) -> tuple[int, bytes] | None:
    """(index after the class, regular expression) of the class at `start`; None if it is not closed."""
    i = start + 1
    negated = glob[i : i + 1] in (b"!", b"^")
    i += negated
    members: set[int] = set()
    first = True
    while True:
        c = glob[i : i + 1]
        if not c:
            return None
        if c == b"]" and not first:
            break
        first = False
        named = _POSIX_CLASS.match(glob, i)
        if named is not None:
            if named[1] not in _POSIX_BYTES:
                return None
            members |= _POSIX_BYTES[named[1]]
            i = named.end()
            continue
        item, i = _class_item(glob, i)
        if item is None:
            return None
        members |= item
    chosen = (_ALL_BYTES - members) if negated else frozenset(members)
    return i + 1, _one_of(chosen - _SLASH if pathname else chosen)


def _class_item(glob: bytes, i: int) -> tuple[frozenset[int] | None, int]:
    """The bytes of a character or a range of a class (None: the class is not closed), and where to go on."""
    low, i = _class_char(glob, i)
    if low is None or glob[i : i + 1] != b"-" or glob[i + 1 : i + 2] in (b"", b"]"):
        return (None if low is None else frozenset(low)), i
    high, i = _class_char(glob, i + 1)
    if high is None:
        return None, i
    return frozenset(range(low[0], high[0] + 1)), i


def _class_char(glob: bytes, i: int) -> tuple[bytes | None, int]:
    if glob[i : i + 1] == b"\\":
        i += 1
    char = glob[i : i + 1]
    return (char or None), i + 1


def _one_of(members: frozenset[int]) -> bytes:
    """A class of exactly these bytes; one that matches nothing if there are none."""
    if not members:
        return rb"[^\x00-\xff]"
    ranges: list[list[int]] = []
    for byte in sorted(members):
        if ranges and ranges[-1][1] == byte - 1:
            ranges[-1][1] = byte
        else:
            ranges.append([byte, byte])
    return b"[" + b"".join(rb"\x%02x-\x%02x" % (low, high) for low, high in ranges) + b"]"
