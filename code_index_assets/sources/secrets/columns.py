"""Secrets below the head of a table: `user,password` and its rows in CSV, Markdown and `INSERT` statements.

What lives here: from a column's name to the values below it. What does not: names and what values must look like
(`assignments.py`, `values.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

SEPARATORS = b",;|\t"
_HEAD_CELL = re.compile(rb"[ \t]*[\"'`*]{0,2}[\w .:#()/-]{0,40}[\"'`*]{0,2}[ \t]*\Z")
_LONGEST_HEAD, _LONGEST_ROW, _MOST_ROWS = 1_000, 4_000, 5_000
_QUOTES = b" \t\r\"'`*"
_RULE = re.compile(rb"[ \t|:+-]+\Z")
_INSERT_HEAD = re.compile(rb"\([^()]{0,1000}\Z")
_INSERT_REST = re.compile(rb"[^()]{0,1000}\)\s*(?:OUTPUT\s+[\w.,\s]{1,80})?VALUES\s*(?=\()", re.IGNORECASE)
_TUPLE = re.compile(rb"\s*,?\s*\(")
_ITEM = re.compile(rb"\s*(?:[nNeE]?'(?P<s>(?:[^'\\]|''|\\.)*)'|\"(?P<d>[^\"]*)\"|(?:[^,()'\"]|\([^()]*\))*)\s*")


def columns(text: bytes, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Where the values of the column named by `text[first:last]` stand; nothing if that is no column's name."""
    around = (text[max(0, first - 2) : first] + text[last : last + 3]).strip(b"\"'`* ")
    if not around and first:
        around = text[max(0, first - 2) : first] + text[last : last + 3]
    if any(separator in around for separator in SEPARATORS):
        yield from _table(text, first, last)
    if b"," in around or b")" in around:
        yield from _inserted(text, first, last)


def _table(text: bytes, first: int, last: int) -> Iterator[tuple[int, int]]:
    low = text.rfind(b"\n", max(0, first - _LONGEST_HEAD), first) + 1
    high = text.find(b"\n", last, last + _LONGEST_HEAD)
    if high < 0 or first - low >= _LONGEST_HEAD:
        return
    head = text[low:high]
    for separator in (SEPARATORS[i : i + 1] for i in range(4)):
        cells = head.strip(b" \r").strip(b"|" if separator == b"|" else b"").split(separator)
        if len(cells) > 1 and all(cell.strip() and _HEAD_CELL.match(cell) for cell in cells):
            break
    else:
        return
    count, column = head.count(separator), head[: first - low].count(separator)
    before = text[max(0, low - _LONGEST_HEAD) : max(0, low - 1)].rsplit(b"\n", 1)[-1]
    if before.count(separator) == count:
        return  # a row as the others
    for _ in range(_MOST_ROWS):
        low = high + 1
        high = text.find(b"\n", low, low + _LONGEST_ROW)
        high = high if high >= 0 else min(len(text), low + _LONGEST_ROW)
        row = text[low:high]
        if low >= len(text) or row.count(separator) < count or (row.count(separator) > count and b'"' not in row):
            return
        if not _RULE.match(row):
            yield from _trimmed(text, *_cell(row, separator, column, low))


def _cell(row: bytes, separator: bytes, column: int, low: int) -> tuple[int, int]:
    """One cell of a row; a separator inside quotes is none."""
    start, quoted = 0, False
    for place in range(len(row) + 1):
        char = row[place : place + 1]
        if char == b'"':
            quoted = not quoted
        elif char in {separator, b""} and (not quoted or not char):
            if column == 0:
                return low + start, low + place
            column, start = column - 1, place + 1
    return low, low


def _trimmed(text: bytes, low: int, high: int) -> Iterator[tuple[int, int]]:
    while low < high and text[low] in _QUOTES:
        low += 1
    while high > low and text[high - 1] in _QUOTES:
        high -= 1
    if high - low >= 4:
        yield low, high


def _inserted(text: bytes, first: int, last: int) -> Iterator[tuple[int, int]]:
    """`INSERT INTO t (user, password) VALUES ('a', '…'), …`."""
    opened = _INSERT_HEAD.search(text, max(0, first - 400), first)
    rest = _INSERT_REST.match(text, last) if opened else None
    if opened is None or rest is None:
        return
    column = text.count(b",", opened.start(), first)
    at = rest.end()
    for _ in range(_MOST_ROWS):
        row = _TUPLE.match(text, at)
        if row is None:
            return
        at = row.end()
        for number in range(200):
            item = _ITEM.match(text, at)
            if item is None:
                return
            if number == column and item.lastgroup:
                yield item.span(item.lastgroup)
            at = item.end()
            if text[at : at + 1] != b",":
                break
            at += 1
        if text[at : at + 1] != b")":
            return
        at += 1
