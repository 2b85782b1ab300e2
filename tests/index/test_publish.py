"""Publication on the embedded backend: shards of bounded size, damaged artifacts, what a change costs."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
import publishing as p

from code_index_assets.errors import CorruptArtifactError, GateRefusedError, SpaceMismatchError
from code_index_assets.index import published_artifacts
from code_index_assets.index.backends import edge_engine, edge_view, shard_files
from code_index_assets.index.backends.edge import EdgeBackend
from code_index_assets.index.filters import Filter
from code_index_assets.index.manifest import PublicationManifest, PublicationStore
from code_index_assets.index.publish import PublicationResult, publish
from code_index_assets.index.published_artifacts import table_parts
from code_index_assets.index.read_back import readable_points
from code_index_assets.index.reader import open_index
from code_index_assets.index.verify import verify
from code_index_assets.progress import Stages, stage_note
from code_index_assets.settings import Settings
from code_index_assets.storage.artifacts import part_name
from code_index_assets.storage.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return p.layout_at(tmp_path / "data")


@pytest.fixture
def backend(layout: Layout) -> EdgeBackend:
    return EdgeBackend(layout, p.SPACE, p.DIM, shard_points=100)


def put(layout: Layout, backend: EdgeBackend, files: dict[str, str], **options: Any) -> PublicationResult:
    content = p.make_content(layout, files, **options)
    return publish(p.permit_for(content), content, backend, layout)


def many(count: int, mark: str = "") -> dict[str, str]:
    return {f"pkg{i % 7}/m{i}.py": f"def f{i}():\n    return '{i}{mark}'\n" for i in range(count)}


def manifest(layout: Layout) -> Any:
    return PublicationStore(layout, p.SPACE).current()


def test_small_repositories_share_a_shard_and_a_huge_one_has_several(layout: Layout, backend: EdgeBackend) -> None:
    for i in range(3):
        put(layout, backend, many(20), key=f"acme/small{i}")
    assert len(manifest(layout).shards) == 1
    put(layout, backend, many(350), key="acme/huge", buckets=16)
    current = manifest(layout)
    assert len(current.receipts["acme/huge"].shards) >= 4
    assert all(state.points <= 120 for state in current.shards.values())
    view = open_index(layout, Settings(), p.SPACE, backend=backend)
    assert view.count(Filter()) == 410 and view.count(Filter(keys=("acme/huge",))) == 350
    best = view.search_dense(p.unit_vector("def f300():\n    return '300'"), Filter(keys=("acme/huge",)), 5)
    assert [hit.score for hit in best] == sorted((hit.score for hit in best), reverse=True)
    assert verify("acme/huge", backend, layout, p.SPACE, deep=True) == []


def test_a_change_rewrites_one_shard_only(layout: Layout, backend: EdgeBackend) -> None:
    put(layout, backend, many(350), key="acme/huge", buckets=16)
    before = manifest(layout).shards
    result = put(layout, backend, many(350) | {"pkg0/m0.py": "def f0(): return 'new'"}, key="acme/huge", buckets=16)
    after = manifest(layout).shards
    assert (result.written, result.removed, result.unchanged) == (1, 1, 349)
    assert sum(before[name].generation != after[name].generation for name in before) == 1


def staged(stages: Stages) -> tuple[int, int]:
    """Points analysed, and points considered."""
    (stage,) = [stage for stage in stages.done if stage.name == "stage"]
    return stage.info["staged"], stage.items or 0


def test_a_change_analyses_the_points_that_it_changes(layout: Layout, backend: EdgeBackend) -> None:
    files = many(350)
    put(layout, backend, files, buckets=8)
    stages = Stages()
    content = p.make_content(layout, files | {"pkg0/m0.py": "def f0(): return 'new'"}, buckets=8)
    publish(p.permit_for(content), content, backend, layout, stages)
    assert staged(stages) == (1, 350)
    assert stage_note({"staged": 1}, 350) == "staged 1 of 350"
    assert verify("acme/shop", backend, layout, p.SPACE, deep=True) == []


def test_an_index_of_before_there_were_parts_is_taken_over_point_by_point(layout: Layout, backend: EdgeBackend) -> None:
    files = many(40)
    old = put(layout, backend, files, with_parts=False)
    assert old.receipt.parts == {}
    result = put(layout, backend, files | {"pkg0/m0.py": "def f0(): return 'new'"}, commit="b" * 40)
    assert (result.written, result.removed, result.unchanged) == (1, 1, 39)
    assert set(result.receipt.parts) == {"symbols", "references", "documents", "files"}
    assert verify("acme/shop", backend, layout, p.SPACE, deep=True) == []


def test_a_part_that_is_not_what_the_checks_passed_is_refused(layout: Layout, backend: EdgeBackend) -> None:
    content = p.make_content(layout, p.SHOP, commit="a" * 40)
    permit = p.permit_for(content)
    name = part_name("references", 0)
    part = content.chunks.manifest.parts[name]
    content.chunks.manifest.parts[name] = replace(part, content="0" * 32)
    with pytest.raises(GateRefusedError, match="not what the checks passed"):
        publish(permit, content, backend, layout)
    assert manifest(layout) is None


def test_a_part_that_is_not_what_was_published_does_not_answer(layout: Layout, backend: EdgeBackend) -> None:
    receipt = put(layout, backend, p.SHOP).receipt
    assert table_parts(layout, receipt, "references")
    other = {"references": replace(receipt.parts["references"], digest="0" * 32)}
    published_artifacts._opened.clear()
    with pytest.raises(CorruptArtifactError, match="are not those that acme/shop was published with"):
        table_parts(layout, replace(receipt, parts=receipt.parts | other), "references")


def test_an_overfull_shard_gives_up_what_changes(layout: Layout, backend: EdgeBackend) -> None:
    put(layout, backend, many(60), key="acme/a")
    put(layout, backend, many(30), key="acme/b")
    put(layout, backend, many(160), key="acme/a")  # grows in place to 190 points
    put(layout, backend, many(30, "x"), key="acme/b")
    current = manifest(layout)
    assert set(current.receipts["acme/b"].shards).isdisjoint(current.receipts["acme/a"].shards)
    for key in ("acme/a", "acme/b"):
        assert verify(key, backend, layout, p.SPACE, deep=True) == []


def cut(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size - 1)


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[0] ^= 1
    path.write_bytes(raw)


DAMAGE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a large file is shorter": ("page_0.dat", cut),
    "a small file says something else": ("segment.json", flip),
    "ids are others": ("mutable_id_tracker.mappings", flip),
    "a file is gone": ("edge_config.json", Path.unlink),
    "a file came": ("segment.json", lambda path: path.with_name("more.json").write_text("{}")),
    "all is gone": ("edge_config.json", lambda path: shutil.rmtree(path.parent)),
}


def test_a_generation_is_loaded_once_to_be_read_back(
    layout: Layout, backend: EdgeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(layout, backend, many(20))
    put(layout, backend, many(30), key="acme/other")
    loads: list[Path] = []
    load = edge_engine.load_shard

    def noted(folder: Path) -> object:
        loads.append(folder)
        return load(folder)

    monkeypatch.setattr(edge_view, "load_shard", noted)

    def read_back(key: str) -> int:
        return readable_points(backend, PublicationStore(layout, p.SPACE), manifest(layout), key)

    assert [read_back("acme/shop"), read_back("acme/shop"), len(loads)] == [20, 20, 1]
    assert [read_back("acme/other"), read_back("acme/other"), len(loads)] == [30, 30, 2]
    open_index(layout, Settings(), p.SPACE, backend=backend).count(Filter())
    loads.clear()
    assert [read_back("acme/shop"), read_back("acme/other"), len(loads)] == [20, 30, 0], "a reader changes nothing"
    put(layout, backend, many(21))
    loads.clear()
    assert [read_back("acme/shop"), read_back("acme/shop"), len(loads)] == [21, 21, 1], "another generation"
    (layout.index(p.SPACE) / "read_back.json").write_text("junk")
    assert [read_back("acme/shop"), len(loads)] == [21, 2]


@pytest.mark.parametrize("what", DAMAGE)
def test_a_shard_that_is_not_what_was_read_back_is_loaded_again(
    layout: Layout, backend: EdgeBackend, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(shard_files, "INVENTORY_BYTES", 3 << 20)
    put(layout, backend, many(20))
    current = manifest(layout)
    (state,) = current.shards.values()
    assert readable_points(backend, PublicationStore(layout, p.SPACE), current, "acme/shop") == 20
    before = backend.inventory(state)
    name, damage = DAMAGE[what]
    damage(next((layout.index(p.SPACE) / state.generation).rglob(name)))
    assert backend.inventory(state) != before
    loads: list[Path] = []

    def noted(folder: Path) -> None:
        loads.append(folder)
        stop()

    monkeypatch.setattr(edge_view, "load_shard", noted)
    with pytest.raises(CorruptArtifactError):
        readable_points(backend, PublicationStore(layout, p.SPACE), current, "acme/shop")
    assert len(loads) == 1


def stop() -> None:
    raise CorruptArtifactError("as the engine found it")


@pytest.mark.parametrize("kind", ["embeddings", "chunks", "files"])
def test_one_changed_byte_is_refused_and_the_last_publication_stays(
    layout: Layout, backend: EdgeBackend, kind: str
) -> None:
    put(layout, backend, p.SHOP)
    before = PublicationStore(layout, p.SPACE).current_name()
    content = p.make_content(layout, p.SHOP | {"a.py": "def a(): pass"})
    permit = p.permit_for(content)
    artifact = {"embeddings": content.embeddings, "chunks": content.chunks, "files": content.files}[kind]
    part = artifact.path / f"{kind}-001.parquet"
    raw = bytearray(part.read_bytes())
    raw[len(raw) // 2] ^= 1
    part.unlink()
    part.write_bytes(raw)
    with pytest.raises(CorruptArtifactError):
        publish(permit, content, backend, layout)
    assert PublicationStore(layout, p.SPACE).current_name() == before
    assert verify("acme/shop", backend, layout, p.SPACE, deep=True) == []


def test_rewritten_artifacts_with_honest_manifests_are_refused_by_the_subject(
    layout: Layout, backend: EdgeBackend
) -> None:
    content = p.make_content(layout, p.SHOP, commit="a" * 40)
    permit = p.permit_for(content)
    forged = p.make_content(
        layout, p.SHOP, commit="a" * 40, key="acme/shop", vectors=lambda t, d: p.unit_vector(t + "!")
    )
    # The store keeps the first artifact of a fingerprint; the forger replaces it whole, manifest included.
    shutil.rmtree(content.embeddings.path)
    forged = p.make_content(layout, p.SHOP, commit="a" * 40, vectors=lambda t, d: p.unit_vector(t + "!"))
    with pytest.raises(GateRefusedError, match="not what the checks passed"):
        publish(permit, forged, backend, layout)
    assert manifest(layout) is None
    assert not list(layout.index(p.SPACE).glob("shards/*/*"))
    publish(p.permit_for(forged), forged, backend, layout)


def test_another_dimension_is_refused(layout: Layout, backend: EdgeBackend) -> None:
    content = p.make_content(layout, p.SHOP, dimension=8)
    object.__setattr__(content, "dimension", 16)
    with pytest.raises(SpaceMismatchError):
        publish(p.permit_for(content), content, backend, layout)


def test_a_repository_without_a_kept_chunk_is_published_empty(layout: Layout, backend: EdgeBackend) -> None:
    result = put(layout, backend, {})
    assert result.receipt.points == 0
    view = open_index(layout, Settings(), p.SPACE, backend=backend)
    assert view.count(Filter()) == 0 and "acme/shop" in view.receipts
    assert view.search_dense(p.unit_vector("x"), Filter(), 5) == []
    put(layout, backend, p.SHOP)
    put(layout, backend, {})
    assert verify("acme/shop", backend, layout, p.SPACE, deep=True) == []


def test_manifests_read_back_as_they_were_written(layout: Layout, backend: EdgeBackend) -> None:
    put(layout, backend, p.SHOP)
    current = manifest(layout)
    assert PublicationManifest.from_json(current.to_json()) == current
    assert current.receipts["acme/shop"].artifacts.keys() == {"chunks", "embeddings", "file_hashes"}
