"""`code-index status`: what is published, and what goes on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import publishing as p

from code_index_assets.cli.main import main
from code_index_assets.index.backends.edge import EdgeBackend
from code_index_assets.index.publish import publish
from code_index_assets.records.failures import record_failure
from code_index_assets.records.observations import Observation, observe
from code_index_assets.sources.registry import Registry

from .conftest import Command


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    monkeypatch.setenv("CODE_INDEX_DATA", str(tmp_path / "data"))

    def command(*arguments: str) -> tuple[Any, str, str]:
        monkeypatch.setattr(sys, "argv", ["code-index", "status", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return command


def test_states_and_goings_on(run: Command, tmp_path: Path) -> None:
    layout = p.layout_at(tmp_path / "data")
    registry = Registry.load(layout.root / "repositories.toml", layout)
    for name in ("a/one", "a/two", "a/three"):
        registry.add(f"https://example.org/{name}", name=name)
    for name in ("a/one", "a/two"):
        content = p.make_content(layout, p.SHOP, key=name, commit="c" * 40)
        publish(p.permit_for(content), content, EdgeBackend(layout, p.SPACE, p.DIM), layout)
    observe(layout, "a/one", Observation("c" * 40, "c" * 40, 1.0))
    record_failure(layout, "a/two", "repository", "SourceError", "the host refused", False, "r1")
    with layout.lock("partition-a/three"):
        code, out, _ = run("--json")
        rows = {row["key"]: row for row in json.loads(out)["repositories"]}
        lines = run()[1].splitlines()
    assert code == 1  # one of them is not indexed
    assert {key: (row["state"], row["activity"]) for key, row in rows.items()} == {
        "a/one": ("current", ""), "a/two": ("unknown", "failed"), "a/three": ("not indexed", "indexing"),
    }  # fmt: skip
    assert rows["a/one"]["space"] == p.SPACE and rows["a/one"]["points"] and rows["a/one"]["published_at"]
    assert lines[0] == "repository\tstate\tcommit\tpublished\tfiles\tpoints"
    assert lines[1].startswith("a/one\tcurrent\tcccccccccccc\t20") and " (just now)\t" in lines[1]
    assert lines[2].startswith("a/two\tunknown, failed (repository: the host refused)\t")
    assert lines[3] == "a/three\tnot indexed, indexing (a run is working on it)\t\t\t\t"
    code, out, _ = run("a/one")
    assert code == 0 and "left out" in out and "a/two" not in out
    assert run("a/nothing")[0] == 1


def test_a_run_that_dagster_knows_of(run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import html
    import sqlite3

    import dagster as dg
    from starlette.testclient import TestClient

    from code_index_assets.assets.instance import open_instance, process_tags
    from code_index_assets.serve.http.app import create_app
    from code_index_assets.settings import load_settings

    layout = p.layout_at(tmp_path / "data")
    registry = Registry.load(layout.root / "repositories.toml", layout)
    for name in ("a/one", "a/two"):
        registry.add(f"https://example.org/{name}", name=name)
    dead = {**process_tags(), "code_index/process": "1-0"}
    with open_instance(layout) as instance:
        for name, tags in (("a/one", {}), ("a/two", dead)):
            told = {"dagster/partition": name, **tags}
            instance.add_run(dg.DagsterRun("index_repository", status=dg.DagsterRunStatus.STARTING, tags=told))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    told_of = {"QUEUED": "waits in Dagster's queue", "STARTING": "starting", "STARTED": "working on it"}
    for status, why in told_of.items():
        # Dagster queues runs of a code server alone.
        with sqlite3.connect(layout.dagster_home / "history" / "runs.db") as records:
            records.execute("UPDATE runs SET status = ?", (status,))
        lines = run()[1].splitlines()
        assert lines[1].startswith("a/one\tnot indexed, indexing (") and why in lines[1]
        assert lines[2].split("\t")[:2] == ["a/two", "not indexed"]  # its command line was killed
        with TestClient(create_app(load_settings()), base_url="http://127.0.0.1") as client:
            row = client.get("/v1/repositories?state=indexing").json()["repositories"][0]
            assert (row["key"], row["state"]) == ("a/one", "indexing") and why in row["why"]
            told = client.get("/v1/search?q=anything&repo=a/one").json()
            assert told["error"] == "StillIndexingError" and why in told["detail"]
            assert why in html.unescape(client.get("/repositories").text)
