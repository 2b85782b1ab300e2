"""The vector cache at size: looking up 100 and 100,000 keys, a flush of 256 new vectors, memory.

    python -m benchmarks.vector_cache [--vectors 10000000] [--dimension 256] [--folder FOLDER]

Fills a cache of random vectors in a temporary folder (10 million of 256 dimensions take 14 GB), opens it in a fresh process and
measures there. Keys looked up are spread over all; half of the 100,000 are not there. The page cache is as the fill left it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from code_index_assets.embedding.cache.vectors import VectorCache

BATCH = 200_000
STEP = 0x9E3779B97F4A7C15F39CC0605CEDC835  # spreads row numbers over the key space
MASK = (1 << 128) - 1


def key(row):
    return f"{row * STEP & MASK:032x}"


def fill(folder, count, dimension):
    cache = VectorCache(folder, dimension)
    pool = np.random.default_rng(1).standard_normal((4096, dimension)).astype(np.float32)
    started = time.perf_counter()
    for start in range(0, count, BATCH):
        rows = range(start, min(start + BATCH, count))
        cache.put([key(row) for row in rows], pool[np.arange(len(rows)) % len(pool)])
        print(
            f"  {start + len(rows):,} vectors, {(start + len(rows)) / (time.perf_counter() - started):,.0f}/s",
            file=sys.stderr,
        )


def measure(folder, count, dimension):
    """Times in this process; prints JSON."""
    rng = np.random.default_rng(2)
    before = rss()
    started = time.perf_counter()
    cache = VectorCache(folder, dimension)
    found = {"open_ms": 1000 * (time.perf_counter() - started)}
    few = []
    for _ in range(50):
        keys = [key(int(row)) for row in rng.integers(0, count, 100)]
        started = time.perf_counter()
        assert len(cache.get(keys)) == len(set(keys))
        few.append(1000 * (time.perf_counter() - started))
    found["get_100_ms_p50"], found["get_100_ms_p95"] = (float(np.percentile(few, p)) for p in (50, 95))
    keys = [key(int(row)) for row in rng.integers(0, 2 * count, 100_000)]
    started = time.perf_counter()
    hits = cache.get(keys)
    found["get_100000_s"] = time.perf_counter() - started
    found["hits"] = len(hits) / len(set(keys))
    del hits
    flushes = []
    for number in range(20):
        new = [key(10 * count + 256 * number + row) for row in range(256)]
        vectors = rng.standard_normal((256, dimension)).astype(np.float32)
        started = time.perf_counter()
        cache.put(new, vectors)
        flushes.append(1000 * (time.perf_counter() - started))
    found["flush_256_ms_p50"] = float(np.median(flushes))
    found["anonymous_mb"] = rss() - before
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["file_gb"] = (folder / "data.mdb").stat().st_size / 1e9
    print(json.dumps({name: round(value, 2) for name, value in found.items()}))


def rss():
    """Anonymous memory in MB: pages of the map are the system's."""
    line = next(line for line in Path("/proc/self/status").read_text().split("\n") if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        return measure(given.folder, given.vectors, given.dimension)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        fill(Path(name), given.vectors, given.dimension)
        sizes = ["--vectors", str(given.vectors), "--dimension", str(given.dimension)]
        command = [sys.executable, "-m", "benchmarks.vector_cache", "--measure", "--folder", name, *sizes]
        subprocess.run(command, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
