"""The same transformer in ONNX Runtime: starts in 0.4 s where torch with transformers takes 2 to 5 s.

What lives here: exporting a transformer once (checked against torch) and computing vectors with it. Used for queries
from a cold shell. What does not: choosing it (`embedding/loading.py`).
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import EmbeddingError
from ...storage.layout import Layout
from ..interface import Embedder, InputType, Vectors, unit
from ..models.transformer import (
    CPU_BATCH_TOKENS,
    TransformerEmbedder,
    TransformerModel,
    cut_tokens,
    import_torch,
    load_tokenizer,
    token_batches,
)

EXPORT_VERSION = "1"
# What an exported model must reach against torch fp32 to be used in the same space.
MIN_COSINE = 0.999
_PROBES = (
    "def parse_config(path): return json.load(open(path))",
    "where are requests retried after a time-out",
    "impl Iterator for Tokens { fn next(&mut self) -> Option<Token> { self.inner.next() } }",
    "x",
)


def export_folder(model: TransformerModel, layout: Layout) -> Path:
    """The folder of the exported graph in the data folder."""
    return layout.models / f"onnx-{model.slug}-v{EXPORT_VERSION}-{model.revision[:8]}"


def export(model: TransformerModel, layout: Layout, max_tokens: int = 0) -> Path:
    """Exports a transformer if that has not been done; returns its folder. Raises EmbeddingError if it differs."""
    home = export_folder(model, layout)
    if (home / "model.json").exists():
        return home
    with layout.lock(f"model-{home.name}", timeout=900):
        if (home / "model.json").exists():
            return home
        with layout.temporary("onnx") as folder:
            target = folder / home.name
            target.mkdir()
            _export(model, target, max_tokens)
            home.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(home, ignore_errors=True)  # what a kill left there, without model.json
            target.rename(home)
    return home


def _export(model: TransformerModel, folder: Path, max_tokens: int) -> None:
    # Eager attention and a sample with padding: traced otherwise, the mask is dropped (cosine .84 to the model).
    reference = TransformerEmbedder(model, device="cpu", max_tokens=max_tokens, exact=True)
    torch = import_torch()

    class Hidden(torch.nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = reference.module

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.inner(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    tokens = torch.randint(1000, 2000, (2, 8))
    mask = torch.ones((2, 8), dtype=torch.long)
    mask[1, 5:] = 0
    axes = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Hidden().eval(),
            (tokens, mask),
            str(folder / "model.onnx"),
            input_names=["input_ids", "attention_mask"],
            output_names=["hidden"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "hidden": axes},
            dynamo=False,
        )
    light = OnnxEmbedder(model, folder, max_tokens=max_tokens)
    cosine = float((reference.embed(_PROBES, "document") * light.embed(_PROBES, "document")).sum(axis=1).min())
    if cosine < MIN_COSINE:
        raise EmbeddingError(
            f"the exported form of {model.name} differs from the model: cosine {cosine:.4f}",
            remedy="report it; CODE_INDEX_MODEL=static needs no export",
        )
    (folder / "model.json").write_text(json.dumps({"model": model.name, "cosine": cosine}))


class ExportedEmbedder(Embedder):
    """What runtimes of the exported graph share: tokens in batches, pooling."""

    def __init__(self, model: TransformerModel, max_tokens: int) -> None:
        super().__init__(model.space(max_tokens))
        self._tokenizer = load_tokenizer(model)
        self.padding_waste = 0.0
        self._tokens = self._padded = 0

    @property
    def window(self) -> int:
        """Texts worth handing over at once."""
        return 2048

    @abstractmethod
    def _hidden(self, tokens: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Vectors:
        """Last hidden states, shape (batch, tokens, dimension)."""

    def embed(self, texts: Sequence[str], input_type: InputType) -> Vectors:
        """Unit vectors, one row a text. Raises EmbeddingError."""
        prefix = self.space.query_prefix if input_type == "query" else self.space.document_prefix
        ids = cut_tokens(self._tokenizer, [prefix + text for text in texts], self.space.max_tokens)
        out = np.empty((len(texts), self.space.dimension), dtype=np.float32)
        for batch in token_batches([len(row) for row in ids], CPU_BATCH_TOKENS):
            out[batch] = self._forward([ids[row] for row in batch])
        return unit(out)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, uncut."""
        return [len(row.ids) for row in self._tokenizer.encode_batch(list(texts))]

    def knows(self, text: str) -> bool:
        """Whether a word of the text is one token of the vocabulary."""
        return any(len(row.ids) == 1 for row in self._tokenizer.encode_batch(text.split(), add_special_tokens=False))

    def _forward(self, ids: list[list[int]]) -> Vectors:
        longest = max(map(len, ids))
        tokens = np.zeros((len(ids), longest), dtype=np.int64)
        mask = np.zeros_like(tokens)
        for row, values in enumerate(ids):
            tokens[row, : len(values)] = values
            mask[row, : len(values)] = 1
        self._tokens += sum(map(len, ids))
        self._padded += len(ids) * longest
        self.padding_waste = 1 - self._tokens / self._padded
        hidden = self._hidden(tokens, mask)
        if self.space.pooling == "cls":
            return np.asarray(hidden[:, 0], dtype=np.float32)
        weights = mask[:, :, None].astype(np.float32)
        return np.asarray((hidden * weights).sum(axis=1) / weights.sum(axis=1), dtype=np.float32)


class OnnxEmbedder(ExportedEmbedder):
    """Computes vectors of an exported transformer with ONNX Runtime. `threads` 0: as many as there are cores."""

    def __init__(self, model: TransformerModel, folder: Path, *, max_tokens: int = 0, threads: int = 0) -> None:
        import onnxruntime

        super().__init__(model, max_tokens)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or os.cpu_count() or 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._said = f"onnxruntime {onnxruntime.__version__} {'int8' if model.int8 else 'float32'} cpu"

    @property
    def runtime(self) -> str:
        """Library and number format that compute, as run records name them."""
        return self._said

    def _hidden(self, tokens: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> Vectors:
        hidden: Vectors = self._session.run(None, {"input_ids": tokens, "attention_mask": mask})[0]
        return hidden
