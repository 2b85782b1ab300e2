"""The inbox: events waiting for a sensor, one file each.

What lives here: writing events so that they survive anything, deliveries seen before, reading and removing. What does
not: where events come from (`polling.py`, `serve/webhooks.py`) and what is run for them (`schedules/`).

An event's file is named after its delivery and partition, so writing it twice is writing it once. It is in one of three
folders, and moved from `new` by a rename, so that one process gets it:

- `new`: nobody has taken it.
- `requested`: the sensor has asked for its run. It removes the file a tick later, when the run is recorded.
- `claimed`: a run worker has taken it, and removes it when its run has ended. What killed ones claimed is given back.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..records.dagster_runs import is_alive, this_process
from ..storage.fingerprint import digest
from ..storage.layout import Layout, key_segment, write_atomically

Cause = Literal["webhook", "poll", "registry", "request"]
Kind = Literal["changed", "retired"]
DELIVERY_SECONDS = 7 * 86_400.0
EVENTS_AT_A_TIME = 500
# An event whose run has ended its worker so often is given up: it would end the next one too.
MOST_ATTEMPTS = 2


@dataclass(frozen=True)
class Event:
    """A partition's ref moved (or may have), or is gone. `delivery` tells one observation from the next; `attempts`
    counts the run workers that were killed over it."""

    key: str
    kind: Kind
    cause: Cause
    delivery: str
    at: float
    commit: str = ""
    host: str = ""
    attempts: int = 0

    @property
    def name(self) -> str:
        """The file name of the event: equal events have equal names."""
        return f"{digest(self.delivery, self.key, self.kind)}.json"


@dataclass(frozen=True)
class Claim:
    """Events of one partition that this process has taken; the run looks at what `event`, the last of them, names."""

    event: Event
    files: tuple[Path, ...]


class Inbox:
    """Events below one data folder."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.new = layout.inbox / "new"
        self.requested = layout.inbox / "requested"
        self.claimed = layout.inbox / "claimed"
        self.wanted = layout.inbox / "polls"

    def put(self, event: Event) -> None:
        """Writes an event; it is on the disk when this returns. Raises OSError if it could not be."""
        write_atomically(self.new / event.name, json.dumps(asdict(event)).encode())
        _sync_folder(self.new)

    def pending(self, limit: int, *, but: Iterable[str] = ()) -> tuple[list[Event], list[str]]:
        """Up to `limit` events that no worker has, and the names of their files. What cannot be read is put aside."""
        skip = set(but)
        events: list[Event] = []
        names: list[str] = []
        for folder in (self.requested, self.new):
            self._read(folder, limit, skip, events, names)
        return events, names

    def _read(self, folder: Path, limit: int, skip: set[str], events: list[Event], names: list[str]) -> None:
        with os.scandir(folder) if folder.is_dir() else _nothing() as found:
            for entry in found:
                if entry.name.startswith(".") or entry.name in skip:
                    continue
                if len(events) >= limit:
                    break
                try:
                    events.append(Event(**json.loads(Path(entry.path).read_bytes())))
                    names.append(entry.name)
                except FileNotFoundError:
                    continue
                except (ValueError, TypeError):
                    self._put_aside(Path(entry.path))

    def request(self, names: Iterable[str]) -> set[str]:
        """Takes events for the sensor; returns the names of those it has now: a worker may have been quicker."""
        self.requested.mkdir(parents=True, exist_ok=True)
        taken = set()
        for name in names:
            target = self.requested / name
            try:
                (self.new / name).rename(target)
            except FileNotFoundError:
                if not target.exists():
                    continue
            taken.add(name)
        return taken

    def claim(self) -> Claim | None:
        """Takes the new events of one partition for this process, the oldest first; None if there is none to take.

        A partition that another living process has claimed is left for later: its run is at work.
        """
        events: list[Event] = []
        self._read(self.new, EVENTS_AT_A_TIME, set(), events, [])
        busy = self._claimed_keys() if events else set()
        last = {key: event for key, event in latest(events).items() if event.kind == "changed" and key not in busy}
        first = {event.key: event.at for event in sorted(events, key=lambda event: event.at, reverse=True)}
        for key in sorted(last, key=lambda key: first[key]):
            files = [file for event in events if event.key == key and (file := self._take(event)) is not None]
            if files:
                return Claim(last[key], tuple(files))
        return None

    def _take(self, event: Event) -> Path | None:
        self.claimed.mkdir(parents=True, exist_ok=True)
        target = self.claimed / f"{this_process()}~{event.name}"
        try:
            (self.new / event.name).rename(target)
        except FileNotFoundError:
            return None
        return target

    def _claimed_keys(self) -> set[str]:
        return {str(_fields(path).get("key")) for path in self.claimed.glob("*~*.json")}

    def release(self, claim: Claim) -> None:
        """Removes claimed events: what came of them is recorded."""
        for path in claim.files:
            path.unlink(missing_ok=True)

    def waiting_new(self) -> int:
        """How many events nobody has taken yet."""
        return len(list(self.new.glob("*.json"))) if self.new.is_dir() else 0

    def give_back(self) -> list[Event]:
        """Puts back what processes claimed that live no more; returns the events that are given up instead."""
        given_up = []
        for path in sorted(self.claimed.glob("*~*.json")):
            process, _, name = path.name.partition("~")
            if is_alive(process):
                continue
            try:
                event = Event(**_fields(path))
            except TypeError:
                if path.exists():
                    self._put_aside(path)
                continue
            if event.attempts + 1 >= MOST_ATTEMPTS:
                given_up.append(event)
            else:
                again = json.dumps(asdict(replace(event, attempts=event.attempts + 1)))
                write_atomically(self.new / name, again.encode())
            path.unlink(missing_ok=True)
        return given_up

    def waiting(self) -> set[str]:
        """Keys that an event waits for; changes nothing."""
        keys: set[str] = set()
        for path in (path for folder in (self.new, self.requested, self.claimed) for path in folder.glob("*.json")):
            try:
                keys.add(str(json.loads(path.read_bytes())["key"]))
            except (OSError, ValueError, TypeError, KeyError):
                continue
        return keys

    def remove(self, names: Iterable[str]) -> None:
        """Removes handled events by their file names."""
        for name in names:
            (self.requested / name).unlink(missing_ok=True)
            (self.new / name).unlink(missing_ok=True)

    def unreadable(self) -> int:
        """How many event files could not be read and wait for a person in `inbox/unreadable`."""
        folder = self.layout.inbox / "unreadable"
        return len(list(folder.iterdir())) if folder.is_dir() else 0

    def _put_aside(self, path: Path) -> None:
        folder = self.layout.inbox / "unreadable"
        folder.mkdir(parents=True, exist_ok=True)
        path.replace(folder / path.name)

    # -- deliveries --------------------------------------------------------------------------------------------

    def seen(self, delivery: str) -> bool:
        """Whether a delivery was taken before."""
        return self._delivery(delivery).exists()

    def remember(self, delivery: str) -> None:
        """Marks a delivery as taken: its events are on the disk by now."""
        marker = self._delivery(delivery)
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()

    def forget_old(self, older_than: float = DELIVERY_SECONDS) -> int:
        """Removes markers of deliveries too old to come again; returns how many."""
        removed = 0
        for marker in (self.layout.inbox / "deliveries").glob("*/*"):
            if time.time() - marker.stat().st_mtime > older_than:
                marker.unlink(missing_ok=True)
                removed += 1
        return removed

    def _delivery(self, delivery: str) -> Path:
        name = digest("delivery", delivery)
        return self.layout.inbox / "deliveries" / name[:2] / name

    # -- repositories to be polled at once ---------------------------------------------------------------------

    def ask_for_poll(self, repository: str) -> None:
        """Has a repository polled at the next pass, whatever its turn is."""
        write_atomically(self.wanted / f"{key_segment(repository)}.json", json.dumps(repository).encode())

    def asked_for(self) -> dict[str, Path]:
        """Repositories to be polled at once, and the files that say so."""
        found: dict[str, Path] = {}
        for path in self.wanted.glob("*.json"):
            try:
                found[str(json.loads(path.read_bytes()))] = path
            except (OSError, ValueError):
                path.unlink(missing_ok=True)
        return found


def latest(events: Iterable[Event]) -> dict[str, Event]:
    """The last event of each partition: earlier ones ask for the same look at the same ref."""
    found: dict[str, Event] = {}
    for seen in sorted(events, key=lambda e: (e.at, e.name)):
        event, known = seen, found.get(seen.key)
        # A webhook's haste is not lost to the poll that saw the same push later.
        if known is not None and known.kind == event.kind and known.cause == "webhook":
            event = replace(event, cause="webhook")
        found[event.key] = event
    return found


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _fields(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class _nothing:
    def __enter__(self) -> list[os.DirEntry[str]]:
        return []

    def __exit__(self, *_: object) -> None:
        return None
