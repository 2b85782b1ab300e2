"""Every option of the product, once: its name, its default, what it does.

What lives here: the `Settings` model, read from environment variables `CODE_INDEX_*` and from nothing else. What
does not: which repositories there are (`sources/registry.py`) and secrets of code hosts (read where they are used).
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .errors import ConfigurationError

DATA_FOLDER = ".code-index"
# Read where they are used: tokens of git hosts.
_OTHER_VARIABLES = ("CODE_INDEX_GIT_TOKEN_", "CODE_INDEX_ASKPASS_")


def default_data_folder() -> Path:
    """`.code-index` of the nearest enclosing folder that has one, else of the working folder."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / DATA_FOLDER / "VERSION").is_file():
            return folder / DATA_FOLDER
    return here / DATA_FOLDER


class Settings(BaseSettings):
    """Options, each from the environment variable `CODE_INDEX_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="CODE_INDEX_", extra="ignore", frozen=True, env_ignore_empty=True)

    data: Path = Field(
        default_factory=default_data_folder, description="Where everything is kept; Dagster's home is inside it."
    )
    registry: Path | None = Field(
        None, description="The file that names the repositories; default: repositories.toml in the data folder."
    )

    # What is indexed
    max_file_bytes: int = Field(1 << 20, ge=1, description="Files larger than this are left out (reason too_large).")
    include_vendored: bool = Field(False, description="Index vendored files too (node_modules, third_party, …).")
    include_generated: bool = Field(False, description="Index generated files too (lock files, *.pb.go, …).")
    chunk_max_chars: int = Field(1500, ge=200, description="Largest chunk, in non-whitespace characters.")
    chunk_min_chars: int = Field(100, ge=0, description="Neighbours smaller than this are merged.")
    parse_timeout_seconds: float = Field(5.0, gt=0, description="Longest time one file may take to parse.")
    workers: int = Field(0, ge=0, description="Parser processes; 0: as many as there are cores.")

    # How it is embedded
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

    # How it is checked and published
    plausibility: Literal["warn", "block"] = Field(
        "warn", description="What happens when a third of the code is gone since the last publication."
    )
    qdrant_url: str | None = Field(None, description="A Qdrant server; not set: the embedded Qdrant.")
    qdrant_api_key: SecretStr | None = Field(None, description="Its key.")
    shard_points: int = Field(100_000, ge=100, description="Points in one embedded shard, about.")
    keep_generations: int = Field(2, ge=2, description="Publications kept to go back to.")
    keep_seconds: float = Field(600.0, ge=0, description="How long a replaced publication is kept at least.")

    # SQL catalogue
    sql_models: Path | None = Field(
        None, description="A folder <layer>/<name>.sql of your own SQL models, built with the shipped ones."
    )
    history_commits: int = Field(
        1000, ge=0, description="Commits of a repository looked at for churn (hot spots); 0: none."
    )
    freshness_hours: float = Field(24.0, gt=0, description="Age up to which a publication counts as fresh.")

    # Git
    git_timeout_seconds: float = Field(1800.0, gt=0, description="Longest time one git network call may take.")
    lock_timeout_seconds: float = Field(1800.0, gt=0, description="Longest wait for another run on one repository.")

    # Triggers
    polling: bool = Field(True, description="Whether the daemon polls; else webhooks and `code-index poll` do.")
    poll_seconds: float = Field(300.0, ge=10, description="Each repository's head is asked for this often, about.")
    poll_per_host: int = Field(4, ge=1, description="Head look-ups at a time on one git host.")
    poll_host_per_minute: int = Field(240, ge=1, description="Head look-ups a minute on one git host, at most.")
    poll_timeout_seconds: float = Field(30.0, gt=0, description="Longest time one head look-up may take.")
    nightly_cron: str = Field("0 2 * * *", description="When the nightly schedule looks for what is due.")
    compaction_cron: str = Field("0 4 * * 0", description="When caches, shards and old artifacts are compacted.")
    timezone: str = Field("UTC", description="Time zone of both.")
    webhook_github_secret: SecretStr | None = Field(None, description="Secret of GitHub webhooks; not set: refused.")
    webhook_gitlab_token: SecretStr | None = Field(
        None, description="Secret token or signing token (whsec_…) of GitLab webhooks; not set: refused."
    )
    webhook_gitea_secret: SecretStr | None = Field(
        None, description="Secret of Gitea and Forgejo webhooks; not set: refused."
    )
    webhook_max_bytes: int = Field(8 << 20, ge=1024, description="Larger webhook bodies are refused.")

    # The server
    host: str = Field("127.0.0.1", description="Address `code-index serve` binds to.")
    port: int = Field(8765, ge=0, le=65535, description="Its port; 0: any free one.")
    tokens: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="Bearer tokens, separated by commas, that may ask the server; not set: everybody who reaches it.",
    )
    open_access: bool = Field(
        False, description="Let the server bind beyond loopback without tokens: whoever reaches it reads the code."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Host names, separated by commas, that requests may use; not set: on loopback its own, else any.",
    )
    index_urls: bool = Field(
        False, description="Let POST /v1/index register repositories by URL, not only run registered ones."
    )
    allowed_addresses: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Hosts (`git.example.org`, `.example.org` for all below), addresses and networks (`10.1.0.0/16`), "
        "separated by commas, that addresses arriving over HTTP may name though they are not public.",
    )

    questions_at_a_time: int = Field(
        0,
        ge=0,
        le=64,
        description="Questions the server answers at a time; 0: one, which all of a core answers soonest (eight with a "
        "Qdrant server, which is waited for).",
    )
    query_seconds: float = Field(
        10.0,
        gt=0,
        description="Longest time one question may take; what was found by then is answered as `incomplete`.",
    )

    mcp_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        (),
        description="Folders, separated by commas, whose checkouts MCP clients may have indexed over HTTP "
        "(index_codebase); not set: none. Over stdio any folder.",
    )

    use_server: bool = Field(
        True,
        description="Whether command lines ask a server that runs on the same data instead of searching themselves.",
    )

    # What old states are kept
    keep_artifacts_seconds: float = Field(
        7 * 86_400.0, ge=0, description="Artifacts that no pointer, publication or run names stay this long."
    )
    keep_run_days: int = Field(30, ge=1, description="Days of Dagster's run history and of the run log.")
    spare_vectors: float = Field(
        1.0, ge=0, description="Cached vectors that nothing names are kept up to this share of those that are named."
    )

    @field_validator("data", "registry", "sql_models")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else Path(os.path.expandvars(value)).expanduser().absolute()

    @field_validator("mcp_roots")
    @classmethod
    def _absolute_roots(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(Path(os.path.expandvars(root)).expanduser().absolute() for root in value)

    @field_validator("tokens", "allowed_hosts", "allowed_addresses", "mcp_roots", mode="before")
    @classmethod
    def _separated(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part for part in (part.strip() for part in value.split(",")) if part)
        return value

    @property
    def registry_file(self) -> Path:
        return self.registry or self.data / "repositories.toml"


@lru_cache(maxsize=1)
def _cached(environment: frozenset[tuple[str, str]], folder: str) -> Settings:
    del environment, folder
    try:
        return Settings()
    except ValidationError as error:
        lines = [f"CODE_INDEX_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
        raise ConfigurationError(
            "some settings cannot be used:\n  " + "\n  ".join(lines), remedy="correct or unset these variables"
        ) from error


def unknown_variables() -> list[tuple[str, str]]:
    """Variables CODE_INDEX_* of the environment that no option has, each with the nearest that one has ("" if none)."""
    known = {f"CODE_INDEX_{name.upper()}" for name in Settings.model_fields}
    strange = [
        name
        for name in sorted(os.environ)
        if name.startswith("CODE_INDEX_") and name not in known and not name.startswith(_OTHER_VARIABLES)
    ]
    return [(name, next(iter(get_close_matches(name, known, n=1, cutoff=0.8)), "")) for name in strange]


def load_settings() -> Settings:
    """The settings of this process; read again when the environment or the working folder changed."""
    environment = frozenset((k, v) for k, v in os.environ.items() if k.startswith("CODE_INDEX_"))
    try:
        folder = os.getcwd()  # noqa: PTH109 - a cache key, not a path to work with
    except OSError as error:
        raise ConfigurationError("the working folder is gone", remedy="cd to a folder that exists") from error
    return _cached(environment, folder)
