"""The poller: asks every repository for its heads in its turn, and puts what moved into the inbox.

What lives here: one pass over the registry. What does not: when a pass is made (`schedules/sensors.py`, `code-index
poll`), and git (`sources/git/source.py`). A pass is a process of its own, never part of a sensor's tick.

A host is asked by few at a time and so often a minute (`poll_per_host`, `poll_host_per_minute`); turns are jittered, so
that 5,000 repositories registered in one minute do not come up in one minute; one that fails waits twice as long after
each failure, up to six hours, and holds up nobody else.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import CodeIndexError, ConfigurationError, LockedError, SourceError
from ..progress import Say
from ..records.observations import last_observation
from ..settings import Settings
from ..sources.git.local_repository import is_git_repository
from ..sources.git.source import heads_of
from ..sources.location import host_of
from ..sources.open_source import open_source
from ..sources.registry import Registry, RepositoryEntry, partition_key, partition_keys_of
from ..storage.layout import Layout
from .heads import Polled, load_heads, save_heads
from .inbox import Event, Inbox

LONGEST_WAIT = 6 * 3600.0
THREADS = 32
SAVE_SECONDS = 5.0
# A registry file that lost its entries must not empty the index: so many repositories go by themselves, no more.
RETIRED_AT_ONCE = 5
LOCK = "poller"


@dataclass
class PollReport:
    """What a pass did."""

    asked: int = 0
    changed: int = 0
    retired: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    kept_back: list[str] = field(default_factory=list)  # not in the registry, but too many to retire unasked
    later: int = 0  # not their turn yet


def poll(layout: Layout, settings: Settings, say: Say = lambda line: None, *, everything: bool = False) -> PollReport:
    """Makes one pass; with `everything` it is every repository's turn.

    Raises LockedError if another poller is at work, ConfigurationError if the registry cannot be read (nothing is
    retired then).
    """
    with layout.lock(LOCK, timeout=0):
        return _Pass(layout, settings, say).run(everything)


def poller_runs(layout: Layout) -> bool:
    """Whether a poller is at work."""
    try:
        with layout.lock(LOCK, timeout=0):
            return False
    except LockedError:
        return True


class _Pass:
    def __init__(self, layout: Layout, settings: Settings, say: Say) -> None:
        self.layout, self.settings, self.say = layout, settings, say
        self.inbox = Inbox(layout)
        self.state = load_heads(layout)
        self.report = PollReport()
        # Deliveries of this pass; two passes that see the same commit make two observations.
        self.name = f"poll-{time.time_ns()}-{os.getpid()}"

    def run(self, everything: bool) -> PollReport:
        if not self.settings.registry_file.exists() and self.state:
            raise ConfigurationError(
                f"{self.settings.registry_file} is gone; nothing is retired for that",
                remedy="bring it back, or take repositories out with `code-index remove`",
            )
        entries = [entry for entry in Registry.load(self.settings.registry_file, self.layout).entries if entry.enabled]
        self._retire_missing(entries)
        asked_for = self.inbox.asked_for()
        now = time.time()
        due = [e for e in entries if everything or e.name in asked_for or self._polled(e).is_due(now)]
        self.report.later = len(entries) - len(due)
        for name, path in asked_for.items():
            if not any(entry.name == name for entry in due):
                path.unlink(missing_ok=True)
        self._ask(due, asked_for)
        save_heads(self.layout, self.state)
        return self.report

    def _polled(self, entry: RepositoryEntry) -> Polled:
        return self.state.setdefault(entry.name, Polled())

    def _ask(self, due: list[RepositoryEntry], asked_for: dict[str, Path]) -> None:
        hosts: dict[str, _Host] = defaultdict(
            lambda: _Host(self.settings.poll_per_host, self.settings.poll_host_per_minute)
        )
        saved = time.monotonic()
        # Hosts take turns, so that a slow one does not hold all the threads before the others are asked.
        queue = _by_turns(due)
        with ThreadPoolExecutor(min(THREADS, max(1, len(queue)))) as pool:
            running = {
                pool.submit(_look, entry, hosts[_host(entry)], self.layout, self.settings): entry for entry in queue
            }
            for future in as_completed(running):
                entry = running[future]
                self._take(entry, future.result())
                self.report.asked += 1
                if (path := asked_for.get(entry.name)) is not None:
                    path.unlink(missing_ok=True)
                if time.monotonic() - saved > SAVE_SECONDS:
                    save_heads(self.layout, self.state)
                    saved = time.monotonic()
                    self.say(f"{self.report.asked}/{len(queue)} repositories asked, {self.report.changed} moved")

    def _take(self, entry: RepositoryEntry, told: dict[str, str | SourceError] | CodeIndexError) -> None:
        """Compares what a repository told with what is known of it, writes events, sets its next turn."""
        polled = self._polled(entry)
        polled.polled_at = time.time()
        if isinstance(told, CodeIndexError):
            polled.failures += 1
            polled.errors = {"": str(told.message)}
            self.report.failed[entry.name] = str(told.message)
        else:
            polled.failures = 0
            polled.errors = {key: head.message for key, head in told.items() if isinstance(head, SourceError)}
            self.report.failed.update(polled.errors)
            for key, head in told.items():
                if isinstance(head, str):
                    self._compare(entry, polled, key, head)
            for key in set(polled.heads) - set(told):
                self._event(key, "retired", "registry")
                del polled.heads[key]
        wait = min(self.settings.poll_seconds * 2 ** min(polled.failures, 20), LONGEST_WAIT)
        polled.next_at = time.time() + wait * random.uniform(0.8, 1.2)

    def _compare(self, entry: RepositoryEntry, polled: Polled, key: str, head: str) -> None:
        known = polled.heads.get(key)
        first = known is None
        if first:
            seen = last_observation(self.layout, key)
            known = seen.commit if seen else None
        if known is None or not known.startswith(head):
            self._event(key, "changed", "registry" if first and known is None else "poll", head, _host(entry))
        # Written after the event: a poller killed between the two sees the same move again, and it costs a look.
        polled.heads[key] = head

    def _retire_missing(self, entries: list[RepositoryEntry]) -> None:
        known = {entry.name for entry in entries}
        gone = [name for name in self.state if name not in known]
        if len(gone) > max(RETIRED_AT_ONCE, len(self.state) // 5):
            self.report.kept_back = gone
            self.say(f"{len(gone)} repositories left the registry at once: `code-index prune --retired` takes them out")
            return
        for name in gone:
            for key in self.state[name].heads:
                self._event(key, "retired", "registry")
            del self.state[name]

    def _event(self, key: str, kind: str, cause: str, commit: str = "", host: str = "") -> None:
        self.inbox.put(Event(key, kind, cause, f"{self.name}-{key}", time.time(), commit, host))  # type: ignore[arg-type]
        if kind == "changed":
            self.report.changed += 1
        else:
            self.report.retired += 1


class _Host:
    """How much of one host's patience is left."""

    def __init__(self, at_once: int, per_minute: int) -> None:
        self._slots = threading.Semaphore(at_once)
        self._pace = 60.0 / per_minute
        self._lock = threading.Lock()
        self._next = 0.0

    def __enter__(self) -> None:
        self._slots.acquire()
        with self._lock:
            now = time.monotonic()
            # Bursts of a few seconds are fine; what counts is the minute.
            wait = max(0.0, self._next - now - 5.0)
            self._next = max(self._next, now) + self._pace
        time.sleep(wait)

    def __exit__(self, *_: object) -> None:
        self._slots.release()


