"""Voyage AI (docs/adr/010 says which part of its package is used, and why not all).

What lives here: its requests, its limits, its key, its tokenizer. What does not: batches, retries and checks, which all
providers share (`requests.py`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import ConfigurationError
from ...settings import Settings
from ...storage.layout import Layout
from ..interface import InputType
from ..space import EmbeddingSpace
from ..text import TEXT_FORMAT
from .pacing import TokenCounter
from .requests import Limits, RequestEmbedder
from .spending import Spending
from .voyage_transport import VoyageTransport

DEFAULT_DIMENSION = 1024
# Models whose dimension cannot be chosen.
_FIXED = {"voyage-code-2": 1536, "voyage-large-2": 1536, "voyage-law-2": 1024, "voyage-finance-2": 1024,
          "voyage-multilingual-2": 1024, "voyage-3": 1024, "voyage-3-lite": 512}  # fmt: skip
# The API takes 1,000 texts and, for voyage-code-3, 120,000 tokens in a request, 2,000 requests and 3,000,000 tokens a
# minute in its first usage tier (docs.voyageai.com, read 2026-11-21).
_INPUTS, _TOKENS, _IN_FLIGHT = 1000, 100_000, 20
_REQUESTS_PER_MINUTE, TOKENS_PER_MINUTE = 2000, 3_000_000
KEYS = ("VOYAGE_API_KEY", "VOYAGE_AI_API_KEY")


def space_of_model(settings: Settings, layout: Layout, model: str) -> EmbeddingSpace:
    """The space of a Voyage model under these settings. Makes no request. Raises ConfigurationError."""
    del layout  # other providers keep there what they asked an endpoint
    fixed = _FIXED.get(model)
    if fixed and settings.embedding_dimension not in (0, fixed):
        raise ConfigurationError(
            f"{model} gives {fixed} dimensions, not {settings.embedding_dimension}",
            remedy="unset CODE_INDEX_EMBEDDING_DIMENSION",
        )
    return EmbeddingSpace(
        provider="voyage",
        model=model,
        revision=f"api {settings.embedding_dtype}",
        pooling="api",
        dimension=settings.embedding_dimension or fixed or DEFAULT_DIMENSION,
        max_tokens=0,
        text_format=TEXT_FORMAT,
    )


class VoyageEmbedder(RequestEmbedder):
    """Embeds with a Voyage model."""

    def __init__(
        self, settings: Settings, layout: Layout, model: str, spending: Spending, *, patience: float | None = None
    ) -> None:
        """Raises ConfigurationError if there is no key."""
        space = space_of_model(settings, layout, model)
        key = _key()
        base = settings.embedding_url or _base_url(key)
        in_flight = settings.embedding_in_flight or _IN_FLIGHT
        limits = Limits(
            inputs=_INPUTS,
            tokens=_TOKENS,
            in_flight=in_flight,
            requests_per_minute=settings.embedding_requests_per_minute or _REQUESTS_PER_MINUTE,
            tokens_per_minute=settings.embedding_tokens_per_minute or TOKENS_PER_MINUTE,
            patience_seconds=settings.embedding_patience_seconds if patience is None else patience,
        )
        transport = VoyageTransport(
            base, key, timeout=settings.embedding_timeout_seconds, connections=in_flight,
            dtype=settings.embedding_dtype, key_setting=KEYS[0],
        )  # fmt: skip
        # A query is one short request: nothing to pack, and its process should start fast.
        tokenizer = cached_tokenizer(space.model) if patience is None else None
        super().__init__(space, transport, limits, spending, TokenCounter(tokenizer))

    def body(self, texts: Sequence[str], input_type: InputType) -> dict[str, Any]:
        """The arguments of one request."""
        body: dict[str, Any] = {
            "model": self.space.model,
            "input": list(texts),
            "input_type": input_type,
            "truncation": True,
            "encoding_format": "base64",
        }
        if self.transport.dtype != "float":
            body["output_dtype"] = self.transport.dtype
        if self.space.model not in _FIXED:
            body["output_dimension"] = self.space.dimension
        return body


def has_key() -> bool:
    """Whether a key is set in the environment."""
    return any(os.environ.get(name, "").strip() for name in KEYS)


def _key() -> str:
    for name in KEYS:
        if value := os.environ.get(name, "").strip():
            return value
    raise ConfigurationError(
        "Voyage needs a key and none is set", remedy=f"set {KEYS[0]} (or {KEYS[1]}), or choose another CODE_INDEX_MODEL"
    )


def _base_url(key: str) -> str:
    """Keys made at MongoDB Atlas (al-…) belong to another host."""
    return "https://ai.mongodb.com/v1" if key.startswith("al-") else "https://api.voyageai.com/v1"


def cached_tokenizer(model: str) -> Any:
    """The model's tokenizer if the Hugging Face cache of this machine has it, else None: nothing is downloaded.

    `hf download voyageai/voyage-code-3 tokenizer.json` puts it there.
    """
    from huggingface_hub import try_to_load_from_cache

    file = try_to_load_from_cache(f"voyageai/{model}", "tokenizer.json")
    if not isinstance(file, str) or not Path(file).is_file():
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(file)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


embedder_of_model = VoyageEmbedder
