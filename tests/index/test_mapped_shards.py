"""Shards that open by memory map: immutable segments, files shared between generations, shards of an earlier format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import publishing as p
import pytest
from publications import everything

from code_index_assets.errors import CodeIndexError
from code_index_assets.index.backends import edge_engine, edge_writer
from code_index_assets.index.backends.edge import EdgeBackend
from code_index_assets.index.filters import Filter
from code_index_assets.index.generations import Retention
from code_index_assets.index.maintenance import compact
from code_index_assets.index.manifest import PublicationStore
from code_index_assets.index.publish import publish
from code_index_assets.index.reader import open_index
from code_index_assets.index.rebuild import index_damage
from code_index_assets.index.seal import broken
from code_index_assets.index.verify import verify
from code_index_assets.progress import Stages
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

KEY = "acme/shop"


@pytest.fixture
def layout(tmp_path: Path) -> Any:
    return p.layout_at(tmp_path / "data")


@pytest.fixture
def backend(layout: Layout) -> Any:
    return EdgeBackend(layout, p.SPACE, p.DIM)


@pytest.fixture
def mapped(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Every publication of 50 points and more to a shard optimizes it."""
    monkeypatch.setattr(edge_writer, "OPTIMIZED_FROM", 50)


def put(layout: Layout, backend: EdgeBackend, files: Any, stages: Stages | None = None, **options: Any) -> Any:
    content = p.make_content(layout, files, **options)
    return publish(p.permit_for(content), content, backend, layout, stages, retention=Retention(100, 600))


def files_of(count: int, changed: dict[int, str] | None = None) -> dict[str, str]:
    return {f"m{i}.py": f"def f{i}():\n    return '{(changed or {}).get(i, i)}'\n" for i in range(count)}


def current(layout: Layout) -> Any:
    return PublicationStore(layout, p.SPACE).current()


def folder_of(layout: Layout) -> Path:
    (state,) = current(layout).shards.values()
    return Path(layout.index(p.SPACE) / state.generation)


def immutable(folder: Path) -> list[Path]:
    return [path.parents[1] for path in folder.glob("segments/*/vector_storage-dense/matrix.dat")]


def test_a_publication_of_many_points_leaves_an_immutable_segment(
    layout: Layout, backend: EdgeBackend, mapped: Any
) -> None:
    put(layout, backend, files_of(120))
    assert len(immutable(folder_of(layout))) == 1
    (state,) = current(layout).shards.values()
    assert (state.points, state.unoptimized) == (120, 0)
    assert verify(KEY, backend, layout, p.SPACE, deep=True) == []


