"""Indexing what is published already: no Dagster run, and a run as soon as anything is not as it was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chains import GitRepository

from code_index_assets.assets.instance import open_instance
from code_index_assets.records.run_log import RunLog
from code_index_assets.storage.layout import Layout

Command = Callable[..., tuple[Any, str, str]]


def dagster_runs(data: Path) -> int:
    with open_instance(Layout(data)) as instance:
        return sum(run.job_name == "index_repository" for run in instance.get_runs())


@pytest.fixture
def published(run: Command, data: Path, tmp_path: Path) -> GitRepository:
    repository = GitRepository(tmp_path / "shop")
    repository.commit({"a.py": "def one(order):\n    return order\n", "b.py": "def two(order):\n    return order\n"})
    assert run("index", str(repository.path), "--quiet")[0] == 0
    return repository


def indexed_again(run: Command) -> dict[str, Any]:
    code, out, err = run("index", "--all", "--quiet", "--json")
    assert code == 0, out + err
    return dict(json.loads(out)["runs"][0])


def outcomes(run: Command) -> list[str]:
    return [step["outcome"] for step in indexed_again(run)["steps"]]


def test_nothing_new_makes_no_dagster_run_and_is_in_the_run_log(
    run: Command, data: Path, published: GitRepository
) -> None:
    before = dagster_runs(data)
    again = indexed_again(run)
    assert [step["outcome"] for step in again["steps"]] == ["reused"] * 6
    assert dagster_runs(data) == before
    recorded = RunLog(Layout(data)).of_run(again["run_id"], "step")
    assert [step["asset"] for step in recorded][-1] == "search_index"
    published.commit({"a.py": "def three(order):\n    return order\n"})
    assert "built" in outcomes(run)
    assert dagster_runs(data) == before + 1
    assert run("symbol", "three")[0] == 0


def test_another_setting_or_a_damaged_index_gets_its_run(
    run: Command, data: Path, published: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dagster_runs(data)
    monkeypatch.setenv("CODE_INDEX_CHUNK_MAX_CHARS", "3000")
    assert "built" in outcomes(run)
    for path in (data / "chunks").rglob("chunks-*.parquet"):
        path.write_bytes(b"damaged")
    assert "built" in outcomes(run)
    assert dagster_runs(data) == before + 2
    assert run("symbol", "one")[0] == 0
    shutil.rmtree(next((data / "index").glob("*/shards")))
    indexed_again(run)
    assert dagster_runs(data) == before + 3
    assert run("symbol", "one")[0] == 0
