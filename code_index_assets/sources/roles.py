"""What a file is for, and which names speak for themselves: vendored, generated, binary, credentials.

What lives here: decisions by path and, for generated code, by the head of the content. What does not: the patterns
(`roles.toml`), `.gitattributes` (`sources/git/attributes.py`) and what follows from a decision (`selection.py`).
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Literal

from ..storage.fingerprint import digest

_HEAD_CHARS = 2_048
# Linguist calls js and css minified at 110 characters a line on average; one bundled line in a file with a licence
# header on top is caught by the longest line instead.
MINIFIED_AVERAGE = 110
MINIFIED_LONGEST = 5_000
_MINIFIABLE = (".js", ".mjs", ".cjs", ".css")


@dataclass(frozen=True)
class _Named:
    rule: str
    name: re.Pattern[str]
    unless: re.Pattern[str] | None
    content: re.Pattern[str] | None


@dataclass(frozen=True)
class _Tables:
    version: str
    roles: dict[str, re.Pattern[str]]
    maybe_vendored: re.Pattern[str]
    vendored_content: re.Pattern[str]
    generated_content: re.Pattern[str]
    maybe_generated_content: re.Pattern[str]
    binary: frozenset[str]
    credentials: tuple[_Named, ...]
    contents: tuple[_Named, ...]


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    text = resources.files(__package__).joinpath("roles.toml").read_text("utf-8")
    raw = tomllib.loads(text)
    roles = ("vendored", "generated", "test", "docs", "example", "stub", "config", "data")
    return _Tables(
        version=digest(text)[:12],
        roles={role: re.compile("|".join(f"(?:{p})" for p in raw[role])) for role in roles},
        maybe_vendored=re.compile("|".join(f"(?:{p})" for p in raw["maybe_vendored"])),
        vendored_content=_joined(raw["vendored_content"], re.M),
        generated_content=_joined(raw["generated_content"], re.M | re.I),
        maybe_generated_content=_joined(raw["maybe_generated_content"], re.M | re.I),
        binary=frozenset(raw["binary_extensions"]),
        credentials=tuple(_named(row, "pattern") for row in raw["credential_files"]),
        contents=tuple(_named(row, "name", "pattern") for row in raw["credential_contents"]),
    )


def _joined(patterns: list[str], flags: int) -> re.Pattern[str]:
    """Any of several patterns; their leading flags become flags of their group."""
    return re.compile("|".join(f"(?:{_inline(pattern)})" for pattern in patterns), flags)


def _inline(pattern: str) -> str:
    flags = re.match(r"\A\(\?([ims]+)\)", pattern)
    return f"(?{flags[1]}:{pattern[flags.end() :]})" if flags else pattern


def _named(row: dict[str, Any], name: str, content: str | None = None) -> _Named:
    unless = row.get("except")
    return _Named(
        row["rule"],
        re.compile(row[name]),
        re.compile(unless) if unless else None,
        re.compile(row[content]) if content else None,
    )


def roles_version() -> str:
    """A hash of `roles.toml`: another one decides about every file anew."""
    return _tables().version


def role_of(path: str) -> str:
    """vendored, generated, stub, test, example, docs, config, data or source, by the path; the first that fits."""
    roles = _tables().roles
    for role in ("vendored", "generated", "stub", "test", "example", "docs", "config", "data"):
        if roles[role].search(path):
            return role
    return "source"


def role_without(path: str, role: str) -> str:
    """The role of a path that `.gitattributes` says is not vendored, generated or documentation."""
    roles = _tables().roles
    for other in ("stub", "test", "example", "docs", "config", "data"):
        if other != role and roles[other].search(path):
            return other
    return "source"


def is_binary_name(path: str) -> bool:
    """Whether the name alone means binary content."""
    name = path.rpartition("/")[2]
    return "." in name and name.rpartition(".")[2].lower() in _tables().binary


def credential_rule(path: str) -> str | None:
    """The rule by which a path names a credential file, or None."""
    name = path.rpartition("/")[2]
    for row in _tables().credentials:
        if row.name.search(name) or ("/" in row.name.pattern and row.name.search(path)):
            if row.unless is not None and row.unless.search(name):
                continue
            return row.rule
    return None


def credential_content_rule(path: str, text: str) -> str | None:
    """The rule by which a file of an innocent name holds credentials, or None."""
    name = path.rpartition("/")[2]
    for row in _tables().contents:
        if row.name.search(name) and row.content is not None and row.content.search(text):
            return row.rule
    return None


def maybe_vendored(path: str) -> bool:
    """Whether a path has a folder name that third-party code often has, and people's own packages too."""
    return _tables().maybe_vendored.search(path) is not None


def vendored_content(text: str) -> bool:
    """Whether the head of a file names the well-known library that the file is."""
    return _tables().vendored_content.search(text[:_HEAD_CHARS]) is not None


def generated_marker(text: str) -> Literal["proof", "hint"] | None:
    """Whether the comments at the head of a file prove, or only hint, that a program wrote it.

    A sentence in the code, in a string or in a document proves nothing: a generator's own source has such.
    """
    start = text[:_HEAD_CHARS]
    lower = start.lower()
    # One of these is in every pattern: few files need their comments looked at line by line.
    if not any(word in lower for word in ("generated", "overwritten", "bison parser")):
        return None
    head = head_comments(start)
    if _tables().generated_content.search(head):
        return "proof"
    return "hint" if _tables().maybe_generated_content.search(head) else None


_COMMENT = re.compile(
    r"\s*(?://|/\*|\*|#(?!\s*(?:define|if|ifdef|ifndef|pragma|include)\b)|--|;|%|!|<!--|\{-|\(\*|'|REM\b|dnl\b|\.\.|@)"
)
_BLOCKS = (
    ("/*", "*/"),
    ("<!--", "-->"),
    ('"""', '"""'),
    ("'''", "'''"),
    ("{-", "-}"),
    ("(*", "*)"),
    ("=begin", "=end"),
)
# Lines that may stand before the comment that speaks of the file.
_PREAMBLE = re.compile(
    r"\s*$|\s*<\?|\s*#\s*(?:pragma once|ifndef|define|if\b)|\s*package\b|\s*<!DOCTYPE|\s*['\"]use strict['\"]"
    r"|\s*from __future__",
    re.IGNORECASE,
)
_CODE_LINES = 2


def head_comments(text: str) -> str:
    """The comments before a file's code: those at its beginning, behind at most two other lines."""
    comments: list[str] = []
    closing, code = "", 0
    for line in text.split("\n"):
        if closing:
            comments.append(line)
            closing = "" if closing in line else closing
            continue
        opening = next(((start, end) for start, end in _BLOCKS if line.lstrip().startswith(start)), None)
        if opening is not None:
            comments.append(line)
            rest = line.lstrip()[len(opening[0]) :]
            closing = "" if opening[1] in rest else opening[1]
        elif _COMMENT.match(line):
            comments.append(line)
        elif not _PREAMBLE.match(line):
            code += 1
            if code > _CODE_LINES:
                break
    return "\n".join(comments)


def minified(path: str, text: str) -> str | None:
    """Why a js or css file counts as minified, or None."""
    name = path.lower()
    if not name.endswith(_MINIFIABLE):
        return None
    if re.search(r"[-.]min\.\w+$", name):
        return "name"
    lines = text.count("\n") + 1
    average = len(text) / lines
    if len(text) > 1_000 and average > MINIFIED_AVERAGE:
        return f"{average:.0f} characters a line"
    longest = max(map(len, text.split("\n")))
    return f"a line of {longest} characters" if longest > MINIFIED_LONGEST and longest * 2 > len(text) else None
