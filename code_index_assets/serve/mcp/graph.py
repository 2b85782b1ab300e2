"""What the MCP tool `code_graph` says: edges with grade and evidence, as text and as structured content.

What lives here: wording and cutting. What does not: the questions (`search/graph_questions.py`), the shapes
(`models.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from ...search.answers import GraphAnswer, GraphEdge
from .fit import Around, Reply, Row, assemble, clean, fit, rest, role_of
from .models import EDGE, GRAPH, PLACED

MOST_DEFINITIONS = 10


def graph_reply(answer: GraphAnswer, *, max_tokens: int) -> Reply:
    """The edges, nearest first, as many as the budget allows."""
    around = Around.of(answer.repositories)
    keys = {state.repository: state.key for state in answer.repositories}
    edges = sorted(answer.edges, key=lambda edge: edge.depth)
    definitions = [PLACED.row(made) for made in answer.definitions[:MOST_DEFINITIONS]]
    named = "\n".join(f"{made.kind} {made.name} {clean(made.path)}:{made.line}" for made in
                      answer.definitions[:MOST_DEFINITIONS])  # fmt: skip
    note = None
    if not answer.definitions and answer.question != "unused":
        note = "no definition has this name: find_symbol lists what is defined"
    elif not answer.complete:
        note = "not everything was looked at: the walk stopped early, or the index was made by an earlier version"

    def build(rows: Sequence[Row]) -> Reply:
        cut = rest(len(rows), len(edges), len(edges), 0, max_tokens, "edges", "repositories, depth")
        cut = cut.replace("go on with next_cursor, ", "") if cut else None
        shown = list(dict.fromkeys(keys[edge.repository] for edge in edges[: len(rows)] if edge.repository in keys))
        data = GRAPH.row(
            answer,
            definitions=definitions,
            edges=[row.data for row in rows],
            total=len(edges),
            cut=cut,
            searched=around.searched(),
            repositories=around.models(shown),
            note=note,
        )
        head = f"{answer.outcome}: {len(edges)} edges in {around.heading()}; {answer.files} files resolved"
        body = "\n".join(row.text for row in rows)
        return Reply(assemble(head, named, body, "\n".join(around.lines(shown)), cut, note), data)

    return fit([[_edge(edge, around) for edge in edges]], build, max_tokens)


def _edge(edge: GraphEdge, around: Around) -> Row:
    role = role_of(edge.role)
    evidence = f" at {clean(edge.evidence_path)}:{edge.evidence_line}"
    place = f"{around.name_of(edge.repository, '')} {clean(edge.path)}:{edge.line}"
    notes = ", ".join(filter(None, [edge.kind, edge.grade, edge.why, role]))
    return Row(f"{'  ' * (edge.depth - 1)}{edge.name} {place} ({notes}){evidence}", EDGE.row(edge, role=role))
