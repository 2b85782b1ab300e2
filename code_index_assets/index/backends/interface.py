"""What an index backend must do: the contract both implementations are tested against.

What lives here: the protocols. What does not: the choice of a backend (`choice.py`), the publication protocol around
them (`index/publish.py`), which is the same for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ...progress import Say
from ..filters import Conditions
from ..manifest import PublicationManifest, ShardState

if TYPE_CHECKING:
    from ..points import Point


@dataclass(frozen=True)
class Scored:
    """One point found: its id, the lane's score, its payload; `shard` where the payload was not read along."""

    id: str
    score: float
    payload: dict[str, Any]
    shard: str = ""


class View(Protocol):
    """Reads exactly one publication. `keys` None means every key of the shard.

    The searches with `bare` may leave payloads out and name the shard in place of them, where reading them apart is
    cheaper.
    """

    def search_dense(
        self,
        shard: str,
        keys: Sequence[str] | None,
        where: Conditions,
        vector: np.ndarray,
        limit: int,
        *,
        bare: bool = False,
    ) -> list[Scored]:
        """The nearest points of a unit vector, by cosine, best first."""
        ...

    def search_lexical(
        self,
        shard: str,
        keys: Sequence[str] | None,
        where: Conditions,
        weights: dict[int, float],
        limit: int,
        *,
        bare: bool = False,
    ) -> list[Scored]:
        """The points with the largest weighted sum of terms, best first. `weights`: weight by term number."""
        ...

    def scan(self, shard: str, keys: Sequence[str] | None, where: Conditions, limit: int) -> list[Scored]:
        """Points that match, unscored, in id order."""
        ...

    def count(self, shard: str, keys: Sequence[str] | None, where: Conditions) -> int:
        """How many points match."""
        ...

    def paths(self, shard: str, keys: Sequence[str] | None) -> list[str]:
        """Every path that has a point."""
        ...

    def get(self, shard: str, ids: Sequence[str]) -> list[Scored]:
        """The points of these ids; unknown ids are left out."""
        ...

    def vectors(self, shard: str, ids: Sequence[str]) -> dict[str, np.ndarray]:
        """Stored dense vectors by id."""
        ...

    def ids(self, shard: str, key: str) -> Iterator[str]:
        """The ids of a key's points."""
        ...

    def warm(self, shard: str) -> None:
        """Touches what queries will read, so that the first ones are not slower. For processes that stay."""
        ...

    def close(self) -> None:
        """Lets go of what the view holds open."""
        ...


class ShardWriter(Protocol):
    """Changes that no reader sees before the pointer moves."""

    def upsert(self, shard: str, points: list[Point]) -> None:
        """Adds points, or replaces those with the same ids."""
        ...

    def remove(self, shard: str, ids: Sequence[str]) -> None:
        """Removes the points of these ids."""
        ...

    def finish(self, say: Say | None = None) -> dict[str, ShardState]:
        """Makes the changes durable and gives the new state of every changed shard; one without points is left out.

        `say` gets a line each second while this waits.
        """
        ...


class IndexBackend(Protocol):
    """One index of one embedding space."""

    name: str
    # Points in a shard, about; None: the backend spreads them itself and knows one shard.
    shard_limit: int | None

    def view(self, manifest: PublicationManifest) -> View:
        """A reader of exactly this publication."""
        ...

    def writer(
        self, base: PublicationManifest | None, following: PublicationManifest
    ) -> AbstractContextManager[ShardWriter]:
        """A writer of the publication after `base`. Nothing stays if the block raises, or the next writer cleans up."""
        ...

    def closed_shards(self, manifest: PublicationManifest | None) -> frozenset[str]:
        """Shards of an earlier format: they answer, and take no more points. Who changes a bucket moves it out."""
        ...

    def inventory(self, state: ShardState) -> str:
        """Digest by which a shard that was loaded before is known to be the same; "" if the backend has none."""
        ...

    def prune(self, kept: Sequence[PublicationManifest]) -> int:
        """Removes what none of the kept publications needs; returns how many shards or points."""
        ...

    def optimized(self, manifest: PublicationManifest, shard: str) -> ShardState | None:
        """An optimized copy of a shard, not yet visible; None if the backend does that itself."""
        ...
