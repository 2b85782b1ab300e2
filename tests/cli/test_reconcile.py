"""`code-index reconcile`: what differs between registry, artifacts, index and catalogue is named by id, and repaired."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from code_index_assets.index.published import PublishedIndex
from code_index_assets.settings import load_settings
from code_index_assets.storage.layout import Layout

from .conftest import Command


def differences(run: Command, *options: str) -> tuple[int, dict[str, object]]:
    code, out, err = run("reconcile", "--json", *options)
    assert out, err
    return code, json.loads(out)


def test_four_places_that_agree(run: Command, indexed: Path) -> None:
    code, told = differences(run)
    assert code == 0 and told["differences"] == [] and told["partitions"] == 2
    assert told["compared"] > 1000  # type: ignore[operator]


def test_rows_of_the_catalogue(run: Command, indexed: Path) -> None:
    with duckdb.connect(indexed / "catalog.duckdb") as catalogue:
        catalogue.execute("DELETE FROM raw.symbols WHERE name = 'part_7'")
        catalogue.execute("INSERT INTO raw.files (\"partition\", path, hash) VALUES ('depot', 'ghost.py', 'x')")
    code, told = differences(run)
    found = {(d["key"], d["count"], tuple(d["ids"])[-1]) for d in told["differences"]}  # type: ignore[attr-defined]
    assert code == 1 and len(found) == 2 and ("depot", 1, "ghost.py/x") in found
    code, told = differences(run, "--repair")
    assert code == 0 and len(told["repaired"]) == 1 and told["differences"] == []  # type: ignore[arg-type]


def test_points_of_the_index(run: Command, indexed: Path) -> None:
    layout = Layout(indexed)
    manifest = next(PublishedIndex(layout).publications())
    shard = manifest.receipts["depot"].shards[0]
    import qdrant_edge as qe

    from code_index_assets.index.backends.edge_engine import load_shard

    loaded = load_shard(PublishedIndex(layout).store(manifest.space).home / manifest.shards[shard].generation)
    view = PublishedIndex(layout).backend(manifest, load_settings()).view(manifest)
    victim = next(iter(view.ids(shard, "depot")))
    view.close()
    loaded.update(qe.UpdateOperation.delete_points([victim]))
    loaded.flush()
    loaded.close()
    code, told = differences(run)
    missing = [d for d in told["differences"] if d["between"] == "artifacts, index"]  # type: ignore[attr-defined]
    assert code == 1 and [d["ids"] for d in missing] == [[victim]], told["differences"]
    code, told = differences(run, "--repair")
    assert code == 0 and told["repaired"], told["differences"]


def test_artifacts_that_are_gone_and_partitions_nobody_names(run: Command, indexed: Path) -> None:
    shutil.rmtree(next((indexed / "chunks" / "shop").glob("*/")))
    registry = indexed / "repositories.toml"
    blocks = registry.read_text().split("[[repository]]")
    registry.write_text("[[repository]]".join(block for block in blocks if '"depot"' not in block))
    code, told = differences(run)
    found = {d["key"]: d["command"] for d in told["differences"]}  # type: ignore[attr-defined]
    assert code == 1 and found == {
        "shop": ["code-index", "index", "shop"], "depot": ["code-index", "prune", "--retired"]
    }  # fmt: skip
    code, told = differences(run, "--repair")
    assert code == 5 and [d["key"] for d in told["differences"]] == ["depot"]  # type: ignore[attr-defined]


def test_a_folder_of_an_earlier_release_is_brought_up(
    run: Command, indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run("upgrade", "--dry-run", "--json")
    assert code == 0 and json.loads(out)["due"] == []
    # A release raises the version of the form of points.
    monkeypatch.setattr("code_index_assets.index.content.DOCUMENT_VERSION", "next")
    monkeypatch.setattr("code_index_assets.index.points.DOCUMENT_VERSION", "next")
    code, out, _ = run("upgrade", "--dry-run", "--json")
    assert code == 0 and {d["key"] for d in json.loads(out)["due"]} == {"shop", "depot"}
    assert run("search", "AddItem")[0] == 0
    code, out, err = run("upgrade", "--json")
    assert code == 0 and {i["key"] for i in json.loads(out)["indexed"]} == {"shop", "depot"}, err
    code, out, _ = run("upgrade", "--dry-run", "--json")
    assert json.loads(out)["due"] == []
