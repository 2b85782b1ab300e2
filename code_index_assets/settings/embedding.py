"""Which model embeds, where it runs, and what a provider may cost."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from .base import SettingsGroup


class EmbeddingSettings(SettingsGroup):
    """Which model embeds, where it runs, and what a provider may cost."""

    model: str = Field(
        "auto",
        description="auto | static | static:<folder> (a table of your own) | minilm | test | a sentence-transformers "
        "or Hugging Face name or folder | a transformer with `:int8` (minilm:int8: int8 products on CPUs, a space of "
        "its own) | voyage:<model> | openai:<model> (any OpenAI-compatible endpoint). auto: the model of the index "
        "that searches use (`code-index use`); where there is none yet, the static table on a CPU, the transformer on "
        "a GPU.",
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="Where torch runs.")
    runtime: str = Field(
        "auto",
        description="How a transformer is computed on a CPU: auto (the fastest here, timed once for a large job) | "
        "torch-fp32 | torch-bf16 | onnx-fp32 | openvino-fp32 | openvino-bf16; for models with `:int8` onnx-int8 | "
        "openvino-int8.",
    )
    embed_workers: int = Field(0, ge=0, description="Embedding processes on a CPU; 0: one of one thread a core.")
    max_tokens: int = Field(0, ge=0, description="Cut of the embedded text in tokens; 0: the model's default.")
    indexing_mode: Literal["auto", "sequential", "parallel", "pipeline"] = Field(
        "auto",
        description="How parsing and embedding share a run: one parser; a pool of parsers; parsing while what is "
        "parsed is embedded already. auto chooses by files, cores, memory and device.",
    )

    # Embedding providers (keys: VOYAGE_API_KEY or VOYAGE_AI_API_KEY for Voyage)
    embedding_url: str | None = Field(
        None, description="Base URL of the OpenAI-compatible endpoint, as in http://localhost:8000/v1; or Voyage's."
    )
    embedding_key: SecretStr | None = Field(None, description="Key of the OpenAI-compatible endpoint, if it wants one.")
    embedding_dimension: int = Field(
        0, ge=0, description="Dimension asked of the provider; 0: the model's own (an endpoint is asked for it once)."
    )
    embedding_dtype: Literal["float", "int8", "ubinary"] = Field(
        "float", description="What Voyage sends; vectors are kept as unit float32 whatever it is."
    )
    query_prefix: str = Field("", description="Put before queries (OpenAI-compatible endpoints).")
    document_prefix: str = Field("", description="Put before chunks (OpenAI-compatible endpoints).")
    embedding_in_flight: int = Field(
        0, ge=0, le=20, description="Requests to a provider at a time; 0: 20 for Voyage, 4 for others."
    )
    embedding_requests_per_minute: int = Field(
        0, ge=0, description="Requests to a provider in a minute; 0: 2,000 for Voyage (its first tier), else no limit."
    )
    embedding_tokens_per_minute: int = Field(
        0,
        ge=0,
        description="Tokens to a provider in a minute; 0: 3,000,000 for Voyage (its first tier), else no limit.",
    )
    embedding_timeout_seconds: float = Field(60.0, gt=0, description="Longest wait for an answer of a provider.")
    embedding_patience_seconds: float = Field(
        300.0, ge=0, description="How long a provider that answers nothing but 429, 5xx or time-outs is tried."
    )
    budget_usd: float | None = Field(None, ge=0, description="What one run may spend at a provider, in US dollars.")
    budget_tokens: int | None = Field(None, ge=0, description="The same in tokens.")
    price_per_million: float | None = Field(
        None, ge=0, description="US dollars per million tokens; not set: the dated table of `code-index plan`."
    )
