"""The spelling around a value: what quotes, escapes and entities say, and where each character of it came from.

What lives here: `View`, a piece of text with one layer of spelling taken off and a map back to the offsets of the
original; `layers`, all views of a piece. A value inside JSON inside JSON, a notebook or an XML attribute is read in the
view where it stands plain. What does not: reading names and values (`assignments.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ESCAPE = re.compile(
    rb"\\(?:u(?P<u>[0-9a-fA-F]{4})|x(?P<x>[0-9a-fA-F]{2})|(?P<c>[\"'\\/`nrtbf]))|&(?:#(?P<n>\d{2,5})|#[xX](?P<h>[0-9a-fA-F]{2,4})|(?P<e>quot|apos|amp|lt|gt));"
)
# An escape that changes how a value is read: quotes, line ends, entities. A lone \\d of a pattern does not.
_TELLING = re.compile(rb"\\[\"'`nr]|\\u00[23]|&(?:quot|apos|#\d|#x|lt|gt|amp)|%2[27]|%3[aAdD]")
_PERCENT = re.compile(rb"%([0-9a-fA-F]{2})")
_PLAIN = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b" ", b"f": b" "}
_ENTITY = {b"quot": b'"', b"apos": b"'", b"amp": b"&", b"lt": b"<", b"gt": b">"}
_LAYERS = 3


@dataclass(frozen=True)
class View:
    """A piece of text as read after some layers of spelling; `origin[i]` is where byte i began in the whole text.

    `origin` has one entry more than `text`: where the piece ends.
    """

    text: bytes
    origin: list[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where a part of the view stands in the whole text."""
        return self.origin[start], self.origin[end]


def layers(raw: bytes, low: int, high: int) -> Iterator[View]:
    """The views of `raw[low:high]` with one, two and three layers of spelling off; none where nothing is escaped."""
    view = View(raw[low:high], list(range(low, high + 1)))
    for _ in range(_LAYERS):
        if not _TELLING.search(view.text):
            return
        view = _unspelled(view)
        yield view


def is_spelled(raw: bytes, low: int, high: int) -> bool:
    """Whether there is anything to take off."""
    return _TELLING.search(raw, low, high) is not None


def _unspelled(view: View) -> View:
    pieces: list[bytes] = []
    origin: list[int] = []
    done = 0
    pattern = _ESCAPE if _ESCAPE.search(view.text) else _PERCENT
    for match in pattern.finditer(view.text):
        start, end = match.span()
        char = _char(match) if pattern is _ESCAPE else bytes([int(match[1], 16)])
        pieces += [view.text[done:start], char]
        origin += view.origin[done:start]
        origin += [view.origin[start]] * len(char)
        done = end
    pieces.append(view.text[done:])
    origin += view.origin[done:]
    return View(b"".join(pieces), origin)


def _char(match: re.Match[bytes]) -> bytes:
    if match["c"] is not None:
        return _PLAIN.get(match["c"], match["c"])
    if match["e"] is not None:
        return _ENTITY[match["e"]]
    code = int(match["n"]) if match["n"] else int(match["u"] or match["x"] or match["h"], 16)
    return bytes([code]) if 9 <= code < 127 else b"?"
