"""A publication with a layer over it: one repository as another tree has it, without changing the index.

What lives here: `Layer`, and the snapshot that answers from both. What does not: making a layer (`chain/layer.py`), and
whose tree it is (`overlays/`).

A layer holds what publishing its tree would write and remove, worked out by the same code (`staging.stage_changes`). So
a layered snapshot answers as the index would after that publication, by the law that an incremental publication equals
one from scratch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from .backends.interface import Scored, View
from .filters import Conditions, meets
from .manifest import Receipt, ShardState
from .points import Point, read_spill
from .reader import IndexSnapshot

SHARD = "layer"
# Points asked for beyond the limit, to make up for those that a layer hides.
_SPARE = 32


@dataclass(frozen=True)
class Layer:
    """What one tree changes of what is published of a key.

    `base` is the receipt it was compared with; `receipt` that of the tree, its tables by absolute path. `hidden`: ids
    of published points that the tree does not have as they are. `changed` and `gone`: paths of kept files that are new
    or have other content, and of those that it does not have. `tree` names it.
    """

    base: Receipt
    receipt: Receipt
    points: tuple[Point, ...]
    hidden: frozenset[str]
    gone: frozenset[str]
    changed: frozenset[str]
    tree: str
    kind: Literal["working_tree", "commit"] = "working_tree"

    @cached_property
    def matrix(self) -> np.ndarray:
        """The dense vectors, one row a point."""
        return np.stack([point.dense for point in self.points]) if self.points else np.zeros((0, 1), np.float32)

    @cached_property
    def payloads(self) -> tuple[dict[str, object], ...]:
        """The payloads, in the order of the points."""
        return tuple(point.payload for point in self.points)


def read_points(folder: Path, spills: Sequence[str], dimension: int) -> tuple[Point, ...]:
    """The points that staging left in a folder, in order of their ids."""
    points = [point for name in spills for batch in read_spill(folder, name, dimension) for point in batch]
    return tuple(sorted(points, key=lambda point: point.id))


class LayeredSnapshot(IndexSnapshot):
    """One publication under layers, one a key."""

    def __init__(self, base: IndexSnapshot, layers: Sequence[Layer]) -> None:
        self.layers = {layer.receipt.key: layer for layer in layers}
        points = sum(len(layer.points) for layer in layers)
        name = "+".join([base.manifest.name, *(layer.tree[:12] for layer in layers)])
        manifest = replace(
            base.manifest,
            name=name,
            shards=base.manifest.shards | {SHARD: ShardState("", points)},
            receipts=base.manifest.receipts | {key: layer.receipt for key, layer in self.layers.items()},
        )
        super().__init__(base.layout, base.backend, base.manifest)
        self.published, self.manifest = base.manifest, manifest
        # A layer may hold all points of its key: the published shards are still asked, and what they have is hidden.
        self._shard_keys = {name: set(keys) for name, keys in base._shard_keys.items()} | {SHARD: set(self.layers)}
        self._view = _LayeredView(base._view, self.layers, self._shard_keys)

    def refresh(self) -> IndexSnapshot:
        """This snapshot: who laid the layer decides when it is laid anew."""
        return self

    @property
    def base_name(self) -> str:
        """The name of the publication below."""
        return self.published.name


def layer_of(snapshot: IndexSnapshot, key: str) -> Layer | None:
    """The layer that answers for a key; None where what is published does."""
    return snapshot.layers.get(key) if isinstance(snapshot, LayeredSnapshot) else None


@dataclass
class _Memory:
    """The points of the layers, searched one by one."""

    layers: dict[str, Layer]
    lexical: dict[str, dict[int, float]] = field(default_factory=dict)

    def matching(self, keys: Sequence[str] | None, where: Conditions) -> Iterator[tuple[Layer, int]]:
        for key in sorted(self.layers) if keys is None else keys:
            layer = self.layers.get(key)
            for at, payload in enumerate(layer.payloads) if layer is not None else ():
                if meets(where, payload):
                    yield self.layers[key], at

    def dense(self, keys: Sequence[str] | None, where: Conditions, vector: np.ndarray, limit: int) -> list[Scored]:
        rows = list(self.matching(keys, where))
        scores = [float(layer.matrix[at] @ vector) for layer, at in rows]
        return _best(rows, scores, limit)

    def by_terms(
        self, keys: Sequence[str] | None, where: Conditions, weights: dict[int, float], limit: int
    ) -> list[Scored]:
        rows: list[tuple[Layer, int]] = []
        scores: list[float] = []
        for layer, at in self.matching(keys, where):
            terms = self._terms(layer.points[at])
            shared = weights.keys() & terms.keys()
            if shared:
                rows.append((layer, at))
                scores.append(sum(weights[term] * terms[term] for term in shared))
        return _best(rows, scores, limit)

    def _terms(self, point: Point) -> dict[int, float]:
        known = self.lexical.get(point.id)
        if known is None:
            known = {}
            if point.lexical is not None:
                known = dict(zip(point.lexical[0].tolist(), point.lexical[1].tolist(), strict=True))
            self.lexical[point.id] = known
        return known

    def scan(self, keys: Sequence[str] | None, where: Conditions, limit: int) -> list[Scored]:
        rows = list(self.matching(keys, where))
        return _best(rows, None, limit)

    def named(self, ids: Sequence[str]) -> Iterator[tuple[Layer, int]]:
        wanted = set(ids)
        for layer in self.layers.values():
            for at, point in enumerate(layer.points):
                if point.id in wanted:
                    yield layer, at


def _best(rows: list[tuple[Layer, int]], scores: list[float] | None, limit: int) -> list[Scored]:
    """The best rows; without scores, the first by id."""
    hits = [
        Scored(layer.points[at].id, score, dict(layer.payloads[at]))
        for (layer, at), score in zip(rows, scores or [0.0] * len(rows), strict=True)
    ]
    return sorted(hits, key=lambda hit: (-round(hit.score, 5), hit.id))[:limit]


class _LayeredView:
    """A view in which layers hide points of the publication and add their own (`View`)."""

    def __init__(self, base: View, layers: dict[str, Layer], shard_keys: dict[str, set[str]]) -> None:
        self._base, self._layers, self._shard_keys = base, layers, shard_keys
        self._memory = _Memory(layers)
        self._hidden = frozenset().union(*(layer.hidden for layer in layers.values()))

    def _kept(self, ask: Callable[[int], list[Scored]], limit: int) -> list[Scored]:
        """The best `limit` that no layer hides; `ask` gives the best n."""
        wanted = limit + min(len(self._hidden), _SPARE)
        while True:
            hits = ask(wanted)
            kept = [hit for hit in hits if hit.id not in self._hidden]
            if len(kept) >= limit or len(hits) < wanted:
                return kept[:limit]
            wanted = limit + min(len(self._hidden), (wanted - limit) * 4)

    def search_dense(
        self, shard: str, keys: Sequence[str] | None, where: Conditions, vector: np.ndarray, limit: int, *,
        bare: bool = False,
    ) -> list[Scored]:  # fmt: skip
        """See `View.search_dense`."""
        if shard == SHARD:
            return self._memory.dense(keys, where, vector, limit)
        return self._kept(lambda n: self._base.search_dense(shard, keys, where, vector, n, bare=bare), limit)

    def search_lexical(
        self, shard: str, keys: Sequence[str] | None, where: Conditions, weights: dict[int, float], limit: int, *,
        bare: bool = False,
    ) -> list[Scored]:  # fmt: skip
        """See `View.search_lexical`."""
        if shard == SHARD:
            return self._memory.by_terms(keys, where, weights, limit)
        return self._kept(lambda n: self._base.search_lexical(shard, keys, where, weights, n, bare=bare), limit)

    def scan(self, shard: str, keys: Sequence[str] | None, where: Conditions, limit: int) -> list[Scored]:
        """See `View.scan`."""
        if shard == SHARD:
            return self._memory.scan(keys, where, limit)
        return self._kept(lambda n: self._base.scan(shard, keys, where, n), limit)

    def count(self, shard: str, keys: Sequence[str] | None, where: Conditions) -> int:
        """See `View.count`."""
        if shard == SHARD:
            return len(list(self._memory.matching(keys, where)))
        asked = self._shard_keys[shard] if keys is None else set(keys)
        ids = sorted(one for key, layer in self._layers.items() if key in asked for one in layer.hidden)
        hidden = [hit for hit in self._base.get(shard, ids) if hit.payload["key"] in asked]
        return self._base.count(shard, keys, where) - sum(meets(where, hit.payload) for hit in hidden)

    def paths(self, shard: str, keys: Sequence[str] | None) -> list[str]:
        """See `View.paths`."""
        asked = sorted(self._shard_keys[shard] if keys is None else keys)
        if shard == SHARD:
            return sorted({str(p["path"]) for key in asked if key in self._layers for p in self._layers[key].payloads})
        found: set[str] = set()
        for key in [key for key in asked if key in self._layers]:
            found.update(set(self._base.paths(shard, [key])) - self._layers[key].gone)
        others = [key for key in asked if key not in self._layers]
        return sorted(found.union(self._base.paths(shard, others) if others else ()))

    def get(self, shard: str, ids: Sequence[str]) -> list[Scored]:
        """See `View.get`."""
        if shard == SHARD:
            return _best(list(self._memory.named(ids)), None, len(self._hidden) + len(ids))
        return self._base.get(shard, [one for one in ids if one not in self._hidden])

    def vectors(self, shard: str, ids: Sequence[str]) -> dict[str, np.ndarray]:
        """See `View.vectors`."""
        if shard == SHARD:
            return {layer.points[at].id: layer.points[at].dense for layer, at in self._memory.named(ids)}
        return self._base.vectors(shard, [one for one in ids if one not in self._hidden])

    def ids(self, shard: str, key: str) -> Iterator[str]:
        """See `View.ids`."""
        if shard == SHARD:
            layer = self._layers.get(key)
            yield from (point.id for point in layer.points) if layer is not None else ()
            return
        yield from (one for one in self._base.ids(shard, key) if one not in self._hidden)

    def warm(self, shard: str) -> None:
        """See `View.warm`."""
        if shard != SHARD:
            self._base.warm(shard)

    def close(self) -> None:
        """The view below belongs to the snapshot below."""
