"""Run workers through the front doors: a real keeper, a real worker, real sockets, one worker for all tests of the file.

A test that needs a run to last holds the lock of its partition: the run waits for it, in its first step.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from chains import GitRepository
from dagster._core.launcher.base import LaunchRunContext, WorkerStatus

from code_index_assets.assets.instance import open_instance
from code_index_assets.cli.main import main
from code_index_assets.index.published import PublishedIndex
from code_index_assets.records.failures import failed_partitions
from code_index_assets.serve.webhooks import WebhookReceiver
from code_index_assets.settings import Settings, load_settings
from code_index_assets.storage.layout import Layout
from code_index_assets.triggers.inbox import Event, Inbox
from code_index_assets.workers import client, place
from code_index_assets.workers.launcher import WarmRunLauncher
from code_index_assets.workers.start import start_keeper

SECRET = "it's a secret"
PATIENCE = 90.0


class Served:
    """A data folder with a keeper and its worker."""

    def __init__(self, home: Path) -> None:
        self.repository = GitRepository(home / "shop")
        self.repository.commit({"a.py": "def one(order):\n    return order\n"})
        self.data = home / "data"
        self.layout = Layout(self.data).create()

    @property
    def settings(self) -> Settings:
        return load_settings()

    def workers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.status(self.layout).get("workers", [])
        return found

    def free(self) -> int:
        """The process of the worker, when it has nothing to do."""
        return int(until(lambda: [w for w in self.workers() if w["doing"] == "free" and not w["ending"]])[0]["pid"])

    def commit_of(self, key: str) -> str:
        published = PublishedIndex(self.layout)
        return published.receipts[key].commit if key in published.receipts else ""


def until(found: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Waits until something is there; the tests' deadline, not a measurement."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return value


@contextlib.contextmanager
def environment(data: Path) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update({"CODE_INDEX_DATA": str(data), "CODE_INDEX_MODEL": "test"})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    # A path that is longer than a socket's address may be.
    served = Served(tmp_path_factory.mktemp("a-folder-with-a-name-of-some-length-" + "x" * 80))
    with environment(served.data):
        os.environ["CODE_INDEX_RUN_WORKER_PATIENCE_SECONDS"] = "3600"  # no second worker: the machine may be slow
        lease = start_keeper(served.layout, 1)
        assert lease is not None
        served.free()
    yield served
    os.close(lease)
    until(lambda: place.connect(served.layout, 1.0) is None)


@pytest.fixture
def served(kept: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setenv("CODE_INDEX_DATA", str(kept.data))
    monkeypatch.setenv("CODE_INDEX_MODEL", "test")
    return kept


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["code-index", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(str(ended.value.code)), out, err

    return command


def index_process(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "code_index_assets.cli.main", "index", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_index_hands_its_run_over_and_says_the_same(served: Served, run: Any) -> None:
    pid = served.free()
    code, out, err = run("index", str(served.repository.path))
    assert code == 0, out + err
    assert f"done by a run worker (process {pid})" in out, err
    assert "shop is searchable at" in out and f"done by a run worker (process {pid})" in out
    assert "shop file_hashes: begins" in err  # its progress comes over
    code, out, _ = run("index", "shop", "--json", "--quiet")
    told = json.loads(out)
    assert code == 0 and told["run_worker"] is True
    assert [step["outcome"] for step in told["runs"][0]["steps"]][-1] == "reused"
    assert served.free() == pid
    # The catalogue follows the run.
    until(lambda: (served.data / "catalog.duckdb").exists())


def test_a_failed_run_has_the_exit_code_and_words_it_has_without_a_worker(served: Served, run: Any) -> None:
    gone = GitRepository(served.repository.path.parent / "gone")
    gone.commit({"a.py": "x = 1\n"})
    assert run("add", str(gone.path))[0] == 0
    shutil.rmtree(gone.path)
    served.free()
    with_worker = run("index", "gone", "--quiet", "--json")
    os.environ["CODE_INDEX_USE_SERVER"] = "false"
    alone = run("index", "gone", "--quiet", "--json")
    told = [json.loads(out)["runs"][0] for _, out, _ in (with_worker, alone)]
    assert (with_worker[0], alone[0]) == (4, 4)
    assert told[0]["error"] == told[1]["error"] and told[0]["error_type"] == told[1]["error_type"]
    assert [json.loads(out)["run_worker"] for _, out, _ in (with_worker, alone)] == [True, False]
    run("remove", "gone", "--yes")


def test_other_settings_keep_a_run_away_and_are_named(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.free()
    said: list[str] = []
    monkeypatch.setenv("CODE_INDEX_MAX_FILE_BYTES", "1000")
    monkeypatch.setenv("CODE_INDEX_PORT", "1")  # no run reads it
    assert client.index(served.settings, served.layout, ["shop"], said.append, said.append) is None
    assert said == ["the run workers have other values of CODE_INDEX_MAX_FILE_BYTES"]
    monkeypatch.setenv("CODE_INDEX_GIT_TOKEN_EXAMPLE", "t")
    assert "CODE_INDEX_GIT_TOKEN_EXAMPLE" in client.launch(served.settings, served.layout, "r")["refused"]
    monkeypatch.setenv("CODE_INDEX_USE_SERVER", "false")
    assert client.index(served.settings, served.layout, ["shop"], said.append, said.append) is None
    assert len(said) == 1


def test_only_the_owner_reaches_the_socket(served: Served) -> None:
    path = place.socket_of(served.layout)
    assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
    assert len(str(path)) < 108  # a longer address is refused by the system
    shutil.copytree(served.data, served.data.parent / "copied")  # fails at a socket


def test_a_folder_that_others_can_write_to_is_no_place_for_it(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(place, "ADDRESS_BYTES", 10_000)  # the path of a test is longer than an address may be
    shared = place.socket_of(served.layout).parent
    shared.mkdir()
    shared.chmod(0o777)
    assert place.connect(served.layout, 1.0) is None
    with pytest.raises(PermissionError, match="not a folder of this user alone"):
        place.listen(served.layout)


def test_a_push_is_searchable_without_a_daemon(served: Served, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODE_INDEX_WEBHOOK_GITHUB_SECRET", SECRET)
    pushed = GitRepository(served.repository.path.parent / "pushed")
    pushed.commit({"a.py": "x = 1\n"})
    url = f"file://{pushed.path}"
    assert run("add", url, "--name", "pushed")[0] == 0
    commit = pushed.commit({"b.py": "def arrived():\n    return 2\n"})
    payload = {"ref": "refs/heads/main", "after": commit, "repository": {"clone_url": url, "default_branch": "main"}}
    body = json.dumps(payload).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-github-event": "push", "x-github-delivery": "d1", "x-hub-signature-256": signature}
    served.free()
    assert WebhookReceiver(served.settings, served.layout).take("github", headers, body) == "accepted"
    until(lambda: served.commit_of("pushed") == commit)
    served.free()
    assert Inbox(served.layout).pending(10) == ([], []) and not Inbox(served.layout).waiting()
    with open_instance(served.layout) as instance:
        (done,) = instance.get_runs(dg.RunsFilter(tags={"dagster/partition": "pushed"}))
        # By this key Dagster's sensor knows that the event has its run.
        assert (
            done.tags["dagster/sensor_name"] == "inbox_events" and f"pushed@{commit}#" in done.tags["dagster/run_key"]
        )
        assert done.tags["dagster/priority"] == "30"


def launched(instance: dg.DagsterInstance, served: Served, key: str) -> str:
    """A run as Dagster's queue launches it."""
    from dagster._core.code_pointer import ModuleCodePointer
    from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin

    from code_index_assets.assets.partitions import add_partitions
    from code_index_assets.code_location import build_defs
    from code_index_assets.workers.in_process import origin_of

    add_partitions(instance, [key])
    pointer = ModuleCodePointer("code_index_assets.definitions", "defs")
    origin = JobPythonOrigin("index_repository", RepositoryPythonOrigin(sys.executable, pointer))
    run = instance.create_run_for_job(
        build_defs().resolve_job_def("index_repository"), tags={"dagster/partition": key},
        status=dg.DagsterRunStatus.STARTING, job_code_origin=origin, remote_job_origin=origin_of("index_repository"),
    )  # fmt: skip
    launcher = instance.run_launcher
    assert isinstance(launcher, WarmRunLauncher)
    launcher.launch_run(LaunchRunContext(run, None))
    return run.run_id


