"""Damage of published indexes: pointers, manifests, shards, tables, points, and the small files beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ...embedding.loading import space_of
from ...errors import CodeIndexError, DamagedIndexError
from ...index.backends.choice import make_backend
from ...index.backends.interface import IndexBackend
from ...index.maintenance import store_dimension
from ...index.manifest import PublicationManifest, PublicationStore
from ...index.published import PublishedIndex, in_force
from ...index.rebuild import index_damage, rebuild
from ...index.verify import verify
from ...settings import Settings
from ...storage.layout import Layout
from .findings import Finding, damage

GROUP = "index"


def check_index(layout: Layout, settings: Settings, *, deep: bool = True) -> Iterator[Finding]:
    """Every published space: what readers and writers need of it; with `deep` every point."""
    serving = layout.root / "index" / "SERVING"
    spaces = PublishedIndex(layout).spaces
    for pointer in (serving, serving.with_name("SERVED_BEFORE")):
        named = layout.read_pointer(pointer)
        wrong = named not in spaces if pointer == serving else named is None
        if spaces and wrong and (pointer == serving or pointer.exists()):
            fault = "is gone" if not pointer.exists() else "names no published space"
            yield damage("pointer", GROUP, f"{pointer} {fault}", lambda p=pointer: _serve(layout, p, spaces[0]))  # type: ignore[misc]
    for space in spaces:
        yield from _space(layout, settings, space, deep)


def _space(layout: Layout, settings: Settings, space: str, deep: bool) -> Iterator[Finding]:
    store = PublicationStore(layout, space)
    try:
        manifest = store.current()
    except DamagedIndexError as error:
        yield damage("publication", GROUP, error.message, lambda: _from_nothing(layout, settings, space))
        return
    if manifest is None:
        return
    backend = make_backend(layout, settings, space, manifest.dimension)
    yield from _manifests(store, manifest, backend)
    damaged = index_damage(backend, store, manifest)
    for name, what in damaged.items():
        kind = "shard" if name.startswith("shard ") else "table"
        keys = [key for key, receipt in manifest.receipts.items() if name.removeprefix("shard ") in receipt.shards]
        contents = (
            f" (it holds {len(keys):,} partitions: {', '.join(keys[:5])}{', …' if keys[5:] else ''})" if keys else ""
        )
        yield damage(kind, GROUP, what + contents, lambda: str(rebuild(backend, layout, space, manifest.dimension)))
    shards = {name.removeprefix("shard ") for name in damaged}
    for key, receipt in manifest.receipts.items():
        if shards.isdisjoint(receipt.shards) and f"partition {key}" not in damaged:
            yield from _points(layout, backend, manifest, key, deep)
    yield from _beside(layout, settings, space)


def _manifests(store: PublicationStore, manifest: PublicationManifest, backend: IndexBackend) -> Iterator[Finding]:
    if store.is_adrift():
        fault = "is gone" if not store.pointer.exists() else "does not name a publication that can be read"
        yield damage("publication", GROUP, f"{store.pointer} {fault}", lambda: _rebuild(store, manifest, backend))
    for name in store.names():
        try:
            store.read(name)
        except DamagedIndexError as error:
            yield damage("publication", GROUP, error.message, lambda n=name: _forget(store, n))  # type: ignore[misc]


def _points(
    layout: Layout, backend: IndexBackend, manifest: PublicationManifest, key: str, deep: bool
) -> Iterator[Finding]:
    space = manifest.space
    try:
        problems = verify(key, backend, layout, space, deep=deep)
    except CodeIndexError as error:
        problems = [error.message]
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        problems = [f"its points cannot be read: {error}"]
    for problem in problems:
        yield damage(
            "points", GROUP, f"{key}: {problem}",
            lambda: str(rebuild(backend, layout, space, manifest.dimension, suspected=(key,))),
        )  # fmt: skip


def _beside(layout: Layout, settings: Settings, space: str) -> Iterator[Finding]:
    """space.json, which the next run writes anew, and read_back.json, which is only remembered work."""
    record = layout.index(space) / "space.json"
    if not _is_object(record):
        fault = "cannot be read" if record.exists() else "is gone"
        yield damage("space", GROUP, f"{record} {fault}", lambda: _note(layout, settings, space))
    counted = layout.index(space) / "read_back.json"
    if counted.exists() and not _is_object(counted):
        yield damage("read_back", GROUP, f"{counted} cannot be read", lambda: _drop(counted))


def _is_object(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except (OSError, ValueError):
        return False


def _serve(layout: Layout, pointer: Path, space: str) -> str:
    layout.swap(pointer, layout.read_pointer(pointer), space if pointer.name == "SERVING" else None)
    return f"{pointer} names {space}" if pointer.name == "SERVING" else f"removed {pointer}"


def _rebuild(store: PublicationStore, manifest: PublicationManifest, backend: IndexBackend) -> str:
    return str(rebuild(backend, store.layout, store.space, manifest.dimension))


def _forget(store: PublicationStore, name: str) -> str:
    return _drop(store.manifest_path(name))


def _drop(path: Path) -> str:
    path.unlink(missing_ok=True)
    return f"removed {path}"


def _note(layout: Layout, settings: Settings, space: str) -> str:
    settings = in_force(settings, layout)
    made = space_of(settings, layout)
    if made.id != space:
        return f"{space} is not the space of the model in force: it is recorded when a run publishes in it again"
    PublishedIndex(layout).note(made, settings)
    return f"recorded what {space} is made with"


def _from_nothing(layout: Layout, settings: Settings, space: str) -> str:
    dimension = store_dimension(PublicationStore(layout, space))
    backend = make_backend(layout, settings, space, dimension)
    return str(rebuild(backend, layout, space, dimension))
