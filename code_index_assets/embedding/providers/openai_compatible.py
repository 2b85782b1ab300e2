"""Any endpoint that speaks OpenAI's embeddings API: vLLM, Text Embeddings Inference, Ollama, OpenAI.

What lives here: its requests, and finding out once what the endpoint gives (dimension, encoding). What does not:
batches, retries and checks, which all providers share (`requests.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ...errors import ConfigurationError, EmbeddingError, ProviderUnavailableError
from ...settings import Settings
from ...storage.fingerprint import fingerprint
from ...storage.layout import Layout, write_atomically
from ..interface import InputType
from ..space import EmbeddingSpace
from ..text import TEXT_FORMAT
from .pacing import TokenCounter
from .requests import Limits, RequestEmbedder
from .spending import Spending
from .transport import BadTextError, PassingError, ShortReplyError, TooLargeError, Transport

# Text Embeddings Inference takes 32 texts by default; a smaller limit is learned from the first refusal.
_INPUTS, _TOKENS, _IN_FLIGHT = 32, 16_384, 4
# CODE_INDEX_MAX_TOKENS cuts texts at so many characters a token, the same whatever the server's tokenizer.
_CHARACTERS_PER_TOKEN = 3


def space_of_model(settings: Settings, layout: Layout, model: str) -> EmbeddingSpace:
    """The space of the endpoint's model. The first time the endpoint is asked; the answer is kept in `models/`.

    Raises ConfigurationError, EmbeddingError.
    """
    if not model:
        raise ConfigurationError("which model?", remedy="CODE_INDEX_MODEL=openai:<model as the endpoint calls it>")
    return EmbeddingSpace(
        provider="openai",
        model=model,
        revision="api",
        pooling="api",
        dimension=int(_probed(settings, layout, model)["dimension"]),
        max_tokens=settings.max_tokens,
        query_prefix=settings.query_prefix,
        document_prefix=settings.document_prefix,
        text_format=TEXT_FORMAT,
    )


class OpenAICompatibleEmbedder(RequestEmbedder):
    """Embeds with a model of an OpenAI-compatible endpoint."""

    def __init__(
        self, settings: Settings, layout: Layout, model: str, spending: Spending, *, patience: float | None = None
    ) -> None:
        space = space_of_model(settings, layout, model)
        in_flight = settings.embedding_in_flight or _IN_FLIGHT
        self._encoding = str(_probed(settings, layout, space.model)["encoding"])
        self._dimensions = settings.embedding_dimension
        limits = Limits(
            inputs=_INPUTS,
            tokens=_TOKENS,
            in_flight=in_flight,
            requests_per_minute=settings.embedding_requests_per_minute,
            tokens_per_minute=settings.embedding_tokens_per_minute,
            patience_seconds=settings.embedding_patience_seconds if patience is None else patience,
        )
        super().__init__(space, _transport(settings, in_flight), limits, spending, TokenCounter())

    def body(self, texts: Sequence[str], input_type: InputType) -> dict[str, Any]:
        """The JSON body of one request."""
        prefix = self.space.query_prefix if input_type == "query" else self.space.document_prefix
        most = self.space.max_tokens * _CHARACTERS_PER_TOKEN or None
        return _body(self.space.model, [(prefix + text)[:most] for text in texts], self._encoding, self._dimensions)


def _body(model: str, texts: list[str], encoding: str, dimensions: int) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "input": texts, "encoding_format": encoding}
    if dimensions:
        body["dimensions"] = dimensions
    return body


def _transport(settings: Settings, connections: int) -> Transport:
    if not settings.embedding_url:
        raise ConfigurationError(
            "CODE_INDEX_MODEL is openai:… and there is no address to ask",
            remedy="set CODE_INDEX_EMBEDDING_URL, for example http://localhost:8000/v1",
        )
    key = settings.embedding_key.get_secret_value() if settings.embedding_key else None
    url = f"{settings.embedding_url.rstrip('/')}/embeddings"
    return Transport(
        "the embedding endpoint", url, key, timeout=settings.embedding_timeout_seconds, connections=connections
    )


def _probed(settings: Settings, layout: Layout, model: str) -> dict[str, Any]:
    """What the endpoint gives for this model: dimension and encoding, asked once for each address."""
    endpoint = {"url": settings.embedding_url, "model": model, "dimensions": settings.embedding_dimension}
    path = layout.models / f"openai-{fingerprint(endpoint)[:16]}.json"
    try:
        return dict(json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError):
        pass
    transport = _transport(settings, 1)
    try:
        space = _probe(transport, model, settings.embedding_dimension)
    finally:
        transport.close()
    write_atomically(path, json.dumps({"model": model, **space}).encode())
    return space


def _probe(transport: Transport, model: str, dimensions: int) -> dict[str, Any]:
    problem: Exception | None = None
    for encoding in ("base64", "float"):
        try:
            reply = transport.post(_body(model, ["def add(a, b): return a + b"], encoding, dimensions))
            dimension = len(transport.vector(reply["data"][0]["embedding"]))
        except (BadTextError, TooLargeError) as error:
            problem = error  # some endpoints know no base64
            continue
        except (PassingError, ShortReplyError, KeyError, IndexError, TypeError) as error:
            problem = error
            break
        if dimensions and dimension != dimensions:
            raise EmbeddingError(
                f"{transport.name} was asked for {dimensions} dimensions of {model} and sent {dimension}",
                remedy="unset CODE_INDEX_EMBEDDING_DIMENSION, or set it to what the model can give",
            )
        return {"dimension": dimension, "encoding": encoding}
    kind = ProviderUnavailableError if isinstance(problem, PassingError) else EmbeddingError
    raise kind(
        f"{transport.name} gave no vector of {model}: {problem}",
        remedy="check CODE_INDEX_EMBEDDING_URL and CODE_INDEX_MODEL, and that the server is running",
    )


embedder_of_model = OpenAICompatibleEmbedder
