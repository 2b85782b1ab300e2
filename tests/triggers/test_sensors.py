"""Sensors and schedules, called with a context: which runs they ask for."""

from __future__ import annotations

import contextvars
import time
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from chains import DagsterChain, GitRepository, failure
from chains import RecordedChain as Chain

from code_index_assets.assets.failed import no_failed_repositories
from code_index_assets.assets.partitions import REPOSITORIES
from code_index_assets.records.failures import failed_partitions
from code_index_assets.triggers.due import due_partitions
from code_index_assets.triggers.inbox import Event, Inbox
from code_index_assets.triggers.polling import poll
from resources.code_index import CodeIndexResource
from schedules import sensors
from schedules.jobs import retire_repository
from schedules.nightly import nightly_rebuild


@pytest.fixture
def chain(recorded_chain: Chain) -> Chain:
    return recorded_chain


def resource(chain: Chain) -> CodeIndexResource:
    return CodeIndexResource(overrides={"data": str(chain.data), "model": "test", **chain.options})


def tick(chain: Chain, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=chain.instance, cursor=cursor, resources={"code_index": resource(chain)})
    result = sensors.inbox_events(context)
    assert isinstance(result, dg.SensorResult)
    return result


def runs_of(result: dg.SensorResult) -> list[dg.RunRequest]:
    return list(result.run_requests or [])


def failures_check(chain: Chain) -> dg.AssetCheckResult:
    result = no_failed_repositories(code_index=resource(chain))
    assert isinstance(result, dg.AssetCheckResult)
    return result


def put(chain: Chain, key: str, commit: str, delivery: str, cause: Any = "poll", kind: Any = "changed") -> None:
    Inbox(chain.layout).put(Event(key, kind, cause, delivery, time.time(), commit))


def test_events_become_runs_once_and_leave_when_the_cursor_is_kept(chain: Chain) -> None:
    put(chain, "new/one", "c1", "d1")
    put(chain, "new/one", "c2", "d2")
    first = tick(chain)
    assert [(r.partition_key, r.tags["dagster/priority"]) for r in runs_of(first)] == [("new/one", "20")]
    assert "@c2#" in str(runs_of(first)[0].run_key)
    assert (first.dynamic_partitions_requests or [])[0].partition_keys == ["new/one"]
    # A daemon killed here evaluates again: the same run key, which Dagster drops.
    assert runs_of(tick(chain))[0].run_key == runs_of(first)[0].run_key
    after = tick(chain, first.cursor)
    assert not after.run_requests
    assert Inbox(chain.layout).pending(10) == ([], [])


def test_a_push_back_to_a_commit_seen_before_runs_again(chain: Chain) -> None:
    keys = []
    cursor = None
    for delivery, commit in (("d1", "c1"), ("d2", "c2"), ("d3", "c1")):
        put(chain, "one", commit, delivery)
        result = tick(chain, cursor)
        keys.append(runs_of(result)[0].run_key)
        cursor = result.cursor
    assert len(set(keys)) == 3


