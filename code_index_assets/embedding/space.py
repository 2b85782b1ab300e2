"""The embedding space: what makes two vectors comparable.

What lives here: the value and its name. What does not: how a vector of the space is computed — runtime, dtype and
device may differ within a space as long as vectors stay within cosine .999 of each other.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from functools import cached_property

from ..errors import SpaceMismatchError
from ..storage.fingerprint import fingerprint


@dataclass(frozen=True)
class EmbeddingSpace:
    """Everything a vector's meaning depends on. `id` is its name in paths, vector keys and publications."""

    provider: str
    model: str
    revision: str
    pooling: str
    dimension: int
    max_tokens: int  # 0: the whole text is read
    query_prefix: str = ""
    document_prefix: str = ""
    normalized: bool = True
    text_format: str = ""

    @cached_property
    def id(self) -> str:
        """The name of the space: readable words and a hash of everything that decides the vectors."""
        # Kept: hashed anew for each of 7,782 chunks it was 15 % of a warm run.
        slug = re.sub(r"[^a-z0-9]+", "-", self.model.lower().rsplit("/", 1)[-1]).strip("-")[:40]
        return f"{self.provider}-{slug}-{self.dimension}-{fingerprint(asdict(self))[:8]}"

    def require_same(self, other_id: str, what: str) -> None:
        """Raises SpaceMismatchError if `other_id` is another space."""
        if other_id != self.id:
            raise SpaceMismatchError(
                f"{what} is in the embedding space {other_id}, this process is set to {self.id}",
                remedy="set CODE_INDEX_MODEL to the model the index was made with, or index again with this one",
            )
