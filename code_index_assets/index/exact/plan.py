"""What a text must contain for a regular expression to match it: the part of a pattern that an index can answer.

What lives here: reading RE2's syntax, as far as literals follow from it. What does not: matching (RE2 does that).

The reading is one-sided: what is not understood requires nothing. A requirement that is too weak costs time, one that
is too strong would lose matches: `tests/search/test_exact_plan.py` compares both with RE2 on generated patterns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .trigrams import fold

# Alternatives that are written out: `[ab][cd]` are four. Beyond that a part requires nothing.
_MOST_TEXTS = 32
_MOST_CHARS = 200  # of one written-out text


@dataclass(frozen=True)
class Need:
    """All of `texts` (folded, three bytes or longer) must be there, and one of each of `choices`."""

    texts: tuple[bytes, ...] = ()
    choices: tuple[tuple[Need, ...], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is required."""
        return not self.texts and not self.choices


NOTHING = Need()


def literal_need(text: bytes) -> Need:
    """What a text that occurs literally, in any case, requires."""
    folded = fold(text)
    return Need((folded,)) if len(folded) > 2 else NOTHING


def any_case_need(text: str) -> Need:
    """What a text requires that may occur in any case, letters beyond ASCII included."""
    return _all_of(literal_need(part.encode()) for part in _foldable(text))


def pattern_need(pattern: str, *, any_case: bool) -> Need:
    """What a regular expression in RE2's syntax requires of a text that it matches."""
    try:
        return _Reader(pattern, any_case=any_case).read()
    except _NotUnderstoodError:
        return NOTHING


def _foldable(text: str) -> list[str]:
    """The runs of ASCII characters: the case of others is not folded by `fold`."""
    parts, run = [], ""
    for char in text:
        if char.isascii():
            run += char
        else:
            parts.append(run)
            run = ""
    return [part for part in (*parts, run) if part]


def _all_of(needs: Iterable[Need]) -> Need:
    texts: dict[bytes, None] = {}
    choices: dict[tuple[Need, ...], None] = {}
    for need in needs:
        texts.update(dict.fromkeys(need.texts))
        choices.update(dict.fromkeys(need.choices))
    return Need(tuple(texts), tuple(choices))


def _any_of(needs: Iterable[Need]) -> Need:
    alternatives = tuple(dict.fromkeys(needs))
    if any(need.is_empty for need in alternatives) or not alternatives:
        return NOTHING
    return alternatives[0] if len(alternatives) == 1 else Need(choices=(alternatives,))


class _NotUnderstoodError(Exception):
    """A part of the syntax that this module does not read."""


@dataclass(frozen=True)
class _Part:
    """A piece of a pattern: exactly these texts (None: not known), and what it requires besides."""

    texts: tuple[bytes, ...] | None
    need: Need = NOTHING

    def required(self) -> Need:
        """Everything it requires, its texts written out."""
        if self.texts is None:
            return self.need
        return _all_of((self.need, _any_of(literal_need(text) for text in self.texts)))


_EMPTY = _Part((b"",))
_ANYTHING = _Part(None)


