"""Uses of names: which identifiers a file mentions outside the names it defines, and on which lines.

What lives here: the scan of the text around definitions' names, comments and strings. What does not: who defines them.

One regular expression over the whole text costs half of what capturing every identifier of the tree does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain

MAX_NAME = 100
TOKEN = re.compile(rb"\n|[A-Za-z_$\x80-\xff][\w$\x80-\xff]+")
NEWLINE = b"\n"


# Ruby and Elixir: `complete?` and `save!` are names of their own; `a != b` and `a =~ b` are not.
MARKED = re.compile(rb"\n|[A-Za-z_$\x80-\xff][\w$\x80-\xff]+(?:[?!](?![=~]))?")
# Julia: `push!`.
BANG = re.compile(rb"\n|[A-Za-z_$\x80-\xff][\w$\x80-\xff]+(?:!(?!=))?")
# Lisps: `skip-ws!`, `*limit*`, `string->list`; what stands before a slash is a separate name.
LISP = re.compile(rb"\n|[*+<>%&]?[A-Za-z_$\x80-\xff][\w$*+!?<>=%&'\x80-\xff-]+")
# R: `print.default`.
DOTTED = re.compile(rb"\n|[A-Za-z_.\x80-\xff][\w.\x80-\xff]+")


def references(
    raw: bytes, hidden: Iterable[tuple[int, int]], keywords: frozenset[bytes], names: re.Pattern[bytes] | None = None
) -> dict[bytes, list[int]]:
    """Lines (from 1) of each identifier outside the hidden spans; keywords and one-letter names left out."""
    parts: list[bytes] = []
    at = 0
    for start, end in hidden:
        if end <= at:
            continue
        if start > at:
            parts.append(raw[at:start])
        parts.append(b" " + NEWLINE * raw.count(NEWLINE, max(start, at), end))
        at = end
    parts.append(raw[at:])
    line = 1
    lines_of: dict[bytes, list[int]] = {}
    seen = lines_of.get
    for token in (names or TOKEN).findall(b"".join(parts)):
        if token == NEWLINE:
            line += 1
        elif (lines := seen(token)) is None:
            lines_of[token] = [line]
        elif lines[-1] != line:
            lines.append(line)
    for keyword in keywords.intersection(lines_of):
        del lines_of[keyword]
    return lines_of


def hidden_spans(*groups: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans of several groups in order."""
    return sorted(chain(*groups))
