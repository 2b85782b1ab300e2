"""Which embedding space searches use, when several are published beside each other.

What lives here: the pointer `index/SERVING`, what each space was made with (`index/<space>/space.json`), and what the
model setting `auto` means in a data folder. What does not: publishing (`index/`), comparing (`search/compare.py`).

The first space published serves. A run with another model builds its own index beside it, and searches go on in the old
one until `code-index use` moves the pointer; going back is the same move.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..embedding.space import EmbeddingSpace
from ..errors import ConfigurationError, NotIndexedError
from ..settings import Settings
from ..storage.layout import Layout, write_atomically

# The settings a space follows from, besides the model itself.
_RECORDED = ("max_tokens", "embedding_dimension", "embedding_dtype", "embedding_url", "query_prefix", "document_prefix")
# Data folders from before spaces were recorded.
_BY_NAME = {"static-": "static", "transformer-all-minilm-l6-v2-": "minilm", "test-": "test"}


def published(layout: Layout) -> list[str]:
    """Spaces with a published index: the serving one first, then the most recently published first."""
    base = layout.root / "index"
    moved = {folder.name: _last_moved(folder) for folder in base.iterdir()} if base.is_dir() else {}
    names = sorted((name for name in moved if moved[name]), key=lambda name: moved[name], reverse=True)
    serving = layout.read_pointer(_pointer(layout))
    return [name for name in names if name == serving] + [name for name in names if name != serving]


def _last_moved(folder: Path) -> float:
    """When a space was last published; 0 if never. Without its pointer the publications themselves tell."""
    try:
        return (folder / "CURRENT").stat().st_mtime
    except OSError:
        times = [path.stat().st_mtime for path in (folder / "publications").glob("p*.json")]
        return max(times, default=0.0)


def serving_space(layout: Layout) -> str | None:
    """The space searches use, or None if nothing is published."""
    return next(iter(published(layout)), None)


def previous_space(layout: Layout) -> str | None:
    """The published space that served before, or None."""
    name = layout.read_pointer(_pointer(layout, "SERVED_BEFORE"))
    return name if name in published(layout) else None


def use_space(layout: Layout, space: str) -> str | None:
    """Makes searches use a published space; returns the one they used. Raises NotIndexedError."""
    found = published(layout)
    if space not in found:
        raise NotIndexedError(
            f"nothing is published in the embedding space {space}",
            remedy=f"one of: {', '.join(found)}" if found else "code-index index REPOSITORY",
        )
    before = serving_space(layout)
    _move(layout, space)
    if before != space:
        write_atomically(_pointer(layout, "SERVED_BEFORE"), f"{before}\n".encode())
    return before


def note_published(layout: Layout, space: EmbeddingSpace, settings: Settings) -> None:
    """Records what a space is made with, after a publication in it; the first space published starts to serve."""
    from ..embedding.loading import chosen_model

    made_with: dict[str, Any] = {name: getattr(settings, name) for name in _RECORDED}
    if made_with["embedding_url"] and urlsplit(made_with["embedding_url"]).username:
        made_with["embedding_url"] = None  # a password has no place in a file
    made_with["model"] = chosen_model(settings)
    path = layout.index(space.id) / "space.json"
    known = _read(path)
    if known.get("settings") != made_with:
        record = {"space": asdict(space), "settings": made_with, "at": time.time()}
        write_atomically(path, json.dumps(record, indent=1).encode())
    current = layout.read_pointer(_pointer(layout))
    if current is None or current not in published(layout):
        others = [name for name in published(layout) if name != space.id]
        _move(layout, others[0] if others else space.id)
    elif current != space.id and _read(layout.index(current) / "space.json").get("settings") == made_with:
        # The same model in a new revision: nothing can make queries in the old space any more.
        _move(layout, space.id)


def settings_of(layout: Layout, space: str) -> dict[str, Any] | None:
    """The settings a space was made with; None where that is not known."""
    record = _read(layout.index(space) / "space.json")
    if record:
        return dict(record["settings"])
    return next(({"model": model} for prefix, model in _BY_NAME.items() if space.startswith(prefix)), None)


def with_space(settings: Settings, layout: Layout, space: str) -> Settings:
    """The settings under which queries are made in a published space. Raises ConfigurationError if nobody knows."""
    made_with = settings_of(layout, space)
    if made_with is None:
        raise ConfigurationError(
            f"which model the embedding space {space} was made with is not recorded",
            remedy="set CODE_INDEX_MODEL to it, or index again",
        )
    return settings.model_copy(update=_kept(settings, made_with))


def resolved(settings: Settings, layout: Layout) -> Settings:
    """The settings with `auto` replaced by the model of the serving space, where one is published."""
    if settings.model != "auto":
        return settings
    serving = serving_space(layout)
    made_with = settings_of(layout, serving) if serving else None
    return settings.model_copy(update=_kept(settings, made_with)) if made_with else settings


def _kept(settings: Settings, made_with: dict[str, Any]) -> dict[str, Any]:
    """What is taken over: the model, and what is not set to something else here (an endpoint may have moved)."""
    fields = Settings.model_fields
    return {
        name: value
        for name, value in made_with.items()
        if name == "model" or (name in fields and getattr(settings, name) == fields[name].default)
    }


def _pointer(layout: Layout, name: str = "SERVING") -> Path:
    return layout.root / "index" / name


def _move(layout: Layout, space: str) -> None:
    pointer = _pointer(layout)
    while not layout.swap(pointer, layout.read_pointer(pointer), space):
        continue


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return {}
