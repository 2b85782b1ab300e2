"""The profile: what the expectations look at, one row a chunk and one row for the repository.

What lives here: computing it from artifacts, bucket by bucket. What does not: judging it (`suite.py`, `gate.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from ..sources.secrets.scan import scan_many
from ..storage.fingerprint import digest
from .graph_profile import GraphProfile

PROFILE_SCHEMA: dict[str, pl.DataType] = {
    "chunk_id": pl.String(),
    "path": pl.String(),
    "language": pl.String(),
    "size": pl.Int64(),
    "lines_outside": pl.Int8(),
    "text_changed": pl.Int8(),
    "secrets": pl.Int32(),
    "vectors": pl.Int32(),
    "dimension": pl.Int32(),
    "not_finite": pl.Int32(),
    "norm_max": pl.Float64(),
    "norm_error": pl.Float64(),
}


@dataclass(frozen=True)
class Baseline:
    """What the last publication held, for the plausibility checks. `embeddings` is the artifact it was made from."""

    embeddings: str
    chunks: int
    languages: dict[str, int] = field(default_factory=dict)
    textual_share: float | None = None  # of the sample of the code graph


@dataclass(frozen=True)
class BucketProfile:
    """One bucket: a row a chunk, and counts that have no row."""

    rows: pl.DataFrame
    orphan_vectors: int
    keys_missing: int


def profile_bucket(chunks: pl.DataFrame, embeddings: pl.DataFrame, files: pl.DataFrame) -> BucketProfile:
    """Profiles one bucket. `files` are the kept files (path, lines) the chunks may come from."""
    vectors = _vector_profile(embeddings)
    rows = (
        chunks.select(
            "chunk_id", "path", "language", "start_line", "end_line", "start_byte", "end_byte", "text", "text_hash"
        )
        .join(files.select("path", pl.col("lines").alias("file_lines")), on="path", how="left")
        .join(vectors, on="chunk_id", how="left")
    )
    texts = rows.get_column("text").to_list()
    hashes = rows.get_column("text_hash").to_list()
    rows = rows.with_columns(
        # Whitespace does not count: bounds follow what a reader reads.
        size=pl.col("text").str.replace_all(r"\s", "").str.len_chars(),
        lines_outside=~(
            (pl.col("start_line") >= 1)
            & (pl.col("start_line") <= pl.col("end_line"))
            & (pl.col("end_line") <= pl.col("file_lines").fill_null(0))
        ),
        text_changed=pl.Series([digest(t) != h for t, h in zip(texts, hashes, strict=True)], dtype=pl.Int8),
        secrets=pl.Series(secrets_left(rows), dtype=pl.Int32),
        vectors=pl.col("vectors").fill_null(0),
    )
    orphans = embeddings.join(chunks, on="chunk_id", how="anti").height
    keys_missing = int((embeddings.get_column("vector_key").fill_null("").str.len_chars() != 32).sum())
    conformed = rows.select([pl.col(name).cast(dtype) for name, dtype in PROFILE_SCHEMA.items()])
    return BucketProfile(conformed, orphans, keys_missing)


def secrets_left(chunks: pl.DataFrame) -> list[int]:
    """How many secrets stand in each chunk. Columns: path, start_byte, end_byte, text.

    A chunk alone can look worse than its file: the head of a table, the start of a line or the file's name is missing.
    So a chunk in which something is found is looked at again as part of its file, put together from its chunks, and
    counts only if something is found there too, as it was when the file was scanned.
    """
    paths = chunks.get_column("path").to_list()
    counts = [len(findings) for findings in scan_many(chunks.get_column("text").to_list())]
    suspects = sorted({path for path, count in zip(paths, counts, strict=True) if count})
    if not suspects:
        return counts
    left: dict[str, list[tuple[int, int]]] = {}
    of_suspects = chunks.filter(pl.col("path").is_in(suspects)).sort("path", "start_byte")
    for (path,), rows in of_suspects.group_by("path", maintain_order=True):
        whole = _file_of(rows)
        findings = scan_many([whole.decode("utf-8", "replace")], [str(path)])[0]
        text = whole.decode("utf-8", "replace")
        left[str(path)] = [(len(text[: f.start].encode()), len(text[: f.end].encode())) for f in findings]
    bounds = zip(
        paths, counts, *(chunks.get_column(name).to_list() for name in ("start_byte", "end_byte")), strict=True
    )
    return [
        sum(low < end and start < high for low, high in left[path]) if count else 0
        for path, count, start, end in bounds
    ]


def _file_of(rows: pl.DataFrame) -> bytes:
    """The text of a file from its chunks, in order; empty lines stand for what no chunk holds."""
    whole = bytearray()
    for start, text in rows.select("start_byte", "text").iter_rows():
        whole += b"\n" * (start - len(whole))
        whole += text.encode("utf-8")[max(0, len(whole) - start) :]
    return bytes(whole)


def _vector_profile(embeddings: pl.DataFrame) -> pl.DataFrame:
    """Per chunk: how many vectors, their dimension, entries that are not finite, norms."""
    if embeddings.is_empty():
        matrix = np.zeros((0, 1), dtype=np.float32)
    else:
        matrix = np.asarray(embeddings.get_column("vector").to_numpy(), dtype=np.float64)
    finite = np.isfinite(matrix)
    norms = np.linalg.norm(np.where(finite, matrix, 0.0), axis=1)
    return (
        pl.DataFrame(
            {
                "chunk_id": embeddings.get_column("chunk_id"),
                "dimension": np.full(len(matrix), matrix.shape[1], dtype=np.int32),
                "not_finite": (~finite).sum(axis=1).astype(np.int32),
                "norm": norms,
            }
        )
        .group_by("chunk_id")
        .agg(
            vectors=pl.len().cast(pl.Int32),
            dimension=pl.col("dimension").first(),
            not_finite=pl.col("not_finite").sum(),
            norm_max=pl.col("norm").min(),
            norm_error=(pl.col("norm") - 1).abs().max(),
        )
    )


def profile_repository(
    chunks: pl.DataFrame,
    buckets: list[BucketProfile],
    files: pl.DataFrame,
    baseline: Baseline | None,
    graph: GraphProfile,
    foreign_facts: int,
) -> pl.DataFrame:
    """The repository's row. `chunks` are the profile rows of all buckets, `files` the kept files."""
    kept_files = files.height
    uncovered = files.join(chunks, on="path", how="anti").height
    languages = language_counts(chunks)
    lost = [
        name
        for name, count in (baseline.languages if baseline else {}).items()
        if baseline and count >= baseline.chunks / 5 and not languages.get(name)
    ]
    share_before = baseline.textual_share if baseline else None
    loss = max(0.0, 1 - chunks.height / baseline.chunks) if baseline and baseline.chunks else 0.0
    return pl.DataFrame(
        {
            "orphan_vectors": [sum(bucket.orphan_vectors for bucket in buckets)],
            "keys_missing": [sum(bucket.keys_missing for bucket in buckets)],
            "foreign_chunks": [chunks.join(files, on="path", how="anti").height],
            "files_kept": [kept_files],
            "files_uncovered": [uncovered],
            "files_uncovered_share": [uncovered / kept_files if kept_files else 0.0],
            "loss": [loss],
            "languages_lost": [len(lost)],
            "facts_broken": [graph.broken],
            "facts_lines_outside": [graph.lines_outside],
            "facts_foreign": [foreign_facts],
            "edge_targets_missing": [graph.targets_missing],
            "textual_growth": [graph.textual_share - share_before if share_before is not None else 0.0],
        }
    )


def language_counts(chunks: pl.DataFrame) -> dict[str, int]:
    """Chunks by language, most first."""
    counts = (
        chunks.group_by(pl.col("language").fill_null("text")).len().sort("len", "language", descending=[True, False])
    )
    return dict(counts.iter_rows())
