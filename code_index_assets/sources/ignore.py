"""Ignore files with git's meaning: patterns, nesting, negation, anchoring.

What lives here: `.gitignore` lines compiled to regular expressions over path bytes, and the decision for a path under
nested ignore files. What does not: walking (`folder.py`) and what is done with the answer (`selection.py`).

Written from git's own rules (gitignore(5), wildmatch) rather than on a library: the answers are held equal to
`git check-ignore` by a property test, also for the cases where libraries differ (a negated folder, `a**b`, classes).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_POSIX = {
    b"alnum": rb"0-9A-Za-z", b"alpha": rb"A-Za-z", b"blank": rb" \t", b"cntrl": rb"\x00-\x1f\x7f", b"digit": rb"0-9",
    b"graph": rb"!-~", b"lower": rb"a-z", b"print": rb" -~", b"punct": rb"!-/:-@\[-`{-~", b"space": rb" \t\n\r\f\v",
    b"upper": rb"A-Z", b"xdigit": rb"0-9A-Fa-f",
}  # fmt: skip
_POSIX_CLASS = re.compile(rb"\[:([^\]]*):\]")


@dataclass(frozen=True)
class Pattern:
    """One line of an ignore file. `regex` matches the base name, or the path below the file's folder if `anchored`."""

    text: str
    line: int
    regex: re.Pattern[bytes]
    anchored: bool
    negated: bool
    folders_only: bool


@dataclass(frozen=True)
class Match:
    """The pattern that decided: whether it ignores, and where it stands."""

    ignored: bool
    where: str


def parse_patterns(content: bytes) -> list[Pattern]:
    """The patterns of an ignore file, in order. Lines that git cannot match either are left out."""
    patterns = []
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, line in enumerate(lines, 1):
        # The last line of a file keeps its carriage return in git if no newline follows.
        pattern = parse_pattern(line.removesuffix(b"\r") if number < len(lines) else line, number)
        if pattern is not None:
            patterns.append(pattern)
    return patterns


def parse_pattern(line: bytes, number: int = 0) -> Pattern | None:
    """One line compiled, or None for blank lines, comments and what can never match."""
    if line.startswith(b"#"):
        return None
    body = _without_trailing_spaces(line)
    text = body.decode("utf-8", "backslashreplace")
    negated = body.startswith(b"!")
    body = body[1:] if negated else body
    folders_only = body.endswith(b"/")
    body = body[:-1] if folders_only else body
    anchored = b"/" in body
    body = body.removeprefix(b"/")
    if not body:
        return None
    source = _translate(body, anchored)
    if source is None:
        return None
    try:
        return Pattern(text, number, re.compile(source, re.DOTALL), anchored, negated, folders_only)
    except re.error:
        return None


def _without_trailing_spaces(line: bytes) -> bytes:
    end = len(line)
    while end and line[end - 1 : end] == b" ":
        backslashes = len(line[: end - 1]) - len(line[: end - 1].rstrip(b"\\"))
        if backslashes % 2:
            break
        end -= 1
    return line[:end]


def _translate(glob: bytes, pathname: bool) -> bytes | None:
    """A regular expression of a wildmatch glob; None if it can never match. `pathname`: '*' and '?' stop at '/'."""
    one = rb"[^/]" if pathname else rb"."
    out: list[bytes] = []
    i, n = 0, len(glob)
    while i < n:
        c = glob[i : i + 1]
        if c == b"*":
            j = i
            while j < n and glob[j : j + 1] == b"*":
                j += 1
            i = _stars(glob, i, j, pathname, out)
        elif c == b"?":
            out.append(one)
            i += 1
        elif c == b"[":
            parsed = _bracket(glob, i, pathname)
            if parsed is None:
                return None
            i, piece = parsed
            out.append(piece)
        elif c == b"\\":
            if i + 1 == n:
                return None
            out.append(re.escape(glob[i + 1 : i + 2]))
            i += 2
        else:
            out.append(re.escape(c))
            i += 1
    return b"".join(out) + rb"\Z"


def _stars(glob: bytes, start: int, end: int, pathname: bool, out: list[bytes]) -> int:
    """Translates a run of stars; returns where to go on."""
    if not pathname:
        out.append(rb".*")
        return end
    bounded = end - start > 1 and (start == 0 or glob[start - 1 : start] == b"/")
    if bounded and end == len(glob):
        out.append(rb".*")
    elif bounded and glob[end : end + 1] == b"/":
        out.append(rb"(?:.*/)?")
        return end + 1
    else:
        out.append(rb"[^/]*")
    return end


