"""One contract for both index backends: visibility, filters, counts, ids, order, concurrency."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import publishing as p
import pytest
from publications import everything, grown, shop_points

from code_index_assets.errors import GateRefusedError, NotIndexedError, StalePublicationError
from code_index_assets.index.backends.edge import EdgeBackend
from code_index_assets.index.backends.interface import IndexBackend
from code_index_assets.index.backends.server import ServerBackend
from code_index_assets.index.content import RepositoryContent
from code_index_assets.index.filters import Filter, matches_glob, passes_text_rules
from code_index_assets.index.generations import Retention
from code_index_assets.index.manifest import PublicationStore
from code_index_assets.index.publish import PublicationResult, publish
from code_index_assets.index.reader import IndexSnapshot, open_index
from code_index_assets.index.verify import verify
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout


def sequence(layout: Layout) -> int:
    """The number of the current publication."""
    manifest = PublicationStore(layout, p.SPACE).current()
    assert manifest is not None
    return manifest.sequence


def test_nothing_published_is_said(layout: Layout, backend: IndexBackend) -> None:
    with pytest.raises(NotIndexedError):
        open_index(layout, Settings(), p.SPACE, backend=backend)


def test_points_hold_all_an_answer_needs(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]], snapshot: Callable[[], IndexSnapshot]
) -> None:
    _, result = put(p.SHOP, parts=2)
    view = snapshot()
    rows = p.chunks_of(p.SHOP)
    assert result.outcome == "published"
    assert result.written == result.receipt.points == view.count(Filter()) == 2 * len(rows)
    assert result.receipt.documents == len(rows)
    hit = next(h for h in view.search_names(["CHARGE_CARD"], Filter(), 10) if h.payload["part"] == 0)
    expected = next(row for row in rows if row["name"] == "charge_card")
    for field in (
        "path",
        "text",
        "blob",
        "chunk_id",
        "start_line",
        "end_line",
        "language",
        "kind",
        "signature",
        "qualified_name",
    ):
        assert hit.payload[field] == expected[field]
    assert hit.payload["key"] == hit.payload["repository"] == "acme/shop"
    assert (hit.payload["ref"], hit.payload["default_ref"], hit.payload["role"]) == ("main", True, "source")
    assert [s["name"] for s in hit.payload["symbols"]] == ["charge_card"]
    assert view.get([hit.id])[0].payload == hit.payload
    vectors = view._view.vectors(result.receipt.shards[0], [hit.id])
    stored = p.unit_vector(expected["text"]).astype(np.float16)
    assert np.array_equal(vectors[hit.id], stored.astype(np.float32))  # bit-equal


def test_dense_search_finds_the_nearest(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]], snapshot: Callable[[], IndexSnapshot]
) -> None:
    put(p.SHOP)
    view = snapshot()
    for row in p.chunks_of(p.SHOP):
        best = view.search_dense(p.unit_vector(row["text"]), Filter(), 3)
        assert best[0].payload["chunk_id"] == row["chunk_id"]
        assert best[0].score == pytest.approx(1.0, abs=1e-3)
        assert [h.score for h in best] == sorted((h.score for h in best), reverse=True)


def test_lexical_search_splits_identifiers_and_weighs_names(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]], snapshot: Callable[[], IndexSnapshot]
) -> None:
    put(p.SHOP, parts=2)
    view = snapshot()
    hits = view.search_lexical(view.query_weights("charging a credit cards", Filter()), Filter(), 10)
    assert hits[0].payload["name"] == "charge_card"
    assert all(hit.payload["part"] == 0 for hit in hits)
    hits = view.search_lexical(view.query_weights("total price", Filter()), Filter(), 10)
    assert hits[0].payload["name"] == "totalPrice"
    assert view.search_lexical(view.query_weights("zebra", Filter()), Filter(), 10) == []


def test_lexical_scores_do_not_depend_on_neighbours(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]], snapshot: Callable[[], IndexSnapshot]
) -> None:
    put(p.SHOP)
    only = Filter(keys=("acme/shop",))
    before = snapshot()
    alone = before.search_lexical(before.query_weights("charge card", only), only, 5)
    put({f"a{i}.py": f"def charge_card_{i}(): pass" for i in range(30)}, key="acme/other")
    after = snapshot()
    together = after.search_lexical(after.query_weights("charge card", only), only, 5)
    assert [(h.id, round(h.score, 5)) for h in alone] == [(h.id, round(h.score, 5)) for h in together]


GLOBS = (
    "shop shop/ shop/** payment shop/payment *.py **/*.go README.md shop/*.py **/test_* s*/**/g*.py shop/cart.py "
    "nothing/** *.PY cart"
).split()


@pytest.mark.parametrize("glob", GLOBS)
def test_path_globs_filter_inside_the_lane(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]], snapshot: Callable[[], IndexSnapshot], glob: str
) -> None:
    put(p.SHOP)
    view = snapshot()
    expected = {path for path in p.SHOP if matches_glob(glob, path)}
    assert {hit[1] for hit in everything(view, Filter(paths=(glob,)))} == expected
    hits = view.search_dense(p.unit_vector("anything"), Filter(paths=(glob,)), 50)
    assert {hit.payload["path"] for hit in hits} == expected


def test_filters_hold_before_top_k(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]], snapshot: Callable[[], IndexSnapshot]
) -> None:
    put(p.SHOP)
    put({"lib/main.rs": "fn add_item() {}\n"}, key="acme/lib")
    view = snapshot()
    vector = p.unit_vector("x")
    for where, wanted in (
        (Filter(keys=("acme/lib",)), lambda x: x["key"] == "acme/lib"),
        (Filter(languages=("Go", "rust")), lambda x: x["language"] in ("go", "rust")),
        (Filter(kinds=("class",)), lambda x: x["kind"] == "class"),
        (Filter(roles=("test",)), lambda x: x["role"] == "test"),
        (Filter(names=("Add_Item",)), lambda x: "add_item" in x["names"]),
        (Filter(name_prefix="add"), lambda x: any(n.startswith("add") for n in x["names"])),
        (Filter(exclude=("cart",)), lambda x: "cart" not in x["text"] and "cart" not in x["path"]),
        (Filter(phrases=("credit card",)), lambda x: "credit card" in x["text"]),
        (
            Filter(keys=("acme/shop",), languages=("python",), paths=("shop/**",)),
            lambda x: x["path"].startswith("shop/"),
        ),
    ):
        expected = {
            (h.payload["key"], h.payload["path"], h.payload["name"])
            for h in view._ranked(Filter(), 1000, view._view.scan)
            if wanted(h.payload)
        }
        assert expected, where
        assert everything(view, where) == expected, where
        assert len(view.search_dense(vector, where, 1)) == 1
        hits = view.search_dense(vector, where, 1000)
        assert {(h.payload["key"], h.payload["path"], h.payload["name"]) for h in hits} == expected, where
        assert view.count(where) == len(hits)


@pytest.mark.parametrize(
    "rule", [{"phrases": ("value",)}, {"exclude": ("odd",)}, {"phrases": ("seven",), "exclude": ("x",)}]
)
def test_text_rules_leave_the_order_of_the_lane(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]],
    snapshot: Callable[[], IndexSnapshot],
    rule: dict[str, Any],
) -> None:
    texts = ["odd", "even value", "odd value", "nothing", "seven value"]
    put({f"pkg/m{i}.py": f"def f{i}():\n    return '{texts[i % 5]}'\n" for i in range(60)})
    put({f"lib/n{i}.py": f"def f{i}():\n    return '{texts[i % 3]} {i}'\n" for i in range(30)}, key="acme/lib")
    view, vector, where = snapshot(), p.unit_vector("a value"), Filter(**rule)
    every = view.search_dense(vector, Filter(), 1000)
    wanted = [hit for hit in every if passes_text_rules(where, hit.payload)]
    assert 0 < len(wanted) < len(every)
    for limit in (1, 7, 1000):  # the second time from what the first one learnt
        for found in (view.search_dense(vector, where, limit), view.search_dense(vector, where, limit, bare=True)):
            assert [(h.score, h.payload["path"]) for h in found] == [
                (h.score, h.payload["path"]) for h in wanted[:limit]
            ]


def test_only_changes_are_written(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]], snapshot: Callable[[], IndexSnapshot]
) -> None:
    files = {f"pkg/m{i}.py": f"def f{i}():\n    return {i}\n" for i in range(40)}
    put(files)
    ids = set(snapshot().ids("acme/shop"))
    changed = files | {"pkg/m7.py": "def f7():\n    return 'seven'\n"}
    changed["new.py"] = "def brand_new(): pass\n"
    del changed["pkg/m3.py"]
    _, result = put(changed)
    assert (result.written, result.removed, result.unchanged) == (2, 2, 38)
    view = snapshot()
    assert everything(view) == {("acme/shop", r["path"], r["name"]) for r in p.chunks_of(changed)}
    assert len(ids & set(view.ids("acme/shop"))) == 38


def test_incremental_equals_from_scratch(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]],
    snapshot: Callable[[], IndexSnapshot],
    layout: Layout,
    backend: IndexBackend,
    tmp_path: Path,
) -> None:
    for files in (
        p.SHOP,
        grown(a="def one(): pass"),
        grown(b="def two(): pass"),
        p.SHOP | {"shop/cart.py": "def x(): 1"},
    ):
        _, result = put(files)
    assert verify("acme/shop", backend, layout, p.SPACE, deep=True) == []
    other = p.layout_at(tmp_path / "scratch")
    fresh_backend = EdgeBackend(other, p.SPACE, p.DIM)
    fresh_content = p.make_content(other, files)
    fresh = publish(p.permit_for(fresh_content), fresh_content, fresh_backend, other)
    assert fresh.receipt.id_digest == result.receipt.id_digest
    scratch = open_index(other, Settings(), p.SPACE, backend=fresh_backend)
    ids = sorted(scratch.ids("acme/shop"))
    assert sorted(snapshot().ids("acme/shop")) == ids
    assert [h.payload for h in snapshot().get(ids)] == [h.payload for h in scratch.get(ids)]
    weights = scratch.query_weights("charge card item", Filter())
    assert snapshot().query_weights("charge card item", Filter()) == pytest.approx(weights)


def test_other_bucket_count(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]],
    snapshot: Callable[[], IndexSnapshot],
    layout: Layout,
    backend: IndexBackend,
) -> None:
    put(p.SHOP, buckets=2)
    _, result = put(p.SHOP | {"z.py": "def z(): pass"}, buckets=4)
    assert verify("acme/shop", backend, layout, p.SPACE, deep=True) == []
    assert result.receipt.points == snapshot().count(Filter())


def test_same_again_writes_nothing(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]], layout: Layout
) -> None:
    first, _ = put(p.SHOP)
    pointer = PublicationStore(layout, p.SPACE).current_name()
    _, again = put(p.SHOP, commit=first.commit)
    assert (again.outcome, again.written, again.removed) == ("reused", 0, 0)
    assert PublicationStore(layout, p.SPACE).current_name() == pointer


def test_same_content_at_another_commit_moves_the_receipt_only(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]], snapshot: Callable[[], IndexSnapshot]
) -> None:
    put(p.SHOP, commit="a" * 40)
    _, result = put(p.SHOP, commit="b" * 40)
    assert (result.outcome, result.written, result.removed) == ("published", 0, 0)
    assert snapshot().receipts["acme/shop"].commit == "b" * 40


def test_no_older_commit_over_a_newer(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]], layout: Layout
) -> None:
    put(p.SHOP, observed_at=200.0)
    pointer = PublicationStore(layout, p.SPACE).current_name()
    with pytest.raises(StalePublicationError):
        put(grown(a="def old(): pass"), observed_at=100.0)
    assert PublicationStore(layout, p.SPACE).current_name() == pointer


@pytest.mark.parametrize("change", ["subject", "key", "commit", "space"])
def test_the_permit_must_speak_of_these_bytes(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]],
    layout: Layout,
    backend: IndexBackend,
    snapshot: Callable[[], IndexSnapshot],
    change: str,
) -> None:
    put(p.SHOP)
    before = PublicationStore(layout, p.SPACE).current_name()
    content = p.make_content(layout, grown(a="def a(): pass"))
    permit = p.permit_for(content)
    object.__setattr__(permit, change, "0" * 32)
    with pytest.raises(GateRefusedError):
        publish(permit, content, backend, layout)
    assert PublicationStore(layout, p.SPACE).current_name() == before
    assert everything(snapshot()) == shop_points()
    assert verify("acme/shop", backend, layout, p.SPACE, deep=True) == []


def test_a_pinned_reader_sees_its_publication_whatever_happens(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]], snapshot: Callable[[], IndexSnapshot]
) -> None:
    put(p.SHOP)
    pinned = snapshot()
    before = everything(pinned)
    put(grown(a="def a(): pass", b="def b(): pass"))
    put({"only.py": "def only(): pass"})
    put({"x.py": "def x(): pass"}, key="acme/lib")
    assert everything(pinned) == before
    assert everything(pinned.refresh()) == {("acme/shop", "only.py", "only"), ("acme/lib", "x.py", "x")}


class Interrupted(Exception):
    pass


def test_nothing_is_visible_before_the_pointer_moves(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]],
    snapshot: Callable[[], IndexSnapshot],
    layout: Layout,
    backend: IndexBackend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(p.SHOP)
    before = everything(snapshot())
    content = p.make_content(layout, {"y.py": "def y(): pass", "shop/cart.py": "def changed(): pass"})

    def interrupted(self: Any, expected: Any, new: Any) -> Any:
        assert everything(snapshot()) == before  # all is written, nothing is visible
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(PublicationStore, "move", interrupted)
        with pytest.raises(Interrupted):
            publish(p.permit_for(content), content, backend, layout)
    assert everything(snapshot()) == before
    assert verify("acme/shop", backend, layout, p.SPACE, deep=True) == []
    # Another repository is published first: what the interrupted one left must not come along.
    put({"x.py": "def x(): pass"}, key="acme/lib")
    assert everything(snapshot()) == before | {("acme/lib", "x.py", "x")}
    publish(p.permit_for(content), content, backend, layout)
    assert {h for h in everything(snapshot()) if h[0] == "acme/shop"} == {
        ("acme/shop", "y.py", "y"),
        ("acme/shop", "shop/cart.py", "changed"),
    }
    assert verify("acme/shop", backend, layout, p.SPACE, deep=True) == []


def test_two_writers_at_once_lose_nothing(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]],
    snapshot: Callable[[], IndexSnapshot],
    layout: Layout,
    backend: IndexBackend,
) -> None:
    contents = [p.make_content(layout, {f"f{i}.py": f"def f{i}(): pass"}, key=f"acme/r{i}") for i in range(6)]
    errors = []

    def work(mine: Any) -> None:
        try:
            for content in mine:
                publish(p.permit_for(content), content, backend, layout, retention=Retention(20, 600))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(contents[i::3],)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert everything(snapshot()) == {(f"acme/r{i}", f"f{i}.py", f"f{i}") for i in range(6)}
    for i in range(6):
        assert verify(f"acme/r{i}", backend, layout, p.SPACE, deep=True) == []


def test_waiting_publishers_go_out_together(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]],
    snapshot: Callable[[], IndexSnapshot],
    layout: Layout,
    backend: IndexBackend,
) -> None:
    put(p.SHOP)
    before = sequence(layout)
    contents = [p.make_content(layout, {"f.py": f"def f{i}(): pass"}, key=f"acme/r{i}") for i in range(4)]
    from code_index_assets.index.locks import writer_lock

    threads = [threading.Thread(target=publish, args=(p.permit_for(c), c, backend, layout)) for c in contents]
    with layout.lock(writer_lock(p.SPACE)):
        for thread in threads:
            thread.start()
        staging = PublicationStore(layout, p.SPACE).home / "staging"
        for _ in range(6000):
            if len(list(staging.iterdir())) == 4:
                break
            threading.Event().wait(0.02)
        else:
            raise AssertionError("the publishers did not stage while the writer was busy")
    for thread in threads:
        thread.join()
    assert sequence(layout) == before + 1
    assert {h[0] for h in everything(snapshot())} == {"acme/shop", *(f"acme/r{i}" for i in range(4))}
    assert list(staging.iterdir()) == []


@pytest.mark.parametrize("quantized", [True, False])
def test_a_new_collection_is_quantized_if_the_setting_is_on(layout: Layout, quantized: bool) -> None:
    backend = ServerBackend.connect(layout, p.SPACE, p.DIM, ":memory:", None, quantized=quantized)
    content = p.make_content(layout, p.SHOP)
    publish(p.permit_for(content), content, backend, layout)
    vectors: Any = backend.client.get_collection(backend.collection).config.params.vectors
    dense = vectors["dense"]
    assert (dense.on_disk, dense.datatype, dense.quantization_config is not None) == (
        (True, "float16", True) if quantized else (None, None, False)
    )
    assert verify("acme/shop", backend, layout, p.SPACE, deep=True) == []
