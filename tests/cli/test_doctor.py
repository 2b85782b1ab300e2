"""`code-index doctor` on a data folder that is damaged in several places, and what searches say of the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Command


def damage(folder: Path) -> None:
    for stored in folder.rglob("*.dat"):
        stored.write_bytes(b"x")


def test_every_damage_is_told_once(run: Command, indexed: Path) -> None:
    code, out, _ = run("doctor")
    assert code == 0 and "catalog.duckdb" in out
    shards = sorted(next((indexed / "index").glob("*/shards")).iterdir())
    assert len(shards) > 1
    for shard in shards:
        damage(shard)
    (indexed / "catalog.duckdb").write_bytes(b"junk")
    code, out, _ = run("doctor", "--deep")
    assert code == 1
    failed = [line for line in out.splitlines() if line.startswith("fail")]
    for shard in shards:
        assert sum(f"/{shard.name}/" in line for line in failed) == 1
    assert "partitions: shop)" in out and "partitions: depot)" in out and "code-index repair index" in out
    assert sum("catalog.duckdb" in line for line in failed) == 1 and "code-index repair caches" in out
    assert "all artifacts are whole" in out


def test_a_shard_or_artifact_that_is_gone(run: Command, indexed: Path) -> None:
    import shutil

    shards = sorted(next((indexed / "index").glob("*/shards")).iterdir())
    shutil.rmtree(shards[0])
    for kind in ("chunks", "file_hashes"):
        next((indexed / kind).rglob("*.parquet")).write_bytes(b"x")
    code, out, _ = run("doctor", "--deep")
    failed = [line for line in out.splitlines() if line.startswith("fail")]
    assert code == 1 and len(failed) == 3
    assert "file_hashes" in failed[0] and "chunks" in failed[1]
    assert "is gone" in failed[2] and shards[0].name in failed[2]


def test_one_reason_of_several_lanes_is_told_once(run: Command, indexed: Path) -> None:
    damage(indexed / "index")
    code, _, err = run("search", "AddItem")
    assert code == 5 and err.count("cannot be loaded") == 1
    assert "symbol, lexical, semantic: " in err and err.count("code-index repair") == 1


def test_misspelt_settings_and_failed_runs_are_told(
    run: Command, indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from code_index_assets.records.failures import record_failure
    from code_index_assets.storage.layout import Layout

    monkeypatch.setenv("CODE_INDEX_MODLE", "static")
    monkeypatch.setenv("CODE_INDEX_GIT_TOKEN_EXAMPLE_ORG", "secret")
    record_failure(Layout(indexed), "depot", "repository", "SourceError", "the host refused", False, "r1")
    code, out, _ = run("doctor")
    warned = [line for line in out.splitlines() if line.startswith("warn")]
    assert code == 0 and len(warned) == 2
    assert "CODE_INDEX_MODLE is no setting" in warned[0] and "CODE_INDEX_MODEL?" in out and "secret" not in out
    assert "depot failed at repository: the host refused" in warned[1]


def test_a_variable_that_is_empty_is_not_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from code_index_assets.settings import load_settings

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CODE_INDEX_DATA", "")
    monkeypatch.setenv("CODE_INDEX_PORT", "")
    assert load_settings().data == tmp_path / ".code-index"
    assert load_settings().port == 8765
