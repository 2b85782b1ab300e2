"""What stands around a definition: comments, decorators, base types, its signature, and facts noted inside it.

What lives here: giving each definition of an outline what was captured loose, by position. What does not: finding
definitions and their names (`outline.py`).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Any

from .facts import Definition

if TYPE_CHECKING:
    from .facts import Outline

MAX_SIGNATURE = 400
MAX_DOC = 4000


def attach(outline: Outline, loose: dict[str, list[tuple[Any, ...]]]) -> None:
    """Finds each definition's leading comments and decorators, doc, base types and signature."""
    raw = outline.raw
    leads = sorted(outline.comments + outline.decorators) if outline.decorators else outline.comments
    lead_starts = [start for start, _ in leads]
    comment_starts = [start for start, _ in outline.comments]
    decorated = frozenset(outline.decorators)
    decorator_starts = [start for start, _ in outline.decorators]
    bases = loose["extends"]
    base_starts = [start for start, _ in bases]
    owned: dict[int, Definition] = {}
    for definition in outline.definitions:
        head, before = _leading(outline, definition.start, leads, lead_starts, decorated)
        definition.head = head
        if before and definition.doc is None:
            definition.doc = clean_doc(outline, before[::-1])
        signature = definition.start
        for index in range(bisect_left(decorator_starts, head), bisect_left(decorator_starts, definition.name_start)):
            start, end = outline.decorators[index]
            if owned.get(start) is None:
                owned[start] = definition
                definition.decorators.append(outline.flat(start, end)[:MAX_SIGNATURE])
            if start >= signature and not raw[signature:start].strip():
                signature = end
        stop = definition.body if definition.body > definition.name_start else definition.end
        if outline.plugin.facts.signatures:
            index = bisect_left(comment_starts, definition.name_start)
            if index < len(comment_starts) and comment_starts[index] < stop:
                stop = comment_starts[index]
            definition.signature = _signature(outline, signature, stop)
        if bases:
            low = bisect_right(base_starts, definition.start)
            high = bisect_left(base_starts, stop)
            definition.extends += [outline.flat(*bases[index]) for index in range(low, high)]
    _notes(outline, loose)


def _leading(
    outline: Outline,
    head: int,
    leads: list[tuple[int, int]],
    lead_starts: list[int],
    decorated: frozenset[tuple[int, int]],
) -> tuple[int, list[tuple[int, int]]]:
    """Where the comments and decorators right before an offset begin, and the comments, last first."""
    raw = outline.raw
    before: list[tuple[int, int]] = []
    index = bisect_left(lead_starts, head) - 1
    while index >= 0:
        start, end = leads[index]
        gap = raw[end:head]
        if end > head or gap.strip() or gap.count(b"\n") > (raw[end - 1] != 10):
            break
        if leads[index] not in decorated:
            line = raw.rfind(b"\n", 0, start) + 1
            if raw[line:start].strip():
                break
            before.append(leads[index])
        head = start
        index -= 1
    return head, before


def _signature(outline: Outline, start: int, stop: int) -> str:
    text = outline.flat(start, min(stop, start + 4 * MAX_SIGNATURE))
    if len(text) > MAX_SIGNATURE:
        text = text[: MAX_SIGNATURE - 1] + "…"
    return text.rstrip("{:= ;").rstrip() or text


def _notes(outline: Outline, loose: dict[str, list[tuple[Any, ...]]]) -> None:
    """Gives facts, flags and docs captured on their own to the innermost definition around them."""
    for start, end in loose["doc"]:
        around = innermost(outline, start)
        if around is not None and around.doc is None:
            around.doc = clean_doc(outline, [(start, end)])
    for start, end, key, flag in loose["note"]:
        around = innermost(outline, start)
        if around is not None:
            fact = key if flag else f"{key}={outline.flat(start, end)[:200]}"
            if fact not in around.facts:
                around.facts.append(fact)


def innermost(outline: Outline, offset: int) -> Definition | None:
    """The innermost definition around a byte."""
    index = bisect_right(outline.definitions, offset, key=lambda d: d.start) - 1
    definition = outline.definitions[index] if index >= 0 else None
    while definition is not None and definition.end <= offset:
        definition = definition.parent
    return definition


MARKERS: dict[str, re.Pattern[str]] = {}


def clean_doc(outline: Outline, spans: list[tuple[int, int]]) -> str | None:
    """Text of comments or of a docstring without its markers."""
    pattern = outline.plugin.facts.comment_markers
    regex = MARKERS.get(pattern)
    if regex is None:
        regex = MARKERS[pattern] = re.compile(rf"^[ \t]*(?:{pattern})[ \t]?|[ \t]*\*/\s*$|[ \t]+$", re.M)
    text = "\n".join(outline.text(start, end).strip() for start, end in spans)
    if text[:1] in "\"'rRuUbB" and (quoted := re.fullmatch(r"[rRuUbB]*(\"\"\"|'''|\"|')(.*)\1", text, re.S)):
        lines = quoted[2].strip().split("\n")
        text = "\n".join(line.strip() for line in lines)
    else:
        text = regex.sub("", text).strip()
    return text[:MAX_DOC] or None
