"""Cuts a text into chunks on definition bounds.

What lives here: pieces with their bounds, from a region and the definitions in it. What does not: finding the
definitions (`outline.py`) and turning pieces into rows (`parse.py`).

The laws: pieces are in order and do not overlap, and every line that is not blank is in one. A definition of more than
`max_chars` is split between the children of its syntax tree; a type whose members become pieces keeps its head (doc,
header, fields) as a separate piece; neighbours below `min_chars` are merged inside the same enclosing definition.
Sizes are characters that are not white space. Iterative: the nesting of a hostile file does not recurse.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from .facts import SMALL_KINDS, Definition

# White space and the continuation bytes of UTF-8: what `size` does not count.
UNCOUNTED = b" \t\r\n\v\f" + bytes(range(0x80, 0xC0))
# A type that is small as a whole stays whole: its parts mean little alone.
WHOLE_SHARE = 4

# Members without a body in one of these (a signature, a constant) are no pieces of their own unless large.
BARE_IN = frozenset({"interface", "trait"})

CLOSING_CHARS = 4

WHOLE, HEAD, GAP, MERGE = range(4)


class Piece:
    """A stretch of the text and the definition it is of (None outside definitions)."""

    __slots__ = ("end", "owner", "sealed", "size", "solid", "start")

    def __init__(self, start: int, end: int, size: int, owner: Definition | None, solid: bool) -> None:
        self.start, self.end, self.size, self.owner = start, end, size, owner
        self.solid = solid  # holds whole definitions, of which `owner` is the first; else code around or between them
        self.sealed = False  # inside a definition that was divided: merges with nothing outside of it


class Splitter:
    """Cuts one text. `root` is its syntax tree (None: lines only)."""

    def __init__(self, raw: bytes, lines: Sequence[int], max_chars: int, min_chars: int) -> None:
        self.raw = raw
        self.lines = lines  # offsets where lines begin
        self.max = max_chars
        self.min = min_chars

    def size(self, start: int, end: int) -> int:
        """Characters that are not white space."""
        return len(self.raw[start:end].translate(None, UNCOUNTED))

    def split(self, start: int, end: int, definitions: Sequence[Definition], root: Any) -> list[Piece]:
        """Pieces of a region. `definitions` sorted by start, outer before inner."""
        children = self._tree(definitions)
        pieces: list[Piece] = []
        # Work list, last first: (what, start, end, owner). A merge's start is where its group of pieces begins.
        stack: list[tuple[int, int, int, Definition | None]] = [(WHOLE, start, end, None)]
        while stack:
            what, low, high, owner = stack.pop()
            if what == MERGE:
                self._merge(pieces, low)
                continue
            node = root if owner is None else owner.node
            inner = children.get(owner) if what == WHOLE else None
            if inner is None:
                pieces += self._cut(low, high, owner, node, what != GAP and owner is not None)
                continue
            if owner is not None and (size := self.size(low, high)) <= self.max // WHOLE_SHARE:
                pieces.append(Piece(low, high, size, owner, True))
                continue
            parts = self._parts(low, high, owner, inner)
            stack.append((MERGE, len(pieces), 0, owner))
            stack += reversed(parts)
        return pieces

    def _parts(
        self, low: int, high: int, owner: Definition | None, inner: Sequence[Definition]
    ) -> list[tuple[int, int, int, Definition | None]]:
        """A region as work items: the definitions in it and the gaps between them."""
        raw = self.raw
        parts: list[tuple[int, int, int, Definition | None]] = []
        at = low
        for child in inner:
            child_start = self._snap(max(child.head, at), at)
            child_end = self._line_tail(min(child.end, high), high)
            if child_end <= child_start:
                continue
            if at < child_start and raw[at:child_start].strip():
                parts.append((HEAD if at == low else GAP, at, child_start, owner))
            parts.append((WHOLE, child_start, child_end, child))
            at = child_end
        if at < high and raw[at:high].strip():
            parts.append((GAP, at, high, owner))
        return parts

    def _tree(self, definitions: Sequence[Definition]) -> dict[Definition | None, list[Definition]]:
        """Definitions that become pieces, by the one around them."""
        children: dict[Definition | None, list[Definition]] = {}
        nodes: set[Definition] = set()
        last_end: dict[Definition | None, int] = {}
        floor = self.max // WHOLE_SHARE
        for definition in definitions:
            kind = definition.kind
            bare = definition.body < 0 and definition.parent is not None and definition.parent.kind in BARE_IN
            if (bare or kind in SMALL_KINDS) and (kind == "enum_member" or self._below(definition, floor)):
                continue
            parent = definition.parent
            while parent is not None and parent not in nodes:
                parent = parent.parent
            if definition.head < last_end.get(parent, 0):
                continue
            if parent is not None and definition.start <= parent.start and definition.end >= parent.end:
                continue
            last_end[parent] = definition.end
            nodes.add(definition)
            children.setdefault(parent, []).append(definition)
        return children

    def _below(self, definition: Definition, floor: int) -> bool:
        low, high = definition.head, definition.end
        return high - low <= floor or self.size(low, high) <= floor

    def _snap(self, offset: int, floor: int) -> int:
        """The start of the offset's line if only white space is before it, not below `floor`."""
        line = max(self.raw.rfind(b"\n", floor, offset) + 1, floor)
        return line if line == offset or not self.raw[line:offset].strip() else offset

    def _line_tail(self, offset: int, ceiling: int) -> int:
        """The end of the offset's line if only white space, punctuation or a comment's rest is after it."""
        raw = self.raw
        if raw[offset : offset + 1] == b"\n" and offset < ceiling:
            return offset + 1
        line_end = raw.find(b"\n", offset, ceiling) + 1 or ceiling
        if offset and raw[offset - 1] == 10:
            return offset
        rest = raw[offset:line_end].strip(b" \t\r\n;,")
        return line_end if not rest or rest.startswith((b"//", b"#", b"/*", b"--")) else offset

    def _cut(self, start: int, end: int, owner: Definition | None, node: Any, solid: bool) -> list[Piece]:
        """Pieces of a region without definitions, between syntax nodes, each at most `max` unless a line is longer."""
        raw = self.raw
        size = self.size(start, end)
        if size == 0:
            return []
        if size <= self.max:
            return [Piece(start, end, size, owner, solid)]
        cuts = self._cut_points(start, end, node)
        pieces: list[Piece] = []
        at = start
        index = 0
        while at < end:
            # As many cut points as fit, at least one; a stretch that alone is too long is cut by lines.
            low, high = index, len(cuts) - 1
            best = None
            total = self.size(at, cuts[low])
            while low <= high and total <= self.max:
                best = low
                low += 1
                if low <= high:
                    total += self.size(cuts[low - 1], cuts[low])
            if best is None:
                stop = cuts[index]
                pieces += self._cut_lines(at, stop, owner)
                at, index = stop, index + 1
            else:
                stop = cuts[best]
                if raw[at:stop].strip():
                    pieces.append(Piece(at, stop, self.size(at, stop), owner, solid))
                at, index = stop, best + 1
        return pieces

    def _cut_points(self, start: int, end: int, node: Any) -> list[int]:
        """Offsets to cut at: where children begin; below a child that is too long, where its children begin."""
        points: set[int] = {end}
        stack = [node] if node is not None else []
        while stack:
            around = stack.pop()
            if around.child_count == 0:
                continue
            children = around.children
            for child in children:
                low, high = child.start_byte, child.end_byte
                if high <= start or low >= end:
                    continue
                if low > start and child.is_named:
                    points.add(self._snap(low, start))
                if high - low > self.max and self._too_long(max(low, start), min(high, end)):
                    stack.append(child)
        points.discard(start)
        # Only line starts: a chunk that begins inside a line reads badly. A single long line has none.
        inside = sorted(point for point in points if start < point <= end)
        lines = self.lines
        at_lines = [p for p in inside if p == end or lines[bisect_right(lines, p) - 1] == p]
        return at_lines or [end]

    def _too_long(self, low: int, high: int) -> bool:
        """Whether a node must be cut inside. A single line has no cut points; very long ones are not counted: counting
        each of 100,000 nested nodes is quadratic."""
        if self.raw.find(b"\n", low, high) < 0:
            return False
        return high - low > 8 * self.max or self.size(low, high) > self.max

    def _cut_lines(self, start: int, end: int, owner: Definition | None) -> list[Piece]:
        """Pieces of whole lines; a line that is too long is cut by characters."""
        pieces: list[Piece] = []
        at, total = start, 0
        index = bisect_right(self.lines, start)
        low = start
        while low < end:
            high = min(self.lines[index] if index < len(self.lines) else len(self.raw), end)
            index += 1
            size = self.size(low, high)
            if total + size > self.max and total:
                pieces.append(Piece(at, low, total, owner, False))
                at, total = low, 0
            if size > self.max:
                pieces += self._cut_line(low, high, owner)
                at, total = high, 0
            else:
                total += size
            low = high
        if total:
            pieces.append(Piece(at, end, total, owner, False))
        return pieces

    def _cut_line(self, start: int, end: int, owner: Definition | None) -> list[Piece]:
        pieces = []
        while start < end:
            stop = min(start + self.max, end)
            while stop < end and 0x80 <= self.raw[stop] < 0xC0:
                stop += 1
            size = self.size(start, stop)
            if size:
                pieces.append(Piece(start, stop, size, owner, False))
            start = stop
        return pieces

    def _merge(self, pieces: list[Piece], mark: int) -> None:
        """Merges small neighbours among the pieces made since `mark`, all inside one definition."""
        group = pieces[mark:]
        merged: list[Piece] = []
        for piece in group:
            last = merged[-1] if merged else None
            if last is not None and last.size + piece.size <= self.max and self._joins(last, piece):
                last.end = piece.end
                last.size += piece.size
                if piece.solid and not last.solid:
                    last.owner, last.solid = piece.owner, True
            else:
                merged.append(piece)
        for piece in merged:
            piece.sealed = True
        pieces[mark:] = merged

    def _joins(self, last: Piece, piece: Piece) -> bool:
        if not piece.solid and not piece.sealed and piece.size <= CLOSING_CHARS:
            return True  # a closing brace
        if last.sealed or piece.sealed:
            return False
        if last.size < self.min and piece.size < self.min:
            return True
        # A few lines between definitions are no chunk of their own.
        return (not piece.solid and piece.size < self.min) or (not last.solid and last.size < self.min)
