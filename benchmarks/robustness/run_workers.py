"""Run workers under what happens to them: bursts of pushes, kill -9 in each stage, many runs, edits, upgrades, settings.

    python -m benchmarks.robustness.run_workers [burst|kills|memory|changes …]

burst    200 pushes to 20 repositories in two minutes, with Dagster's daemon running: none lost, p50 and p95, the queue.
kills    kill -9 of the worker at the begin of each step and at random moments: the run fails, the next one is served.
memory   200 runs, every second one with a commit: memory of the worker.
changes  a run after an edited file, an added package and another setting: which process ran it, and what it did.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.chain_steps import git, synthetic, write
from benchmarks.push import cli, up
from code_index_assets.errors import RunWorkerError
from code_index_assets.index.published import PublishedIndex
from code_index_assets.serve.webhooks import WebhookReceiver
from code_index_assets.settings import Settings, load_settings
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.layout import Layout
from code_index_assets.triggers.inbox import Inbox
from code_index_assets.workers import client
from code_index_assets.workers.start import start_keeper

SECRET = "benchmark"
ROOT = Path(__file__).parents[2]
STEPS = ("repository", "file_hashes", "chunks", "embeddings", "index_quality", "search_index")


def main() -> None:
    chosen = sys.argv[1:] or ["burst", "kills", "memory", "changes"]
    for name in chosen:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            print(f"== {name}", flush=True)
            {"burst": burst, "kills": kills, "memory": memory, "changes": changes}[name](Path(folder))


# -- 200 pushes to 20 repositories --------------------------------------------------------------------------------------


def burst(root: Path, repositories: int = 20, pushes: int = 200, seconds: float = 120.0) -> None:
    settings = Settings.model_validate({"data": root / "data", "webhook_github_secret": SECRET})
    layout = Layout(settings.data).create()
    works = {f"r{number:02d}": synthetic(root / f"r{number:02d}", 40) for number in range(repositories)}
    for name, work in works.items():
        (work / "name.py").write_text(f"name = {name!r}\n")
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", "name")
        Registry.load(settings.registry_file, layout).add(f"file://{work}", name=name)
    cli(settings, "index", "--all", "--quiet", "--json")
    receiver = WebhookReceiver(settings, layout)
    sent: dict[str, list[tuple[str, float]]] = {name: [] for name in works}
    seen: dict[str, list[tuple[str, float]]] = {name: [] for name in works}
    queue: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for name, receipt in PublishedIndex(layout).receipts.items():
                if not seen[name] or seen[name][-1][0] != receipt.commit:
                    seen[name].append((receipt.commit, time.monotonic()))
            if not queue or time.monotonic() - started > len(queue) * 5:
                queue.append(len(Inbox(layout).waiting()) + len(client.status(layout).get("waiting", [])))
            done.wait(0.1)

    with up(settings, 3961, root / "up.log"):
        started = time.monotonic()
        watcher = threading.Thread(target=watch)
        watcher.start()
        for number in range(pushes):
            name = f"r{random.randrange(repositories):02d}"
            commit = push(receiver, works[name], f"file://{works[name]}", number)
            sent[name].append((commit, time.monotonic()))
            time.sleep(max(started + (number + 1) * seconds / pushes - time.monotonic(), 0))
        print(f"{pushes} pushes sent in {time.monotonic() - started:.0f} s", flush=True)
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and any(
            commits and (not seen[name] or seen[name][-1][0] != commits[-1][0]) for name, commits in sent.items()
        ):
            time.sleep(0.1)
        done.set()
        watcher.join()
    waits, lost = [], 0
    for name, commits in sent.items():
        order = {commit: place for place, (commit, _) in enumerate(commits)}
        for place, (_, at) in enumerate(commits):
            # A later commit of the same repository holds the earlier one's change.
            times = [when for commit, when in seen[name] if order.get(commit, -1) >= place]
            waits += [min(times) - at] if times else []
            lost += not times
    waits.sort()
    print(
        f"lost {lost}; searchable after p50 {statistics.median(waits):.1f} s, p95 {waits[int(0.95 * len(waits))]:.1f} s, max {waits[-1]:.1f} s"
    )
    print(f"waiting every 5 s: {queue}", flush=True)


def push(receiver: WebhookReceiver, work: Path, url: str, number: int) -> str:
    (work / "pushed.py").write_text(f"def pushed_{number}():\n    return {number}\n")
    git(work, "add", "pushed.py")
    git(work, "commit", "-q", "-m", f"push {number}")
    commit = git(work, "rev-parse", "HEAD").strip()
    branch = git(work, "symbolic-ref", "HEAD").strip()
    repository = {"clone_url": url, "default_branch": branch.removeprefix("refs/heads/")}
    body = json.dumps({"ref": branch, "after": commit, "repository": repository}).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-github-event": "push", "x-github-delivery": commit, "x-hub-signature-256": signature}
    assert receiver.take("github", headers, body) == "accepted"
    return commit


# -- kill -9 ------------------------------------------------------------------------------------------------------------


class Kept:
    """One repository, a keeper and its worker."""

    def __init__(self, root: Path, files: int = 200) -> None:
        os.environ["CODE_INDEX_DATA"] = str(root / "data")
        self.settings = load_settings()
        self.layout = Layout(self.settings.data).create()
        self.work = synthetic(root / "work", files)
        Registry.load(self.settings.registry_file, self.layout).add(str(self.work), name="one")
        self.lease = start_keeper(self.layout, 1)
        self.files, self.changes = files, 0

    def commit(self) -> str:
        self.changes += 1
        write(self.work, self.changes % self.files, self.changes)
        git(self.work, "commit", "-q", "-a", "-m", f"change {self.changes}")
        return git(self.work, "rev-parse", "HEAD").strip()

    def worker(self) -> dict:
        while True:
            for found in client.status(self.layout).get("workers", []):
                if found["doing"] == "free" and not found["ending"]:
                    return found
            time.sleep(0.05)

    def index(self, say: Callable[[str], None] = lambda line: None) -> bool:
        handed = client.index(self.settings, self.layout, ["one"], say)
        assert handed is not None, "no worker took the run"
        return handed.outcomes[0].success

    def published(self) -> str:
        receipts = PublishedIndex(self.layout).receipts
        return receipts["one"].commit if "one" in receipts else ""

    def close(self) -> None:
        assert self.lease is not None
        os.close(self.lease)
        while client.status(self.layout):
            time.sleep(0.1)


def kills(root: Path) -> None:
    kept = Kept(root)
    kept.worker()
    assert kept.index()
    for when in (*STEPS, *(round(random.uniform(0.05, 1.5), 2) for _ in range(10))):
        head, before = kept.commit(), kept.published()
        pid = kept.worker()["pid"]
        ended = "succeeded before the kill"

        def kill(line: str, pid: int = pid, when: object = when) -> None:
            if isinstance(when, str) and f"{when}: begins" in line:
                os.kill(pid, signal.SIGKILL)

        timer = threading.Timer(when if isinstance(when, float) else 60, os.kill, (pid, signal.SIGKILL))
        timer.start()
        try:
            kept.index(kill)
        except RunWorkerError:
            ended = "failed"
        timer.cancel()
        assert kept.published() in (before, head)
        began = time.monotonic()
        while kept.worker()["pid"] == pid and ended == "failed":
            time.sleep(0.05)
        ready = time.monotonic() - began
        assert kept.index() and kept.published() == head
        print(
            f"killed at {when}: the run {ended}; a new worker was ready after {ready:.1f} s, and indexed {head[:8]}",
            flush=True,
        )
    kept.close()
    with_doctor = subprocess.run(
        [sys.executable, "-m", "code_index_assets.cli.main", "doctor", "--deep"],
        check=False,
        capture_output=True,
        text=True,
    )
    print("doctor --deep:", with_doctor.returncode, with_doctor.stdout.strip().splitlines()[-1:], flush=True)


# -- many runs ------------------------------------------------------------------------------------------------------------


def memory(root: Path, runs: int = 200) -> None:
    kept = Kept(root)
    first = kept.worker()
    print(f"before: {first['memory_mb']} MB of its own", flush=True)
    began = time.monotonic()
    for number in range(runs):
        if number % 2 == 0:
            kept.commit()
        assert kept.index()
        if (number + 1) % 25 == 0:
            found = kept.worker()
            print(
                f"after {number + 1} runs: {found['memory_mb']} MB, process {'the same' if found['pid'] == first['pid'] else 'another'}",
                flush=True,
            )
    print(f"{(time.monotonic() - began) / runs:.2f} s a run", flush=True)
    kept.close()


# -- what a worker must not outlive ------------------------------------------------------------------------------------------


def changes(root: Path) -> None:
    packages = root / "program"
    for name in ("code_index_assets", "resources", "schedules", "dbt_like_sql"):
        shutil.copytree(ROOT / name, packages / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "site-packages").mkdir()
    environment = os.environ | {
        "CODE_INDEX_DATA": str(root / "data"), "PYTHONPATH": f"{packages}{os.pathsep}{root / 'site-packages'}",
    }  # fmt: skip
    work = synthetic(root / "work", 20)
    program = [sys.executable, "-P", "-c"]
    keeping = subprocess.Popen(
        [*program, "import sys; from pathlib import Path\nfrom code_index_assets.storage.layout import Layout\n"
         "from code_index_assets.workers.start import start_keeper\n"
         f"lease = start_keeper(Layout(Path({str(root / 'data')!r})).create(), 1); sys.stdin.read()"],
        env=environment, stdin=subprocess.PIPE, cwd=root,
    )  # fmt: skip
    layout = Layout(root / "data")

    def index(what: str, **settings: str) -> None:
        while not any(w["doing"] == "free" and not w["ending"] for w in client.status(layout).get("workers", [])):
            time.sleep(0.1)
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-P", "-m", "code_index_assets.cli.main", "index", str(work), "--name", "one", "--json"],
            check=False, env=environment | settings, capture_output=True, text=True, cwd=root,
        )  # fmt: skip
        told = json.loads(done.stdout)
        steps = {step["asset"]: step for step in told["runs"][0]["steps"]}
        kept = steps["file_hashes"].get("info", {}).get("kept")
        pids = [w["pid"] for w in client.status(layout).get("workers", [])]
        why = [line.strip() for line in done.stderr.splitlines() if "cold:" in line]
        print(
            f"{what}: run worker {told['run_worker']}, workers {pids}, {kept} files kept, {time.monotonic() - began:.1f} s {why}",
            flush=True,
        )

    index("first")
    index("nothing changed")
    edited = packages / "code_index_assets" / "chain" / "plan.py"
    edited.write_text(edited.read_text() + "\n# edited\n")
    time.sleep(3)
    index("a file of the program was edited")
    (root / "site-packages" / "added-1.0.dist-info").mkdir()
    time.sleep(3)
    index("a package was installed")
    index("another setting", CODE_INDEX_MAX_FILE_BYTES="900")
    keeping.communicate(b"")


if __name__ == "__main__":
    main()
