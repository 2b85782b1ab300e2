"""A transformer on this machine's CPU or GPUs: a few texts in this process, much work in separate processes.

What lives here: deciding between the two, GPUs side by side. What does not: which runtime
(`embedding/runtimes/choice.py`), the processes (`embedding/runtimes/worker_pool.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...progress import Say
from ...settings import Settings
from ...storage.layout import Layout
from ..interface import Computed, Embedder, InputType, Vectors
from ..runtimes import choice as runtimes
from ..runtimes.exported_graph import graph
from ..runtimes.onnx import OnnxEmbedder
from ..runtimes.runtime import Runtime
from ..runtimes.worker_pool import WorkerPool
from .transformer import TransformerEmbedder, TransformerModel


class CpuTransformer(Embedder):
    """Computes few texts with ONNX Runtime in this process, many in a pool of the fastest runtime."""

    def __init__(
        self, model: TransformerModel, settings: Settings, layout: Layout, say: Say, *, lasting: bool = False
    ) -> None:
        """`lasting`: this process serves many runs, so runtimes are timed however small its first job is."""
        super().__init__(model.space(settings.max_tokens))
        self._model, self._settings, self._layout, self._say = model, settings, layout, say
        self._lasting = lasting
        self._light: Embedder | None = None
        self._pool: WorkerPool | None = None

    @property
    def runtime(self) -> str:
        """Library and number format that compute, as run records name them."""
        if self._pool is not None:
            return self._pool.runtime
        return self._in_process().runtime

    @property
    def padding_waste(self) -> float:
        """Share of computed tokens that were padding, 0 to 1."""
        return self._pool.padding_waste if self._pool is not None else getattr(self._light, "padding_waste", 0.0)

    @property
    def window(self) -> int:
        """Texts worth handing over at once."""
        return 2048

    def embed(self, texts: Sequence[str], input_type: InputType) -> Vectors:
        """Unit vectors, one row a text. Raises EmbeddingError."""
        if self._pool is None and len(texts) < runtimes.SMALL_JOB:
            return self._in_process().embed(texts, input_type)
        out = np.empty((len(texts), self.space.dimension), dtype=np.float32)
        for rows, vectors in self._started(len(texts)).compute(texts, input_type):
            out[rows] = vectors
        return out

    def embed_each(self, texts: Sequence[str]) -> Iterator[Computed]:
        """See `Embedder.embed_each`; every finished batch comes at once. Raises EmbeddingError."""
        if self._pool is None and len(texts) < runtimes.SMALL_JOB:
            yield from super().embed_each(texts)
            return
        for rows, vectors in self._started(len(texts)).compute(texts, "document"):
            yield Computed(rows, vectors)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, uncut."""
        return self._in_process().count_tokens(texts)

    def knows(self, text: str) -> bool:
        """Whether a word of the text is one token of the vocabulary."""
        return self._in_process().knows(text)

    def _in_process(self) -> Embedder:
        if self._light is None:
            folder = graph(self._model, self._layout, self._settings.max_tokens, self._say)
            self._light = OnnxEmbedder(self._model, folder, max_tokens=self._settings.max_tokens)
        return self._light

    def _started(self, texts: int) -> WorkerPool:
        if self._pool is None:
            graph(self._model, self._layout, self._settings.max_tokens, self._say)  # made here, where it can be said
            self._pool = WorkerPool(self._model, self._settings.max_tokens, self._layout, self._chosen(texts))
        return self._pool

    def _chosen(self, texts: int) -> Runtime:
        settings = self._settings
        if settings.runtime != "auto":
            return runtimes.asked(settings.runtime, settings.embed_workers, runtimes.usable_cores(), self._model.int8)
        work = runtimes.TIMED_JOB if self._lasting else texts
        chosen = runtimes.choose(self._model, settings.max_tokens, self._layout, self._say, work)
        if settings.embed_workers:
            return runtimes.asked(chosen.name, settings.embed_workers, runtimes.usable_cores(), self._model.int8)
        return chosen

    def close(self) -> None:
        """Ends the worker processes."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None


def gpu_transformer(model: TransformerModel, settings: Settings, layout: Layout, device: str) -> Embedder:
    """The transformer on a GPU: in this process with one, in one process each with several."""
    if device == "cuda":
        from .transformer import import_torch

        count = import_torch().cuda.device_count()
        if count > 1:
            return ManyGpus(model, settings, layout, count)
    return TransformerEmbedder(model, device=device, max_tokens=settings.max_tokens)


class ManyGpus(Embedder):
    """One process a GPU."""

    def __init__(self, model: TransformerModel, settings: Settings, layout: Layout, count: int) -> None:
        super().__init__(model.space(settings.max_tokens))
        devices = [f"cuda:{number}" for number in range(count)]
        self._pool = WorkerPool(model, settings.max_tokens, layout, Runtime("torch-bf16", count), devices)

    @property
    def runtime(self) -> str:
        """Library and number format that compute, as run records name them."""
        return self._pool.runtime

    def embed(self, texts: Sequence[str], input_type: InputType) -> Vectors:
        """Unit vectors, one row a text. Raises EmbeddingError."""
        out = np.empty((len(texts), self.space.dimension), dtype=np.float32)
        for rows, vectors in self._pool.compute(texts, input_type):
            out[rows] = vectors
        return out

    def embed_each(self, texts: Sequence[str]) -> Iterator[Computed]:
        """See `Embedder.embed_each`; every finished batch comes at once. Raises EmbeddingError."""
        for rows, vectors in self._pool.compute(texts, "document"):
            yield Computed(rows, vectors)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, uncut."""
        from .transformer import load_tokenizer

        tokenizer = load_tokenizer(self._pool.model)
        return [len(row.ids) for row in tokenizer.encode_batch(list(texts))]

    def close(self) -> None:
        """Ends the worker processes."""
        self._pool.close()
