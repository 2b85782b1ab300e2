"""A second look at a text most of which its grammar gave up on: the smallest construct at fault is blanked out.

What lives here: finding that construct and the parse without it. What does not: macros of C and C++, which are known by
their looks (`macros.py`).

A parser that does not know one construct may put everything around it into one ERROR node, and the class that holds it
is lost. Which construct it was is not in the tree. So the lines are taken apart as their indentation nests them, and
those that the tree does not hold as whole are parsed on their own, the heads and ends of what is around them kept: what
is an error then is looked into further. Most lines are whole in the tree, so that a search costs little more than the
parse of the text that is blanked. All bounds are counts, not times: the same text gives the same tree on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

Parse = Callable[[bytes], Any]
Span = tuple[int, int]  # lines: first, end

# Errors over less than this share of a text hide no definition around them.
SHARE = 0.15
# A tree counts as better where errors and blanks lose less than this share of what errors alone did.
KEPT = 0.7
# A search in a larger text could take seconds, and it is rarely written by hand.
MAX_BYTES = 400_000
ROUNDS = 3
# Parsed bytes that all searches in a text may take, as a multiple of its size; blanked places; nesting looked into.
WORK = 10
MAX_SPANS = 20
MAX_DEPTH = 16
# A line that goes on with what stands before it.
GOES_ON = re.compile(
    rb"[})\]{*.?:|&+,>=]|end\b|els(?:e|if|eif)\b|elif\b|catch\b|finally\b|rescue\b|ensure\b|except\b|then\b|do\b|in\b|while\b.*;$|where\b|\"\"\"|'''"
)
# A line that belongs to what follows it: comments, decorators, attributes.
LEAD = re.compile(rb"@|#?\[|//|/\*|#[ !#]|--|;;|%%|template\b|export\s*$|\w+\s*:\s*$")
TAB = 4
INSIDE = 1 << 30  # depth of a line that begins inside a comment or string
STRING = re.compile(r"^(?!.*concat).*(?:string|heredoc)(?!_interpol|_expr|s$)")
TEXT = re.compile(r"string|heredoc|template|quoted|text")


def recovered(raw: bytes, root: Any, parse: Parse) -> tuple[Any, list[Span]]:
    """The tree with constructs blanked that made most of the text an error, and their lines (from 1, both included).

    Without such a construct it is the tree as it was, and no lines.
    """
    wrong = error_bytes(root)
    if wrong < SHARE * len(raw) or len(raw) > MAX_BYTES:
        return root, []
    work = [WORK * len(raw)]
    best = (wrong, root)
    blanked: list[Span] = []
    for _ in range(ROUNDS):
        search = _Search(raw, best[1], parse, work, blanked)
        # Without its first line all of a PHP file is text.
        opening = int(raw.startswith(b"<?"))
        faults = search.faults([(opening, len(search.lines))], [(0, 1)] * opening, 0)
        if not faults or len(blanked) + len(faults) > MAX_SPANS:
            break
        tried = search.without([*blanked, *faults])
        if tried is None or tried[0] >= best[0]:
            break
        best, blanked = tried, [*blanked, *faults]
        if best[0] < SHARE * len(raw):
            break
    if best[0] > KEPT * wrong:
        return root, []
    return best[1], sorted((first + 1, end) for first, end in blanked)


def error_bytes(root: Any) -> int:
    """Bytes in ERROR nodes, and in strings that an error opened or keeps from ending."""
    total, stack = 0, [root]
    while stack:
        node = stack.pop()
        if node.is_error or (node.has_error and STRING.search(node.type)):
            total += node.end_byte - node.start_byte
        elif node.has_error:
            stack += node.children
    return total


class _Search:
    """The lines of a text, and which of them its tree holds as whole."""

    def __init__(self, raw: bytes, root: Any, parse: Parse, work: list[int], blanked: list[Span]) -> None:
        self.raw = raw
        self.parse = parse
        self.work = work
        self.lines = raw.split(b"\n")
        for first, end in blanked:
            self.lines[first:end] = [_blank(line) for line in self.lines[first:end]]
        self.depths = [_depth(line) for line in self.lines]
        for first, end in _texts(root):
            self.depths[first:end] = [INSIDE] * len(self.depths[first:end])
        self.starts = [
            0 <= depth < INSIDE and not GOES_ON.match(line.lstrip())
            for depth, line in zip(self.depths, self.lines, strict=True)
        ]
        self.doubted = bytearray(depth >= 0 for depth in self.depths)
        for first, end in _whole(root):
            self.doubted[first:end] = bytes(end - first)

    def faults(self, regions: list[Span], around: list[Span], depth: int) -> list[Span]:
        """The smallest constructs of some regions that are errors by themselves."""
        groups = [group for region in regions for group in self._groups(region)]
        faults = self._at_fault(around, [group for group in groups if any(self.doubted[slice(*group)])])
        if not faults:
            # What the parser made of the lines after a fault is no proof.
            faults = self._at_fault(around, groups)
        spans: list[Span] = []
        for fault in faults:
            if len(fault) > 1:
                spans += self._one_of(around, fault)
                continue
            lead = self._lead(fault[0])
            if lead and not self._fails(around, fault, lead):
                spans += lead
                continue
            frame, inner = self._parts(fault[0])
            opened = self._opened(around, frame, inner) if inner and depth < MAX_DEPTH else None
            deeper = self.faults(opened[1], sorted([*around, *opened[0]]), depth + 1) if opened else []
            spans += deeper if deeper and not self._fails(around, fault, deeper) else fault
        return spans

    def without(self, spans: list[Span]) -> tuple[int, Any] | None:
        """Bytes lost to errors and blanks, and the tree, of the text with these lines blanked; None: too much work."""
        lines = self.raw.split(b"\n")
        lost = 0
        for first, end in spans:
            lost += sum(map(len, lines[first:end]))
            lines[first:end] = [_blank(line) for line in lines[first:end]]
        text = b"\n".join(lines)
        if not self._afford(len(text)):
            return None
        root = self.parse(text)
        return error_bytes(root) + lost, root

    def _afford(self, size: int) -> bool:
        self.work[0] -= size
        return self.work[0] >= 0

    def _fails(self, around: list[Span], spans: list[Span], without: list[Span] | None = None) -> bool:
        """Whether some lines are an error by themselves, between the heads and ends of what is around them."""
        removed = sorted([*around, *spans])
        blank = {number for first, end in without or () for number in range(first, end)}
        lines = [self.lines[number] for first, end in removed for number in range(first, end) if number not in blank]
        text = b"\n".join(lines) + b"\n"
        return self._afford(len(text)) and bool(self.parse(text).has_error)

    def _at_fault(self, around: list[Span], groups: list[Span]) -> list[list[Span]]:
        """The fewest neighbouring groups of lines that are errors, each time they are."""
        size = sum(end - first for first, end in groups)
        # What is most of the text is at fault: its parse is known.
        if not groups or (2 * size < len(self.lines) and not self._fails(around, groups)):
            return []
        if len(groups) == 1:
            return [groups]
        half = len(groups) // 2
        at_fault = [*self._at_fault(around, groups[:half]), *self._at_fault(around, groups[half:])]
        return at_fault or ([self._window(around, groups)] if 2 * size < len(self.lines) else [])

    def _one_of(self, around: list[Span], fault: list[Span]) -> list[Span]:
        """Of groups that are an error together, the one without which they are not; else all."""
        for one in (fault[-1], fault[0]):
            if not self._fails(around, [group for group in fault if group != one]):
                return [one]
        return fault

    def _opened(self, around: list[Span], frame: list[Span], inner: list[Span]) -> tuple[list[Span], list[Span]] | None:
        """Frame and inner lines such that the frame is no error by itself; a head may go on in deeper lines."""
        largest = max(inner, key=lambda span: span[1] - span[0])
        more = [*frame, *(span for span in inner if span is not largest)]
        first = next((group for group in self._groups(largest)), largest)
        rest = (first[1], largest[1])
        for outer, left in ((frame, inner), (more, [largest]), ([*more, (largest[0], first[1])], [rest])):
            if left[0][0] < left[0][1] and not self._fails(around, outer):
                return outer, left
        return None

    def _window(self, around: list[Span], groups: list[Span]) -> list[Span]:
        """The same where no half is an error by itself: cut from both ends for as long as it stays one."""
        half = len(groups) // 2
        low, high = 0, half - 1  # the last beginning with which they fail
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._fails(around, groups[middle:]) else (low, middle - 1)
        groups, half = groups[low:], half - low
        low, high = half + 1, len(groups)  # the first end with which they fail
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._fails(around, groups[:middle]) else (middle + 1, high)
        return groups[:low]

    def _groups(self, region: Span) -> list[Span]:
        """The statements or members of a region: each begins with a line of the least indentation."""
        first, end = region
        least = min((self.depths[n] for n in range(first, end) if self.starts[n]), default=-1)
        begins: list[int] = []
        lead = False  # the last one is nothing without what follows
        for number in range(first, end):
            if self.starts[number] and self.depths[number] <= least:
                if not lead:
                    begins.append(number)
                lead = LEAD.match(self.lines[number].lstrip()) is not None
        return list(zip(begins, [*begins[1:], end], strict=True)) if begins else []

    def _lead(self, group: Span) -> list[Span]:
        """The lines of a group before what they belong to: comments, decorators."""
        first, end = group
        number = first
        while number < end and self.starts[number] and LEAD.match(self.lines[number].lstrip()):
            number = next((n for n in range(number + 1, end) if self.starts[n]), end)
        return [(first, number)] if first < number < end else []

    def _parts(self, group: Span) -> tuple[list[Span], list[Span]]:
        """The lines of a group that are no deeper than its first (head, `else`, end), and the deeper ones between."""
        depth = self.depths[group[0]]
        frame: list[Span] = []
        inner: list[Span] = []
        for number in range(*group):
            of = inner if self.depths[number] > depth or (self.depths[number] < 0 and inner) else frame
            if of and of[-1][1] == number:
                of[-1] = (of[-1][0], number + 1)
            else:
                of.append((number, number + 1))
        return frame, inner


def _texts(root: Any) -> Iterator[Span]:
    """Lines that begin inside a comment or string: their indentation says nothing."""
    stack = [root]
    while stack:
        for node in stack.pop().children:
            first, last = node.start_point[0], node.end_point[0]
            if first == last:
                continue
            # A quote that the error opened is no string: such a node stands in the ERROR alone.
            if "comment" in node.type or (TEXT.search(node.type) and node.child_count and not node.has_error):
                yield first + 1, last + 1
            elif not node.is_error or node.child_count:
                stack.append(node)


def _whole(root: Any) -> Iterator[Span]:
    """Lines all of which are in nodes without an error that stand in one with an error."""
    stack = [root]
    while stack:
        for node in stack.pop().children:
            if node.has_error:
                stack.append(node)
            elif node.child_count or "comment" in node.type:
                yield node.start_point[0], node.end_point[0] + 1


def _blank(line: bytes) -> bytes:
    return b" " * len(line.rstrip(b"\r")) + b"\r" * line.endswith(b"\r")


def _depth(line: bytes) -> int:
    """Indentation in columns; -1 for a blank line."""
    bare = line.lstrip(b" \t")
    if not bare.strip():
        return -1
    return len(line[: len(line) - len(bare)].expandtabs(TAB))
