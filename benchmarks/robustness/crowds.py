"""Many of a thing: 100,000 files in one folder, and an hour of events at 50 times the usual rate.

    python -m benchmarks.robustness.crowds files [--count 100000]
    python -m benchmarks.robustness.crowds events [--repositories 100] [--minutes 60]

`files` indexes one folder of so many small files and prints seconds, peak memory and bytes on the disk. `events` puts the
events of an hour (30 a minute for 100 repositories, 50 times the usual 0.6) through the inbox as a sensor does, with the
run log of every run they cause, as fast as they go, and prints memory, inbox and disk by ten minutes: none may grow but
the run log, which is kept by days.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from code_index_assets.records.run_log import RunLog
from code_index_assets.storage.layout import Layout, allocated
from code_index_assets.triggers.inbox import Event, Inbox, latest

EVENTS_A_MINUTE = 30
LARGEST_TICK = 200


def files(count: int) -> int:
    with tempfile.TemporaryDirectory(prefix="code-index-crowd-") as place:
        folder = Path(place) / "crowd"
        folder.mkdir()
        for number in range(count):
            (folder / f"module_{number:06d}.py").write_text(f"def f{number}(a):\n    return a + {number}\n")
        data = Path(place) / "data"
        environment = os.environ | {"CODE_INDEX_DATA": str(data), "CODE_INDEX_MODEL": "static"}
        command = [sys.executable, "-m", "code_index_assets.cli.main", "index", str(folder), "--quiet"]
        started = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        lines = [line for line in done.stdout.splitlines() if "→" in line or "searchable" in line]
        print("\n".join(lines) or done.stdout + done.stderr)
        print(f"{count:,} files in one folder: {seconds:,.0f} s, {peak:,.0f} MB at most, "
              f"{allocated(data) / 1e6:,.0f} MB on the disk, exit {done.returncode}")  # fmt: skip
        return done.returncode


def events(repositories: int, minutes: int) -> int:
    with tempfile.TemporaryDirectory(prefix="code-index-events-") as place:
        layout = Layout(Path(place)).create()
        inbox, log = Inbox(layout), RunLog(layout)
        memory: list[float] = []
        handled = written = 0
        print(
            f"{'minute':>6} {'events':>8} {'handled':>8} {'waiting':>8} {'memory MB':>10} {'inbox kB':>9} {'log MB':>7}"
        )
        for minute in range(minutes):
            for number in range(EVENTS_A_MINUTE * repositories // 100):
                key = f"team/repository-{(minute * 7 + number * 13) % repositories}"
                delivery = f"{minute}-{number}"
                if not inbox.seen(delivery):
                    inbox.put(Event(key, "changed", "webhook", delivery, time.time(), f"{minute:020d}{number:020d}"))
                    inbox.remember(delivery)
                    written += 1
            found, names = inbox.pending(LARGEST_TICK)
            for event in latest(found).values():
                log.append("step", f"run-{event.delivery}", [{"partition": event.key, "asset": "search_index"}] * 6)
            inbox.remove(names)
            inbox.forget_old(older_than=0.0 if minute % 10 == 9 else 600.0)
            layout.remove_leftovers()
            handled += len(found)
            if minute % 10 == 9 or minute == minutes - 1:
                memory.append(_memory())
                print(f"{minute + 1:>6} {written:>8,} {handled:>8,} {len(inbox.pending(10_000)[0]):>8,} {memory[-1]:>10.1f} "
                      f"{allocated(layout.inbox) / 1e3:>9,.0f} {allocated(layout.run_log) / 1e6:>7.1f}")  # fmt: skip
        flat = memory[-1] - memory[0] < 20 and handled == written
        print("flat" if flat else "NOT flat")
        return 0 if flat else 1


def _memory() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("files", "events"))
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--repositories", type=int, default=100)
    parser.add_argument("--minutes", type=int, default=60)
    options = parser.parse_args()
    return files(options.count) if options.what == "files" else events(options.repositories, options.minutes)


if __name__ == "__main__":
    sys.exit(main())
