"""A client of the embedding process: an embedder like any other, as long as the process runs.

What lives here: finding the process, asking it, and going on without it when it ends. What does not: the process
(`process.py`). Imports nothing heavy: a search from a cold shell loads no model when the process runs.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Client, Connection
from typing import Any

import numpy as np

from ...progress import Say
from ...storage.layout import Layout
from ..interface import Computed, Embedder, InputType, Vectors
from ..space import EmbeddingSpace

# Texts of one request; more are sent when these have come back.
REQUEST_TEXTS = 4096


def connect(layout: Layout, space: str | None = None) -> Connection | None:
    """A connection to the process of a data folder (for a space, if given), or None if none runs."""
    try:
        facts = json.loads((layout.root / "embedder.json").read_bytes())
        if space is not None and facts["space"] != space:
            return None
        return Client(facts["socket"], "AF_UNIX")
    except (OSError, ValueError, KeyError, EOFError):
        return None


def status(layout: Layout) -> dict[str, Any] | None:
    """What the process says of itself; None if none runs."""
    connection = connect(layout)
    if connection is None:
        return None
    with contextlib.closing(connection):
        try:
            connection.send(("status", []))
            answer: dict[str, Any] = connection.recv()
            return answer
        except (OSError, EOFError):
            return None


class ProcessEmbedder(Embedder):
    """Computes in the embedding process; when that ends, in this one. For one thread at a time."""

    def __init__(self, space: EmbeddingSpace, connection: Connection, local: Callable[[], Embedder], say: Say) -> None:
        """`local` makes the embedder that takes over."""
        super().__init__(space)
        self._connection: Connection | None = connection
        self._make_local, self._say = local, say
        self._local: Embedder | None = None

    @property
    def runtime(self) -> str:
        """Where vectors are computed, as run records name it."""
        return self._local.runtime if self._local is not None else "embedding process"

    @property
    def window(self) -> int:
        """Texts worth handing over at once."""
        return REQUEST_TEXTS

    def embed(self, texts: Sequence[str], input_type: InputType) -> Vectors:
        """Unit vectors, one row a text. Raises EmbeddingError."""
        if input_type == "query":
            answer = self._ask("query", list(texts))
            if isinstance(answer, bytes):
                return np.frombuffer(answer, np.float32).reshape(len(texts), -1)
            return self._here().embed(texts, "query")
        out = np.empty((len(texts), self.space.dimension), dtype=np.float32)
        for computed in self.embed_each(texts):
            out[computed.rows] = computed.vectors
        return out

    def embed_each(self, texts: Sequence[str]) -> Iterator[Computed]:
        """See `Embedder.embed_each`; every finished batch comes at once. Raises EmbeddingError."""
        missing = set(range(len(texts)))
        for start in range(0, len(texts), REQUEST_TEXTS):
            for rows, raw in self._stream(list(texts[start : start + REQUEST_TEXTS])):
                placed = [start + row for row in rows]
                missing.difference_update(placed)
                yield Computed(placed, np.frombuffer(raw, np.float32).reshape(len(rows), -1))
        rest = sorted(missing)
        if rest:
            for computed in self._here().embed_each([texts[row] for row in rest]):
                yield Computed([rest[row] for row in computed.rows], computed.vectors, computed.refused)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, uncut."""
        answer = self._ask("count", list(texts))
        return answer if isinstance(answer, list) else self._here().count_tokens(texts)

    def close(self) -> None:
        """Closes the connection, and the model loaded in place of a process that ended."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._local is not None:
            self._local.close()

    def _stream(self, texts: list[str]) -> Iterator[tuple[list[int], bytes]]:
        """What the process computes of these texts; ends early if the process does. Raises what it raised."""
        if self._connection is None:
            return
        try:
            self._connection.send(("document", texts))
            while (answer := self._connection.recv()) is not None:
                if isinstance(answer, Exception):
                    raise answer
                yield answer
        except (OSError, EOFError):
            self._lost()

    def _ask(self, what: str, texts: list[str]) -> Any:
        if self._connection is None:
            return None
        try:
            self._connection.send((what, texts))
            answer = self._connection.recv()
        except (OSError, EOFError):
            self._lost()
            return None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _lost(self) -> None:
        self._say("the embedding process ended; going on without it")
        self._connection = None

    def _here(self) -> Embedder:
        if self._local is None:
            self._local = self._make_local()
        return self._local
