"""The poller and its inbox: what moved becomes events, once; what is broken is told and stops nobody."""

from __future__ import annotations

from pathlib import Path

import pytest
from chains import GitRepository

from code_index_assets.errors import ConfigurationError, LockedError
from code_index_assets.records.observations import Observation, observe
from code_index_assets.settings import Settings
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.layout import Layout
from code_index_assets.triggers import polling
from code_index_assets.triggers.heads import load_heads
from code_index_assets.triggers.inbox import Event, Inbox, latest


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"data": tmp_path / "data", "model": "test"})


@pytest.fixture
def layout(settings: Settings) -> Layout:
    return Layout(settings.data).create()


@pytest.fixture
def registry(settings: Settings, layout: Layout) -> Registry:
    return Registry.load(settings.registry_file, layout)


def events(layout: Layout) -> dict[str, tuple[str, str]]:
    """Waiting events (key → kind, commit), which are then taken out."""
    inbox = Inbox(layout)
    found, names = inbox.pending(1000)
    inbox.remove(names)
    assert len({event.key for event in found}) == len(found)
    return {event.key: (event.kind, event.commit) for event in found}


def test_what_moved_is_an_event_and_what_did_not_is_none(
    settings: Settings, layout: Layout, registry: Registry, repository: GitRepository
) -> None:
    first = repository.commit({"a": "1"})
    registry.add(repository.path.as_uri(), name="one")
    polling.poll(layout, settings)
    assert events(layout) == {"one": ("changed", first)}
    polling.poll(layout, settings, everything=True)
    assert events(layout) == {}
    second = repository.commit({"a": "2"})
    assert polling.poll(layout, settings).later == 1  # not its turn
    polling.poll(layout, settings, everything=True)
    assert events(layout) == {"one": ("changed", second)}
    repository.git("reset", "-q", "--hard", first)
    polling.poll(layout, settings, everything=True)
    assert events(layout) == {"one": ("changed", first)}


def test_what_a_run_has_seen_already_is_no_event(
    settings: Settings, layout: Layout, registry: Registry, repository: GitRepository
) -> None:
    commit = repository.commit({"a": "1"})
    registry.add(str(repository.path), name="one")
    observe(layout, "one", Observation(commit, commit, 1.0))
    polling.poll(layout, settings)
    assert events(layout) == {}
    assert load_heads(layout)["one"].heads == {"one": commit}


def test_patterns_of_refs_become_partitions_and_leave_again(
    settings: Settings, layout: Layout, registry: Registry, repository: GitRepository
) -> None:
    commit = repository.commit({"a": "1"})
    for name in ("release/1", "release/2", "topic"):
        repository.git("branch", name)
    registry.add(repository.path.as_uri(), name="one", refs=("main", "release/*"))
    polling.poll(layout, settings)
    assert set(events(layout)) == {"one", "one@release/1", "one@release/2"}
    repository.git("branch", "-D", "release/1")
    repository.git("branch", "release/3")
    polling.poll(layout, settings, everything=True)
    assert events(layout) == {"one@release/1": ("retired", ""), "one@release/3": ("changed", commit)}


def test_a_broken_repository_is_told_waits_longer_and_stops_nobody(
    settings: Settings, layout: Layout, registry: Registry, repository: GitRepository
) -> None:
    repository.commit({"a": "1"})
    registry.add("file:///nowhere/at/all", name="broken")
    registry.add(str(repository.path), name="fine")
    report = polling.poll(layout, settings)
    assert set(report.failed) == {"broken"}
    assert set(events(layout)) == {"fine"}
    waits = []
    for _ in range(3):
        polling.poll(layout, settings, everything=True)
        polled = load_heads(layout)["broken"]
        waits.append(polled.next_at - polled.polled_at)
    assert waits[0] < waits[1] < waits[2]
    assert load_heads(layout)["broken"].failures == 4
    assert load_heads(layout)["fine"].failures == 0


def test_entries_taken_out_are_retired_but_not_all_at_once(
    settings: Settings, layout: Layout, registry: Registry, tmp_path: Path
) -> None:
    names = [f"r{n}" for n in range(8)]
    for name in names:
        GitRepository(tmp_path / name).commit({"a": "1"})
        registry.add(str(tmp_path / name), name=name)
    polling.poll(layout, settings)
    events(layout)
    registry.remove("r0")
    polling.poll(layout, settings)
    assert events(layout) == {"r0": ("retired", "")}
    settings.registry_file.write_text("")
    report = polling.poll(layout, settings)
    assert len(report.kept_back) == 7
    assert events(layout) == {}
    settings.registry_file.unlink()
    with pytest.raises(ConfigurationError, match="is gone"):
        polling.poll(layout, settings)
    assert events(layout) == {}


def test_a_repository_asked_for_is_polled_out_of_turn(
    settings: Settings, layout: Layout, registry: Registry, repository: GitRepository
) -> None:
    repository.commit({"a": "1"})
    registry.add(str(repository.path), name="one")
    polling.poll(layout, settings)
    events(layout)
    commit = repository.commit({"a": "2"})
    Inbox(layout).ask_for_poll("one")
    Inbox(layout).ask_for_poll("not registered")
    assert polling.poll(layout, settings).asked == 1
    assert events(layout) == {"one": ("changed", commit)}
    assert Inbox(layout).asked_for() == {}


def test_two_pollers_do_not_work_at_once(settings: Settings, layout: Layout) -> None:
    with layout.lock(polling.LOCK):
        assert polling.poller_runs(layout)
        with pytest.raises(LockedError):
            polling.poll(layout, settings)
    assert not polling.poller_runs(layout)


def test_hosts_are_asked_by_few_at_a_time_and_so_often_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("code_index_assets.triggers.polling.time.sleep", slept.append)
    monkeypatch.setattr("code_index_assets.triggers.polling.time.monotonic", lambda: 1000.0)
    host = polling._Host(2, 60)
    for _ in range(10):
        with host:
            pass
    assert slept == [0.0] * 6 + [1.0, 2.0, 3.0, 4.0]
    with host, host:
        assert not host._slots.acquire(blocking=False)


def test_the_inbox_keeps_an_event_once_and_puts_aside_what_it_cannot_read(layout: Layout) -> None:
    inbox = Inbox(layout)
    event = Event("one", "changed", "webhook", "d1", 5.0, "c1")
    inbox.put(event)
    inbox.put(event)
    (inbox.new / "bad.json").write_text("{")
    found, names = inbox.pending(10)
    assert found == [event]
    assert inbox.unreadable() == 1
    inbox.remove(names)
    assert inbox.pending(10) == ([], [])
    assert not inbox.seen("d1")
    inbox.remember("d1")
    assert inbox.seen("d1")
    assert (inbox.forget_old(), inbox.forget_old(-1), inbox.seen("d1")) == (0, 1, False)


def test_the_last_event_of_a_partition_counts_with_a_webhooks_haste() -> None:
    early = Event("one", "changed", "webhook", "a", 1.0, "c1")
    late = Event("one", "changed", "poll", "b", 2.0, "c2")
    gone = Event("two", "retired", "registry", "c", 3.0)
    back = Event("two", "changed", "registry", "d", 4.0, "c3")
    chosen = latest([back, late, gone, early])
    assert (chosen["one"].commit, chosen["one"].cause) == ("c2", "webhook")
    assert chosen["two"] == back
