"""What every place for artifacts must do, whatever keeps them: one suite for all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from code_index_assets.errors import LockedError, NotBuiltError
from code_index_assets.storage.artifacts import Artifact, ArtifactSpec, ArtifactStore, ArtifactWriter
from code_index_assets.storage.layout import Layout
from code_index_assets.storage.store import Home, LocalStore, Store

HOME = Home("chunks", "acme/shop")


def local(tmp_path: Path) -> Store:
    return LocalStore(Layout(tmp_path / "data").create())


@pytest.fixture(params=[local])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    make: Callable[[Path], Store] = request.param
    return make(tmp_path)


def put(store: Store, name: str, text: str, *, replace: bool = False, home: Home = HOME) -> None:
    with store.temporary("t") as folder:
        (folder / "a.txt").write_text(text)
        store.put(home, name, folder, replace=replace)


def content(store: Store, name: str, home: Home = HOME) -> str:
    return (store.open(home, name) / "a.txt").read_text()


def test_what_is_put_is_there_whole_and_stays_what_it_is(store: Store) -> None:
    put(store, "f1", "one")
    put(store, "f1", "other")
    put(store, "f2", "two")
    assert (content(store, "f1"), content(store, "f2"), store.list(HOME)) == ("one", "two", ["f1", "f2"])
    put(store, "f1", "mended", replace=True)
    assert content(store, "f1") == "mended"


def test_what_is_not_there_has_a_clear_error(store: Store) -> None:
    assert store.list(HOME) == [] and store.current(HOME) is None
    with pytest.raises(NotBuiltError):
        store.open(HOME, "f1")


def test_a_folder_that_is_not_put_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.temporary("t") as folder:
        (folder / "a.txt").write_text("half")
        raise ZeroDivisionError
    assert not folder.exists() and store.list(HOME) == []


def test_homes_are_apart_whatever_their_names(store: Store) -> None:
    homes = [
        Home("chunks", "a/b"),
        Home("chunks", "a%2Fb"),
        Home("embeddings", "a/b", "s1"),
        Home("embeddings", "a/b", "s2"),
    ]
    for number, home in enumerate(homes):
        put(store, "f", str(number), home=home)
        assert store.swap(home, None, "f")
    assert [content(store, "f", home) for home in homes] == ["0", "1", "2", "3"]


def test_a_pointer_moves_only_from_what_was_expected(store: Store) -> None:
    put(store, "f1", "one")
    put(store, "f2", "two")
    assert not store.swap(HOME, "f1", "f2") and store.swap(HOME, None, "f1")
    assert not store.swap(HOME, None, "f2") and store.current(HOME) == "f1"
    assert store.swap(HOME, "f1", "f2") and store.swap(HOME, "f2", None)
    assert store.current(HOME) is None and not store.has_damaged_pointer(HOME)


def test_of_many_who_move_a_pointer_at_once_one_does(store: Store) -> None:
    moved: list[str] = []
    ready = threading.Barrier(8)

    def move(name: str) -> None:
        ready.wait()
        if store.swap(HOME, None, name):
            moved.append(name)

    threads = [threading.Thread(target=move, args=(f"f{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [store.current(HOME)] == moved


def test_a_lease_is_held_by_one_and_shared_by_many(store: Store) -> None:
    with store.lease("x", timeout=5), pytest.raises(LockedError), store.lease("x", timeout=0):
        pass
    with store.lease("x", timeout=5, shared=True), store.lease("x", timeout=0, shared=True):
        pass


def test_a_run_finds_again_what_it_pinned(store: Store) -> None:
    spaced = Home("embeddings", "acme/shop", "s1")
    assert store.pinned("run-1", HOME) is None
    store.pin("run-1", HOME, "f1")
    store.pin("run-1", spaced, "e1")
    store.pin("run-2", HOME, "f2")
    assert store.pinned("run-1", HOME) == (HOME, "f1") and store.pinned("run-2", HOME) == (HOME, "f2")
    assert store.pinned("run-1", Home("embeddings", "acme/shop")) == (spaced, "e1")


def test_artifacts_are_built_through_it(store: Store, tmp_path: Path) -> None:
    artifacts = ArtifactStore(Layout(tmp_path / "data"), store)
    spec = ArtifactSpec("chunks", "acme/shop", {"commit": "c1"}, "1")

    def make(writer: ArtifactWriter, previous: Artifact | None) -> None:
        writer.info["made"] = True

    first, again = artifacts.build(spec, "run-1", make), artifacts.build(spec, "run-2", make)
    assert (first.reused, again.reused) == (False, True)
    assert store.current(HOME) == spec.fingerprint and store.list(HOME) == [spec.fingerprint]
    assert artifacts.named("chunks", "acme/shop", spec.fingerprint).info == {"made": True}