def found(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run


def test_dagsters_runs_go_to_the_worker_and_can_be_ended(served: Served) -> None:
    served.free()
    with open_instance(served.layout) as instance:
        run_id = launched(instance, served, "shop")
        until(lambda: found(instance, run_id).is_finished)
        assert found(instance, run_id).status == dg.DagsterRunStatus.SUCCESS
        said = [entry.message for entry in instance.all_logs(run_id)]
        assert any("Handed to a run worker" in line for line in said)

        with served.layout.lock("partition-shop"):
            run_id, behind = launched(instance, served, "shop"), launched(instance, served, "shop")
            until(lambda: client.find(served.layout, run_id) == "running")
            assert client.find(served.layout, behind) == "waiting"
            for one in (run_id, behind):
                health = instance.run_launcher.check_run_worker_health(found(instance, one))
                assert health.status == WorkerStatus.RUNNING
                assert instance.run_launcher.terminate(one)
            until(lambda: found(instance, run_id).is_finished)
        statuses = {found(instance, one).status for one in (run_id, behind)}
        assert statuses == {dg.DagsterRunStatus.CANCELED}
    # An interrupted process is not given another run.
    served.free()


def test_a_second_client_waits_in_line_and_ctrl_c_ends_only_its_own_run(served: Served) -> None:
    pid = served.free()
    with served.layout.lock("partition-shop"):
        first = index_process("shop", "--json")
        until(lambda: [w for w in served.workers() if w["doing"] == "index"])
        said: list[str] = []

        def second() -> None:
            client.index(load_settings(), served.layout, ["pushed"], said.append)

        waiting = threading.Thread(target=second)
        waiting.start()
        until(lambda: "waits for a run worker: 1 run before this one" in said)
        first.send_signal(signal.SIGINT)
        out, err = first.communicate(timeout=PATIENCE)
    assert first.returncode == 130 and json.loads(out)["outcome"] == "stopped", err
    waiting.join(PATIENCE)
    assert not waiting.is_alive() and any("publish" in line or "begins" in line for line in said)
    assert served.free() != pid


def test_a_killed_worker_fails_its_run_alone(served: Served) -> None:
    pid = served.free()
    with served.layout.lock("partition-shop"):
        asked = index_process("shop", "--json")
        until(lambda: [w for w in served.workers() if w["doing"] == "index"])
        # A push waits behind.
        Inbox(served.layout).put(Event("pushed", "changed", "webhook", "d2", time.time()))
        assert client.nudge(load_settings(), served.layout)
        os.kill(pid, signal.SIGKILL)
        out, err = asked.communicate(timeout=PATIENCE)
    told = json.loads(out)
    assert asked.returncode == 5 and told["error"]["type"] == "RunWorkerError", out + err
    assert str(pid) in told["error"]["message"] and told["error"]["retryable"]
    until(lambda: not Inbox(served.layout).waiting())
    assert "pushed" not in {failed.key for failed in failed_partitions(served.layout)}
    with open_instance(served.layout) as instance:
        assert not instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    served.free()


@pytest.mark.slow
def test_a_launched_run_of_a_killed_worker_is_recorded_so_that_dagster_runs_it_again(served: Served) -> None:
    pid = served.free()
    with served.layout.lock("partition-shop"), open_instance(served.layout) as instance:
        run_id = launched(instance, served, "shop")
        until(lambda: client.find(served.layout, run_id) == "running")
        os.kill(pid, signal.SIGKILL)
        until(lambda: found(instance, run_id).is_finished)
        # Not a failed step, which Dagster would not run again.
        assert found(instance, run_id).tags.get("dagster/failure_reason") != "STEP_FAILURE"
        assert found(instance, run_id).status == dg.DagsterRunStatus.FAILURE


def test_what_a_killed_worker_claimed_is_given_back_and_given_up_the_second_time(tmp_path: Path) -> None:
    inbox = Inbox(Layout(tmp_path / "data").create())
    inbox.put(Event("one", "changed", "webhook", "d1", 1.0))
    for attempt in range(2):
        claim = inbox.claim()
        assert claim is not None and claim.event.attempts == attempt
        assert inbox.claim() is None and inbox.waiting() == {"one"}  # taken, and not forgotten
        assert inbox.give_back() == []  # this process lives
        claim.files[0].rename(inbox.claimed / f"1-0~{claim.event.name}")  # no process is of this name
        given_up = inbox.give_back()
    assert [event.key for event in given_up] == ["one"] and not inbox.waiting()


def test_the_sensor_and_a_worker_never_take_the_same_event(tmp_path: Path) -> None:
    inbox = Inbox(Layout(tmp_path / "data").create())
    for key, delivery in (("one", "d1"), ("two", "d2"), ("one", "d3")):
        inbox.put(Event(key, "changed", "webhook", delivery, float(delivery[1])))
    events, names = inbox.pending(10)
    claim = inbox.claim()  # after the sensor has looked, before it has taken
    assert claim is not None and (claim.event.key, len(claim.files)) == ("one", 2)
    taken = inbox.request(names)
    assert {event.key for event in events if event.name in taken} == {"two"}
    assert inbox.claim() is None
    inbox.put(Event("one", "changed", "webhook", "d4", 4.0))
    assert inbox.claim() is None  # its partition is at work
    inbox.release(claim)
    assert inbox.claim() is not None
