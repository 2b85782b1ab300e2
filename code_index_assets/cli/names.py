"""Repositories as people name them to a command: known or not, and what they may have meant.

What lives here: that check for commands on what is stored. What does not: names of the registry (`sources/registry.py`)
and of searches (`search/engine.py`).
"""

from __future__ import annotations

from ..errors import NotIndexedError
from ..index.published import PublishedIndex
from ..settings import Settings
from ..sources.registry import Registry
from ..spelling import near_names
from ..storage.layout import Layout


def require_known(layout: Layout, settings: Settings, key: str) -> None:
    """Raises NotIndexedError, with near names, unless a partition of this name is registered or published."""
    registry = Registry.load(settings.registry_file, layout)
    name, _, ref = key.partition("@")
    known = [one for entry in registry.entries for one in entry.keys]
    known += PublishedIndex(layout).receipts
    if key in known or (ref and any(entry.name == name and entry.names_ref(ref) for entry in registry.entries)):
        return
    near = near_names(key, known)
    raise NotIndexedError(
        f"no repository is named {key!r}",
        remedy=f"did you mean {' or '.join(near)}?" if near else "`code-index status` lists what there is",
        wanted=key,
    )
