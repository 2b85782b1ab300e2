"""What `.gitattributes` says about vendored, generated and documentation files, and about their language.

What lives here: reading those attributes from nested files, the last match winning. What does not: other attributes,
and the consequences (`sources/selection.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ignore import Pattern, parse_pattern
from ..languages import language_named

_NAMES = {"linguist-vendored": "vendored", "linguist-generated": "generated", "linguist-documentation": "docs"}
_LANGUAGE = "linguist-language"
_FALSE = frozenset({"false", "0", "no", "off"})


@dataclass(frozen=True)
class _Line:
    pattern: Pattern
    values: dict[str, bool | None]
    language: str | None
    says_language: bool


@dataclass(frozen=True)
class Said:
    """What holds for one path: attributes that are set (True) or unset (False), and the language in our terms."""

    roles: dict[str, bool]
    language: str | None = None


class Attributes:
    """Nested `.gitattributes`. A deeper file wins over a shallower one, a later line over an earlier one."""

    def __init__(self) -> None:
        self._lines: dict[bytes, list[_Line]] = {}

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, folder: bytes, content: bytes) -> None:
        """Adds the rules of a folder's `.gitattributes`."""
        lines = [line for raw in content.splitlines() if (line := _line(raw)) is not None]
        if lines:
            self._lines[folder] = lines

    def of(self, path: bytes) -> Said:
        """`vendored`, `generated`, `docs` and the language, as far as the files say something of a path."""
        folders = [b""] + [path[:i] for i, c in enumerate(path) if c == 0x2F]
        result: dict[str, bool | None] = {}
        language = None
        for folder in folders:
            below = path[len(folder) + 1 :] if folder else path
            for line in self._lines.get(folder, ()):
                if line.pattern.covers(below):
                    result.update(line.values)
                    language = line.language if line.says_language else language
        return Said({name: value for name, value in result.items() if value is not None}, language)


def _line(raw: bytes) -> _Line | None:
    words = raw.split()
    # Git knows no negated patterns here, and a pattern with a trailing '/' matches nothing.
    if len(words) < 2 or words[0].startswith((b"#", b"!", b"[attr]")) or words[0].endswith(b"/"):
        return None
    values: dict[str, bool | None] = {}
    language, says_language = None, False
    for word in words[1:]:
        text = word.decode("utf-8", "replace")
        name, equals, value = text.lstrip("-!").partition("=")
        if name in _NAMES:
            unset = text.startswith("-") or (bool(equals) and value.lower() in _FALSE)
            values[_NAMES[name]] = None if text.startswith("!") else not unset
        elif name == _LANGUAGE:
            language, says_language = language_named(value), True
    pattern = parse_pattern(words[0].strip(b'"'))
    if pattern is None or not (values or says_language):
        return None
    return _Line(pattern, values, language, says_language)
