"""Artifacts: tables in buckets, read whole or bucket by bucket, and refused where a bucket is not what was written."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from code_index_assets.errors import CorruptArtifactError, NotBuiltError
from code_index_assets.storage.artifacts import Artifact, ArtifactSpec, ArtifactStore
from code_index_assets.storage.layout import Layout

# Bucket 1 is empty: its rows must not be taken from a neighbour.
BUCKETS = [["a", "b", "c"], [], ["d"], ["e", "f"]]


def frame(texts: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        {"path": texts, "size": [len(text) for text in texts]}, schema={"path": pl.String, "size": pl.Int32}
    )


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    store = ArtifactStore(Layout(tmp_path / "data").create())
    with store.write(ArtifactSpec("kind", "key", {}, "1"), "r", buckets=4) as writer:
        for bucket, texts in enumerate(BUCKETS):
            writer.write("files", bucket, frame(texts))
    return store.require("kind", "key")


def test_a_table_is_its_buckets_in_order(artifact: Artifact) -> None:
    assert artifact.read("files").equals(frame([text for texts in BUCKETS for text in texts]))
    assert artifact.read("files", ["size"]).columns == ["size"]
    assert artifact.read_buckets("files", [2, 0]).equals(frame(["d", "a", "b", "c"]))
    for bucket, rows in enumerate(artifact.read_split("files")):
        assert rows.equals(frame(BUCKETS[bucket])) and rows.equals(artifact.read_bucket("files", bucket))
    with pytest.raises(NotBuiltError):
        artifact.read("other")


def test_one_damaged_bucket_is_found_by_whoever_reads_it(artifact: Artifact) -> None:
    part = artifact.path / "files-002.parquet"
    whole = part.read_bytes()
    part.unlink()
    part.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    for reading in (
        lambda: artifact.read("files"),
        lambda: artifact.read_split("files"),
        lambda: artifact.read_buckets("files", [0, 2]),
        lambda: artifact.read_bucket("files", 2),
        artifact.verify,
    ):
        with pytest.raises(CorruptArtifactError, match="files-002"):
            reading()
    assert artifact.read_buckets("files", [0, 3]).height == 5
