"""Ignore files with git's meaning: patterns, nesting, negation, anchoring.

What lives here: `.gitignore` lines, and the decision for a path under nested ignore files. What does not: matching one
glob (`globs.py`), walking (`folder.py`) and what is done with the answer (`selection.py`).

Written from git's own rules (gitignore(5), wildmatch) rather than on a library: the answers are held equal to
`git check-ignore` by a property test, also for the cases where libraries differ (a negated folder, `a**b`, classes).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .globs import Glob, compile_glob


@dataclass(frozen=True)
class Pattern:
    """One line of an ignore file. `glob` is asked about the base name; if `anchored`, about the path."""

    text: str
    line: int
    glob: Glob
    anchored: bool
    negated: bool
    folders_only: bool

    def covers(self, path: bytes) -> bool:
        """Whether the glob matches a path given from the folder of the pattern's file."""
        return self.glob.matches(path if self.anchored else path.rpartition(b"/")[2])


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
    glob = compile_glob(body, pathname=anchored)
    return None if glob is None else Pattern(text, number, glob, anchored, negated, folders_only)


def _without_trailing_spaces(line: bytes) -> bytes:
    end = len(line)
    while end and line[end - 1 : end] == b" ":
        backslashes = len(line[: end - 1]) - len(line[: end - 1].rstrip(b"\\"))
        if backslashes % 2:
            break
        end -= 1
    return line[:end]


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
                if pattern.glob.matches(subject):
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
