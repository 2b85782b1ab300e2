"""Resolved uses of definitions: many questions at once.

What lives here: `references --batch`. What does not: resolution (`graph/`) and the answers (`search/uses.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..errors import QueryError
from ..settings import Settings
from ..storage.layout import Layout
from .batch import answer_lines

if TYPE_CHECKING:
    from ..search.uses import UsesRequest

SHAPE = 'write {"id": …, "repository": "owner/name", "path": "…", "line": 1, "name": "…"}'


def answer_batch(settings: Settings, layout: Layout, lines: Iterable[str]) -> int:
    """Answers one line a line; a line that cannot be answered gets an error object, and the others go on.

    Returns the exit code: 0, or 2 if a line could not be answered.
    """
    from ..search.answer_fields import to_json
    from ..search.service import open_engine
    from ..search.uses import find_uses

    engine = open_engine(settings, layout)
    empty: dict[str, Any] = {"definitions": [], "references": [], "candidates": [], "callers": []}
    return answer_lines(
        lines, SHAPE, lambda question, number: to_json(find_uses(engine, _request(question, number))),
        {**empty, "complete": False, "repositories": []},
    )  # fmt: skip


def _request(question: dict[str, Any], number: int) -> UsesRequest:
    from ..search.uses import UsesRequest

    name, line = question.get("name"), question.get("line")
    if not isinstance(name, str) or not name:
        raise QueryError(f'line {number} has no "name"', remedy=SHAPE)
    if line is not None and (not isinstance(line, int) or isinstance(line, bool) or line < 1):
        raise QueryError(f'"line" is {line!r}, not a line number from 1', remedy=SHAPE)
    for field in ("repository", "path", "ref"):
        if question.get(field) is not None and not isinstance(question[field], str):
            raise QueryError(f'"{field}" is {question[field]!r}, not a text', remedy=SHAPE)
    return UsesRequest(name, question.get("repository") or "", question.get("path"), line, question.get("ref"))
