"""Runs of `code-index index` on local folders, each in a separate process, that MCP clients ask for.

What lives here: starting them, what they say while they work, how they ended. What does not: indexing (the command
line), which folders a client may name (`serve/mcp/server.py`), events of registered repositories (`triggers/inbox.py`).

A run is a folder below `index_runs/`: its request, what the process prints, its progress. It outlives the process that
started it, and any server on the same data can tell how it goes: the process holds a lock as long as it lives.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import LockedError, QueryError
from ..settings import Settings
from ..storage.layout import Layout, write_atomically

RunState = Literal["running", "succeeded", "failed"]
AT_A_TIME = 4
KEPT_SECONDS = 7 * 86_400.0
# -P: the working folder may be the very checkout to index, and nothing of it may be imported.
COMMAND = (sys.executable, "-P", "-m", "code_index_assets.cli.main", "index", "--json")
AFTER = (sys.executable, "-P", "-m", "code_index_assets.serve.after_run")
_TAIL_BYTES = 16_384
_HANDLE = re.compile(r"run-[0-9]{10}-[0-9a-f]{8}")


@dataclass(frozen=True)
class IndexRun:
    """How a run goes. `report` is the JSON object of `code-index index --json`, {} until the run has ended."""

    handle: str
    state: RunState
    directory: str
    started_at: float
    seconds: float
    progress: str
    error: str = ""
    done: float = 0.0  # the share of the run's stages that has ended
    waiting: bool = False  # for the run on the same folder that began before
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str | None:
        """The partition that was indexed."""
        runs = _runs_of(self.report)
        key = runs[0].get("key") if runs else None
        return str(key) if key else None

    def info(self, asset: str) -> dict[str, Any]:
        """What the run's step of an asset said of itself."""
        for run in _runs_of(self.report):
            for step in run.get("steps") or []:
                if step.get("asset") == asset:
                    return dict(step.get("info") or {}) | {"outcome": step.get("outcome")}
        return {}


class IndexRuns:
    """The runs of one data folder."""

    def __init__(self, layout: Layout, settings: Settings, command: tuple[str, ...] = COMMAND) -> None:
        """`command` is the program that is run; its arguments follow."""
        self.layout, self.settings, self.command = layout, settings, command
        self.home = layout.root / "index_runs"
        self._starting = threading.Lock()

    def start(self, directory: Path, arguments: list[str], environment: dict[str, str]) -> IndexRun:
        """Starts `code-index index ARGUMENTS` for a folder: the run begins after this call and sees what is there now.

        While a run is at work on the folder, the new one waits for its end: the run at work may have read a file before
        it was edited. Several calls meanwhile share the one that waits. `environment` is added to this process's.
        Raises LockedError when enough runs are at work.
        """
        with self._starting, self.layout.lock("index-runs", timeout=30):
            self._remove_old()
            running = [run for run in self.all() if run.state == "running"]
            here = [run for run in running if run.directory == str(directory)]
            waiting = next((run for run in here if run.waiting), None)
            if waiting is not None:
                return waiting
            if not here and len([run for run in running if not run.waiting]) >= AT_A_TIME:
                raise LockedError(
                    f"{len(running)} index runs are at work already",
                    remedy="wait until one has ended (index_status tells), then ask again",
                )
            handle = f"run-{int(time.time()):010d}-{secrets.token_hex(4)}"
            folder = self.home / handle
            folder.mkdir(parents=True)
            request = {"directory": str(directory), "arguments": arguments, "started_at": time.time()}
            before = self.home / here[0].handle / "lock" if here else None
            self._spawn(folder, arguments, environment, before)
            # Last: a run without this file is not one yet.
            write_atomically(folder / "request.json", json.dumps(request).encode())
        return self.get(handle)

    def _spawn(self, folder: Path, arguments: list[str], environment: dict[str, str], before: Path | None) -> None:
        """Starts the process; with `before`, one that waits until that lock file is free."""
        command = [*self.command, *arguments]
        if before is not None:
            (folder / "waits").touch()
            command = [*AFTER, str(before), str(folder / "begun"), *command]
        package = str(Path(__file__).parents[2])
        known = os.environ.get("PYTHONPATH")
        inherited = os.environ | self._settings_environment() | environment
        inherited["PYTHONPATH"] = f"{package}{os.pathsep}{known}" if known else package
        with (
            (folder / "lock").open("w") as lock,
            (folder / "report.json").open("wb") as report,
            (folder / "progress.log").open("wb") as progress,
        ):
            fcntl.flock(lock, fcntl.LOCK_EX)
            # The child has the same open file: the lock is held until it ends, also when this process goes first.
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=report, stderr=progress, env=inherited,
                pass_fds=(lock.fileno(),), start_new_session=True,
            )  # fmt: skip
        threading.Thread(target=process.wait, name=folder.name, daemon=True).start()

    def _settings_environment(self) -> dict[str, str]:
        """The settings of this process that are not in its environment."""
        variables = {"CODE_INDEX_DATA": str(self.layout.root)}
        if self.settings.registry is not None:
            variables["CODE_INDEX_REGISTRY"] = str(self.settings.registry)
        if self.settings.model != "auto":
            variables["CODE_INDEX_MODEL"] = self.settings.model
        return variables

    def get(self, handle: str) -> IndexRun:
        """A run by its handle. Raises QueryError."""
        folder = self.home / handle
        if _HANDLE.fullmatch(handle) is None or not (folder / "request.json").exists():
            raise QueryError(
                f"there is no run {handle[:60]!r}", remedy="give the handle that index_codebase answered with"
            )
        return self._read(folder)

    def all(self) -> list[IndexRun]:
        """Kept runs, the newest first."""
        folders = sorted(self.home.glob("run-*"), reverse=True) if self.home.is_dir() else []
        return [self._read(folder) for folder in folders if (folder / "request.json").exists()]

    def _read(self, folder: Path) -> IndexRun:
        directory, started_at, damage = _request(folder)
        running = _is_held(folder / "lock")
        lines = _tail(folder / "progress.log")
        report: dict[str, Any] = {}
        ended_at = time.time()
        if not running:
            ended_at = _modified(folder / "report.json", folder / "progress.log") or ended_at
            report = _json(folder / "report.json")
        runs = _runs_of(report)
        ok = bool(runs) and all(run.get("success") for run in runs)
        return IndexRun(
            handle=folder.name,
            state="running" if running else "succeeded" if ok else "failed",
            directory=directory,
            started_at=started_at,
            seconds=max(ended_at - started_at, 0.0),
            progress=lines[-1] if lines else "starting",
            done=done_of(lines) if running else 1.0,
            error="" if running or ok else damage or _error(report, lines),
            waiting=running and (folder / "waits").exists() and not (folder / "begun").exists(),
            report=report,
        )

    def _remove_old(self) -> None:
        for folder in list(self.home.glob("run-*")) if self.home.is_dir() else []:
            begun = folder.name.split("-")[1]
            if begun.isdigit() and time.time() - int(begun) > KEPT_SECONDS and not _is_held(folder / "lock"):
                shutil.rmtree(folder, ignore_errors=True)