def _look(
    entry: RepositoryEntry, host: _Host, layout: Layout, settings: Settings
) -> dict[str, str | SourceError] | CodeIndexError:
    """Heads by partition key, or what went wrong."""
    try:
        with host:
            if entry.url is None and (entry.worktree or not is_git_repository(Path(entry.path or ""))):
                return {partition_key(entry): open_source(entry, None, layout, settings).observe().commit}
            heads = heads_of(entry, settings.poll_timeout_seconds, settings.allowed_addresses)
        keys, _ = partition_keys_of(entry, heads)
        return {key: heads[ref] for ref, key in keys.items()}
    except CodeIndexError as error:
        return error
    except Exception as error:  # one repository must not stop the others
        return SourceError(f"{entry.location} could not be polled: {type(error).__name__}: {error}")


def _host(entry: RepositoryEntry) -> str:
    return (host_of(entry.url) or "") if entry.url else ""


def _by_turns(entries: list[RepositoryEntry]) -> list[RepositoryEntry]:
    queues: dict[str, deque[RepositoryEntry]] = defaultdict(deque)
    for entry in entries:
        queues[_host(entry)].append(entry)
    ordered: list[RepositoryEntry] = []
    while queues:
        for name in list(queues):
            ordered.append(queues[name].popleft())
            if not queues[name]:
                del queues[name]
    return ordered
