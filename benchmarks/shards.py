"""Shards as they were made before, and as they are made now, in one run: cost to make, open, ask, and copy for a push.

    python -m benchmarks.shards [--points 100000] [--dimension 256] [--changes 50]

Both hold the same generated points: clustered vectors, 60 terms and a payload of 800 characters each. Every row that opens
a shard is a process of its own. `changed`: after so many rounds that each remove 10 points and replace 10.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from code_index_assets.index.backends.edge_engine import DENSE, LEXICAL, create_shard, load_shard
from code_index_assets.index.backends.edge_writer import Optimizer, _edge_point
from code_index_assets.index.backends.shard_files import copied_bytes, copy_sound
from code_index_assets.index.points import Point
from code_index_assets.index.seal import seal
from code_index_assets.storage.layout import allocated

BATCH = 500
QUESTIONS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=256)
    parser.add_argument("--changes", type=int, default=50)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measured(options.measure, options.dimension)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        rows, answers = [], {}
        for name in ("before", "now"):
            home = Path(temporary) / name
            row, made = built(home, name, options)
            rows.append(row | asked(made, options, answers, name))
            row, changed = pushed(home, made, options)
            rows.append({"shard": f"{name}, changed"} | row | asked(changed, options, answers, f"{name}, changed"))
    columns = list(dict.fromkeys(column for row in rows for column in row))
    print(f"{options.points:,} points of {options.dimension} dimensions; load {os.getloadavg()[0]:.1f}\n")
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(str(row.get(column, "")) for column in columns) + " |")
    found = [len(set(a) & set(b)) / len(a) for a, b in zip(answers["before"], answers["now"], strict=True)]
    print(f"\nrecall@50 of now by the exact order of 32-bit vectors: {np.mean(found):.4f} ({QUESTIONS} questions)")


def built(home: Path, name: str, options: argparse.Namespace) -> tuple[dict[str, Any], Path]:
    """A shard with all points, sealed; what making it cost."""
    import qdrant_edge as qe

    folder = home / "g0"
    started = time.perf_counter()
    shard = (create_shard if name == "now" else shard_of_before)(folder, options.dimension)
    for batch in points(options.points, options.dimension):
        shard.update(qe.UpdateOperation.upsert_points([_edge_point(point) for point in batch]))
    shard.flush()
    shard.close()
    row: dict[str, Any] = {"shard": name, "make s": f"{time.perf_counter() - started:.1f}"}
    if name == "now":
        started = time.perf_counter()
        Optimizer(folder).wait()
        row["optimize s"] = f"{time.perf_counter() - started:.1f}"
    seal(folder)
    return row | {"disk MB": f"{allocated(folder) / 1e6:.0f}"}, folder


def pushed(home: Path, folder: Path, options: argparse.Namespace) -> tuple[dict[str, Any], Path]:
    """The shard after pushes, each of which copies it, changes the copy and seals it; what one cost."""
    import qdrant_edge as qe

    copies, whole, size = [], [], 0
    for number in range(options.changes):
        target = home / f"g{number + 1}"
        size = copied_bytes(folder)
        started = time.perf_counter()
        copy_sound(folder, target)
        copies.append(time.perf_counter() - started)
        shard = load_shard(target)
        ids = [identity(options.points - 1 - at) for at in range(number * 10, number * 10 + 10)]
        shard.update(qe.UpdateOperation.delete_points(ids))
        for batch in points(10, options.dimension, number * 10):
            shard.update(qe.UpdateOperation.upsert_points([_edge_point(point) for point in batch]))
        shard.flush()
        shard.close()
        seal(target, folder)
        whole.append(time.perf_counter() - started)
        folder = target
    row = {"copied MB": f"{size / 1e6:.1f}", "copy ms": f"{np.median(copies) * 1e3:.0f}"}
    row["push ms"] = f"{np.median(whole) * 1e3:.0f}"
    return row | {"disk MB": f"{allocated(folder) / 1e6:.0f}"}, folder


def asked(folder: Path, options: argparse.Namespace, answers: dict[str, Any], name: str) -> dict[str, str]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.shards",
        "--measure",
        str(folder),
        "--dimension",
        str(options.dimension),
    ]
    body = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    answers[name] = body.pop("answers")
    return dict(body)


def measured(folder: Path, dimension: int) -> dict[str, Any]:
    """Opens a shard in this process and asks it."""
    import qdrant_edge as qe

    empty = memory()
    started = time.perf_counter()
    shard = load_shard(folder)
    opened, after = time.perf_counter() - started, memory()
    random, centres = np.random.default_rng(9), cluster_centres(dimension)

    def dense() -> Any:
        vector = centres[random.integers(0, len(centres))] + random.standard_normal(dimension).astype(np.float32)
        return qe.Query.Nearest((vector / np.linalg.norm(vector)).tolist(), using=DENSE)

    def sparse() -> Any:
        terms = random.choice(2_000, 5, replace=False).tolist()
        return qe.Query.Nearest(qe.SparseVector(terms, [1.0] * 5), using=LEXICAL)

    row: dict[str, Any] = {"open ms": f"{opened * 1e3:.0f}"}
    row["anonymous MB"] = after["Anonymous"] - empty["Anonymous"]
    for name, make in (("dense", dense), ("sparse", sparse)):
        times, found = [], []
        for question in [make() for _ in range(QUESTIONS)]:
            started = time.perf_counter()
            hits = shard.query(qe.QueryRequest(limit=50, query=question, with_payload=False))
            times.append((time.perf_counter() - started) * 1e3)
            found.append([str(hit.id) for hit in hits])
        row[f"{name} first / p50 ms"] = f"{times[0]:.1f} / {np.median(times):.1f}"
        row.setdefault("answers", found)
        if name == "dense":
            row["resident MB"] = memory()["Rss"] - empty["Rss"]
    return row


def memory() -> dict[str, int]:
    """Resident and anonymous memory of this process, MB."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) // 1024 for line in lines if line.startswith(("Rss", "Anonymous"))}