def _bracket(glob: bytes, start: int, pathname: bool) -> tuple[int, bytes] | None:
    """(index after the class, regular expression) of the class at `start`; None if it is not closed."""
    i = start + 1
    negated = glob[i : i + 1] in (b"!", b"^")
    i += negated
    items: list[bytes] = []
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
            if named[1] not in _POSIX:
                return None
            items.append(_POSIX[named[1]])
            i = named.end()
            continue
        item, i = _class_item(glob, i)
        if item is None:
            return None
        items.append(item)
    body = b"".join(items)
    empty = rb"." if negated else rb"(?!)"
    piece = (b"[^" if negated else b"[") + body + b"]" if body else empty
    return i + 1, (rb"(?!/)" if pathname else b"") + piece


def _class_item(glob: bytes, i: int) -> tuple[bytes | None, int]:
    """A character or a range of a class, as a regular expression (None: the class is not closed)."""
    low, i = _class_char(glob, i)
    if low is None or glob[i : i + 1] != b"-" or glob[i + 1 : i + 2] in (b"", b"]"):
        return (None if low is None else re.escape(low)), i
    high, i = _class_char(glob, i + 1)
    if high is None:
        return None, i
    return (re.escape(low) + b"-" + re.escape(high) if low <= high else b""), i


def _class_char(glob: bytes, i: int) -> tuple[bytes | None, int]:
    if glob[i : i + 1] == b"\\":
        i += 1
    char = glob[i : i + 1]
    return (char or None), i + 1


class IgnoreRules:
    """Nested ignore files: the nearest file with a matching pattern decides, its last matching line."""

    def __init__(self, file_name: str) -> None:
        self.file_name = file_name
        self._patterns: dict[bytes, list[Pattern]] = {}
        self._folders: dict[bytes, Match | None] = {}

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def add(self, folder: bytes, content: bytes) -> None:
        """Adds the ignore file of a folder (path without trailing '/', b"" for the root)."""
        patterns = parse_patterns(content)
        if patterns:
            self._patterns[folder] = patterns[::-1]
            self._folders.clear()

    def decide(self, path: bytes, is_folder: bool) -> Match | None:
        """The pattern that decides about this path itself; folders above it are taken as not ignored."""
        parent, _, name = path.rpartition(b"/")
        folder = parent
        while True:
            for pattern in self._patterns.get(folder, ()):
                if pattern.folders_only and not is_folder:
                    continue
                subject = (path[len(folder) + 1 :] if folder else path) if pattern.anchored else name
                if pattern.regex.match(subject):
                    return Match(not pattern.negated, self._where(folder, pattern))
            if not folder:
                return None
            folder = folder.rpartition(b"/")[0]

    def ignored(self, path: bytes) -> Match | None:
        """The match that ignores a file, directly or by a folder above it; None if it is not ignored."""
        above = self._folder(path.rpartition(b"/")[0])
        if above is not None:
            return above
        match = self.decide(path, is_folder=False)
        return match if match is not None and match.ignored else None

    def _folder(self, folder: bytes) -> Match | None:
        """The match that ignores a folder or one above it. Iterative: paths may be thousands of folders deep."""
        pending: list[bytes] = []
        while folder and folder not in self._folders:
            pending.append(folder)
            folder = folder.rpartition(b"/")[0]
        result = self._folders.get(folder) if folder else None
        for below in reversed(pending):
            if result is None:
                match = self.decide(below, is_folder=True)
                result = match if match is not None and match.ignored else None
            self._folders[below] = result
        return result

    def _where(self, folder: bytes, pattern: Pattern) -> str:
        shown = folder.decode("utf-8", "backslashreplace")
        name = f"{shown}/{self.file_name}" if shown else self.file_name
        return f"{name}:{pattern.line}: {pattern.text}"


class Globs:
    """Globs of a registry entry, written as in .gitignore: a folder's pattern covers all below it."""

    def __init__(self, globs: Iterable[str]) -> None:
        self._rules = [(glob, _rules_of(glob)) for glob in globs]

    def __bool__(self) -> bool:
        return bool(self._rules)

    def match(self, path: bytes) -> str | None:
        """The first glob that covers the path."""
        return next((glob for glob, rules in self._rules if rules.ignored(path)), None)


def _rules_of(glob: str) -> IgnoreRules:
    rules = IgnoreRules("")
    rules.add(b"", glob.encode("utf-8", "surrogateescape"))
    return rules
