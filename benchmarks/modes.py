"""Indexing modes against each other: `chunks` and `embeddings` of a repository from nothing, each in a fresh process.

  python -m benchmarks.modes --repo PATH_OR_URL [--model static --model minilm] [--rounds 3]

Rounds interleave the modes, so that what else the machine does meets all of them. Seconds are those of
the two steps (model loading included), the median and the least of the rounds; memory is the largest sum of resident sizes over the process and its parsers. The
artifacts of all modes are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

MODES = ("sequential", "parallel", "pipeline", "auto")


@dataclass(frozen=True)
class Measured:
    """One run: seconds by step, CPU seconds, peak memory, facts."""

    seconds: dict[str, float]
    cpu: float
    peak_mb: float
    facts: dict[str, dict[str, object]]
    digests: dict[str, str]

    @property
    def both(self) -> float:
        return self.seconds["chunks"] + self.seconds["embeddings"]


def run_here(data: str, key: str, mode: str) -> None:
    """Runs the steps in this process and prints what they took (called as a script of its own)."""
    from code_index_assets.chain.embed import embed_chunks
    from code_index_assets.chain.modes import chunk_in_mode
    from code_index_assets.chain.observe import observe_repository
    from code_index_assets.chain.run import ChainRun
    from code_index_assets.chain.select import hash_files
    from code_index_assets.progress import Stages
    from code_index_assets.quality.subject import frame_digest
    from code_index_assets.settings import load_settings
    from code_index_assets.storage.layout import Layout

    settings = load_settings()
    told: dict[str, dict[str, object]] = {"seconds": {}, "facts": {}, "digests": {}, "stages": {}}
    steps = {"repository": observe_repository, "file_hashes": hash_files,
             "chunks": lambda context: chunk_in_mode(context, mode), "embeddings": embed_chunks}  # fmt: skip
    before = 0.0
    context = ChainRun(key, "bench", Layout(Path(data)).create(), settings, Stages())
    for name, step in steps.items():
        context.begin(Stages())
        started = time.perf_counter()
        before = sum(os.times()[:4]) if name == "chunks" else before
        result = step(context)
        told["seconds"][name] = time.perf_counter() - started
        told["facts"][name] = result.info
        told["stages"][name] = {
            stage.name: {"seconds": round(stage.seconds, 2), **stage.info} for stage in context.stages.done
        }
    told["cpu"] = sum(os.times()[:4]) - before  # type: ignore[assignment]
    chunks, vectors = context.input("chunks"), result.artifact
    assert vectors is not None
    told["digests"] = {"chunks": frame_digest(chunks.read("chunks")), "keys": frame_digest(vectors.read("embeddings").drop("vector")),
                       "vectors": frame_digest(vectors.read("embeddings"))}  # fmt: skip
    print(json.dumps(told, default=str))


def resident_mb(root: int) -> float:
    """Resident memory of a process and those it started."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    total, todo = 0, [root]
    while todo:
        pid = todo.pop()
        todo += parents.get(pid, [])
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return total * os.sysconf("SC_PAGESIZE") / 2**20


def measure(place: str, key: str, model: str, mode: str, models: Path) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        if models.is_dir():
            shutil.copytree(models, Path(folder) / "models")
        environment = {**os.environ, "CODE_INDEX_DATA": folder, "CODE_INDEX_MODEL": model}
        module = [sys.executable, "-m", "code_index_assets.cli.main"]
        subprocess.run([*module, "add", place, "--name", key], env=environment, check=True, capture_output=True)
        command = [sys.executable, "-m", "benchmarks.modes", "--here", folder, key, mode]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, resident_mb(process.pid))
            time.sleep(0.1)
        out, problem = process.communicate()
        if process.returncode:
            raise SystemExit(problem.decode())
        told = json.loads(out.splitlines()[-1])
        if (Path(folder) / "models").is_dir() and not models.is_dir():
            shutil.copytree(Path(folder) / "models", models)
        facts = {name: {**facts, "stages": told["stages"][name]} for name, facts in told["facts"].items()}
        return Measured(told["seconds"], told["cpu"], peak, facts, told["digests"])


def bench(place: str, key: str, model: str, rounds: int, modes: list[str], models: Path) -> None:
    runs: dict[str, list[Measured]] = {mode: [] for mode in modes}
    for _ in range(rounds):
        for mode in modes:
            runs[mode].append(measure(place, key, model, mode, models))
    first = runs[modes[0]][0]
    chunks, computed = first.facts["chunks"]["chunks"], first.facts["embeddings"]["computed"]
    print(f"{key}, {chunks:,} chunks, {computed:,} computed, model {model}, {first.facts['embeddings']['runtime']}, "
          f"{len(os.sched_getaffinity(0))} cores, {rounds} rounds")  # fmt: skip
    print("  mode                 chunks  embeddings    both   least  embedding  CPU s  peak MB   ahead")
    fixed = [median(run.both for run in runs[mode]) for mode in modes if mode != "auto"]
    for mode in modes:
        found = runs[mode]
        middle = sorted(found, key=lambda run: run.both)[len(found) // 2]
        stages = {**middle.facts["chunks"]["stages"], **middle.facts["embeddings"]["stages"]}  # type: ignore[dict-item]
        embed = stages.get("embed", {}).get("seconds", 0.0)
        ahead = stages.get("embed ahead", {})
        share = (
            f"busy {ahead['busy']:.0%}, queue ≤ {ahead['queue_most']}, {middle.facts['embeddings']['vectors'] - ahead['left_for_later']:,} of them"
            if ahead
            else ""
        )
        versus = (
            f"  median {median(r.both for r in found) / min(fixed):.2f} of the best" if mode == "auto" and fixed else ""
        )
        modes_chosen = "/".join(sorted({str(run.facts["chunks"]["indexing_mode"]) for run in found}))
        name = f"auto ({modes_chosen})" if mode == "auto" else mode
        least = min(run.both for run in found)
        print(f"  {name:<20} {middle.seconds['chunks']:>6.1f} {middle.seconds['embeddings']:>11.1f} {middle.both:>7.1f} {least:>7.1f} "
              f"{embed / middle.both:>10.0%} {middle.cpu:>6.1f} {max(r.peak_mb for r in found):>8.0f}   {share}{versus}")  # fmt: skip
    same = {kind: len({run.digests[kind] for found in runs.values() for run in found}) == 1 for kind in first.digests}
    print("  the same in all runs: " + ", ".join(f"{kind} {'yes' if ok else 'NO'}" for kind, ok in same.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repo", action="append", required=False)
    parser.add_argument("--model", action="append")
    parser.add_argument("--mode", action="append")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--here", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        run_here(*options.here)
        return
    with tempfile.TemporaryDirectory() as folder:
        for place in options.repo or [str(Path(__file__).parents[1])]:
            name = Path(place).parent.name.replace("+", "/") if place.endswith("/repo") else Path(place).name
            for model in options.model or ["static"]:
                models = Path(folder) / model
                # Makes the table or the graph, which is not what is measured.
                measure(str(Path(__file__).parent), "warm-up", model, "sequential", models)
                bench(place, name, model, options.rounds, options.mode or list(MODES), models)


if __name__ == "__main__":
    main()
