"""The law: an index kept incrementally equals one built from scratch, whatever the history.

Through the assets, on both backends, on histories that hypothesis draws; at length (slow) through Dagster. Buckets hold three files here, so that their
number changes on the way, as it does with real repositories that grow and shrink.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from chains import CHAIN, Chain, DagsterChain, GitRepository, failure
from histories import Operation, apply, rounds
from hypothesis import HealthCheck, Phase, given, settings

from code_index_assets.index.backends import server
from code_index_assets.index.backends.server import ServerBackend
from code_index_assets.index.manifest import Receipt
from code_index_assets.index.reader import IndexSnapshot
from code_index_assets.storage import artifacts
from code_index_assets.storage.layout import Layout

KEY = "law"
SERVER = {"qdrant_url": ":memory:"}
_TABLES = {
    "file_hashes": ("files", "findings"),
    "chunks": ("chunks", "symbols", "imports", "references", "diagnostics", "documents", "code_facts"),
}
_any: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "phases": (Phase.explicit, Phase.generate, Phase.shrink),
    "database": None,
    "print_blob": True,
}


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


def hold(history: list[tuple[list[Operation], int]], options: dict[str, str], new: type[Chain] = Chain) -> None:
    """Runs a history, the chain after every round, and compares with a build from scratch."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:

        def chain(place: Path) -> Chain:
            if new is Chain:
                return Chain(place, options)
            return DagsterChain(place, options, instance=stack.enter_context(dg.DagsterInstance.ephemeral()))

        root = Path(folder)
        repository = GitRepository(root / "work")
        repository.commit({"keep.py": "def keep():\n    return 'kept'\n"})
        kept = chain(root / "kept")
        kept.register(f"file://{repository.path}", KEY)
        for operations, steps in history:
            for operation in operations:
                apply(repository, operation)
            result = kept.run(KEY, *CHAIN[:steps])
            assert result.success, failure(result)
        kept.index(KEY)
        again = kept.index(KEY)
        assert {kept.facts(again, asset)["outcome"] for asset in CHAIN} == {"reused"}
        scratch = chain(root / "scratch")
        scratch.register(f"file://{repository.path}", KEY)
        scratch.index(KEY)
        compare(kept, scratch)


def compare(kept: Chain, scratch: Chain) -> None:
    for kind, tables in _TABLES.items():
        for table in tables:
            one, two = (rows(chain, kind, table) for chain in (kept, scratch))
            assert one.equals(two), f"{kind}.{table}\nkept\n{one}\nscratch\n{two}"
    assert vector_keys(kept) == vector_keys(scratch)
    mine, theirs = kept.snapshot(), scratch.snapshot()
    ids, expected = sorted(mine.ids(KEY)), sorted(theirs.ids(KEY))
    assert ids == expected
    assert payloads(mine, ids) == payloads(theirs, ids)
    for shards in (mine, theirs):
        assert shards.receipts[KEY].points == len(ids)
    first, second = vectors(mine, ids), vectors(theirs, ids)
    assert {i: v.tobytes() for i, v in first.items()} == {i: v.tobytes() for i, v in second.items()}
    left, right = mine.receipts[KEY], theirs.receipts[KEY]
    assert (left.commit, left.coverage, left.documents) == (right.commit, right.coverage, right.documents)
    assert left.id_digest == right.id_digest
    assert frequencies(mine, left) == frequencies(theirs, right)


def rows(chain: Chain, kind: str, table: str) -> pl.DataFrame:
    frame = chain.store.require(kind, KEY).read(table)
    return frame.sort(frame.columns, nulls_last=True)


def vector_keys(chain: Chain) -> list[tuple[str, int, str]]:
    space = chain.snapshot().space
    frame = chain.store.require("embeddings", KEY, space).read("embeddings")
    return sorted(frame.select("chunk_id", "part", "vector_key").rows())


def payloads(snapshot: IndexSnapshot, ids: list[str]) -> dict[str, dict[str, object]]:
    return {str(point.id): dict(point.payload) for point in snapshot.get(ids)}


def vectors(snapshot: IndexSnapshot, ids: list[str]) -> dict[str, Any]:
    found = {}
    for shard in snapshot.receipts[KEY].shards:
        found.update(snapshot._view.vectors(shard, ids))
    return found


def frequencies(snapshot: IndexSnapshot, receipt: Receipt) -> bytes:
    return (snapshot.layout.index(snapshot.space) / receipt.frequencies).read_bytes()


@settings(max_examples=4, **_any)
@given(rounds)
def test_incremental_equals_scratch(history: Any) -> None:
    hold(history, {})


@settings(max_examples=4, **_any)
@given(rounds)
def test_incremental_equals_scratch_on_a_server(history: Any) -> None:
    hold(history, SERVER)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("options", [{}, SERVER], ids=["embedded", "server"])
@settings(max_examples=200, **_any)
@given(history=rounds)
def test_incremental_equals_scratch_at_length(options: Any, history: Any) -> None:
    hold(history, options, DagsterChain)
