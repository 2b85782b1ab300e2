"""What embedding a repository will take, before anything is embedded: texts, tokens, price, time.

What lives here: `plan_partition` and what it measures by. What does not: the budget's enforcement
(`embedding/providers/spending.py`), and printing (`cli/plan.py`).

Files and chunks are not guessed: the chain's first three steps are run, which does nothing where their artifacts are
current. Known texts are those of the previous embeddings and of the vector cache.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from ..embedding.cache.vectors import VectorCache
from ..embedding.chunk_vectors import keyed_texts
from ..embedding.loading import document_embedder, space_of
from ..embedding.model_spec import ModelKind, ModelSpec
from ..embedding.providers.pacing import TokenCounter
from ..embedding.providers.spending import price_of, price_table
from ..embedding.space import EmbeddingSpace
from ..index.published import in_force
from ..progress import Say, Stages
from ..records.run_log import RunLog
from ..settings import Settings
from ..storage.artifacts import Artifact, ArtifactStore
from ..storage.layout import Layout, key_segment
from .chunk import chunk_files
from .observe import observe_repository
from .run import ChainRun
from .select import hash_files

# Of more texts than this a spread sample is tokenized, and scaled by characters: a tokenizer does some 3,000 a second.
SAMPLE = 1000
# Runs a speed is measured over, newest first.
MEASURED_RUNS = 20


@dataclass(frozen=True)
class Plan:
    """What embedding one partition will take."""

    key: str
    commit: str
    label: str
    model: str
    space: str
    files: int
    chunks: int
    texts: int  # distinct texts of the chunks
    known: int  # of these, vectors that are there already
    to_embed: int
    characters: int  # of the texts to embed
    tokens: int
    tokens_by: str  # how they were counted
    price_usd: float | None  # None: not a provider, or its price is not known
    seconds: float | None  # None: this model has not been measured here yet
    seconds_by: str
    # What the same texts would cost with each model of the price table, at this many tokens.
    provider_tokens: int = 0
    prices: dict[str, float] = field(default_factory=dict)


def plan_partition(
    key: str, settings: Settings, layout: Layout, *, work: Layout | None = None, say: Say = lambda line: None
) -> Plan:
    """The plan of one partition at its present head. `work`: where the chunks are made, if not in the data folder.

    Raises what the steps raise: SourceError, ConfigurationError, …
    """
    settings = in_force(settings, layout)
    space = space_of(settings, layout, say)
    chunks, run = _chunks(key, settings, work or layout, say)
    files = run.parent(chunks, "file_hashes")
    label = str(run.parent(files, "repository").info["snapshot"]["label"])
    texts, missing = _texts(chunks, key, space, layout)
    characters = sum(map(len, missing))
    tokens, tokens_by = _tokens(missing, characters, settings, layout, space, say)
    seconds, seconds_by = _seconds(len(missing), tokens, settings, layout, space)
    spec = ModelSpec.chosen(settings)
    price = price_of(spec, settings) if spec.is_remote else None
    # A local model's tokens are no provider's: the static table, for one, reads no punctuation.
    provider_tokens = tokens if spec.is_remote else TokenCounter().expect(missing)
    return Plan(
        key=key,
        commit=str(chunks.info["commit"]),
        label=label,
        model=str(spec),
        space=space.id,
        files=int(files.info["kept"]),
        chunks=chunks.rows_of("chunks"),
        texts=texts,
        known=texts - len(missing),
        to_embed=len(missing),
        characters=characters,
        tokens=tokens,
        tokens_by=tokens_by,
        price_usd=None if price is None else tokens * price / 1e6,
        seconds=seconds,
        seconds_by=seconds_by,
        provider_tokens=provider_tokens,
        prices={model: provider_tokens * each / 1e6 for model, each in price_table().prices.items()},
    )


def _chunks(key: str, settings: Settings, layout: Layout, say: Say) -> tuple[Artifact, ChainRun]:
    run_id = f"plan-{uuid.uuid4().hex[:12]}"
    run = ChainRun(key, run_id, layout, settings, Stages(f"{key} plan", say))
    try:
        with layout.lock(f"partition-{key}", timeout=settings.lock_timeout_seconds):
            for step in (observe_repository, hash_files, chunk_files):
                result = step(run)
    finally:
        shutil.rmtree(layout.root / "pins" / key_segment(run_id), ignore_errors=True)
    assert result.artifact is not None
    return result.artifact, run


def _texts(chunks: Artifact, key: str, space: EmbeddingSpace, layout: Layout) -> tuple[int, list[str]]:
    """How many distinct texts the chunks have, and those that have no vector yet."""
    previous = ArtifactStore(layout).current("embeddings", key, space.id)
    known = set(previous.read("embeddings", ["vector_key"])["vector_key"]) if previous else set()
    folder = layout.vectors(space.id)
    cache = VectorCache(folder, space.dimension) if (folder / "data.mdb").exists() else None
    seen: set[str] = set()
    missing: list[str] = []
    for bucket in range(chunks.manifest.buckets):
        rows: pl.DataFrame = chunks.read_bucket("chunks", bucket, ["kind", "local_name", "text"])
        _, wanted = keyed_texts(space, rows)
        new = [found for found in wanted if found not in seen]
        seen.update(new)
        unknown = [found for found in new if found not in known]
        cached = cache.get(unknown) if cache else {}
        missing += [wanted[found] for found in unknown if found not in cached]
    return len(seen), missing


def _tokens(
    texts: Sequence[str], characters: int, settings: Settings, layout: Layout, space: EmbeddingSpace, say: Say
) -> tuple[int, str]:
    """Tokens of the texts, and how they were counted."""
    if not texts:
        return 0, "nothing to embed"
    spec = ModelSpec.chosen(settings)
    if spec.is_remote:
        counter = TokenCounter()
        if spec.kind is ModelKind.VOYAGE:
            from ..embedding.providers.voyage import cached_tokenizer

            counter = TokenCounter(cached_tokenizer(space.model))
        learned = _tokens_per_character(layout, space)
        if not counter.exact and learned:
            return round(characters * learned), "as the provider counted in earlier runs"
        return counter.expect(texts), "the model's tokenizer" if counter.exact else "estimated at 3.3 bytes a token"
    sample = list(texts[:: -(-len(texts) // SAMPLE)])
    if space.provider == "transformer":
        from ..embedding.models.transformer import find_model, load_tokenizer

        counted = sum(len(row.ids) for row in load_tokenizer(find_model(spec.name)).encode_batch(sample))
    else:
        counted = sum(document_embedder(settings, layout, say).count_tokens(sample))
    share = sum(map(len, sample)) / max(characters, 1)
    return round(counted / share), "the model's tokenizer" + ("" if len(sample) == len(texts) else ", from a sample")


def _tokens_per_character(layout: Layout, space: EmbeddingSpace) -> float | None:
    tokens = characters = 0
    for record in RunLog(layout).newest("usage", limit=200, where=lambda record: record.get("space") == space.id):
        if record.get("tokens") and record.get("characters") and not record.get("estimated"):
            tokens += int(record["tokens"])
            characters += int(record["characters"])
    return tokens / characters if characters else None


def _seconds(
    texts: int, tokens: int, settings: Settings, layout: Layout, space: EmbeddingSpace
) -> tuple[float | None, str]:
    """Seconds by the speed of earlier runs in this space, and by the provider's limits."""
    if not texts:
        return 0.0, "nothing to embed"
    per_minute = settings.embedding_tokens_per_minute
    if not per_minute and space.provider == "voyage":
        from ..embedding.providers.voyage import TOKENS_PER_MINUTE

        per_minute = TOKENS_PER_MINUTE
    # The first minute's tokens may go at once.
    by_limit = max(tokens / per_minute - 1, 0.0) * 60 if per_minute else 0.0
    speed = measured_speed(layout, space.id)
    if by_limit and (not speed or by_limit > texts / speed):
        return by_limit, f"the limit of {per_minute:,} tokens a minute"
    return (texts / speed, f"{speed:,.0f} texts/s, as measured here") if speed else (None, "not measured here yet")


def measured_speed(layout: Layout, space: str) -> float | None:
    """Texts a second over the newest runs that embedded in this space; None if none did."""
    items, seconds = 0, 0.0
    for record in RunLog(layout).newest(
        "stage",
        limit=MEASURED_RUNS,
        where=lambda record: record.get("stage") == "embed" and (record.get("info") or {}).get("space") == space,
    ):
        items += int(record.get("items") or 0)
        seconds += float(record.get("seconds") or 0)
    return items / seconds if items and seconds > 0 else None
