"""`make bench`: index a repository from nothing, again, and search it, with peak memory, from outside as a user does.

  python -m benchmarks [--repo PATH_OR_URL] [--model static --model minilm]

Without --repo: every bare clone `owner+name/repo` below the folder in BENCH_REPOS, else this project itself. Each row is whole
processes of the command line: wall seconds, CPU seconds, peak memory of the largest process. Further benchmarks are modules
of this package (`python -m benchmarks.parsing`, `.embedding`, `.modes`, `.vector_cache`, `.replay`, `.incremental`, `.catalog`,
`.push`, `.shards`, `.backfill`, `.query`, `.serving`, `.agents`, `.context`, `.retrieval.run`, `.retrieval.ablation`,
`.graph_rules`).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from . import query, serving

CODE_INDEX = Path(sys.executable).with_name("code-index")
QUERIES = (
    "where are errors handled",
    "parse configuration file",
    "retry after a timeout",
    "main entry point",
    "test helpers",
)


@dataclass(frozen=True)
class Measured:
    wall: float
    cpu: float
    peak_mb: float
    output: str


def measure(arguments: list[str], environment: dict[str, str], text: str = "") -> Measured:
    """Runs one command of the command line to its end."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        [str(CODE_INDEX), *arguments],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(text.encode())
    process.stdin.close()
    output = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(time.perf_counter() - started, cpu, usage.ru_maxrss / 1024, output)


def bench(place: str, name: str, model: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CODE_INDEX_DATA": folder, "CODE_INDEX_MODEL": model}
        # The model is made once a machine: not what is measured here.
        measure(["index", str(Path(__file__).parent), "--name", "warm-up", "--json"], environment)
        cold = measure(["index", place, "--name", name, "--json"], environment)
        again = measure(["index", name, "--json"], environment)
        facts = {s["asset"]: s.get("info", {}) for s in json.loads(cold.output)["runs"][0]["steps"]}
        searches = [measure(["search", text, "--repo", name, "--json"], environment) for text in QUERIES]
        batch = "\n".join(json.dumps({"id": i, "query": q, "repo": name}) for i, q in enumerate(QUERIES * 10))
        lines = measure(["search", "--batch", "-"], environment, batch).output.splitlines()
        took = sorted(json.loads(line)["took_ms"] for line in lines)
        label = facts.get("repository", {}).get("label", "")[:12]
        files, chunks = facts.get("file_hashes", {}).get("kept", 0), facts.get("chunks", {}).get("chunks", 0)
        print(f"{name} at {label}, {files:,} files, {chunks:,} chunks, model {model}")
        for title, row in (("cold index", cold), ("unchanged", again)):
            print(f"  {title:<12} {row.wall:>7.1f} s wall {row.cpu:>7.1f} s CPU {row.peak_mb:>7.0f} MB peak")
        wall = statistics.median(row.wall for row in searches)
        print(f"  cold search  {wall:>7.2f} s wall (median of {len(searches)} processes)")
        print(
            f"  query        p50 {statistics.median(took):.1f} ms, p95 {took[int(len(took) * 0.95)]:.1f} ms in one process"
        )
        serving.report(Path(folder))
        query.report(Path(folder), [])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repo", action="append")
    parser.add_argument("--model", action="append")
    options = parser.parse_args()
    clones = sorted(Path(os.environ["BENCH_REPOS"]).glob("*/repo")) if os.environ.get("BENCH_REPOS") else []
    places = options.repo or [str(path) for path in clones] or [str(Path(__file__).parents[1])]
    for place in places:
        name = Path(place).parent.name.replace("+", "/") if place.endswith("/repo") else Path(place).name
        for model in options.model or ["static"]:
            bench(place, name, model)


if __name__ == "__main__":
    main()
