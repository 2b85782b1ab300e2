"""What a run without changes and a one-file commit cost, by size of the repository and of the index around it.

    python -m benchmarks.incremental [--model static] [--files 500 5000] [--around 0 20000] [--commits 5]

Prints seconds of our own work by step (a warm process: imports and model load are in rows of their own) and the
ratios that should stay small. Everything is made in a temporary folder.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.chain_steps import STEPS, git, register, run, synthetic, write
from code_index_assets.settings import Settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="static")
    parser.add_argument("--files", type=int, nargs="+", default=[500, 5000])
    parser.add_argument("--around", type=int, nargs="+", default=[0], help="files of other repositories in the index")
    parser.add_argument("--commits", type=int, default=5)
    options = parser.parse_args()
    print(f"{'files':>7} {'around':>7}  what      " + "".join(f"{name:>14}" for name in STEPS) + "           all")
    commit_seconds: dict[tuple[int, int], float] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for around in options.around:
            for files in options.files:
                settings = Settings.model_validate({"data": root / f"d{files}-{around}", "model": options.model})
                commit_seconds[files, around] = measure(settings, root, files, around, options.commits)
    smallest, largest = min(options.files), max(options.files)
    for around in options.around:
        ratio = commit_seconds[largest, around] / commit_seconds[smallest, around]
        print(f"one-file commit, {largest // smallest}x the files, {around} around: {ratio:.2f}x the seconds")
    for files in options.files:
        ratio = commit_seconds[files, max(options.around)] / commit_seconds[files, min(options.around)]
        print(f"one-file commit in {files} files, {max(options.around)} around for {min(options.around)}: {ratio:.2f}x")


def measure(settings: Settings, root: Path, files: int, around: int, commits: int) -> float:
    place = root / f"r{files}-{around}"
    synthetic(place, files)
    for number in range(0, around, 1000):
        other = root / f"o{files}-{around}-{number}"
        synthetic(other, min(1000, around - number))
        (other / "name.py").write_text(f"name = {number}\n")
        register(settings, other, f"other{number}")
        run(settings, f"other{number}", f"other{number}")
    register(settings, place, "measured")
    show(files, around, "first", run(settings, "measured", "first")[0])
    noop = [run(settings, "measured", f"noop{number}")[0] for number in range(3)]
    show(files, around, "no change", median(noop))
    changed = []
    for number in range(commits):
        write(place, number * 7 % files, number + 1)
        git(place, "commit", "-q", "-a", "-m", f"change {number}")
        seconds, facts = run(settings, "measured", f"change{number}")
        assert facts["embeddings"]["computed"] == 1, facts["embeddings"]
        changed.append(seconds)
    show(files, around, "one file", median(changed[1:] or changed))
    for asset, told in facts.items():
        slow = {name: seconds for name, seconds in told["stages"].items() if seconds >= 0.02}
        if slow:
            print(f"{'':>16}  {asset}: {slow}")
    return sum(median(changed[1:] or changed).values())


def median(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(one[name] for one in runs) for name in runs[0]}


def show(files: int, around: int, what: str, seconds: dict[str, float]) -> None:
    cells = "".join(f"{seconds[name]:>14.3f}" for name in STEPS)
    print(f"{files:>7} {around:>7}  {what:<10}{cells} {sum(seconds.values()):>12.3f}", flush=True)


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    print(f"({time.perf_counter() - started:.0f} s in all)")
