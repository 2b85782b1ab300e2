"""What a data folder has published: its spaces, the one that searches use, current publications and receipts.

What lives here: `PublishedIndex`, the one owner of that state for all readers; the pointer `index/SERVING`; the
settings each space was made with (`index/<space>/space.json`), which say what the model setting `auto` means in a data
folder. What does not: making publications (`publish.py`), the publications of one space (`manifest.py`).

The first space published serves. A run with another model builds its own index beside it, and searches go on in the old
one until `code-index use` moves the pointer; going back is the same move.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..embedding.model_spec import ModelSpec
from ..embedding.space import EmbeddingSpace
from ..errors import ConfigurationError, NotIndexedError
from ..settings import Settings
from ..storage.layout import Layout, write_atomically
from .manifest import PublicationManifest, PublicationStore, Receipt

if TYPE_CHECKING:
    from .backends.interface import IndexBackend

# The settings a space follows from, besides the model itself.
_RECORDED = ("max_tokens", "embedding_dimension", "embedding_dtype", "embedding_url", "query_prefix", "document_prefix")
# Data folders from before spaces were recorded.
_BY_NAME = {"static-": "static", "transformer-all-minilm-l6-v2-": "minilm", "test-": "test"}


class PublishedIndex:
    """The published state of a data folder, read anew at each call."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    # -- spaces ------------------------------------------------------------------------------------------------

    @property
    def spaces(self) -> list[str]:
        """Spaces with a published index: the serving one first, then the most recently published first."""
        base = self.layout.root / "index"
        moved = {folder.name: _last_moved(folder) for folder in base.iterdir()} if base.is_dir() else {}
        names = sorted((name for name in moved if moved[name]), key=lambda name: moved[name], reverse=True)
        serving = self.layout.read_pointer(self._pointer("SERVING"))
        return [name for name in names if name == serving] + [name for name in names if name != serving]

    @property
    def serving(self) -> str | None:
        """The space that searches use, or None if nothing is published."""
        return next(iter(self.spaces), None)

    @property
    def served_before(self) -> str | None:
        """The published space that served before, or None."""
        name = self.layout.read_pointer(self._pointer("SERVED_BEFORE"))
        return name if name in self.spaces else None

    def serve(self, space: str) -> str | None:
        """Makes searches use a published space; returns the one they used. Raises NotIndexedError."""
        spaces = self.spaces
        if space not in spaces:
            raise NotIndexedError(
                f"nothing is published in the embedding space {space}",
                remedy=f"one of: {', '.join(spaces)}" if spaces else "code-index index REPOSITORY",
            )
        before = self.serving
        self._move(space)
        if before != space:
            write_atomically(self._pointer("SERVED_BEFORE"), f"{before}\n".encode())
        return before

    # -- publications ------------------------------------------------------------------------------------------

    def store(self, space: str) -> PublicationStore:
        """The publications of one space."""
        return PublicationStore(self.layout, space)

    def publication(self, space: str) -> PublicationManifest | None:
        """The current publication of a space, or None before the first. Raises DamagedIndexError."""
        return self.store(space).current()

    def publications(self) -> Iterator[PublicationManifest]:
        """The current publication of every space, in the order of `spaces`. Raises DamagedIndexError."""
        for space in self.spaces:
            manifest = self.publication(space)
            if manifest is not None:
                yield manifest

    @property
    def receipts(self) -> dict[str, Receipt]:
        """Receipts by partition key; of a key in several spaces, that of the first in the order of `spaces`."""
        return {key: receipt for key, (_, receipt) in self.located().items()}

    def located(self) -> dict[str, tuple[str, Receipt]]:
        """Space and receipt by partition key; of a key in several spaces, the first in the order of `spaces`."""
        found: dict[str, tuple[str, Receipt]] = {}
        for manifest in self.publications():
            for key, receipt in manifest.receipts.items():
                found.setdefault(key, (manifest.space, receipt))
        return found

    def state(self) -> str:
        """A text that changes with every publication: the current one's name by space."""
        return " ".join(f"{space}:{self.store(space).current_name()}" for space in self.spaces)

    def backend(self, manifest: PublicationManifest, settings: Settings) -> IndexBackend:
        """The engine that holds a publication's points."""
        from .backends.choice import make_backend

        return make_backend(self.layout, settings, manifest.space, manifest.dimension)

    # -- what a space was made with ------------------------------------------------------------------------------

    def made_with(self, space: str) -> dict[str, Any] | None:
        """The settings that a space was made with; None where they are not recorded."""
        record = _read(self.layout.index(space) / "space.json")
        if record:
            return dict(record["settings"])
        return next(({"model": model} for prefix, model in _BY_NAME.items() if space.startswith(prefix)), None)

    def note(self, space: EmbeddingSpace, settings: Settings) -> None:
        """Records what a space is made with, after a publication in it; the first space published starts to serve."""
        made_with: dict[str, Any] = {name: getattr(settings, name) for name in _RECORDED}
        if made_with["embedding_url"] and urlsplit(made_with["embedding_url"]).username:
            made_with["embedding_url"] = None  # a password has no place in a file
        made_with["model"] = str(ModelSpec.chosen(settings))
        path = self.layout.index(space.id) / "space.json"
        if _read(path).get("settings") != made_with:
            record = {"space": asdict(space), "settings": made_with, "at": time.time()}
            write_atomically(path, json.dumps(record, indent=1).encode())
        current = self.layout.read_pointer(self._pointer("SERVING"))
        spaces = self.spaces
        if current is None or current not in spaces:
            self._move(next((name for name in spaces if name != space.id), space.id))
        elif current != space.id and _read(self.layout.index(current) / "space.json").get("settings") == made_with:
            # The same model in a new revision: nothing can make queries in the old space any more.
            self._move(space.id)

    def _pointer(self, name: str) -> Path:
        return self.layout.root / "index" / name

    def _move(self, space: str) -> None:
        pointer = self._pointer("SERVING")
        while not self.layout.swap(pointer, self.layout.read_pointer(pointer), space):
            continue


def in_force(settings: Settings, layout: Layout) -> Settings:
    """The settings with `auto` replaced by the model of the serving space, where one is published."""
    if settings.model != "auto":
        return settings
    published = PublishedIndex(layout)
    serving = published.serving
    made_with = published.made_with(serving) if serving else None
    return settings.model_copy(update=_kept(settings, made_with)) if made_with else settings


def with_space(settings: Settings, layout: Layout, space: str) -> Settings:
    """The settings under which queries are made in a published space. Raises ConfigurationError if none is recorded."""
    made_with = PublishedIndex(layout).made_with(space)
    if made_with is None:
        raise ConfigurationError(
            f"which model the embedding space {space} was made with is not recorded",
            remedy="set CODE_INDEX_MODEL to it, or index again",
        )
    return settings.model_copy(update=_kept(settings, made_with))


def _kept(settings: Settings, made_with: dict[str, Any]) -> dict[str, Any]:
    """What is taken over: the model, and what is not set to something else here (an endpoint may have moved)."""
    fields = Settings.model_fields
    return {
        name: value
        for name, value in made_with.items()
        if name == "model" or (name in fields and getattr(settings, name) == fields[name].default)
    }


def _last_moved(folder: Path) -> float:
    """When a space was last published; 0 if never. Without its pointer the publications themselves tell."""
    try:
        return (folder / "CURRENT").stat().st_mtime
    except OSError:
        times = [path.stat().st_mtime for path in (folder / "publications").glob("p*.json")]
        return max(times, default=0.0)


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return {}