class _Reader:
    """Reads one pattern, left to right."""

    def __init__(self, pattern: str, *, any_case: bool) -> None:
        self._pattern, self._at = pattern, 0
        self._any_case = any_case

    def read(self) -> Need:
        part = self._alternatives()
        if self._at < len(self._pattern):
            raise _NotUnderstoodError(self._pattern)  # a bracket that closes nothing
        return part.required()

    def _peek(self, text: str) -> bool:
        return self._pattern.startswith(text, self._at)

    def _next(self) -> str:
        if self._at >= len(self._pattern):
            raise _NotUnderstoodError(self._pattern)
        self._at += 1
        return self._pattern[self._at - 1]

    def _alternatives(self) -> _Part:
        flags = self._any_case
        parts = [self._sequence()]
        while self._peek("|"):
            self._at += 1
            parts.append(self._sequence())
        self._any_case = flags  # flags set inside a group end with it
        if len(parts) == 1:
            return parts[0]
        texts: list[bytes] = []
        for part in parts:
            if part.texts is None or not part.need.is_empty or len(texts) + len(part.texts) > _MOST_TEXTS:
                return _Part(None, _any_of(part.required() for part in parts))
            texts += part.texts
        return _Part(tuple(dict.fromkeys(texts)))

    def _sequence(self) -> _Part:
        """Pieces one after the other: their texts are joined as long as there are few."""
        texts: tuple[bytes, ...] = (b"",)
        needs: list[Need] = []
        known = True
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            part = self._repeated()
            needs.append(part.need)
            if part.texts is not None and len(texts) * len(part.texts) <= _MOST_TEXTS:
                joined = tuple(dict.fromkeys(one + other for one in texts for other in part.texts))
                if max(map(len, joined)) <= _MOST_CHARS:
                    texts = joined
                    continue
            known = False
            needs.append(_any_of(map(literal_need, texts)))
            texts = part.texts if part.texts is not None else (b"",)
        if known:
            return _Part(texts, _all_of(needs))
        return _Part(None, _all_of((*needs, _any_of(map(literal_need, texts)))))

    def _repeated(self) -> _Part:
        part = self._atom()
        while self._at < len(self._pattern):
            mark = self._pattern[self._at]
            if mark == "?":
                self._at += 1
                exact = part.texts if part.need.is_empty else None
                part = _Part((*exact, b"")) if exact is not None and len(exact) < _MOST_TEXTS else _ANYTHING
            elif mark == "*":
                self._at += 1
                part = _ANYTHING
            elif mark == "+":
                self._at += 1
                part = _Part(None, part.required())
            elif mark == "{" and (least := self._braces()) is not None:
                part = _Part(None, part.required()) if least else _ANYTHING
            else:
                break
            if self._peek("?"):
                self._at += 1  # as few as possible: the same texts
        return part

    def _braces(self) -> int | None:
        """The least number of `{n}`, `{n,}` and `{n,m}`; None where it is a plain brace."""
        end = self._pattern.find("}", self._at)
        least, _, most = self._pattern[self._at + 1 : max(end, self._at)].partition(",")
        if end < 0 or not (least.isascii() and least.isdigit()) or not (not most or most.isdigit()):
            return None
        self._at = end + 1
        return int(least)

    def _atom(self) -> _Part:
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if char == ".":
            return _ANYTHING
        if char in "^$":
            return _EMPTY
        if char in "*+?":
            raise _NotUnderstoodError(self._pattern)
        return self._letter(char)

    def _letter(self, char: str) -> _Part:
        if char.isascii() or not self._any_case:
            return _Part((fold(char.encode("utf-8", "surrogatepass")),))
        return _ANYTHING

    def _group(self) -> _Part:
        before = self._any_case
        if self._peek("?"):
            end = min((i for i in (self._pattern.find(c, self._at) for c in ":)<") if i >= 0), default=-1)
            if end < 0:
                raise _NotUnderstoodError(self._pattern)
            flags = self._pattern[self._at + 1 : end]
            self._at = end + 1
            if self._pattern[end] == "<":
                if flags not in ("P", "") or (name_end := self._pattern.find(">", self._at)) < 0:
                    raise _NotUnderstoodError(self._pattern)
                self._at = name_end + 1
            else:
                self._set(flags)
                if self._pattern[end] == ")":
                    return _EMPTY  # flags for the rest of the group
        part = self._alternatives()
        if self._next() != ")":
            raise _NotUnderstoodError(self._pattern)
        self._any_case = before
        return part

    def _set(self, flags: str) -> None:
        on, _, off = flags.partition("-")
        if not set(on + off) <= set("imsU"):
            raise _NotUnderstoodError(self._pattern)
        if "i" in on:
            self._any_case = True
        if "i" in off:
            self._any_case = False

    def _escape(self) -> _Part:
        char = self._next()
        if char == "Q":
            end = self._pattern.find("\\E", self._at)
            text = self._pattern[self._at : end if end >= 0 else None]
            self._at = end + 2 if end >= 0 else len(self._pattern)
            parts = [self._letter(one) for one in text]
            if any(part.texts is None for part in parts):
                return _ANYTHING
            return _Part((b"".join(part.texts[0] for part in parts if part.texts),))
        if char in "bBAz":
            return _EMPTY
        plain = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}.get(char)
        if plain:
            return self._letter(plain)
        if char in "pPx":
            if self._peek("{"):
                self._at = self._pattern.find("}", self._at) + 1 or len(self._pattern)
            else:
                self._at += 2 if char == "x" else 1
            return _ANYTHING
        if char.isalnum():
            if char.isdigit():
                raise _NotUnderstoodError(self._pattern)  # octal, or a reference that RE2 refuses
            return _ANYTHING  # a class: \d \w \s \C …
        return self._letter(char)

    def _class(self) -> _Part:
        """A class of a few plain characters is written out; any other is passed over."""
        chars: set[str] | None = set()
        if self._peek("^"):
            self._at += 1
            chars = None
        first = True
        while True:
            if self._peek("[:"):
                end = self._pattern.find(":]", self._at)
                if end < 0:
                    raise _NotUnderstoodError(self._pattern)
                self._at, chars = end + 2, None
                first = False
                continue
            char = self._next()
            if char == "]" and not first:
                break
            first = False
            if char == "\\":
                char = self._next()
                if char.isalnum():
                    chars = None  # \d, \pL, \x41: what follows are letters of the class, which is passed over
                    if char in "pPx" and self._peek("{"):
                        self._at = self._pattern.find("}", self._at) + 1 or len(self._pattern)
            if chars is not None:
                chars.add(char)
            if self._peek("-") and not self._pattern.startswith("-]", self._at):
                self._at += 1
                chars = None
                if self._next() == "\\":
                    self._next()
        if chars is None or len(chars) > 8:
            return _ANYTHING
        parts = [self._letter(char) for char in sorted(chars)]
        if any(part.texts is None for part in parts):
            return _ANYTHING
        return _Part(tuple(dict.fromkeys(part.texts[0] for part in parts if part.texts)))
