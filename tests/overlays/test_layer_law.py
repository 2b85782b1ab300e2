"""The law of layers: a layered snapshot equals an index of that tree, whatever was edited, committed or switched to.

Compared are ids, payloads, vectors, document frequencies and the answers of every lane, on both backends.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from chains import Chain, GitRepository
from histories import CONTENTS, PATHS, Operation, apply, operations
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from code_index_assets.index.backends import server
from code_index_assets.index.backends.server import ServerBackend
from code_index_assets.index.filters import Filter
from code_index_assets.index.reader import IndexSnapshot
from code_index_assets.overlays.checkouts import find_checkout
from code_index_assets.overlays.trees import Trees
from code_index_assets.storage import artifacts
from code_index_assets.storage.layout import Layout

# Of the client's in-memory mode, which stands for a server.
pytestmark = pytest.mark.filterwarnings("ignore:Local mode performs exact")

KEY = "law"
SERVER = {"qdrant_url": ":memory:"}
_any: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": (Phase.explicit, Phase.generate),
    "database": None,
    "print_blob": True,
}
edits = st.lists(
    st.tuples(st.integers(0, len(PATHS) - 1), st.one_of(st.none(), st.integers(0, len(CONTENTS) - 1))), max_size=4
)


@pytest.fixture(autouse=True)
def small_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "FILES_PER_BUCKET", 3)


@pytest.fixture(autouse=True)
def one_server_a_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's in-memory mode stands for a server: one client for all who connect from one data folder."""
    from qdrant_client import QdrantClient

    clients: dict[Path, QdrantClient] = {}

    def connect(
        layout: Layout, space: str, dimension: int, url: str, api_key: str | None, *, quantized: bool = True
    ) -> ServerBackend:
        client = clients.setdefault(layout.root, QdrantClient(":memory:"))
        return server.ServerBackend(layout, space, dimension, client, quantized=quantized)

    monkeypatch.setattr(server.ServerBackend, "connect", connect)


def hold(before: list[Operation], after: list[Operation], dirty: list[tuple[int, int | None]], options: Any) -> None:
    """Publishes after some operations; looks at the checkout after more of them and after edits nobody committed."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        repository = GitRepository(root / "work")
        repository.commit({"keep.py": "def keep():\n    return 'kept'\n"})
        for operation in before:
            apply(repository, operation)
        published = Chain(root / "published", options)
        published.register(repository.path, KEY)
        published.index(KEY)
        base = published.published()
        for operation in after:
            apply(repository, operation)
        committed = Chain(root / "committed", options)
        committed.register(repository.path, KEY)
        committed.index(KEY)
        for number, content in dirty:
            write(repository, PATHS[number], None if content is None else CONTENTS[content])
        trees = Trees(published.layout, published.settings)
        entry = published.registry.get(KEY)
        compare(trees.ref(entry, "HEAD")(published.snapshot()), committed.snapshot())
        checkout = find_checkout(repository.path, published.registry)
        assert checkout is not None
        as_it_is = Chain(root / "as-it-is", options)
        as_it_is.register(repository.path, KEY, worktree=True)
        as_it_is.index(KEY)
        compare(trees.checkout(checkout)(published.snapshot()), as_it_is.snapshot())
        trees.close()
        assert published.published() == base


def write(repository: GitRepository, name: str, content: bytes | None) -> None:
    path = repository.path / name
    if content is None:
        if path.is_file() and not path.is_symlink():
            path.unlink()
    elif not path.is_dir() and not any(parent.is_file() or parent.is_symlink() for parent in path.parents):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content)


def compare(layered: IndexSnapshot, fresh: IndexSnapshot) -> None:
    ids = sorted(layered.ids(KEY))
    assert ids == sorted(fresh.ids(KEY))
    mine, theirs = ({p.id: p.payload for p in snapshot.get(ids)} for snapshot in (layered, fresh))
    assert mine == theirs
    assert layered.paths([KEY]) == fresh.paths([KEY])
    left, right = layered.receipts[KEY], fresh.receipts[KEY]
    assert (left.points, left.documents, left.coverage) == (right.points, right.documents, right.coverage)
    assert {n: p.rows for n, p in left.parts.items()} == {n: p.rows for n, p in right.parts.items()}
    for where in (Filter(keys=(KEY,)), Filter(keys=(KEY,), languages=("python",)), Filter(keys=(KEY,), exclude=("x",))):
        assert layered.count(where) == fresh.count(where)
        weights = [snapshot.query_weights("greet helper return name", where) for snapshot in (layered, fresh)]
        assert weights[0] == weights[1]
        assert shown(layered.search_lexical(weights[0], where, 5)) == shown(fresh.search_lexical(weights[0], where, 5))
        vector = next(iter(vectors(fresh, ids[:1]).values()))
        assert shown(layered.search_dense(vector, where, 5)) == shown(fresh.search_dense(vector, where, 5))
    names = ["helper", "greet", "Engine", "keep"]
    everywhere = Filter(keys=(KEY,))
    assert shown(layered.search_names(names, everywhere, 20)) == shown(fresh.search_names(names, everywhere, 20))


def vectors(snapshot: IndexSnapshot, ids: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for shard in snapshot.manifest.shards:
        found.update(snapshot._view.vectors(shard, ids))
    return found


def shown(hits: Any) -> list[tuple[str, float]]:
    return [(hit.id, round(hit.score, 4)) for hit in hits]


@pytest.mark.parametrize("options", [{}, SERVER], ids=["embedded", "server"])
@settings(max_examples=2, **_any)
@given(before=st.lists(operations, max_size=3), after=st.lists(operations, max_size=3), dirty=edits)
def test_a_layer_equals_an_index_of_its_tree(options: Any, before: Any, after: Any, dirty: Any) -> None:
    hold(before, after, dirty, options)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("options", [{}, SERVER], ids=["embedded", "server"])
@settings(max_examples=60, **_any)
@given(before=st.lists(operations, max_size=6), after=st.lists(operations, max_size=6), dirty=edits)
def test_a_layer_equals_an_index_of_its_tree_at_length(options: Any, before: Any, after: Any, dirty: Any) -> None:
    hold(before, after, dirty, options)
