"""Removals under way: what a `remove` that was cut off has still to do.

What lives here: the note of it, written before anything is removed. What does not: removing (`cli/upkeep.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ...settings import Settings
from ...sources.registry import Registry
from ...storage.layout import Layout, key_segment, write_atomically
from .findings import Finding


def note_removal(layout: Layout, name: str, keys: list[str]) -> None:
    """Notes that a repository with these partitions is being removed."""
    write_atomically(_note(layout, name), json.dumps({"name": name, "keys": keys}).encode())


def unfinished_removal(layout: Layout, name: str) -> list[str] | None:
    """The partitions of a removal that was cut off; None if there is none."""
    try:
        return [str(key) for key in json.loads(_note(layout, name).read_bytes())["keys"]]
    except (OSError, ValueError, TypeError, KeyError):
        return None


def finish_removal(layout: Layout, name: str) -> None:
    """Removes the note that a removal has begun."""
    _note(layout, name).unlink(missing_ok=True)


def check_removals(layout: Layout, settings: Settings) -> Iterator[Finding]:
    """Removals that were cut off, of repositories that were not registered again."""
    known = set(Registry.load(settings.registry_file, layout).names)
    for path in sorted((layout.root / "removals").glob("*.json")):
        try:
            name = str(json.loads(path.read_bytes())["name"])
        except (ValueError, TypeError, KeyError):
            path.unlink(missing_ok=True)
            continue
        if name not in known:
            what = f"the removal of {name} was cut off"
            yield Finding("fail", "removal", what, f"code-index remove {name}", ("code-index", "remove", name))


def _note(layout: Layout, name: str) -> Path:
    return layout.root / "removals" / f"{key_segment(name)}.json"
