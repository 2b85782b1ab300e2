"""Patterns: a text or a regular expression, and the lines of a text that match it.

What lives here: compiling, what a pattern needs, matching. What does not: which files are read (`segments.py`), answers
(`search/grep.py`).

RE2 matches, in time that grows with the text alone. A pattern is matched line by line; one that names a line break, or
is asked to, may match over several lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from ...errors import QueryError
from .plan import Need, any_case_need, literal_need, pattern_need
from .trigrams import fold

MAX_PATTERN = 1000
_MEMORY = 32 << 20
_NAMES_LINE_BREAK = re.compile(r"(?:^|[^\\])(?:\\\\)*\\n|\n|\(\?[a-zA-Z]*s")


class Line(NamedTuple):
    """One line, or lines, that match: numbers from 1, the column in characters."""

    line: int
    column: int
    end_line: int
    text: str


@dataclass(frozen=True)
class Pattern:
    """What is looked for. `literal`: the source is a text, not a regular expression."""

    source: str
    literal: bool = False
    any_case: bool = False
    word: bool = False
    over_lines: bool = False

    def checked(self) -> Pattern:
        """The pattern, which RE2 can compile. Raises QueryError."""
        if not self.source:
            raise QueryError("the pattern is empty", remedy="give a text, or a regular expression")
        if len(self.source) > MAX_PATTERN:
            raise QueryError(
                f"the pattern has {len(self.source):,} characters", remedy=f"write it in {MAX_PATTERN:,} or fewer"
            )
        import re2

        try:
            _ = self._engine
        except re2.error as error:
            reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
            raise QueryError(
                f"{self.source!r} is no regular expression: {reason}",
                remedy="write it in RE2's syntax, or look for the text as it is: `code-index grep -F`, or in quotes",
            ) from error
        return self

    @property
    def shown(self) -> str:
        """The pattern as answers name it."""
        return f'"{self.source}"' if self.literal else f"/{self.source}/"

    @cached_property
    def need(self) -> Need:
        """What a text needs to match."""
        if not self.literal:
            return pattern_need(self.source, any_case=self.any_case)
        return any_case_need(self.source) if self.any_case else literal_need(self.source.encode())

    @cached_property
    def _lines_joined(self) -> bool:
        return self.over_lines or bool(("\n" in self.source) if self.literal else _NAMES_LINE_BREAK.search(self.source))

    @cached_property
    def _line_by_line(self) -> bool:
        """Whether each line can be matched by itself: not where the pattern speaks of the ends of the whole text."""
        return not self._lines_joined and (self.literal or not ("\\A" in self.source or "\\z" in self.source))

    @cached_property
    def _engine(self) -> Any:
        return _compiled(self.source, self.literal, self.any_case, self.word, self._lines_joined)

    @cached_property
    def _anchor(self) -> bytes:
        """The longest text that every match has: only lines with it are matched."""
        return max(self.need.texts, key=len, default=b"")

    @cached_property
    def _plain(self) -> bytes:
        """The text itself where finding it is all there is to matching."""
        return self.source.encode() if self.literal and not self.any_case and not self.word else b""

    @cached_property
    def _plain_folded(self) -> bytes:
        """The same where case does not count: without letters that `fold` does not know."""
        return fold(self.source.encode()) if self.literal and not self.word and self.source.isascii() else b""

    def matches(self, text: bytes) -> bool:
        """Whether anything in a text matches."""
        return next(self._places(text), None) is not None

    def lines(self, text: bytes) -> Iterator[Line]:
        """The matching lines of a text, in order, each once."""
        number, counted = 1, 0
        for start, end in self._places(text):
            first = text.rfind(b"\n", 0, start) + 1
            last = text.find(b"\n", max(end - 1, start) if end > start else end)
            last = len(text) if last < 0 else last
            number += text.count(b"\n", counted, first)
            counted = first
            inside = text[first:last]
            column = len(text[first:start].decode(errors="replace")) + 1
            yield Line(number, column, number + inside.count(b"\n"), inside.decode(errors="replace").rstrip("\r"))

    def count(self, text: bytes) -> int:
        """How many lines match."""
        return sum(1 for _ in self._places(text))

    def _places(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Where the first match of each line, or the matches over lines, begin and end."""
        if self._plain:
            places = _found(text, text, self._plain)
        elif self._plain_folded and len(folded := fold(text)) == len(text):
            places = _found(text, folded, self._plain_folded)
        else:
            places = self._near(text) if self._anchor and self._line_by_line else self._searched(text)
        for start, end in places:
            if start == len(text) and (not text or text.endswith(b"\n")):
                return  # there is no line after the last line break
            yield start, end

    def _near(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Matches in lines that have the anchor: RE2 is asked about those alone."""
        folded = fold(text)
        if len(folded) != len(text):  # places in one are not those in the other
            yield from self._searched(text)
            return
        for start, _ in _found(text, folded, self._anchor):
            first = text.rfind(b"\n", 0, start) + 1
            last = text.find(b"\n", start)
            found = self._engine.search(text[first : last if last >= 0 else len(text)])
            if found is not None:
                begin, end = found.span()
                yield first + begin, first + end

    def _searched(self, text: bytes) -> Iterator[tuple[int, int]]:
        at = 0
        while at <= len(text) and (found := self._engine.search(text, at)) is not None:
            start, end = found.span()
            yield start, end
            following = text.find(b"\n", max(start, end - 1))
            if following < 0:
                return
            at = following + 1


def _found(text: bytes, folded: bytes, wanted: bytes) -> Iterator[tuple[int, int]]:
    """The first place of `wanted` in each line of a text; with line breaks in it, every place."""
    at = folded.find(wanted)
    while at >= 0:
        yield at, at + len(wanted)
        following = text.find(b"\n", at + len(wanted) - 1 if b"\n" in wanted else at)
        if following < 0:
            return
        at = folded.find(wanted, following + 1)


@lru_cache(maxsize=256)
def _compiled(source: str, literal: bool, any_case: bool, word: bool, over_lines: bool) -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.never_capture = True
    options.never_nl = not over_lines
    body = re2.escape(source) if literal else f"(?:{source})"
    body = rf"\b(?:{body})\b" if word else body
    if not literal:
        re2.compile(source.encode(), options)  # `a)(b` is no expression, though it is one in brackets
    return re2.compile(f"(?m{'i' if any_case else ''}){body}".encode(), options)


@dataclass(frozen=True)
class TextRule:
    """What texts must have: one of the patterns; or, `excluded`, none of them."""

    patterns: tuple[Pattern, ...]
    excluded: bool = False

    def allows(self, text: bytes) -> bool:
        """Whether a text meets the rule."""
        return self.excluded != any(pattern.matches(text) for pattern in self.patterns)


def needs_of(rules: Iterable[TextRule]) -> tuple[Need, ...]:
    """What the index can be asked for: excluded patterns require nothing of it."""
    wanted = (rule.patterns for rule in rules if not rule.excluded)
    return tuple(patterns[0].need if len(patterns) == 1 else _either(patterns) for patterns in wanted)


def _either(patterns: tuple[Pattern, ...]) -> Need:
    needs = tuple(pattern.need for pattern in patterns)
    return Need() if any(need.is_empty for need in needs) else Need(choices=(needs,))