def test_a_run_that_waits_is_enough(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    queued = [SimpleNamespace(tags={"dagster/partition": "one", "dagster/priority": "20"})]
    monkeypatch.setattr(type(chain.instance), "get_runs", lambda self, filters: queued)
    put(chain, "one", "c1", "d1", "poll")
    put(chain, "two", "c1", "d2", "poll")
    assert [r.partition_key for r in runs_of(tick(chain))] == ["two"]
    put(chain, "one", "c2", "d3", "webhook")  # more urgent than what waits
    assert {r.partition_key for r in runs_of(tick(chain))} == {"one", "two"}


def test_a_tick_takes_so_many_and_leaves_the_rest(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors, "PARTITIONS_A_TICK", 3)
    for number in range(7):
        put(chain, f"r{number}", "c", f"d{number}")
    seen: list[str] = []
    cursor = None
    for _ in range(4):
        result = tick(chain, cursor)
        seen += [str(request.partition_key) for request in runs_of(result)]
        cursor = result.cursor
    assert sorted(seen) == [f"r{number}" for number in range(7)]


def test_retiring_takes_a_partition_out_of_every_store(chain: Chain, repository: GitRepository) -> None:
    repository.commit({"a.py": "x = 1\n"})
    chain.register(repository.path.as_uri(), "one")
    chain.index("one")
    poll(chain.layout, chain.settings)
    chain.registry.remove("one")
    poll(chain.layout, chain.settings)
    request = runs_of(tick(chain))[0]
    assert request.job_name == "retire_repository"
    result = retire_repository.execute_in_process(
        run_config=request.run_config, instance=chain.instance, resources={"code_index": resource(chain)}
    )
    assert result.success
    assert not chain.instance.has_dynamic_partition(REPOSITORIES, "one")
    assert "one" not in chain.snapshot().receipts
    assert not chain.layout.mirror("one").exists()
    assert chain.store.current("chunks", "one") is None


def test_a_repository_back_in_the_registry_is_not_retired(chain: Chain, repository: GitRepository) -> None:
    repository.commit({"a.py": "x = 1\n"})
    chain.register(repository.path.as_uri(), "one")
    chain.index("one")
    config = {"ops": {"retire": {"config": {"key": "one"}}}}
    retire_repository.execute_in_process(
        run_config=config, instance=chain.instance, resources={"code_index": resource(chain)}
    )
    assert "one" in chain.snapshot().receipts


def test_a_poller_is_started_apart_and_one_at_a_time(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    alive = SimpleNamespace(poll=lambda: None)

    def start(*arguments: object) -> SimpleNamespace:
        started.append(arguments)
        return alive

    monkeypatch.setattr(sensors, "start_poller", start)
    monkeypatch.setattr(sensors, "_pollers", [])

    def polls(cursor: str | None) -> str | None:
        context = dg.build_sensor_context(cursor=cursor, resources={"code_index": resource(chain)})
        sensors.repository_polls(context)
        return context.cursor

    cursor = polls(None)
    assert len(started) == 1
    Inbox(chain.layout).ask_for_poll("one")
    assert polls(cursor) == cursor  # one is at work
    sensors._pollers.clear()
    polls(cursor)
    assert len(started) == 2
    Inbox(chain.layout).asked_for()["one"].unlink()
    sensors._pollers.clear()
    polls(str(time.time()))
    assert len(started) == 2


def test_a_started_poller_polls(chain: Chain, repository: GitRepository) -> None:
    commit = repository.commit({"a.py": "x = 1\n"})
    chain.register(str(repository.path), "one")
    process = sensors.start_poller(chain.data, chain.layout.root / "poller.log")
    assert process.wait(timeout=120) == 0, (chain.layout.root / "poller.log").read_text()
    events, _ = Inbox(chain.layout).pending(10)
    assert [(event.key, event.commit) for event in events] == [("one", commit)]


def nightly(chain: Chain) -> Any:
    """The schedule's answer, in a context of its own: Dagster's leaves a variable behind that names a dead instance."""
    return contextvars.copy_context().run(_nightly, chain)


def _nightly(chain: Chain) -> Any:
    context = dg.build_schedule_context(
        instance=chain.instance,
        scheduled_execution_time=datetime(2030, 1, 1),
        resources={"code_index": resource(chain)},
    )
    return nightly_rebuild(context)


def reasons(chain: Chain) -> dict[str, str]:
    return {due.key: due.reason for due in due_partitions(chain.layout, chain.settings)}


def test_nothing_due_runs_nothing_and_each_reason_makes_due(chain: Chain, repository: GitRepository) -> None:
    repository.commit({"a.py": "x = 1\n"})
    chain.register(repository.path.as_uri(), "one")
    assert reasons(chain) == {"one": "not published"}
    chain.index("one")
    poll(chain.layout, chain.settings, everything=True)
    assert reasons(chain) == {}
    assert isinstance(nightly(chain), dg.SkipReason)

    repository.commit({"a.py": "x = 2\n"})
    assert reasons(chain) == {}  # nobody has looked yet
    poll(chain.layout, chain.settings, everything=True)
    assert reasons(chain) == {"one": "head moved"}
    assert [request.partition_key for request in nightly(chain)] == ["one"]
    chain.index("one")
    assert reasons(chain) == {}

    for option, value in (("chunk_max_chars", "900"), ("max_file_bytes", "4000"), ("plausibility", "block")):
        other = chain.settings.model_copy(update={option: type(getattr(chain.settings, option))(value)})
        changed = {due.key: due.reason for due in due_partitions(chain.layout, other)}
        assert changed == {"one": "rules, parser, model or checks changed"}, option


def test_a_failed_run_is_listed_due_and_cleared_by_a_good_one(chain: Chain, repository: GitRepository) -> None:
    repository.commit({"a.py": "x = 1\n"})
    chain.register(str(repository.path), "one")
    chain.index("one")
    moved = repository.path.rename(repository.path.with_name("away"))
    result = chain.run("one")
    assert not result.success, failure(result)
    chain.run("one")
    [failed] = failed_partitions(chain.layout)
    assert (failed.key, failed.asset, failed.kind, failed.times) == ("one", "repository", "SourceError", 2)
    assert reasons(chain) == {"one": "last run failed: SourceError"}
    check = failures_check(chain)
    assert not check.passed
    assert "one" in str(check.metadata["what"].value)
    moved.rename(repository.path)
    chain.index("one")
    assert failed_partitions(chain.layout) == []
    assert failures_check(chain).passed


def test_what_was_rolled_back_is_not_brought_forward_by_night(chain: Chain, repository: GitRepository) -> None:
    from dataclasses import replace

    from code_index_assets.index.manifest import PublicationStore

    repository.commit({"a.py": "x = 1\n"})
    chain.register(str(repository.path), "one")
    chain.index("one")
    good = chain.snapshot().receipts["one"]
    repository.commit({"a.py": "x = 2\n"})
    chain.index("one")
    poll(chain.layout, chain.settings, everything=True)
    store = PublicationStore(chain.layout, chain.snapshot().space)
    base = store.current()
    assert base is not None
    back = replace(store.successor(base, base.dimension), receipts={"one": replace(good, rolled_back=True)})
    assert store.move(base, back)
    assert reasons(chain) == {}
    repository.commit({"a.py": "x = 3\n"})
    poll(chain.layout, chain.settings, everything=True)
    assert reasons(chain) == {"one": "head moved"}


def test_failures_that_may_pass_are_tried_three_times_and_others_once(
    dagster_chain: DagsterChain, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    from code_index_assets.errors import SourceError, SourceUnavailableError
    from code_index_assets.sources.git import source as git

    chain = dagster_chain
    repository.commit({"a.py": "x = 1\n"})
    chain.register(repository.path.as_uri(), "one")
    tries: list[type[Exception]] = []

    def failing(kind: type[SourceError]) -> Any:
        def refs(url: str, timeout: float, pinned: object = None) -> None:
            tries.append(kind)
            raise kind("no")

        return refs

    monkeypatch.setattr(dg.RetryPolicy, "calculate_delay", lambda self, attempt: 0)
    monkeypatch.setattr(git, "remote_refs", failing(SourceError))
    assert not chain.run("one").success
    assert len(tries) == 1
    tries.clear()
    monkeypatch.setattr(git, "remote_refs", failing(SourceUnavailableError))
    assert not chain.run("one").success
    assert len(tries) == 3