def test_a_push_starts_no_process_and_shares_the_large_files(
    layout: Layout, backend: EdgeBackend, mapped: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(layout, backend, files_of(120))
    (before,) = immutable(folder_of(layout))
    monkeypatch.setattr(edge_writer, "Optimizer", None)
    put(layout, backend, files_of(120, {7: "seven"}))
    (after,) = immutable(folder_of(layout))
    assert before.parents[1] != after.parents[1]
    for name in (
        "vector_storage-dense/matrix.dat", "payload_storage/page_0.dat", "vector_storage-lex/store/page_0.dat",
        "vector_index-lex/inverted_index.dat",
    ):  # fmt: skip
        assert (before / name).samefile(after / name), name
    assert not (before / "payload_storage/tracker.dat").samefile(after / "payload_storage/tracker.dat")
    assert not (before / "id_tracker.deleted").samefile(after / "id_tracker.deleted")


def test_published_bytes_never_change_whatever_is_published_after(
    layout: Layout, backend: EdgeBackend, mapped: Any, tmp_path: Path
) -> None:
    put(layout, backend, files_of(120))
    pinned = open_index(layout, Settings(), p.SPACE, backend=backend)
    before = everything(pinned)
    generations = [folder_of(layout)]
    changed: dict[int, str] = {}
    for number in range(5):
        changed |= {number: f"changed {number}", 100 - number: f"again {number}"}
        put(layout, backend, files_of(120 - number, changed))
        snapshot = open_index(layout, Settings(), p.SPACE, backend=backend)
        assert snapshot.count(Filter()) == 120 - number
        assert snapshot.search_dense(p.unit_vector("def f3():"), Filter(), 3)
        generations.append(folder_of(layout))
    assert verify(KEY, backend, layout, p.SPACE, deep=True) == []
    assert everything(pinned) == before
    compact(backend, layout, p.SPACE, changed_share=-1.0)
    assert verify(KEY, backend, layout, p.SPACE, deep=True) == []
    assert [broken(folder) for folder in generations] == [[]] * 6  # the seals are those of when each was published
    other = p.layout_at(tmp_path / "scratch")
    scratch = EdgeBackend(other, p.SPACE, p.DIM)
    put(other, scratch, files_of(116, changed))
    assert everything(open_index(other, Settings(), p.SPACE, backend=scratch)) == everything(
        open_index(layout, Settings(), p.SPACE, backend=backend)
    )


def test_answers_are_those_of_a_shard_that_was_never_optimized(
    layout: Layout, backend: EdgeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(layout, backend, files_of(150))
    other = p.layout_at(tmp_path / "other")
    mapped = EdgeBackend(other, p.SPACE, p.DIM)
    monkeypatch.setattr(edge_writer, "OPTIMIZED_FROM", 50)
    put(other, mapped, files_of(150))
    assert immutable(folder_of(other)) and not immutable(folder_of(layout))
    views = [open_index(where, Settings(), p.SPACE, backend=by) for where, by in ((layout, backend), (other, mapped))]
    for question in ("def f3", "return 7", "something else"):
        vector = p.unit_vector(question)
        dense = [[(h.id, round(h.score, 5)) for h in view.search_dense(vector, Filter(), 50)] for view in views]
        assert dense[0] == dense[1]
        weights = views[0].query_weights("return f7 f8", Filter())
        lexical = [[(h.id, round(h.score, 4)) for h in view.search_lexical(weights, Filter(), 50)] for view in views]
        assert lexical[0] == lexical[1]
    assert views[0].paths([KEY]) == views[1].paths([KEY])


# -- shards of an earlier format -------------------------------------------------------------------------------------


def earlier_shard(folder: Path, dimension: int) -> Any:
    """As they were made before: vectors of 32 bits, nothing cold."""
    import qdrant_edge as qe

    config = qe.EdgeConfig(
        vectors={"dense": qe.EdgeVectorParams(size=dimension, distance=qe.Distance.Dot)},
        sparse_vectors={"lex": qe.EdgeSparseVectorParams()},
        wal_enabled=False,
    )
    folder.mkdir(parents=True, exist_ok=True)
    shard = qe.EdgeShard.create(str(folder), config)
    for field in ("key", "terms"):
        index = qe.KeywordIndexParams(enable_hnsw=False, prefix=field == "terms")
        shard.update(qe.UpdateOperation.create_field_index(field, index))
    return shard


@pytest.fixture
def earlier(layout: Layout, backend: EdgeBackend, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An index of two repositories in one shard of the earlier format."""
    with monkeypatch.context() as patch:
        patch.setattr(edge_writer, "create_shard", earlier_shard)
        patch.setattr(edge_engine, "takes_points", lambda folder: True)
        put(layout, backend, files_of(60), buckets=4)
        put(layout, backend, files_of(40), key="acme/other")
    (name,) = backend.closed_shards(current(layout))
    return name


def test_shards_of_before_answer_and_are_left_by_what_changes(
    layout: Layout, backend: EdgeBackend, earlier: Any
) -> None:
    view = open_index(layout, Settings(), p.SPACE, backend=backend)
    assert view.count(Filter()) == 100
    assert (
        view.search_dense(p.unit_vector("def f3():\n    return '3'\n"), Filter(keys=(KEY,)), 1)[0].payload["path"]
        == "m3.py"
    )
    result = put(layout, backend, files_of(60, {3: "three"}), buckets=4)
    assert result.receipt.points == 60
    shards = current(layout).shards
    assert len(shards) == 2 and 40 < shards[earlier].points < 100  # the buckets that did not change are there
    assert verify(KEY, backend, layout, p.SPACE, deep=True) == []
    assert verify("acme/other", backend, layout, p.SPACE, deep=True) == []
    put(layout, backend, {"x.py": "def x(): pass"}, key="acme/third")
    assert earlier not in current(layout).receipts["acme/third"].shards
    put(layout, backend, files_of(60, dict.fromkeys(range(60), "new")), buckets=4)
    assert current(layout).shards[earlier].points == 40
    put(layout, backend, files_of(40, dict.fromkeys(range(40), "new")), key="acme/other")
    assert earlier not in current(layout).shards


def test_compaction_maps_a_shard_of_before_and_changes_no_point(
    layout: Layout, backend: EdgeBackend, earlier: Any
) -> None:
    assert compact(backend, layout, p.SPACE) == 1
    assert len(immutable(folder_of(layout))) == 1
    assert backend.closed_shards(current(layout)) == {earlier}
    for key in (KEY, "acme/other"):
        assert verify(key, backend, layout, p.SPACE, deep=True) == []


# -- what can go wrong, and what is said meanwhile -------------------------------------------------------------------


def test_a_shard_that_cannot_be_optimized_changes_nothing(
    layout: Layout, backend: EdgeBackend, mapped: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(layout, backend, {"a.py": "def a(): pass"})
    before = current(layout).name
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(CodeIndexError, match="could not be optimized"):
        put(layout, backend, files_of(120))
    assert current(layout).name == before
    assert not [path for path in (layout.root / "tmp").iterdir() if path.is_dir()]
    monkeypatch.undo()
    put(layout, backend, files_of(120))
    assert verify(KEY, backend, layout, p.SPACE, deep=True) == []


@pytest.mark.parametrize(
    "name", ["matrix.dat", "inverted_index.dat", "payload_storage/page_0.dat", "id_tracker.deleted", "id_tracker.i2e"]
)
def test_a_damaged_immutable_segment_is_found_and_made_anew(
    layout: Layout, backend: EdgeBackend, mapped: Any, name: Any
) -> None:
    put(layout, backend, files_of(120))
    put(layout, backend, files_of(120, {7: "seven"}))
    (segment,) = immutable(folder_of(layout))
    path = next(path for path in segment.rglob("*") if path.as_posix().endswith(name))
    with path.open("r+b") as stream:
        first = stream.read(1)
        stream.seek(0)
        stream.write(bytes([first[0] ^ 1]))
    damage = index_damage(backend, PublicationStore(layout, p.SPACE), current(layout))
    assert [one.split(" ")[0] for one in damage] == ["shard"]
    result = put(layout, backend, files_of(120, {8: "eight"}))
    assert len(result.mended) == 1
    assert index_damage(backend, PublicationStore(layout, p.SPACE), current(layout)) == {}
    assert verify(KEY, backend, layout, p.SPACE, deep=True) == []


def test_few_shards_are_open_at_a_time(layout: Layout, mapped: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = EdgeBackend(layout, p.SPACE, p.DIM, shard_points=60)
    most = 0
    upsert = edge_writer.EdgeWriter.upsert

    def counted(self: Any, shard: Any, points: Any) -> Any:
        nonlocal most
        upsert(self, shard, points)
        most = max(most, len(self._open))

    monkeypatch.setattr(edge_writer.EdgeWriter, "upsert", counted)
    put(layout, backend, files_of(300), buckets=16)
    assert len(current(layout).shards) >= 5
    assert most == edge_writer.MOST_OPEN
    assert verify(KEY, backend, layout, p.SPACE, deep=True) == []


def test_a_publication_says_how_far_it_is(
    layout: Layout, backend: EdgeBackend, mapped: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge_writer, "REPORT_SECONDS", 0.001)
    monkeypatch.setattr("code_index_assets.progress.REPORT_SECONDS", 0.0)
    lines: list[str] = []
    put(layout, backend, files_of(120), Stages("index", lines.append))
    assert any(line.startswith("index: publish 120/120 points") for line in lines), lines
    assert any("publish optimizing shard 1 of 1 (120 points)" in line for line in lines), lines