def _is_held(path: Path) -> bool:
    try:
        with path.open("r") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _tail(path: Path) -> list[str]:
    """The last lines a process has said, what it rewrote left out."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(path.stat().st_size - _TAIL_BYTES, 0))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]


def _modified(*paths: Path) -> float | None:
    times = [path.stat().st_mtime for path in paths if path.exists()]
    return max(times, default=None)


def _request(folder: Path) -> tuple[str, float, str]:
    """Folder and start of a run, and what is wrong with its request: one that is damaged stops no other run."""
    request = _json(folder / "request.json")
    try:
        return str(request["directory"]), float(request["started_at"]), ""
    except (KeyError, TypeError, ValueError):
        damage = f"{folder / 'request.json'} is damaged: what the run was asked for is not known any more"
        return "", float(folder.name.split("-")[1]), f"{damage}\n→ call index_codebase again"


def _runs_of(report: dict[str, Any]) -> list[dict[str, Any]]:
    runs = report.get("runs")
    return [run for run in runs if isinstance(run, dict)] if isinstance(runs, list) else []


# In the order in which a run goes through them.
_STAGES = (
    "repository", "file_hashes", "chunks", "embeddings", "index_quality", "search_index", "catalog",
)  # fmt: skip
_STAGE = re.compile(rf"(?:^|\s)({'|'.join(_STAGES)}):")
_COUNT = re.compile(r" ([\d,]+)/([\d,]+) ")
STAGES = len(_STAGES) + 1  # the first is loading Dagster


def done_of(lines: list[str]) -> float:
    """The share of a run's stages that its progress says has ended; within a stage, the share of its items."""
    for line in reversed(lines):
        stage = _STAGE.search(line)
        if stage is not None:
            count = _COUNT.search(line[stage.end() :])
            items = [int(number.replace(",", "")) for number in count.groups()] if count else [0, 1]
            within = min(items[0] / max(items[1], 1), 1.0)
            return (_STAGES.index(stage[1]) + 1 + within) / STAGES
    return 0.0


def _error(report: dict[str, Any], lines: list[str]) -> str:
    errors = [str(run["error"]) for run in _runs_of(report) if run.get("error")]
    if errors:
        return errors[0]
    error = report.get("error")
    if isinstance(error, dict) and error.get("message"):
        return f"{error['message']}" + (f"\n→ {error['remedy']}" if error.get("remedy") else "")
    marked = [number for number, line in enumerate(lines) if line.startswith("error:")]
    if marked:
        return "\n".join(lines[marked[-1] :]).removeprefix("error:").strip()
    return "the process ended without a report" + (f": {lines[-1]}" if lines else "")
