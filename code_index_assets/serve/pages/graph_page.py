"""The page of one definition's place in the code graph: who calls it, what it calls, drawn and as lists.

What lives here: that page, its drawing as SVG made on the server. What does not: the answers
(`search/graph_questions.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from ...search.answers import DefinitionPlaced, GraphAnswer, GraphEdge
from .html import Safe, tag
from .page_layout import PageQuery, file_url, notice, page

DRAWN = 14
LISTED = 200
ROW, BOX, WIDTH, GAP, TOP = 34, 24, 230, 95, 30
LONGEST = 30


def graph_page(symbol: str, callers: GraphAnswer, callees: GraphAnswer, page_query: PageQuery) -> str:
    """Callers to the left of the definition, callees to the right; below, every edge with the line that shows it."""
    if not callers.definitions:
        link = tag("a", "Search for it as words", href=f"/?{urlencode({'q': symbol})}")
        reason = tag("p", f"No definition “{symbol}” is in a language whose names are resolved.")
        return page(symbol, notice("info", "No match", reason, tag("p", link)), page_query=page_query)
    title = callers.definitions[0].name if len(callers.definitions) == 1 else symbol
    blocks: list[Safe | None] = [
        tag("h1", tag("code", title), class_="name"),
        tag("ul", *(tag("li", _defined(one)) for one in callers.definitions[:LISTED])),
        tag("div", drawing(title, callers.edges, callees.edges), class_="scroll", tabindex="0"),
        tag("p", "Proven edges are drawn whole, inferred ones dashed. An empty side is no proof: reflection, other "
                 "repositories and names whose target is not known are not drawn.", class_="dim"),
    ]  # fmt: skip
    for heading, answer in (("Called by", callers), ("Calls", callees)):
        count = len(answer.edges)
        blocks.append(tag("h2", f"{heading} {count:,} definition{'s' if count != 1 else ''}", class_="section"))
        if count:
            blocks.append(tag("ul", *(tag("li", *_listed(edge)) for edge in answer.edges[:LISTED])))
    return page(title, *blocks, page_query=page_query)


def _defined(one: DefinitionPlaced) -> list[Safe]:
    place = tag("a", f"{one.path}:{one.line}", href=file_url(one.repository, one.path, one.line, one.end_line, ""))
    return [tag("span", one.kind, class_="badge kind"), place, tag("span", f" {one.repository}", class_="dim")]


def _listed(edge: GraphEdge) -> list[Safe | str]:
    shown = tag(
        "a", f"{edge.evidence_path}:{edge.evidence_line}",
        href=file_url(edge.repository, edge.evidence_path, edge.evidence_line, None, ""), class_="place",
    )  # fmt: skip
    name = tag("a", edge.name, href=graph_url(edge.repository, edge.path, edge.line), class_="symbol")
    return [name, " ", shown, tag("span", f" {edge.kind}, {edge.grade}: {edge.why}", class_="dim")]


def graph_url(repository: str, path: str, line: int) -> str:
    """The address of a definition's page, by its place."""
    return f"/graph?{urlencode({'symbol': f'{path}:{line}', 'repo': repository})}"


def drawing(symbol: str, callers: Sequence[GraphEdge], callees: Sequence[GraphEdge]) -> Safe:
    """Three columns of boxes with arrows between, as SVG; what does not fit is counted."""
    rows = max(min(len(callers), DRAWN + 1), min(len(callees), DRAWN + 1), 1)
    height = TOP + rows * ROW
    middle = TOP + rows * ROW // 2
    left, centre, right = 0, WIDTH + GAP, 2 * (WIDTH + GAP)
    parts: list[Safe] = [
        tag("title", f"{symbol}: callers and callees"),
        tag("text", "called by", x=left, y=16, class_="column"),
        tag("text", "calls", x=right, y=16, class_="column"),
    ]
    for edges, x, start, end in (
        (callers, left, left + WIDTH, centre),
        (callees, right, centre + WIDTH, right),
    ):
        for number, edge in enumerate(edges[:DRAWN]):
            y = TOP + number * ROW + BOX // 2
            from_, to = (y, middle) if x == left else (middle, y)
            bend = (start + end) // 2
            way = f"M{start} {from_} C{bend} {from_} {bend} {to} {end} {to}"
            parts.append(tag("path", d=way, class_=f"edge {edge.grade}"))
            parts.append(tag("path", d=f"M{end - 7} {to - 4} L{end} {to} L{end - 7} {to + 4}", class_="edge head"))
            parts.append(_box(edge.name, f"{edge.path}:{edge.line}", x, y, edge.repository))
        if len(edges) > DRAWN:
            y = TOP + DRAWN * ROW + BOX // 2
            parts.append(tag("text", f"and {len(edges) - DRAWN:,} more", x=x + 8, y=y + 5, class_="column"))
    parts.append(tag("rect", x=centre, y=middle - BOX // 2, width=WIDTH, height=BOX, rx=5, class_="box chosen"))
    parts.append(tag("text", _short(symbol), x=centre + 8, y=middle + 5))
    return tag(
        "svg", *parts, viewBox=f"0 0 {3 * WIDTH + 2 * GAP} {height}", width=3 * WIDTH + 2 * GAP, height=height,
        role="img", class_="graph",
    )  # fmt: skip


def _box(name: str, place: str, x: int, y: int, repository: str) -> Safe:
    path, _, line = place.rpartition(":")
    return tag(
        "a", tag("title", place), tag("rect", x=x, y=y - BOX // 2, width=WIDTH, height=BOX, rx=5, class_="box"),
        tag("text", _short(name), x=x + 8, y=y + 5), href=graph_url(repository, path, int(line)),
    )  # fmt: skip


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
