"""The gate: what was tampered with is refused, in the chain and alone, and the last publication stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from chains import Chain, GitRepository, failure

from code_index_assets.errors import GateRefusedError
from code_index_assets.quality.gate import current_verdict
from code_index_assets.quality.permit import Permit
from code_index_assets.records.run_log import RunLog
from code_index_assets.storage.artifacts import Artifact

CODE = {f"m{i}.py": f"def f{i}(a):\n    return a + {i}\n" for i in range(12)}


@pytest.fixture
def indexed(chain: Chain, repository: GitRepository) -> Chain:
    repository.commit(CODE)
    chain.register(repository.path, "code")
    chain.index("code")
    return chain


def embeddings_of(chain: Chain) -> Artifact:
    artifact = chain.store.current("embeddings", "code", chain.snapshot().space)
    assert artifact is not None
    return artifact


def prepare_next(chain: Chain, repository: GitRepository) -> None:
    """A new commit, embedded but neither judged nor published."""
    repository.commit({"new.py": "def brand_new():\n    return 'new'\n"})
    result = chain.run("code", "repository", "file_hashes", "chunks", "embeddings")
    assert result.success, failure(result)


def rewrite(artifact: Artifact, table: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Changes a part's rows and brings size and digest in the manifest in line, as a careful intruder would."""
    import json

    from code_index_assets.storage.fingerprint import file_digest, sealed, unsealed

    path = artifact.path / f"{table}-000.parquet"
    frame = change(pl.read_parquet(path))
    path.unlink()
    frame.write_parquet(path, compression="zstd")
    manifest = json.loads(unsealed((artifact.path / "manifest.json").read_bytes()))
    part = manifest["parts"][path.name]
    part.update(size=path.stat().st_size, digest=file_digest(path), rows=frame.height)
    (artifact.path / "manifest.json").write_bytes(sealed(json.dumps(manifest).encode()))


