"""The static table: one vector per word piece, fitted to a transformer; a text is their sum.

What lives here: using and writing a table. Fitting one is `fitting/`. Light on purpose: a query from a cold shell needs
numpy and nothing else (no torch, no tokenizers).

A table comes with the package (`table/`), so that the embedding space is the same on every machine. Tokenizing is the
cost of such a model, so the vector of every distinct identifier is kept, and a text costs one look-up per word.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import EmbeddingError
from ...storage.fingerprint import digest
from ..interface import Embedder, InputType, Vectors, unit
from ..space import EmbeddingSpace
from ..text import TEXT_FORMAT, identifier_words
from .word_pieces import WORD, WordPieces

PACKAGED = Path(__file__).parent / "table"
# Bounds the memory of the identifier table: 100,000 rows of 256 float32 are 102 MB.
_KEPT_WORDS = 100_000


class StaticTableEmbedder(Embedder):
    """Embeds with the table in a folder (`vectors.npy` int8, `scales.npy`, `vocabulary.txt`, `table.json`)."""

    def __init__(self, folder: Path = PACKAGED) -> None:
        try:
            facts = json.loads((folder / "table.json").read_bytes())
            self._table = np.load(folder / "vectors.npy", mmap_mode="r")
            self._scales = np.load(folder / "scales.npy")
            words = (folder / "vocabulary.txt").read_text(encoding="utf-8").split("\n")
            if not len(self._table) == len(self._scales) == len(words):
                raise ValueError("its files are of different lengths")
        except (OSError, ValueError) as error:
            remedy = (
                "install the package again" if folder == PACKAGED else "fit it again, or use CODE_INDEX_MODEL=static"
            )
            raise EmbeddingError(f"the static table in {folder} cannot be read: {error}", remedy=remedy) from error
        super().__init__(
            EmbeddingSpace(
                provider="static",
                model=facts["model"],
                revision=facts["revision"],
                pooling="sum",
                dimension=int(self._table.shape[1]),
                max_tokens=0,
                text_format=TEXT_FORMAT,
            )
        )
        self._pieces = WordPieces(words)
        self._rows: dict[str, int] = {}
        self._lock = threading.Lock()
        self._vectors: npt.NDArray[np.float32] = np.zeros((4096, self.space.dimension), dtype=np.float32)

    @property
    def runtime(self) -> str:
        """Library and number format that compute, as run records name them."""
        return "numpy float32 cpu"

    @property
    def immediate(self) -> bool:
        """Whether embedding a query costs so little that no thread is worth it."""
        return True

    @property
    def window(self) -> int:
        """Texts worth handing over at once."""
        return 4096

    def embed(self, texts: Sequence[str], input_type: InputType) -> Vectors:
        """Unit vectors, one row a text."""
        del input_type
        out = np.zeros((len(texts), self.space.dimension), dtype=np.float32)
        # The words' vectors are shared by the threads of a server; two that add a word at once would share its row.
        with self._lock:
            for row, text in enumerate(texts):
                rows = self._word_rows(WORD.findall(text))
                if rows:
                    out[row] = self._vectors[rows].sum(axis=0)
        return unit(out)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Word pieces of each text."""
        return [len(self._pieces.of_text(text)) for text in texts]

    def knows(self, text: str) -> bool:
        """Whether the table has a vector for a word of the text."""
        words = (word for name in WORD.findall(text) for word in identifier_words(name))
        return any(len(word) > 2 and word in self._pieces for word in words)

    def _word_rows(self, names: list[str]) -> list[int]:
        rows = self._rows
        if len(rows) > _KEPT_WORDS:
            rows.clear()
        word_rows = [rows.get(name) for name in names]
        if None in word_rows:
            for position, row in enumerate(word_rows):
                if row is None:
                    word_rows[position] = self._add(names[position])
        return [row for row in word_rows if row]

    def _add(self, name: str) -> int:
        """Adds an identifier's vector; returns its row, 0 for one without known pieces."""
        known = self._rows.get(name)
        if known is not None:
            return known
        pieces = self._pieces.of_name(name)
        if not pieces:
            self._rows[name] = 0
            return 0
        row = len(self._rows) + 1
        if row >= len(self._vectors):
            self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
        self._vectors[row] = self._scales[pieces] @ np.asarray(self._table[pieces], dtype=np.float32)
        self._rows[name] = row
        return row


def write_table(folder: Path, model: str, vocabulary: Sequence[str], vectors: Vectors) -> None:
    """Writes a table, each row in int8 with a scale: a quarter of float32, cosine of texts above .9999."""
    largest = np.abs(vectors).max(axis=1)
    scales = np.asarray(np.maximum(largest, 1e-12) / 127, dtype=np.float32)
    whole = np.asarray(np.rint(vectors / scales[:, None]), dtype=np.int8)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "vectors.npy", whole)
    np.save(folder / "scales.npy", scales)
    (folder / "vocabulary.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    revision = digest(whole.tobytes(), scales.tobytes(), "\n".join(vocabulary))
    (folder / "table.json").write_text(json.dumps({"model": model, "revision": revision}) + "\n")
