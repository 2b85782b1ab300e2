"""Consecutive commits of a real repository, replayed one by one through the assets; at the end equal to scratch.

    python -m benchmarks.replay --source BARE_CLONE [--commits 100] [--model static] [--write docs/replay.md]

For each commit: what changed, what was reused, seconds of our steps and of the whole run in a warm process.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np

from benchmarks.chain_steps import git, register
from code_index_assets.assets.instance import process_tags
from code_index_assets.assets.partitions import add_partitions
from code_index_assets.code_location import build_defs
from code_index_assets.index.reader import IndexSnapshot, open_index
from code_index_assets.records.run_log import RunLog
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

KEY = "replayed"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True)
    parser.add_argument("--commits", type=int, default=100)
    parser.add_argument("--model", default="static")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        bare = root / "source.git"
        subprocess.run(["git", "clone", "-q", "--bare", options.source, str(bare)], check=True)
        commits = git(bare, "rev-list", "--first-parent", f"--max-count={options.commits + 1}", "HEAD").split()[::-1]
        head = git(bare, "symbolic-ref", "HEAD")
        kept = settings_of(root / "kept", options.model, bare)
        rows = []
        with dg.DagsterInstance.ephemeral() as instance:
            for commit in commits:
                git(bare, "update-ref", head, commit)
                rows.append(run(kept, instance))
                print(line(rows[-1]), flush=True)
        scratch = settings_of(root / "scratch", options.model, bare)
        with dg.DagsterInstance.ephemeral() as instance:
            whole = run(scratch, instance)
        told = compare(kept, scratch)
    text = document(options, rows, whole, told)
    print(text)
    if options.write:
        options.write.write_text(text)


def settings_of(data: Path, model: str, place: Path) -> Settings:
    settings = Settings.model_validate({"data": data, "model": model})
    register(settings, place, KEY)
    return settings


def run(settings: Settings, instance: dg.DagsterInstance) -> dict[str, Any]:
    add_partitions(instance, [KEY])
    job = build_defs({"data": str(settings.data), "model": settings.model}).resolve_job_def("index_repository")
    started = time.perf_counter()
    result = job.execute_in_process(partition_key=KEY, instance=instance, tags=process_tags(), run_config=QUIET)
    seconds = time.perf_counter() - started
    steps = {step["asset"]: step for step in RunLog(Layout(settings.data)).of_run(result.run_id, "step")}
    info = {asset: step["info"] for asset, step in steps.items()}
    return {
        "commit": info["repository"]["label"][:10],
        "changes": info["file_hashes"]["changes"],
        "parsed": info["chunks"]["parsed_files"],
        "chunks": info["chunks"]["chunks"],
        "vectors": info["embeddings"]["vectors"],
        "computed": info["embeddings"]["computed"],
        "written": info["search_index"]["written"],
        "removed": info["search_index"]["removed"],
        "ours": sum(step["seconds"] for step in steps.values()),
        "all": seconds,
    }


def compare(kept: Settings, scratch: Settings) -> str:
    """Raises AssertionError where the two indexes differ."""
    one, two = (open_index(Layout(settings.data), settings) for settings in (kept, scratch))
    ids = sorted(one.ids(KEY))
    assert ids == sorted(two.ids(KEY))
    assert payloads(one, ids) == payloads(two, ids)
    first, second = vectors(one, ids), vectors(two, ids)
    equal = sum(np.array_equal(first[i], second[i]) for i in ids)
    least = min(float(first[i] @ second[i]) for i in ids)
    assert least >= 0.9999
    return f"{len(ids):,} points: same ids and payloads; {equal:,} vectors bit-equal, least cosine {least:.6f}"


def payloads(snapshot: IndexSnapshot, ids: list[str]) -> dict[str, dict[str, object]]:
    return {str(point.id): dict(point.payload) for point in snapshot.get(ids)}


def vectors(snapshot: IndexSnapshot, ids: list[str]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for shard in snapshot.receipts[KEY].shards:
        found |= snapshot._view.vectors(shard, ids)
    return found


def line(row: dict[str, Any]) -> str:
    changes = row["changes"]
    reuse = 1 - row["computed"] / row["vectors"]
    files = f"+{changes['added']} ~{changes['changed']} -{changes['removed']} →{changes['renamed']}"
    return (
        f"| {row['commit']} | {files} | {row['parsed']} | {row['chunks']:,} | {row['computed']:,} | {reuse:.2%} | "
        f"{row['written']:,} | {row['removed']:,} | {row['ours']:.2f} | {row['all']:.2f} |"
    )


def document(options: argparse.Namespace, rows: list[dict[str, Any]], whole: dict[str, Any], told: str) -> str:
    later = rows[1:]
    ours, every = (sorted(row[name] for row in later) for name in ("ours", "all"))
    computed = sum(row["computed"] for row in later)
    reuse = statistics.mean(1 - row["computed"] / row["vectors"] for row in later)
    name = Path(options.source).parent.name.replace("+", "/")
    head = [
        f"# {len(later)} commits of {name}, one by one",
        "",
        f"Made by `python -m benchmarks.replay --source … --commits {len(later)} --model {options.model}`: the "
        f"repository at {rows[0]['commit']} is indexed, then each of the {len(later)} commits after it (first parents) "
        "through all six assets, in one warm process on two shared cores.",
        "",
        f"- Our steps: median {statistics.median(ours):.2f} s, p95 {ours[int(0.95 * len(ours))]:.2f} s; with Dagster "
        f"around them: median {statistics.median(every):.2f} s. From scratch: {whole['ours']:.2f} s.",
        f"- Vectors reused: {reuse:.2%} on average; {computed:,} computed over all commits, "
        f"{whole['computed']:,} from scratch.",
        f"- At the end, against a build from scratch: {told}.",
        "",
        "Files: + added, ~ changed, - removed, → renamed. Seconds: our steps, and the whole run with Dagster.",
        "",
        "| commit | files | parsed | chunks | vectors computed | reused | points written | removed | our s | run s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *(line(row) for row in rows)]) + "\n"


if __name__ == "__main__":
    main()
