"""What `.gitattributes` says about vendored, generated and documentation files.

What lives here: reading those attributes from nested files, the last match winning. What does not: other attributes,
and the consequences (`selection.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from .ignore import Pattern, parse_pattern

_NAMES = {"linguist-vendored": "vendored", "linguist-generated": "generated", "linguist-documentation": "docs"}
_FALSE = frozenset({"false", "0", "no", "off"})


@dataclass(frozen=True)
class _Line:
    pattern: Pattern
    values: dict[str, bool | None]


class Attributes:
    """Nested `.gitattributes`. A deeper file wins over a shallower one, a later line over an earlier one."""

    def __init__(self) -> None:
        self._lines: dict[bytes, list[_Line]] = {}

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, folder: bytes, content: bytes) -> None:
        lines = [line for raw in content.splitlines() if (line := _line(raw)) is not None]
        if lines:
            self._lines[folder] = lines

    def of(self, path: bytes) -> dict[str, bool]:
        """`vendored`, `generated` and `docs` as far as they are set (True) or unset (False) for a path."""
        folders = [b""] + [path[:i] for i, c in enumerate(path) if c == 0x2F]
        result: dict[str, bool | None] = {}
        for folder in folders:
            below = path[len(folder) + 1 :] if folder else path
            for line in self._lines.get(folder, ()):
                if line.pattern.covers(below):
                    result.update(line.values)
        return {name: value for name, value in result.items() if value is not None}


def _line(raw: bytes) -> _Line | None:
    words = raw.split()
    # Git knows no negated patterns here, and a pattern with a trailing '/' matches nothing.
    if len(words) < 2 or words[0].startswith((b"#", b"!", b"[attr]")) or words[0].endswith(b"/"):
        return None
    values: dict[str, bool | None] = {}
    for word in words[1:]:
        text = word.decode("utf-8", "replace")
        name, equals, value = text.lstrip("-!").partition("=")
        if name in _NAMES:
            unset = text.startswith("-") or (bool(equals) and value.lower() in _FALSE)
            values[_NAMES[name]] = None if text.startswith("!") else not unset
    pattern = parse_pattern(words[0].strip(b'"'))
    return _Line(pattern, values) if values and pattern is not None else None
