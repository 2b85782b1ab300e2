"""Where a name is defined.

What lives here: `find_definitions`. What does not: the models (`answers.py`), lines that mention a name
(`references.py`), searches (`engine.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING

from .. import deadlines
from ..errors import QueryError
from ..index.backends.interface import Scored
from ..index.filters import Filter
from ..index.reader import IndexSnapshot, SnapshotGoneError
from . import query as queries
from . import vocabulary
from .absence import absence_of
from .answers import Definitions, SymbolHit
from .definition_order import order_key
from .filters import EVERYTHING, SearchFilters
from .outcome import SearchOutcome

if TYPE_CHECKING:
    from .engine import SearchEngine

# Points with a name that are read where only some kinds are wanted: the index cannot filter by kinds of definitions, a
# chunk has one kind and may hold several of them.
KIND_DEPTH = 10_000


def _in_time(find: Callable[..., Definitions]) -> Callable[..., Definitions]:
    """Stops at CODE_INDEX_QUERY_SECONDS, and marks what was cut by it."""

    @wraps(find)
    def timed(
        engine: SearchEngine, name: str, filters: SearchFilters = EVERYTHING, *, prefix: bool = False, limit: int = 50
    ) -> Definitions:
        with deadlines.within(engine.settings.query_seconds) as clock:
            definitions = find(engine, name, filters, prefix=prefix, limit=limit)
        if not clock.cut:
            return definitions
        return replace(definitions, outcome=SearchOutcome.INCOMPLETE, absence=None)

    return timed


@_in_time
def find_definitions(
    engine: SearchEngine,
    name: str,
    filters: SearchFilters = EVERYTHING,
    *,
    prefix: bool = False,
    limit: int = 50,
) -> Definitions:
    """Definitions of a name (any case; `Type::name` and `module.name` narrow), the same spelling first.

    With `prefix`, definitions whose name begins so. Raises NotIndexedError, QueryError.
    """
    requested = queries.name_of(name.strip())
    if not requested.name:
        raise QueryError("no name was given", remedy="`code-index symbol NAME`")
    kinds = vocabulary.kinds(filters.kinds)
    depth = KIND_DEPTH if kinds else max(limit * 4, 200)
    for _ in range(4):
        snapshot = engine.snapshot()
        where = Filter(
            keys=engine.resolve(snapshot, filters.repositories, filters.refs),
            languages=vocabulary.languages(filters.languages),
            paths=engine.places.paths(filters.paths),
        )
        try:
            points = snapshot.search_names(requested.spellings, where, depth, prefix=prefix)
            named = [hit for point in points if point.payload["part"] == 0 for hit in _symbols(point, snapshot)]
            named = [hit for hit in named if _is_wanted(hit, requested, prefix)]
            hits = [hit for hit in named if not kinds or hit.kind in kinds]
            if not hits:
                others = vocabulary.other_kinds((hit.kind for hit in named), name, kinds)
                # A kind of definitions alone (enum_member) is in no chunk, and yet known.
                strange = tuple(kind for kind in kinds if kind not in vocabulary.KINDS)
                unknown = () if others else vocabulary.unknown_values(snapshot, replace(where, kinds=strange))
                gaps = (*unknown, *vocabulary.unread_definitions(snapshot, where))
                notes = (*others, *gaps)
                absence = absence_of(
                    snapshot, where, engine.repositories(snapshot, where), lanes=("symbol",), patterns=(name,),
                    failures=gaps, parsed=True,
                )  # fmt: skip
                return Definitions((), notes, absence=absence)
        except SnapshotGoneError:
            continue
        hits.sort(key=lambda hit: order_key(hit.place, requested.spellings))
        # Of several filters one may cover nothing though another has hits.
        seen = {("language", hit.language) for hit in hits if hit.language}
        notes = vocabulary.unknown_values(snapshot, where, seen)
        return Definitions(tuple(fold_overloads(hits)[:limit]), notes, SearchOutcome.FOUND)
    raise QueryError("the index was published over and over while it was read", remedy="ask again")


def fold_overloads(hits: list[SymbolHit]) -> list[SymbolHit]:
    """The same definitions in their order; overloads in one file become one, which has the lines of the others."""
    folded: dict[tuple[str, ...], SymbolHit] = {}
    for hit in hits:
        same = (hit.key, hit.path, hit.qualified_name, hit.name, hit.kind)
        first = folded.get(same)
        folded[same] = (
            hit if first is None else replace(first, overloads=(*first.overloads, (hit.start_line, hit.end_line)))
        )
    return list(folded.values())


def _symbols(point: Scored, snapshot: IndexSnapshot) -> list[SymbolHit]:
    payload = point.payload
    receipt = snapshot.receipts[payload["key"]]
    return [
        SymbolHit(
            payload["repository"], receipt.ref, receipt.commit, payload["path"],
            symbol["start_line"], symbol["end_line"], symbol["name"], symbol["qualified_name"], symbol["kind"],
            payload["language"], symbol["signature"], payload["role"], payload["key"],
        )
        for symbol in payload.get("symbols") or ()
    ]  # fmt: skip


def _is_wanted(hit: SymbolHit, requested: queries.Name, prefix: bool) -> bool:
    if not requested.fits(hit.name) and not (prefix and hit.name.lower().startswith(requested.name.lower())):
        return False
    around = f"{hit.qualified_name} {hit.path}".lower()
    return all(part.lower() in around for part in requested.qualifier)
