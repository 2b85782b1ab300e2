"""Asking for a run: an event in the inbox, which the daemon makes a run of.

What lives here: what may be asked for. What does not: runs. The serving process writes no index; no local path can be
named from here.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from ...errors import ConfigurationError, QueryError
from ...settings import Settings
from ...sources.addresses import pin
from ...sources.location import is_url, parse_url
from ...sources.registry import Registry, RepositoryEntry, partition_key
from ...storage.layout import Layout
from ...triggers.inbox import Event, Inbox
from ...workers.client import nudge


@dataclass(frozen=True)
class Asked:
    """What was asked for: the entry's name, its partitions, and whether the entry is new."""

    name: str
    keys: tuple[str, ...]
    registered: bool


def ask_for_run(settings: Settings, layout: Layout, repository: str, ref: str | None = None) -> Asked:
    """Writes an event for every partition meant; it is on the disk when this returns.

    Raises QueryError (a local path, a URL that may not be registered, a name or ref that is not registered),
    ConfigurationError (a URL that is none, or that names a place strangers may not have fetched),
    SourceUnavailableError (its host cannot be looked up).
    """
    registry = Registry.load(settings.registry_file, layout)
    entry = _entry(registry, repository)
    new = entry is None
    if entry is None:
        entry = _register(settings, registry, repository, ref)
    if not entry.enabled:
        raise QueryError(f"{entry.name} is disabled in the registry", remedy="set enabled = true there")
    if ref is None:
        keys = entry.keys
    elif entry.names_ref(ref) or (not entry.refs and ref == "HEAD"):
        keys = (partition_key(entry, ref),)
    else:
        raise QueryError(
            f"{entry.name} is not indexed at {ref!r}", remedy=f"name it in refs of the entry: {', '.join(entry.refs)}"
        )
    host = parse_url(entry.url).host if entry.url else ""
    for key in keys:
        delivery = f"request-{key}-{time.time_ns()}-{os.getpid()}"
        Inbox(layout).put(Event(key, "changed", "request", delivery, time.time(), "", host))
    nudge(settings, layout)
    return Asked(entry.name, keys, new)


def _entry(registry: Registry, repository: str) -> RepositoryEntry | None:
    if is_url(repository):
        return registry.find(repository)
    name = repository.casefold()
    return next((entry for entry in registry.entries if entry.name.casefold() == name), None)


def _register(settings: Settings, registry: Registry, repository: str, ref: str | None) -> RepositoryEntry:
    if not is_url(repository):
        raise QueryError(
            # Something that was meant as a URL may hold a secret.
            "no repository of that name is registered"
            if set("@?") & set(repository)
            else f"no repository is registered as {repository!r}",
            remedy="see /v1/repositories for names; local folders are indexed by `code-index index PATH` on the server",
        )
    if not settings.index_urls:
        raise QueryError(
            "this server does not register repositories", remedy="`code-index add URL`, or CODE_INDEX_INDEX_URLS=true"
        )
    pin(repository, settings.allowed_addresses)
    try:
        return registry.add(repository, refs=(ref,) if ref else (), restricted=True)
    except ConfigurationError:
        registered = Registry.load(settings.registry_file, registry.layout).find(repository)
        if registered is None:
            raise
        return registered  # another process registered it in this moment
