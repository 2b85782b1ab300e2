"""The catalogue at scale: full build, build after one repository changed, the questions of docs/questions.md.

Artifacts of real shape are generated from those of one real repository (indexed with the test model): each generated
repository holds some of its files, with content hashes of its own but for one file in twenty.

    python -m benchmarks.catalog [--repositories 2000] [--chunks 1000000] [--source PATH] [--folder DIR]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import polars as pl

from code_index_assets.analytics.history import history_fingerprint
from code_index_assets.analytics.sources import CHURN, CHURN_WINDOWS
from code_index_assets.index.manifest import PublicationStore
from code_index_assets.records.observations import Observation, observe
from code_index_assets.records.run_log import RunLog
from code_index_assets.settings import Settings
from code_index_assets.storage.artifacts import ArtifactSpec, ArtifactStore
from code_index_assets.storage.layout import Layout

ROOT = Path(__file__).parents[1]
DEPTH = Settings().history_commits
HASHES = {
    "files": ["blob", "hash"],
    "chunks": ["blob", "chunk_id", "text_hash"],
    "symbols": ["symbol_id"],
    "embeddings": ["chunk_id", "vector_key"],
}


class Generator:
    """Copies of one repository's artifacts, made different from each other."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.layout = Layout(folder / "data").create()
        self.store = ArtifactStore(self.layout)
        template = folder / "template"
        environment = {**os.environ, "CODE_INDEX_DATA": str(template), "CODE_INDEX_MODEL": "test"}
        command = [sys.executable, "-m", "code_index_assets.cli.main", "index", str(source), "--name", "t", "--quiet"]
        subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        layout = Layout(template)
        self.space = next((template / "index").iterdir()).name
        manifest = PublicationStore(layout, self.space).current()
        assert manifest is not None
        self.manifest = manifest
        self.receipt = manifest.receipts["t"]
        store = ArtifactStore(layout)
        self.tables: dict[str, dict[str, pl.DataFrame]] = {}
        for kind, names in {
            "file_hashes": ("files", "findings"),
            "chunks": ("chunks", "symbols", "imports", "references", "diagnostics"),
            "embeddings": ("embeddings",),
        }.items():
            artifact = store.require(kind, "t", self.space if kind == "embeddings" else None)
            self.tables[kind] = {name: artifact.read(name) for name in names}
        log = RunLog(layout)
        self.records = list(log.read("step", "stage", "check"))
        self.chunks_by_path = dict(self.tables["chunks"]["chunks"].group_by("path").len().iter_rows())

    def make(self, number: int, version: int, chunks: int):
        """Artifacts and receipt of one repository with about so many chunks."""
        key = f"team{number % 50:02d}/repository{number:05d}"
        pick = random.Random(number * 1000 + version)
        paths, held = [], 0
        for path in pick.sample(sorted(self.chunks_by_path), len(self.chunks_by_path)):
            if held + self.chunks_by_path[path] <= chunks * 1.02:
                paths.append(path)
                held += self.chunks_by_path[path]
        chosen = pl.DataFrame({"path": paths})
        shared = set(paths[::20])
        paths_rules = ("* @team", "/docs/ @writers", f"*.go @group{number % 40}")
        salt = f"{number:06x}{version:02x}"
        artifacts: dict[str, str] = {}
        ids = self.tables["chunks"]["chunks"].join(chosen, on="path", how="semi").select("chunk_id", "path")
        for kind, tables in self.tables.items():
            name = f"{kind[:4]}{salt}"
            space = self.space if kind == "embeddings" else None
            inputs = {"file_hashes": artifacts.get("file_hashes", "")}
            with self.store.write(ArtifactSpec(kind, key, inputs, "1", space, name), "r") as writer:
                for table, frame in tables.items():
                    if "path" in frame.columns:
                        rows = frame.join(chosen, on="path", how="semi")
                    else:
                        rows = frame.join(ids, on="chunk_id", how="inner")
                    own = ~pl.col("path").is_in(shared)
                    rows = rows.with_columns(
                        pl.when(own)
                        .then(pl.lit(salt) + pl.col(column).str.slice(8))
                        .otherwise(pl.col(column))
                        .alias(column)
                        for column in HASHES.get(table, [])
                    )
                    if table in ("files", "chunks"):
                        rows = pl.concat([rows, _owners(rows, table, "\n".join(paths_rules), salt)])
                    if table == "findings":
                        found = [(path, salt * 5, "generic_secret", 3, 40, 60) for path in paths[:2]]
                        rows = pl.DataFrame(found, schema=frame.schema, orient="row")
                    writer.write(table, 0, rows.drop("path") if "path" not in frame.columns else rows)
            artifacts[kind] = name
        self._history(key, salt * 5, paths, pick)
        run_id = f"run-{number}-{version}"
        for kind in ("step", "stage", "check"):
            records = [
                {**record, "partition": key, "commit": salt * 5} for record in self.records if record["record"] == kind
            ]
            for record in records:
                record.pop("run_id"), record.pop("record"), record.pop("at")
            RunLog(self.layout).append(kind, run_id, records)
        observe(self.layout, key, Observation(salt * 5, salt * 5, time.time()))
        coverage = {**self.receipt.coverage, "files": len(paths), "kept": len(paths), "chunks": held}
        return replace(
            self.receipt, key=key, repository=key, commit=salt * 5, label=salt * 5,
            artifacts={**self.receipt.artifacts, **artifacts},
            coverage=coverage, published_at=time.time(), subject=salt * 4, run_id=run_id, points=held,
        )  # fmt: skip

    def _history(self, key: str, commit: str, paths: list[str], pick: random.Random) -> None:
        """The churn of a repository, as the build keeps it."""
        name = history_fingerprint(commit, DEPTH)
        rows = [(path, pick.randint(1, 200), pick.randint(1, 9), 1.7e9, 1.75e9) for path in paths]
        with self.store.write(ArtifactSpec("history", key, {}, "1", name=name), "r") as writer:
            schema = {c.name: c.dtype for c in CHURN.columns[1:]}
            writer.write("churn", 0, pl.DataFrame(rows, schema=schema, orient="row"))
            schema = {c.name: c.dtype for c in CHURN_WINDOWS.columns[1:]}
            writer.write("churn_windows", 0, pl.DataFrame([(commit, "read", 1000, 1.7e9)], schema=schema, orient="row"))

    def publish(self, receipts) -> None:
        store = PublicationStore(self.layout, self.space)
        current = store.current()
        new = store.successor(current, self.manifest.dimension)
        store.move(current, replace(new, receipts={**new.receipts, **{r.key: r for r in receipts}}))


