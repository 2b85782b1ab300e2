"""The `Embedder` interface: texts in, unit vectors out.

What lives here: the contract all models implement. What does not: choosing one (`loading.py`), caching and batching
over a repository (`chunk_vectors.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .space import EmbeddingSpace

InputType = Literal["query", "document"]
Vectors = npt.NDArray[np.float32]

# What a kill can cost a local model: at most this many texts are computed again.
FLUSH_TEXTS = 256


@dataclass(frozen=True)
class Computed:
    """Some of the texts asked for, done: the vectors of `rows`, and the rows that got none, with the reason."""

    rows: list[int]
    vectors: Vectors
    refused: dict[int, str] = field(default_factory=dict)


class Embedder(ABC):
    """Computes vectors of one embedding space."""

    def __init__(self, space: EmbeddingSpace) -> None:
        self.space = space

    @property
    def runtime(self) -> str:
        """How vectors are computed here, for records: library, dtype, device."""
        return type(self).__name__

    @abstractmethod
    def embed(self, texts: Sequence[str], input_type: InputType) -> Vectors:
        """Unit vectors, float32, shape (len(texts), space.dimension), in the order of the texts.

        A text's vector does not depend on the texts beside it beyond cosine .999. Raises EmbeddingError.
        """

    def embed_each(self, texts: Sequence[str]) -> Iterator[Computed]:
        """Document vectors as they come, in any order, every row once. What has come is paid for: keep it at once.

        A text that the model refuses for itself comes as refused and the others go on. Raises EmbeddingError.
        """
        for start in range(0, len(texts), FLUSH_TEXTS):
            rows = list(range(start, min(start + FLUSH_TEXTS, len(texts))))
            yield Computed(rows, self.embed(texts[start : start + FLUSH_TEXTS], "document"))

    @property
    def remote(self) -> bool:
        """Whether texts leave this machine's memory for a provider: many requests in flight, each of them paid."""
        return False

    @property
    def immediate(self) -> bool:
        """Whether a query's vector is a look-up of a fraction of a millisecond, not worth a thread."""
        return False

    @abstractmethod
    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text as this model counts them, before any cut."""

    def knows(self, text: str) -> bool:
        """Whether at least one word of a text is a word to this model, not only letters that it spells out."""
        del text
        return True

    def plan(self, texts: Sequence[str]) -> int:
        """Tokens that embedding these texts will come to, as likely more as less."""
        return sum(self.count_tokens(texts))

    @property
    def facts(self) -> dict[str, Any]:
        """Particulars of the work done so far, for the stage table: padding waste, requests, tokens, price."""
        waste = getattr(self, "padding_waste", None)
        return {} if waste is None else {"padding_waste": round(waste, 4)}

    @property
    def window(self) -> int:
        """How many texts to hand over at once; the model sorts and batches inside it."""
        return 256

    def interrupt(self) -> None:
        """Ends an `embed_each` in another thread early: what is under way still comes, the rest is left out."""
        return

    def close(self) -> None:
        """Lets go of memory and processes. May be called twice."""
        return


def unit(vectors: npt.NDArray[np.floating]) -> Vectors:
    """Rows scaled to unit length; a zero row gets a fixed direction, since no text may have a zero vector.

    A text without a single known word (only punctuation, say) would otherwise be refused by the gate.
    """
    out = np.asarray(vectors, dtype=np.float32)
    norms = np.linalg.norm(out, axis=1, keepdims=True)
    empty = norms[:, 0] < 1e-12
    if empty.any():
        out = out.copy()
        out[empty] = 1.0
        norms = np.linalg.norm(out, axis=1, keepdims=True)
    return np.asarray(out / norms, dtype=np.float32)