def cluster_centres(dimension: int) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((200, dimension)).astype(np.float32)


def identity(number: int) -> str:
    return str(uuid.UUID(int=number * 7919 + 1))


def points(count: int, dimension: int, start: int = 0) -> Iterator[list[Point]]:
    """Generated points, in batches. The same numbers from another start are other content of the same points."""
    random, centres = np.random.default_rng(start), cluster_centres(dimension)
    for first in range(start, start + count, BATCH):
        numbers = range(first, min(first + BATCH, start + count))
        vectors = centres[random.integers(0, len(centres), len(numbers))]
        vectors = vectors + random.standard_normal((len(numbers), dimension)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        batch = []
        for number, vector in zip(numbers, vectors, strict=True):
            terms = np.unique((random.zipf(1.3, 60) % 50_000).astype(np.uint32))
            weights = random.random(len(terms)).astype(np.float32)
            words = " ".join(f"word{word}" for word in random.integers(0, 5_000, 90))[:800]
            payload = {"key": f"r{number % 5}", "terms": [f"p:{number % 3_000}.py", f"n:{number}"], "text": words}
            batch.append(Point.of(identity(number), vector, (terms, weights), payload))
        yield batch


def shard_of_before(folder: Path, dimension: int) -> Any:
    """An empty shard as it was made before: vectors of 32 bits in memory, never optimized."""
    import qdrant_edge as qe

    config = qe.EdgeConfig(
        vectors={DENSE: qe.EdgeVectorParams(size=dimension, distance=qe.Distance.Dot)},
        sparse_vectors={LEXICAL: qe.EdgeSparseVectorParams()},
        optimizers=qe.EdgeOptimizersConfig(indexing_threshold=200_000),
        wal_enabled=False,
    )
    folder.mkdir(parents=True, exist_ok=True)
    shard = qe.EdgeShard.create(str(folder), config)
    for field in ("key", "terms"):
        index = qe.KeywordIndexParams(enable_hnsw=False, prefix=field == "terms")
        shard.update(qe.UpdateOperation.create_field_index(field, index))
    return shard


if __name__ == "__main__":
    main()
