"""The `Embedder` interface: texts in, unit vectors out.

What lives here: the contract all models implement. What does not: choosing one (`models.py`), caching and batching
over a repository (`chunk_vectors.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from .space import EmbeddingSpace

InputType = Literal["query", "document"]
Vectors = npt.NDArray[np.float32]


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

    @abstractmethod
    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text as this model counts them, before any cut."""

    def knows(self, text: str) -> bool:
        """Whether at least one word of a text is a word to this model, not only letters that it spells out."""
        del text
        return True

    @property
    def window(self) -> int:
        """How many texts to hand over at once; the model sorts and batches inside it."""
        return 256

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
