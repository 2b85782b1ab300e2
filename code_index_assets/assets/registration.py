"""A partition added in Dagster's UI becomes a registry entry, or is taken away again.

What lives here: that decision, and what follows it. What does not: the registry (`sources/registry.py`), the sensor
that sees new partitions (`schedules/registration.py`).

Dagster takes any text as a partition. A URL, or a path of this machine, is registered under the name that
`code-index add` would give it, and the partition is replaced by that name; `owner/name` is looked up at
`CODE_INDEX_REGISTER_HOST`. What cannot be reached is refused: the partition leaves, and no entry is made.
"""

from __future__ import annotations

import time
from pathlib import Path

import dagster as dg

from ..errors import CodeIndexError, ConfigurationError
from ..settings import Settings
from ..sources.git.source import remote_refs
from ..sources.location import display_location, is_url
from ..sources.registry import Registry, RepositoryEntry, validate_name, validate_ref
from ..storage.layout import Layout
from ..triggers.inbox import Event, Inbox
from .partitions import REPOSITORIES, add_partitions


def is_unregistered(layout: Layout, settings: Settings, key: str) -> bool:
    """Whether a partition has no registry entry and nothing is stored of it. Raises ConfigurationError.

    What is stored of a repository that left the registry is retired, not refused.
    """
    if layout.artifact_home("repository", key).exists():
        return False
    return name_of(key) not in Registry.load(settings.registry_file, layout).names


def unregistered(layout: Layout, settings: Settings, keys: list[str]) -> list[str]:
    """Those of these partitions that no entry has and nothing is stored of. Raises ConfigurationError."""
    names = set(Registry.load(settings.registry_file, layout).names)
    return [key for key in keys if name_of(key) not in names and not layout.artifact_home("repository", key).exists()]


def name_of(key: str) -> str:
    """The repository's name in a partition key; of a URL or a path all of it."""
    return key if is_place(key) else key.partition("@")[0]


def is_place(key: str) -> bool:
    """Whether a partition was added by where the repository is, not by its name."""
    return is_url(key) or key.startswith(("/", "~"))


def register_or_refuse(instance: dg.DagsterInstance, layout: Layout, settings: Settings, key: str) -> str:
    """Makes a registry entry of a partition without one; returns the partition that stands for it from now on.

    Its run is asked for unless it is the same partition. Raises ConfigurationError, SourceError where it is refused:
    then neither a partition nor an entry is left.
    """
    try:
        entry = _register(layout, settings, key)
    except CodeIndexError:
        instance.delete_dynamic_partition(REPOSITORIES, key)
        raise
    chosen = entry.keys[0] if is_place(key) or key not in entry.keys else key
    add_partitions(instance, [chosen])
    if chosen != key:
        instance.delete_dynamic_partition(REPOSITORIES, key)
        now = time.time()
        Inbox(layout).put(Event(chosen, "changed", "request", f"registered {now}", now))
    return chosen


def _register(layout: Layout, settings: Settings, key: str) -> RepositoryEntry:
    registry = Registry.load(settings.registry_file, layout)
    if is_place(key):
        known = registry.find(key)
        if known is not None:
            return known
        _require_reachable(settings, key)
        return registry.add(key)
    name, _, ref = key.partition("@")
    if not settings.register_host:
        near = registry.find(name)
        raise ConfigurationError(
            f"no repository is named {name!r}" + (f"; {near.name} is" if near else ""),
            remedy="add the partition by its git URL, run `code-index add URL`, or set CODE_INDEX_REGISTER_HOST",
        )
    url = f"{settings.register_host.rstrip('/')}/{validate_name(name)}"
    refs = (validate_ref(ref),) if ref else ()
    _require_reachable(settings, url)
    return registry.add(url, name=name, refs=refs)


def _require_reachable(settings: Settings, place: str) -> None:
    """Asks the remote for its refs. Raises SourceError."""
    if is_url(place):
        remote_refs(place, settings.poll_timeout_seconds)
    elif not Path(place).expanduser().is_dir():
        raise ConfigurationError(
            f"there is no folder {display_location(place)}",
            remedy="give a git URL or a folder of the machine that indexes",
        )
