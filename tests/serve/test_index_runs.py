"""Index runs in processes of their own, with a small program in the place of the command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from code_index_assets.errors import LockedError, QueryError
from code_index_assets.serve.index_runs import AT_A_TIME, STAGES, IndexRun, IndexRuns, done_of
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

PROGRAM = """
import json, os, pathlib, sys, time
wait, outcome = pathlib.Path(sys.argv[1]), sys.argv[2]
print("  chunks: parse 10/20 files", file=sys.stderr, flush=True)
while wait.exists():
    time.sleep(0.01)
if outcome == "error":
    sys.exit("error: there is no commit\\n  \\u2192 commit something")
if outcome == "json":
    print(json.dumps({"error": {"message": "there is no commit", "remedy": "commit something"}}))
    sys.exit(4)
if outcome == "silent":
    os._exit(9)
step = {"asset": "chunks", "outcome": "built", "info": {"chunks": 7, "new": 3, "mode": os.environ.get("MODE")}}
run = {"key": "acme/x", "success": outcome == "good", "error": "" if outcome == "good" else "GateRefusedError: no", "steps": [step]}
print(json.dumps({"runs": [run]}))
"""


@pytest.fixture
def runs(tmp_path: Path) -> IndexRuns:
    layout = Layout(tmp_path / "data").create()
    return IndexRuns(layout, Settings.model_validate({"data": layout.root}), (sys.executable, "-c", PROGRAM))


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """Runs work as long as this file is there."""
    gate = tmp_path / "gate"
    gate.touch()
    yield gate
    gate.unlink(missing_ok=True)


def ended(runs: IndexRuns, handle: str) -> IndexRun:
    deadline = time.monotonic() + 120
    while (run := runs.get(handle)).state == "running":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return run


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_run_tells_how_it_goes_and_how_it_ended(runs: IndexRuns, gate: Path, tmp_path: Path) -> None:
    run = runs.start(tmp_path, [str(gate), "good"], {"MODE": "pipeline"})
    assert run.state == "running" and run.directory == str(tmp_path)
    until(lambda: runs.get(run.handle).progress == "chunks: parse 10/20 files")
    gate.unlink()
    done = ended(runs, run.handle)
    assert (done.state, done.key, done.error) == ("succeeded", "acme/x", "")
    assert done.info("chunks") == {"chunks": 7, "new": 3, "mode": "pipeline", "outcome": "built"}


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        ("json", "there is no commit\n→ commit something"),
        ("error", "there is no commit\n→ commit something"),
        ("silent", "the process ended without a report: chunks: parse 10/20 files"),
        ("bad", "GateRefusedError: no"),
    ],
)
def test_failures_say_why(runs: IndexRuns, tmp_path: Path, outcome: str, error: str) -> None:
    run = ended(runs, runs.start(tmp_path, [str(tmp_path / "no gate"), outcome], {}).handle)
    assert (run.state, run.error) == ("failed", error)


def test_a_call_while_a_run_is_at_work_is_answered_by_one_that_begins_after_it(
    runs: IndexRuns, gate: Path, tmp_path: Path
) -> None:
    """An edit made while a run is at work used to be answered with that run: it was never indexed."""
    first = runs.start(tmp_path, [str(gate), "good"], {})
    until(lambda: runs.get(first.handle).progress != "starting")
    second = runs.start(tmp_path, [str(gate), "good"], {})
    assert second.handle != first.handle and second.waiting and second.state == "running"
    until(lambda: "waits for the run" in runs.get(second.handle).progress)
    assert runs.start(tmp_path, [str(gate), "good"], {}).handle == second.handle
    gate.unlink()
    assert ended(runs, first.handle).state == "succeeded"
    done = ended(runs, second.handle)
    assert (done.state, done.waiting) == ("succeeded", False)


def test_a_run_that_waits_goes_on_when_the_one_before_is_killed(runs: IndexRuns, gate: Path, tmp_path: Path) -> None:
    first = runs.start(tmp_path, [str(gate), "good"], {})
    second = runs.start(tmp_path, [str(tmp_path / "no gate"), "good"], {})
    os.killpg(next(pid for pid in _pids(first.handle, runs)), signal.SIGKILL)
    assert ended(runs, second.handle).state == "succeeded"


def _pids(handle: str, runs: IndexRuns) -> Iterator[int]:
    lock = str(runs.home / handle / "lock")
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            if int(folder.parts[2]) != os.getpid() and any(os.readlink(fd) == lock for fd in folder.iterdir()):
                yield int(folder.parts[2])
        except OSError:
            continue


def test_one_run_a_folder_and_a_few_in_all(runs: IndexRuns, gate: Path, tmp_path: Path) -> None:
    first = runs.start(tmp_path, [str(gate), "good"], {})
    for number in range(AT_A_TIME - 1):
        runs.start(tmp_path / str(number), [str(gate), "good"], {})
    with pytest.raises(LockedError, match="at work already"):
        runs.start(tmp_path / "more", [str(gate), "good"], {})
    gate.unlink()
    for run in runs.all():
        assert ended(runs, run.handle).state == "succeeded"
    assert runs.start(tmp_path, [str(gate), "good"], {}).handle != first.handle


def test_a_run_outlives_who_started_it_and_a_killed_one_has_failed(runs: IndexRuns, gate: Path, tmp_path: Path) -> None:
    starter = (
        "import sys; from pathlib import Path\n"
        "from code_index_assets.storage.layout import Layout; from code_index_assets.settings import Settings\n"
        "from code_index_assets.serve.index_runs import IndexRuns\n"
        f"runs = IndexRuns(Layout(Path({str(runs.layout.root)!r})), Settings(), {runs.command!r})\n"
        f"print(runs.start(Path({str(tmp_path)!r}), [{str(gate)!r}, 'good'], {{}}).handle)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "CODE_INDEX_DATA": str(runs.layout.root)}
    started = subprocess.run(
        [sys.executable, "-c", starter], env=environment, capture_output=True, check=True, text=True
    )
    handle = started.stdout.strip()
    assert runs.get(handle).state == "running"
    gate.unlink()
    assert ended(runs, handle).state == "succeeded"
    gate.touch()
    victim = runs.start(tmp_path, [str(gate), "good"], {})
    until(lambda: runs.get(victim.handle).progress != "starting")
    (pid,) = [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and _has(folder, str(gate).encode(), PROGRAM.encode())
    ]
    os.kill(pid, signal.SIGKILL)
    assert ended(runs, victim.handle).state == "failed"


def _has(folder: Path, *pieces: bytes) -> bool:
    try:
        line = (folder / "cmdline").read_bytes()
    except OSError:
        return False
    return all(piece in line for piece in pieces)


@pytest.mark.parametrize("handle", ["", "..", "../index", "run-0000000000-00000000", "run-1-x/../..", "x" * 1000])
def test_what_is_no_handle_is_refused(runs: IndexRuns, handle: str) -> None:
    with pytest.raises(QueryError, match="no run"):
        runs.get(handle)


def test_nothing_of_the_checkout_is_imported(tmp_path: Path) -> None:
    """The program that indexes does not look for modules in the working folder, which may be the checkout."""
    from code_index_assets.serve.index_runs import COMMAND

    (tmp_path / "click.py").write_text("raise SystemExit('code of the checkout was run')\n")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "CODE_INDEX_DATA": str(tmp_path / "data")}
    done = subprocess.run([*COMMAND, "/nope"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "code of the checkout" not in done.stderr and "there is no folder /nope" in done.stdout


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"directory": "/x"}', b'{"directory": 1, "started_at": "x"}', b"\xff"]
)
def test_one_damaged_request_stops_no_other_run(runs: IndexRuns, tmp_path: Path, content: bytes) -> None:
    good = ended(runs, runs.start(tmp_path, [str(tmp_path / "no gate"), "good"], {}).handle)
    bad = ended(runs, runs.start(tmp_path, [str(tmp_path / "no gate"), "silent"], {}).handle)
    (runs.home / bad.handle / "request.json").write_bytes(content)
    told = {run.handle: run for run in runs.all()}
    assert told[good.handle].state == "succeeded"
    assert told[bad.handle].state == "failed" and "request.json is damaged" in told[bad.handle].error
    assert runs.start(tmp_path, [str(tmp_path / "no gate"), "good"], {}).handle not in told


def test_how_far_a_run_is() -> None:
    lines = [
        "data folder /x",
        "loading Dagster",
        "acme/x repository: begins",
        "acme/x chunks: begins",
        "acme/x chunks: parse 600/1,200 files, 812/s, 1 s left",
        "acme/x embeddings: embed 100 chunks, 90/s",
        "catalog: build",
    ]
    shares = [done_of(lines[: number + 1]) * STAGES for number in range(len(lines))]
    assert shares == [0, 0, 1, 3, 3.5, 4, 7]