def _owners(rows: pl.DataFrame, table: str, text: str, salt: str) -> pl.DataFrame:
    """A CODEOWNERS file as a row of files or chunks."""
    values = {"path": pl.lit("CODEOWNERS"), "language": pl.lit(None, pl.String)}
    if table == "files":
        values |= {"role": pl.lit("config"), "hash": pl.lit(salt * 8), "secrets": pl.lit(0, pl.Int32)}
    else:
        values |= {"text": pl.lit(text), "chunk_id": pl.lit(salt * 4), "ordinal": pl.lit(0, pl.Int32),
                   "start_line": pl.lit(1, pl.Int32), "end_line": pl.lit(3, pl.Int32),
                   "kind": pl.lit("lines")}  # fmt: skip
    return rows.head(1).with_columns(**values)


def build(data: Path) -> dict[str, float]:
    """One build in a process of its own: wall seconds without imports, peak memory."""
    script = (
        "import sys, json, time, resource\nfrom pathlib import Path\n"
        "from code_index_assets.analytics.catalog import build_catalog\nfrom code_index_assets.storage.layout import Layout\n"
        "from code_index_assets.progress import Stages\nfrom code_index_assets.settings import Settings\n"
        "data = Path(sys.argv[1]); stages = Stages(); t = time.perf_counter()\n"
        "r = build_catalog(Layout(data), Settings(data=data), stages)\n"
        "print(json.dumps({'seconds': time.perf_counter() - t, 'full': r.full, "
        "'peak_gb': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 'cpu': time.process_time(), "
        "'stages': {s.name: round(s.seconds, 2) for s in stages.done if s.seconds > 0.15}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(data)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def ask(layout: Layout) -> list[tuple[float, str]]:
    """Seconds of each question of docs/questions.md, the second time it is asked, connection included."""
    from code_index_assets.analytics.query import run_query
    from code_index_assets.analytics.questions import read_questions

    times = []
    for question in read_questions(ROOT / "docs" / "questions.md"):
        for _ in range(2):
            started = time.perf_counter()
            with run_query(layout, question.sql) as (_, rows):
                count = sum(1 for _ in rows)
            seconds = time.perf_counter() - started
        times.append((seconds, f"{question.title} ({count} rows)"))
    return sorted(times)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repositories", type=int, default=2000)
    parser.add_argument("--chunks", type=int, default=1_000_000)
    parser.add_argument("--source", type=Path, default=ROOT)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        generator = Generator(options.source, folder)
        each = options.chunks // options.repositories
        generator.publish([generator.make(number, 0, each) for number in range(options.repositories)])
        seconds = time.perf_counter() - started
        print(f"generated from {options.source.name} at {generator.receipt.commit[:12]} in {seconds:.0f} s")
        full = build(generator.layout.root)
        print("full build  ", json.dumps(full))
        generator.publish([generator.make(7, 1, each)])
        partial = build(generator.layout.root)
        print("one changed ", json.dumps(partial))
        size = generator.layout.catalog.stat().st_size / 2**20
        print(f"ratio {partial['seconds'] / full['seconds']:.2f}; catalogue {size:.0f} MB")
        times = ask(generator.layout)
        for seconds, title in times:
            print(f"{seconds * 1000:8.0f} ms  {title}")
        print(f"p95 {times[int(0.95 * len(times)) - 1][0] * 1000:.0f} ms; peak of this process "
              f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB")  # fmt: skip


if __name__ == "__main__":
    main()
