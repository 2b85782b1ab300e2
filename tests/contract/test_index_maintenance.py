"""The care of an index, the same for both backends: roll-back, removal, verification, pruning, compaction."""

from __future__ import annotations

from collections.abc import Callable

import publishing as p
import pytest
from publications import everything, grown

from code_index_assets.errors import GateRefusedError, NotIndexedError
from code_index_assets.index.backends.interface import IndexBackend
from code_index_assets.index.content import RepositoryContent
from code_index_assets.index.filters import Filter
from code_index_assets.index.generations import Retention, prune_generations
from code_index_assets.index.maintenance import compact, previous_receipt, remove, rollback
from code_index_assets.index.manifest import PublicationStore, Receipt
from code_index_assets.index.publish import PublicationResult
from code_index_assets.index.reader import IndexSnapshot, SnapshotGoneError
from code_index_assets.index.verify import verify
from code_index_assets.quality.permit import Permit
from code_index_assets.storage.layout import Layout


def test_roll_back_asks_the_gate_and_publishes_the_previous(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]],
    snapshot: Callable[[], IndexSnapshot],
    layout: Layout,
    backend: IndexBackend,
) -> None:
    put({"x.py": "def x(): pass"}, key="acme/lib")
    first, _ = put(p.SHOP)
    put(grown(a="def a(): pass"))
    put({"x.py": "def x2(): pass"}, key="acme/lib")
    asked = []

    def permit(receipt: Receipt) -> Permit:
        asked.append(receipt.commit)
        return p.permit_for(first)

    result = rollback("acme/shop", permit, backend, layout, p.SPACE)
    assert asked == [first.commit] and result.receipt.rolled_back
    view = snapshot()
    assert {h for h in everything(view) if h[0] == "acme/shop"} == {
        ("acme/shop", r["path"], r["name"]) for r in p.chunks_of(p.SHOP)
    }
    assert ("acme/lib", "x.py", "x2") in everything(view)
    assert verify("acme/shop", backend, layout, p.SPACE, deep=True) == []

    def refuse(receipt: Receipt) -> Permit:
        raise GateRefusedError("no")

    with pytest.raises(GateRefusedError):
        rollback("acme/shop", refuse, backend, layout, p.SPACE)
    with pytest.raises(NotIndexedError):
        previous_receipt(PublicationStore(layout, p.SPACE), "acme/unknown")


def test_remove_takes_one_key_and_no_other(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]],
    snapshot: Callable[[], IndexSnapshot],
    layout: Layout,
    backend: IndexBackend,
) -> None:
    put(p.SHOP)
    put(p.SHOP, key="acme/fork")
    assert remove("acme/shop", backend, layout, p.SPACE) == len(p.chunks_of(p.SHOP))
    view = snapshot()
    assert set(view.receipts) == {"acme/fork"}
    assert {h[0] for h in everything(view)} == {"acme/fork"}
    assert verify("acme/fork", backend, layout, p.SPACE, deep=True) == []
    assert remove("acme/shop", backend, layout, p.SPACE) == 0
    remove("acme/fork", backend, layout, p.SPACE)
    assert snapshot().count(Filter()) == 0
    put(p.SHOP)
    assert snapshot().count(Filter()) == len(p.chunks_of(p.SHOP))


def test_verify_finds_lost_and_foreign_points(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]], layout: Layout, backend: IndexBackend
) -> None:
    _, result = put(p.SHOP)
    store = PublicationStore(layout, p.SPACE)
    base = store.current()
    following = store.successor(base, p.DIM)
    shard = result.receipt.shards[0]
    assert base is not None
    ids = sorted(backend.view(base).ids(shard, "acme/shop"))
    from code_index_assets.index.points import Point

    payload = backend.view(base).get(shard, [ids[1]])[0].payload
    with backend.writer(base, following) as writer:
        writer.remove(shard, ids[:1])
        writer.upsert(shard, [Point.of(ids[1], p.unit_vector("other"), None, payload)])
        states = writer.finish()
    from dataclasses import replace

    assert store.move(base, replace(following, shards=following.shards | states))
    assert verify("acme/shop", backend, layout, p.SPACE) != []
    problems = verify("acme/shop", backend, layout, p.SPACE, deep=True)
    assert any("1 of" in x and "missing" in x for x in problems) and any("1 points hold other" in x for x in problems)


def test_prune_keeps_what_is_named(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]],
    snapshot: Callable[[], IndexSnapshot],
    layout: Layout,
    backend: IndexBackend,
) -> None:
    for number in range(4):
        put({"a.py": f"def a{number}(): pass"})
    pinned = snapshot()
    put({"a.py": "def last(): pass"})
    publications, removed = prune_generations(backend, layout, p.SPACE, Retention(2, 0))
    assert publications == 3 and removed >= 3
    assert everything(pinned) == {("acme/shop", "a.py", "a3")}  # the generation before is kept
    assert len(list(PublicationStore(layout, p.SPACE).history())) == 2
    put({"a.py": "def after(): pass"})
    prune_generations(backend, layout, p.SPACE, Retention(1, 0))
    assert everything(snapshot()) == {("acme/shop", "a.py", "after")}
    assert verify("acme/shop", backend, layout, p.SPACE, deep=True) == []


def test_compaction_changes_no_answer(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]],
    snapshot: Callable[[], IndexSnapshot],
    layout: Layout,
    backend: IndexBackend,
) -> None:
    put(p.SHOP)
    before = everything(snapshot())
    done = compact(backend, layout, p.SPACE)
    assert done == (1 if backend.name == "embedded" else 0)
    assert everything(snapshot()) == before
    assert verify("acme/shop", backend, layout, p.SPACE, deep=True) == []
    put(grown(a="def a(): pass"))
    assert verify("acme/shop", backend, layout, p.SPACE, deep=True) == []


def test_a_pruned_snapshot_says_so(
    put: Callable[..., tuple[RepositoryContent, PublicationResult]],
    snapshot: Callable[[], IndexSnapshot],
    layout: Layout,
    backend: IndexBackend,
) -> None:
    if backend.name == "server":
        pytest.skip(
            "a server's old versions leave answers empty, not folders missing; readers refresh before each query"
        )
    put({"a.py": "def a0(): pass"})
    pinned = snapshot()  # nothing loaded yet
    put({"a.py": "def a1(): pass"})
    prune_generations(backend, layout, p.SPACE, Retention(1, 0))
    with pytest.raises(SnapshotGoneError):
        everything(pinned)
    assert everything(pinned.refresh()) == {("acme/shop", "a.py", "a1")}
