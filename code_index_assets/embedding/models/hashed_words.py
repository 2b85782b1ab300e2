"""A deterministic model for tests: bags of hashed words, no weights, bit-equal everywhere.

Texts that share words are near each other, so searches in tests mean something. Not for real use.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..interface import Embedder, InputType, Vectors, unit
from ..space import EmbeddingSpace
from ..text import TEXT_FORMAT, identifier_words

DIMENSION = 64
_WORD = re.compile(r"\w+")


class TestEmbedder(Embedder):
    """Each word adds a ±1 pattern drawn from its hash. `texts_embedded` counts the work done, for tests."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__(
            EmbeddingSpace(
                provider="test",
                model="hashed-words",
                revision="1",
                pooling="sum",
                dimension=DIMENSION,
                max_tokens=0,
                text_format=TEXT_FORMAT,
            )
        )
        self.texts_embedded = 0
        self._patterns: dict[str, Vectors] = {}

    def embed(self, texts: Sequence[str], input_type: InputType) -> Vectors:
        """Unit vectors of hashed words, one row a text."""
        del input_type
        self.texts_embedded += len(texts)
        out = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        for row, text in enumerate(texts):
            counts = Counter(word for name in _WORD.findall(text) for word in identifier_words(name))
            for word, count in sorted(counts.items()):
                out[row] += np.float32(count) * self._pattern(word)
        return unit(out)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Words of each text."""
        return [len(_WORD.findall(text)) for text in texts]

    def _pattern(self, word: str) -> Vectors:
        pattern = self._patterns.get(word)
        if pattern is None:
            raw = hashlib.blake2b(word.encode(), digest_size=DIMENSION // 8).digest()
            bits = np.unpackbits(np.frombuffer(raw, dtype=np.uint8))
            pattern = self._patterns[word] = bits.astype(np.float32) * 2 - 1
        return pattern
