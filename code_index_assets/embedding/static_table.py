"""The static table: one vector per word piece, distilled from a transformer; a text is their weighted sum.

What lives here: using a table. Making one is `distill.py`. Light on purpose: a query from a cold shell needs numpy
and nothing else (no torch, no tokenizers).

Method: each word piece of the transformer's vocabulary is embedded by itself, the vectors are reduced by PCA and
weighted by smooth inverse frequency (Arora et al. 2017, with the word piece's rank standing for its frequency);
Model2Vec (2024) is the published form of this. Identifiers are split into words first. Tokenizing is the cost of
such a model, so the vector of every distinct identifier is kept, and a text costs one look-up per word.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import EmbeddingError
from .embedder import Embedder, InputType, Vectors, unit
from .space import EmbeddingSpace
from .text import TEXT_FORMAT, identifier_words

_WORD = re.compile(r"\w+")
# Bounds the memory of the identifier table: 100,000 rows of 256 float32 are 102 MB.
_KEPT_WORDS = 100_000


class StaticTableEmbedder(Embedder):
    """Embeds with the table in a folder (`vectors.npy` float16, `vocabulary.txt`, `table.json`)."""

    def __init__(self, folder: Path) -> None:
        try:
            facts = json.loads((folder / "table.json").read_bytes())
            self._table = np.load(folder / "vectors.npy", mmap_mode="r")
            words = (folder / "vocabulary.txt").read_text(encoding="utf-8").split("\n")
        except (OSError, ValueError) as error:
            raise EmbeddingError(
                f"the static table in {folder} cannot be read: {error}",
                remedy=f"remove {folder} and index again: it is made anew",
            ) from error
        super().__init__(
            EmbeddingSpace(
                provider="static",
                model=facts["model"],
                revision=facts["revision"],
                pooling="sif-sum",
                dimension=int(self._table.shape[1]),
                max_tokens=0,
                text_format=TEXT_FORMAT,
            )
        )
        self._pieces = {word: row for row, word in enumerate(words)}
        self._longest = max(map(len, words))
        self._rows: dict[str, int] = {}
        self._lock = threading.Lock()
        self._vectors: npt.NDArray[np.float32] = np.zeros((4096, self.space.dimension), dtype=np.float32)

    @property
    def runtime(self) -> str:
        return "numpy float32 cpu"

    @property
    def immediate(self) -> bool:
        return True

    @property
    def window(self) -> int:
        return 4096

    def embed(self, texts: Sequence[str], input_type: InputType) -> Vectors:
        del input_type
        out = np.zeros((len(texts), self.space.dimension), dtype=np.float32)
        # The words' vectors are shared by the threads of a server; two that add a word at once would share its row.
        with self._lock:
            for row, text in enumerate(texts):
                rows = self._word_rows(_WORD.findall(text))
                if rows:
                    out[row] = self._vectors[rows].sum(axis=0)
        return unit(out)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [
            sum(len(self.word_pieces(word)) for name in _WORD.findall(text) for word in identifier_words(name))
            for text in texts
        ]

    def knows(self, text: str) -> bool:
        words = (word for name in _WORD.findall(text) for word in identifier_words(name))
        return any(len(word) > 2 and word in self._pieces for word in words)

    def word_pieces(self, word: str) -> list[int]:
        """Rows of the table for one lower-case word: greedy longest match (WordPiece, Wu et al. 2016)."""
        pieces: list[int] = []
        start = 0
        while start < len(word):
            end = min(len(word), start + self._longest)
            while end > start:
                piece = word[start:end] if start == 0 else "##" + word[start:end]
                row = self._pieces.get(piece)
                if row is not None:
                    pieces.append(row)
                    break
                end -= 1
            if end == start:
                return []
            start = end
        return pieces

    def _word_rows(self, names: list[str]) -> list[int]:
        rows = self._rows
        if len(rows) > _KEPT_WORDS:
            rows.clear()
        found = [rows.get(name) for name in names]
        if None in found:
            for position, row in enumerate(found):
                if row is None:
                    found[position] = self._add(names[position])
        return [row for row in found if row]

    def _add(self, name: str) -> int:
        """Adds an identifier's vector; returns its row, 0 for one without known pieces."""
        known = self._rows.get(name)
        if known is not None:
            return known
        pieces = [piece for word in identifier_words(name) for piece in self.word_pieces(word)]
        if not pieces:
            self._rows[name] = 0
            return 0
        row = len(self._rows) + 1
        if row >= len(self._vectors):
            self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
        self._vectors[row] = np.asarray(self._table[pieces], dtype=np.float32).sum(axis=0)
        self._rows[name] = row
        return row
