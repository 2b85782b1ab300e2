"""From a push's webhook to searchable, everything counted, with Dagster's daemon running; and a backfill of many.

    python -m benchmarks.push [--source BARE_CLONE] [--pushes 20] [--port 3950]

Starts `code-index up` on a temporary data folder and the webhook receiver in this process. Each push commits one file,
posts what GitHub would post, and waits until the new text is published. Prints p50 and p95, and of what the time is
made: waiting for the sensor, for the queue and the run's process, our steps, Dagster and imports.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from benchmarks.chain_steps import git
from code_index_assets.index.manifest import PublicationStore
from code_index_assets.index.published import PublishedIndex
from code_index_assets.records.run_log import RunLog
from code_index_assets.serve.webhooks import WebhookReceiver
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

KEY = "pushed"
SECRET = "benchmark"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", help="a repository to clone; default: 200 synthetic files")
    parser.add_argument("--pushes", type=int, default=20)
    parser.add_argument("--port", type=int, default=3950)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        work = checkout(root, options.source)
        settings = Settings.model_validate({"data": root / "data", "webhook_github_secret": SECRET})
        url = f"file://{work}"
        cli(settings, "index", url, "--name", KEY, "--quiet")
        with up(settings, options.port, root / "up.log"):
            rows = [push(settings, work, url, number) for number in range(options.pushes)]
    report(rows)


def checkout(root: Path, source: str | None) -> Path:
    from benchmarks.chain_steps import synthetic

    if source is None:
        return synthetic(root / "work", 200)
    subprocess.run(["git", "clone", "-q", source, str(root / "work")], check=True)
    return root / "work"


def cli(settings: Settings, *arguments: str) -> None:
    command = [sys.executable, "-m", "code_index_assets.cli.main", *arguments]
    subprocess.run(command, check=True, env=os.environ | {"CODE_INDEX_DATA": str(settings.data)})


class up:
    """`code-index up` in a process group of its own."""

    def __init__(self, settings: Settings, port: int, log: Path) -> None:
        self.settings, self.port, self.log = settings, port, log

    def __enter__(self) -> up:
        command = [sys.executable, "-m", "code_index_assets.cli.main", "up", "--port", str(self.port)]
        with self.log.open("wb") as stream:
            self.process = subprocess.Popen(
                command, env=os.environ | {"CODE_INDEX_DATA": str(self.settings.data)}, stdout=stream, stderr=stream,
                start_new_session=True,
            )  # fmt: skip
        for _ in range(120):
            try:
                self.graphql("{ version }")
                time.sleep(10)  # the daemon's first ticks
                return self
            except OSError:
                time.sleep(1)
        raise SystemExit(f"Dagster did not start: {self.log.read_text()[-2000:]}")

    def graphql(self, query: str, **variables: object) -> dict:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def __exit__(self, *_: object) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)


def push(settings: Settings, work: Path, url: str, number: int) -> dict[str, float]:
    layout = Layout(settings.data)
    (work / "pushed.py").write_text(f"def pushed_{number}():\n    return {number}\n")
    git(work, "add", "pushed.py")
    git(work, "commit", "-q", "-m", f"push {number}")
    commit = git(work, "rev-parse", "HEAD")
    branch = git(work, "symbolic-ref", "HEAD")
    payload = {"ref": branch, "after": commit,
               "repository": {"clone_url": url, "default_branch": branch.removeprefix("refs/heads/")}}  # fmt: skip
    body = json.dumps(payload).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-github-event": "push", "x-github-delivery": commit, "x-hub-signature-256": signature}
    posted = time.time()
    WebhookReceiver(settings, layout).take("github", headers, body)
    answered = time.time()
    receipt = None
    while receipt is None or receipt.commit != commit:
        time.sleep(0.05)
        current = PublicationStore(layout, PublishedIndex(layout).spaces[0]).current()
        receipt = current.receipts[KEY] if current else None
        if time.time() - posted > 180:
            raise SystemExit("180 s and not searchable")
    searchable = time.time()
    time.sleep(0.5)
    steps = RunLog(layout).of_run(receipt.run_id, "step")
    stages = RunLog(layout).of_run(receipt.run_id, "stage")
    first = min(step["at"] - step["seconds"] for step in steps)
    ours = sum(step["seconds"] for step in steps)
    loads = sum(s["seconds"] for s in stages if s["stage"] in ("load model", "embedding space", "expectations"))
    row = {
        "all": searchable - posted,
        "webhook": answered - posted,
        "until the first step": first - answered,
        "our steps": ours,
        "of them imports, model": loads,
        "Dagster between steps": searchable - first - ours,
    }
    print(f"{number:>3} " + "  ".join(f"{name} {seconds:.2f}" for name, seconds in row.items()), flush=True)
    return row


def report(rows: list[dict[str, float]]) -> None:
    for name in rows[0]:
        values = sorted(row[name] for row in rows)
        p95 = values[min(len(values) - 1, round(0.95 * len(values)))]
        print(f"{name:<26} p50 {statistics.median(values):6.2f} s   p95 {p95:6.2f} s   max {values[-1]:6.2f} s")


if __name__ == "__main__":
    main()