def flip_byte(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    path.unlink()
    path.write_bytes(bytes(raw))


@pytest.mark.parametrize("table", ["embeddings", "chunks"])
@pytest.mark.parametrize("asset", ["index_quality", "search_index"])
def test_a_changed_byte_is_refused(indexed: Chain, repository: GitRepository, table: str, asset: str) -> None:
    before = indexed.published()
    prepare_next(indexed, repository)
    if asset == "search_index":
        assert indexed.run("code", "index_quality").success
    artifact = embeddings_of(indexed)
    if table == "chunks":
        artifact = indexed.store.require("chunks", "code")
    flip_byte(artifact.path / f"{table}-000.parquet")

    result = indexed.run("code", asset)

    assert not result.success
    assert "is not what its manifest says" in failure(result)
    assert indexed.published() == before


@pytest.mark.parametrize(
    ("kind", "table"), [("file_hashes", "files"), ("chunks", "chunks"), ("embeddings", "embeddings")]
)
def test_damage_in_a_bucket_that_a_push_does_not_touch_is_made_anew(
    chain: Chain,
    make_chain: Callable[..., Chain],
    repository: GitRepository,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    table: str,
) -> None:
    from code_index_assets.storage import artifacts
    from code_index_assets.storage.fingerprint import bucket_of

    monkeypatch.setattr(artifacts, "FILES_PER_BUCKET", 3)
    repository.commit(CODE)
    chain.register(repository.path, "code")
    chain.index("code")
    artifact = embeddings_of(chain) if kind == "embeddings" else chain.store.require(kind, "code")
    buckets = artifact.manifest.buckets
    touched = bucket_of("m0.py", buckets)
    other = next(b for b in range(buckets) if b != touched and artifact.part(table, b).rows)
    flip_byte(artifact.path / f"{table}-{other:03d}.parquet")
    repository.commit({"m0.py": "def f0(a):\n    return a - 1\n"})

    result = chain.index("code")

    told = [record["what"] for record in RunLog(chain.layout).of_run(result.run_id, "damage")]
    assert any("is not what its manifest says" in what for what in told)
    scratch = make_chain("scratch")
    scratch.register(repository.path, "code")
    scratch.index("code")
    assert chain.published() == scratch.published()


def scale(frame: pl.DataFrame) -> pl.DataFrame:
    vectors = frame.get_column("vector").to_numpy() * 1.5
    return frame.with_columns(vector=pl.Series(vectors, dtype=frame.schema["vector"]))


def nudge(frame: pl.DataFrame) -> pl.DataFrame:
    vectors = frame.get_column("vector").to_numpy().copy()
    vectors[0, 0] = -vectors[0, 0] if vectors[0, 0] else vectors[0, 1]
    return frame.with_columns(vector=pl.Series(vectors, dtype=frame.schema["vector"]))


def retext(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(text=pl.col("text") + "# tampered")


def reline(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(end_line=pl.col("end_line") + 1000)


@pytest.mark.parametrize(
    ("table", "change", "check"),
    [
        ("embeddings", lambda f: f.head(5), "vectors_sound"),
        ("embeddings", scale, "vectors_sound"),
        ("embeddings", lambda f: pl.concat([f, f.head(1).with_columns(chunk_id=pl.lit("0" * 32))]), "vectors_sound"),
        ("chunks", retext, "chunks_sound"),
        ("chunks", reline, "chunks_sound"),
        ("chunks", lambda f: pl.concat([f, f.head(1)]), "chunks_sound"),
        ("code_facts", lambda f: f.with_columns(path=pl.lit("gone/") + pl.col("path")), "chunks_sound"),
    ],
    ids=["dropped", "scaled", "orphan", "text", "lines", "duplicate", "facts"],
)
def test_the_gate_sees_what_a_forged_manifest_hides(
    indexed: Chain, repository: GitRepository, table: str, change: Callable[..., Any], check: str
) -> None:
    before = indexed.published()
    prepare_next(indexed, repository)
    artifact = embeddings_of(indexed) if table == "embeddings" else indexed.store.require("chunks", "code")
    rewrite(artifact, table, change)

    result = indexed.run("code", "index_quality", "search_index")

    assert not result.success
    assert check in {name for name, passed in result.checks.items() if not passed}
    alone = indexed.run("code", "search_index")
    assert not alone.success
    assert "failed its checks" in failure(alone)
    assert indexed.published() == before


@pytest.mark.parametrize(("table", "change"), [("embeddings", nudge), ("chunks", retext)])
def test_the_publisher_refuses_other_bytes_than_were_judged(
    indexed: Chain, repository: GitRepository, table: str, change: Callable[..., Any]
) -> None:
    before = indexed.published()
    prepare_next(indexed, repository)
    assert indexed.run("code", "index_quality").success
    artifact = embeddings_of(indexed) if table == "embeddings" else indexed.store.require("chunks", "code")
    rewrite(artifact, table, change)

    result = indexed.run("code", "search_index")

    assert not result.success
    assert indexed.published() == before


def test_search_index_alone_needs_a_verdict_on_the_current_embeddings(
    indexed: Chain, repository: GitRepository
) -> None:
    before = indexed.published()
    prepare_next(indexed, repository)
    result = indexed.run("code", "search_index")
    assert not result.success
    assert "speaks of other embeddings" in failure(result)
    assert indexed.published() == before


def test_lost_resolution_of_names_is_no_plausible_commit(
    repository: GitRepository, make_chain: Callable[..., Chain]
) -> None:
    chain = make_chain("strict", plausibility="block")
    head = "class K:\n    def go(self):\n        return 1\n\n\nclass L:\n    def go(self):\n        return 2\n\n\n"
    known = head + "def f(a: K):\n" + "    a.go()\n" * 9
    repository.commit({"m.py": known})
    chain.register(repository.path, "code")
    chain.index("code")
    repository.commit({"m.py": known.replace("a: K", "a")})

    refused = chain.run("code")

    assert not refused.success
    assert {name for name, passed in refused.checks.items() if not passed} == {"plausible"}
    verdict = current_verdict(chain.store, "code", chain.snapshot().space)
    assert verdict is not None
    assert [r.name for r in verdict.results if not r.passed] == ["resolution_still_there"]


def test_a_lost_third_warns_or_blocks_and_can_be_accepted(
    repository: GitRepository, make_chain: Callable[..., Chain]
) -> None:
    from code_index_assets.quality.gate import accept

    chain = make_chain("strict", plausibility="block")
    repository.commit(CODE)
    chain.register(repository.path, "code")
    chain.index("code")
    repository.commit(dict.fromkeys(list(CODE)[:8]))

    refused = chain.run("code")
    assert not refused.success
    assert len({str(p["path"]) for p in chain.published().values()}) == 12
    space = chain.snapshot().space
    accept(chain.store, "code", space, "code_still_there", "moved to another repository", "tester", chain.settings)

    chain.index("code")
    assert len({str(p["path"]) for p in chain.published().values()}) == 4


def test_permits_cannot_be_made_elsewhere() -> None:
    with pytest.raises(GateRefusedError):
        Permit("k", "space", "subject", "suite", "commit", 0.0)
