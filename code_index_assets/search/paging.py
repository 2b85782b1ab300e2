"""Pages of a search: the question asked anew with a higher limit, from where the page before ended.

What lives here: pages and their cursors. What does not: cursors as text (`cursors.py`), answers (`engine.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..errors import QueryError
from .answers import SearchAnswer
from .cursors import Cursor, decode_cursor, encode_cursor
from .engine import MAX_LIMIT, SearchRequest


def search_page(
    search: Callable[[SearchRequest], SearchAnswer], request: SearchRequest, cursor: str | None = None
) -> SearchAnswer:
    """One page of `request.limit` hits with the cursor of the next page: None behind the last; pages end at MAX_LIMIT.

    Raises what `search` raises, QueryError for a cursor of another question.
    """
    question: dict[str, object] = {
        name: list(value) if isinstance(value := getattr(request, name), tuple) else value
        for name in SearchRequest.__dataclass_fields__
        if name != "limit"
    }
    at = decode_cursor(cursor, question) if cursor else None
    offset = at.offset if at else 0
    if offset >= MAX_LIMIT:
        raise QueryError("there are no pages so far down", remedy="narrow the search instead of paging on")
    enlarged = replace(request, limit=min(offset + request.limit, MAX_LIMIT)) if offset else request
    answer = search(enlarged)
    seen, following = len(answer.hits), None
    if offset < seen < min(answer.total, MAX_LIMIT):
        following = encode_cursor(Cursor(answer.publication, seen), question)
    notes = answer.notes
    if at and at.publication != answer.publication:
        notes = (*notes, "the index was published anew since the page before: hits may repeat or be missing")
    return replace(answer, hits=answer.hits[offset:], notes=notes, next_cursor=following)
