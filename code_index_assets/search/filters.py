"""What restricts a question, the same for searches, definitions and references, and for every front end.

What lives here: `SearchFilters`. What does not: conditions on points (`index/filters.py`), operators inside a query
(`query.py`), the values a filter may have (`vocabulary.py`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SearchFilters:
    """Several values of one filter mean any of them; no value means everything."""

    repositories: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


EVERYTHING = SearchFilters()
