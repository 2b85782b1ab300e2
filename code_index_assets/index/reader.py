"""Reading the published index: a snapshot pinned to one publication.

What lives here: opening, filters spread over shards, merging, document frequencies. What does not: ranking
(`search/`), writing. Neither importing this module nor using it loads Polars, DuckDB, pandas or Dagster: a search from
a cold shell has a second in all.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import ParamSpec, TypeVar

import numpy as np

from .. import deadlines
from ..errors import CodeIndexError, DamagedIndexError, NotIndexedError
from ..settings import Settings
from ..storage.layout import Layout
from .backends.choice import make_backend
from .backends.interface import IndexBackend, Scored
from .filters import Conditions, Filter, conditions, meets, passes_text_rules
from .lexical import DocumentFrequencies, query_weights
from .manifest import REBUILD_REMEDY, PublicationManifest, PublicationStore, Receipt
from .published import PublishedIndex

# IDF over more repositories than this is taken from the largest of them: opening 5,000 tables costs a second, and a
# word's rarity does not change with the small ones.
FREQUENCY_TABLES = 64
P = ParamSpec("P")
R = TypeVar("R")
_MOST_OVERFETCH = 16_384
_TEXT_BLOCK = 256
# Equal scores at the cut: so many more are asked for at first, and in all at most.
_TIES = 64
_MOST_TIED = 4_096


class SnapshotGoneError(CodeIndexError):
    """The publication a snapshot was pinned to has been pruned: open the index again."""

    retryable = True


def open_index(
    layout: Layout, settings: Settings, space: str | None = None, *, backend: IndexBackend | None = None
) -> IndexSnapshot:
    """The current publication, of `space` or of the space searches use.

    Raises NotIndexedError if nothing is published (there, or at all).
    """
    if space is None:
        space = PublishedIndex(layout).serving
    manifest = PublishedIndex(layout).publication(space) if space else None
    if manifest is None or space is None:
        raise NotIndexedError("nothing is indexed yet", remedy="run `code-index index REPOSITORY` first")
    backend = backend or make_backend(layout, settings, space, manifest.dimension)
    return IndexSnapshot(layout, backend, manifest)


class IndexSnapshot:
    """One publication, for any number of threads. Shards are loaded when a query first needs them."""

    def __init__(self, layout: Layout, backend: IndexBackend, manifest: PublicationManifest) -> None:
        self.layout = layout
        self.backend = backend
        self.manifest = manifest
        self._store = PublicationStore(layout, manifest.space)
        self._view = backend.view(manifest)
        self._shard_keys: dict[str, set[str]] = {name: set() for name in manifest.shards}
        for key, receipt in manifest.receipts.items():
            for shard in receipt.shards:
                self._shard_keys.setdefault(shard, set()).add(key)
        self._frequencies = lru_cache(maxsize=64)(self._open_frequencies)
        self._paths = lru_cache(maxsize=16)(self._list_paths)
        # By the text rules: whether a point passes. A snapshot never changes, so neither does this.
        self._verdicts = lru_cache(maxsize=4)(_no_verdicts)

    @property
    def space(self) -> str:
        """The embedding space of the publication."""
        return self.manifest.space

    @property
    def receipts(self) -> dict[str, Receipt]:
        """The receipts of the publication, by partition key."""
        return self.manifest.receipts

    @property
    def in_process(self) -> bool:
        """Whether queries are answered by this process, not by a server that it waits for."""
        return self.backend.name == "embedded"

    def refresh(self) -> IndexSnapshot:
        """This snapshot if it is still current, else one of the current publication (unchanged shards stay loaded)."""
        if self._store.current_name() == self.manifest.name:
            return self
        manifest = self._store.current()
        if manifest is None:
            raise NotIndexedError("the index was removed", remedy="run `code-index index REPOSITORY`")
        return IndexSnapshot(self.layout, self.backend, manifest)

    # -- lanes -------------------------------------------------------------------------------------------------

    def search_dense(self, vector: np.ndarray, where: Filter, limit: int, *, bare: bool = False) -> list[Scored]:
        """Nearest points by dot product, best first. `bare`: payloads may be left to `hydrate`."""
        bare = bare or where.has_text_rules
        return self._ranked(
            where,
            limit,
            lambda shard, keys, also, n: self._view.search_dense(
                shard, keys, also, vector, n, bare=bare or where.has_text_rules
            ),
        )

    def search_lexical(
        self, weights: dict[int, float], where: Filter, limit: int, *, bare: bool = False
    ) -> list[Scored]:
        """Best points by the sum of term weights, best first; `weights` as `query_weights` gives them."""
        if not weights:
            return []
        bare = bare or where.has_text_rules
        return self._ranked(
            where,
            limit,
            lambda shard, keys, also, n: self._view.search_lexical(
                shard, keys, also, weights, n, bare=bare or where.has_text_rules
            ),
        )

    def hydrate(self, *lists: Sequence[Scored]) -> list[list[Scored]]:
        """The same hits with their payloads; each point is read once, however many lists have it."""
        wanted: dict[str, set[str]] = {}
        payloads = {hit.id: hit.payload for hits in lists for hit in hits if hit.payload}
        for hit in (hit for hits in lists for hit in hits if hit.id not in payloads):
            wanted.setdefault(hit.shard, set()).add(hit.id)
        for shard, ids in wanted.items():
            payloads.update((hit.id, hit.payload) for hit in self._guard(self._view.get, shard, sorted(ids)))
        return [[Scored(hit.id, hit.score, payloads[hit.id]) for hit in hits] for hits in lists]

    def search_names(self, names: Sequence[str], where: Filter, limit: int, *, prefix: bool = False) -> list[Scored]:
        """Points in which a definition of one of these names starts, any case; `prefix`: one that begins so."""
        if not names:
            return []
        asked = replace(where, name_prefix=names[0]) if prefix else replace(where, names=tuple(names))
        return self._ranked(asked, limit, self._view.scan)

    def query_weights(self, text: str, where: Filter) -> dict[int, float]:
        """The query's term weights by the document frequencies of the repositories asked."""
        keys = None if where.keys is None else tuple(sorted(where.keys))
        return query_weights(text, self._frequencies(keys))

    def count(self, where: Filter) -> int:
        """Points that match; exact."""
        if where.has_text_rules:
            return len(self._ranked(where, self.manifest.points or 1, self._view.scan))
        also = self._conditions(where)
        return sum(self._guard(self._view.count, shard, keys, also) for shard, keys in self._targets(where))

    def get(self, ids: Sequence[str]) -> list[Scored]:
        """Points by id, in the order asked; those that are not there are left out."""
        found: dict[str, Scored] = {}
        for shard in self.manifest.shards:
            missing = [identity for identity in ids if identity not in found]
            if missing:
                found.update((hit.id, hit) for hit in self._guard(self._view.get, shard, missing))
        return [found[identity] for identity in ids if identity in found]

    def matching(self, ids: Sequence[str], where: Filter) -> list[Scored]:
        """Points by id, in the order asked, those alone that meet the filter's conditions (its text rules apart)."""
        also = self._conditions(where)
        points: dict[str, Scored] = {}
        for shard, _ in self._targets(where):
            points.update((hit.id, hit) for hit in self._guard(self._view.get, shard, list(ids)))
        return [points[one] for one in ids if one in points and meets(also, points[one].payload)]

    def ids(self, key: str) -> Iterator[str]:
        """Ids of all points of a key."""
        for shard in self.receipts[key].shards if key in self.receipts else ():
            yield from self._guard(self._view.ids, shard, key)

    def paths(self, keys: Sequence[str]) -> list[str]:
        """Every path that has a point, ascending."""
        return self._paths(tuple(sorted(keys)))

    def warm(self) -> None:
        """Loads every shard and touches its payloads; halves the hydration of queries that come after."""
        for shard in self.manifest.shards:
            self._guard(self._view.warm, shard)

    # -- inside ------------------------------------------------------------------------------------------------

    def _targets(self, where: Filter) -> list[tuple[str, list[str] | None]]:
        """Shards to ask, each with the keys to restrict to (None: all that it holds are wanted)."""
        wanted = self.receipts.keys() if where.keys is None else set(where.keys)
        targets: list[tuple[str, list[str] | None]] = []
        for shard in self.manifest.shards:
            keys = self._shard_keys[shard]
            asked = keys & wanted
            if asked:
                targets.append((shard, None if asked == keys else sorted(asked)))
        return targets

    def _conditions(self, where: Filter) -> Conditions:
        keys = tuple(sorted(self.receipts)) if where.keys is None else tuple(sorted(where.keys))
        return conditions(where, lambda: self._paths(keys))

    def _ranked(
        self,
        where: Filter,
        limit: int,
        ask: Callable[[str, list[str] | None, Conditions, int], list[Scored]],
    ) -> list[Scored]:
        """The best `limit` over all shards that pass every rule of the filter."""
        also = self._conditions(where)
        if any(not any(c.values or c.prefix for c in alternatives) for alternatives in also):
            return []  # a glob that no path matches
        targets = self._targets(where)
        fetch = limit * 4 if where.has_text_rules else limit
        while True:
            # A call for one shard cannot be stopped; the hits of the shards before it are returned as `incomplete`.
            lists = [self._tied(ask, shard, keys, also, fetch) for shard, keys in targets if not deadlines.is_over()]
            merged = list(heapq.merge(*lists, key=_order))
            more = any(len(hits) >= fetch for hits in lists)
            if not where.has_text_rules:
                return merged[:limit]
            # Excluded words and phrases are not in any index: more is fetched until enough pass or none are left.
            passing = self._passing(where, merged, limit)
            if len(passing) >= limit or not more or deadlines.is_over() or fetch >= max(_MOST_OVERFETCH, limit * 4):
                return passing[:limit]
            fetch *= 4

    def _tied(
        self,
        ask: Callable[[str, list[str] | None, Conditions, int], list[Scored]],
        shard: str,
        keys: list[str] | None,
        also: Conditions,
        fetch: int,
    ) -> list[Scored]:
        """The best `fetch` of a shard in stable order. The engine cuts among equal scores as its points happen to lie:
        where the last one has equals, more is fetched until all of them are there."""
        wanted = fetch
        while True:
            hits = sorted(self._guard(ask, shard, keys, also, wanted), key=_order)
            cut = len(hits) >= wanted and len(hits) > 0
            if not cut or _rounded(hits[-1]) < _rounded(hits[fetch - 1]) or wanted >= _MOST_TIED or _unscored(hits):
                return hits[:fetch]
            wanted = min(max(wanted * 2, fetch + _TIES), _MOST_TIED)

    def _passing(self, where: Filter, hits: list[Scored], limit: int) -> list[Scored]:
        """The first `limit` hits that pass the filter's text rules, with their payloads.

        What passed or not is kept for the next lane and the next fetch: a payload costs 25 µs, a verdict nothing.
        """
        verdicts = self._verdicts(where.exclude, where.phrases, where.rules)
        passing: list[Scored] = []
        for start in range(0, len(hits), _TEXT_BLOCK):
            block = hits[start : start + _TEXT_BLOCK]
            if deadlines.is_over():
                break
            possible = [hit for hit in block if verdicts.get(hit.id, True)]
            for hit in self.hydrate(possible)[0]:
                passes = verdicts[hit.id] = passes_text_rules(where, hit.payload)
                if passes:
                    passing.append(hit)
            if len(passing) >= limit:
                break
        return passing[:limit]

    def _guard(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except FileNotFoundError as error:
            if self._store.current_name() == self.manifest.name:
                raise DamagedIndexError(
                    f"{error.filename or error} is gone from the published index", remedy=REBUILD_REMEDY
                ) from error
            raise SnapshotGoneError(
                f"publication {self.manifest.name} is no longer kept", remedy="ask again: the current one answers"
            ) from error

    def _open_frequencies(self, keys: tuple[str, ...] | None) -> DocumentFrequencies:
        receipts = [r for key, r in self.receipts.items() if keys is None or key in set(keys)]
        receipts.sort(key=lambda receipt: -receipt.documents)
        home = self._store.home
        return self._guard(
            DocumentFrequencies, [(home / r.frequencies, r.documents) for r in receipts[:FREQUENCY_TABLES]]
        )

    def _list_paths(self, keys: tuple[str, ...]) -> list[str]:
        found: set[str] = set()
        for shard, asked in self._targets(Filter(keys=keys)):
            deadlines.check()
            found.update(self._guard(self._view.paths, shard, asked))
        return sorted(found)


def _order(hit: Scored) -> tuple[float, str]:
    """Best first; equal scores by id, whichever shard they are in and in whatever order they were written."""
    return -_rounded(hit), hit.id


def _rounded(hit: Scored) -> float:
    # The last bits of a sum depend on the order of its terms.
    return round(hit.score, 5)


def _unscored(hits: Sequence[Scored]) -> bool:
    """A scan: in order of ids already."""
    return hits[0].score == 0.0 and hits[-1].score == 0.0


def _no_verdicts(*rules: tuple[object, ...]) -> dict[str, bool]:
    del rules
    return {}
