"""A query by its stages, in one process: CPU and wall milliseconds of each, and whether answers are what they were.

  python -m benchmarks.query [--data FOLDER] [--queries FILE ...] [--turns N] [--write FILE] [--compare FILE]

FOLDER (default: BENCH_DATA, else CODE_INDEX_DATA) is an indexed data folder. FILE holds one JSON object a line (may be
gzipped): {"text", "corpus"}; each query is asked of everything and, where a repository ends with "/" and the corpus, of that
alone. Without one, the few queries of `serving.py` are asked. --write keeps the answers; --compare asks whether each answer
has the same hits in the same order with the same scores, spans and reasons.

Stages overlap where threads do: the sum may be more than the whole. CPU is of the threads that did the work.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import hashlib
import json
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from code_index_assets.index import reader
from code_index_assets.index.backends import edge_view
from code_index_assets.search import answer_fields, lanes
from code_index_assets.search import engine as engines
from code_index_assets.search.engine import SearchEngine, SearchRequest
from code_index_assets.search.service import open_engine
from code_index_assets.settings import load_settings
from code_index_assets.storage.layout import Layout

from .serving import QUERIES, memory_mb

# Stage, and the function that is it: looked up by name, so one that is gone is an error here and not a silent zero.
STAGES: tuple[tuple[str, Any, str], ...] = (
    ("parse", engines, "parse"),
    ("snapshot", SearchEngine, "snapshot"),
    ("filter", SearchEngine, "_filter"),
    ("symbol lane", lanes, "_symbol"),
    ("term weights", reader.IndexSnapshot, "query_weights"),
    ("lexical search", edge_view.EdgeView, "search_lexical"),
    ("semantic search", edge_view.EdgeView, "search_dense"),
    ("hydrate", reader.IndexSnapshot, "hydrate"),
    ("ranking", engines, "rank"),
    ("hit and snippet", SearchEngine, "_hit"),
    ("states", SearchEngine, "repositories"),
    ("as JSON", answer_fields, "to_json"),
)


@dataclass
class Spent:
    """What one query spent in each stage, in milliseconds."""

    wall: dict[str, float]
    cpu: dict[str, float]


class Stopwatch:
    """Times the stages of a query, from whatever thread."""

    def __init__(self) -> None:
        self._wall: dict[str, float] = defaultdict(float)
        self._cpu: dict[str, float] = defaultdict(float)

    def timed(self, stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def measured(*args: Any, **kwargs: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return call(*args, **kwargs)
            finally:
                self._wall[stage] += (time.perf_counter() - wall) * 1000
                self._cpu[stage] += (time.thread_time() - cpu) * 1000

        return measured

    def take(self) -> Spent:
        spent = Spent(dict(self._wall), dict(self._cpu))
        self._wall.clear()
        self._cpu.clear()
        return spent


def read_queries(files: list[Path]) -> Iterator[tuple[str, str]]:
    """(query, corpus) of each line."""
    for path in files:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for line in raw.decode().splitlines():
            asked = json.loads(line)
            yield asked["text"], asked.get("corpus", "")


def requests(engine: SearchEngine, asked: list[tuple[str, str]]) -> tuple[list[SearchRequest], list[SearchRequest]]:
    """Each query of everything; and of its repository alone."""
    repositories = {r.repository.rsplit("/", 1)[-1]: r.repository for r in engine.snapshot().receipts.values()}
    everything = [SearchRequest(text) for text, _ in asked]
    alone = [SearchRequest(text, (repositories[c],)) for text, c in asked if c in repositories]
    return everything, alone


def measure(
    engine: SearchEngine, wanted: list[SearchRequest], watch: Stopwatch, answers: dict[str, str]
) -> list[tuple[Spent, float, float]]:
    rows = []
    for request in wanted:
        watch.take()
        wall, cpu = time.perf_counter(), time.process_time()
        answer = engine.search(request)
        took = (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000
        told = answer_fields.to_json(answer)
        rows.append((watch.take(), *took))
        answers[json.dumps([request.query, request.repositories])] = _digest(told, answer)
    return rows


def _digest(told: dict[str, Any], answer: Any) -> str:
    """What an answer says, without the times in it."""
    spans = [(hit.snippet.start_line, hit.snippet.spans, hit.doc) for hit in answer.hits]
    said = [told["hits"], told["outcome"], answer.total, spans, {lane: r.hits for lane, r in answer.lanes.items()}]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def show(title: str, rows: list[tuple[Spent, float, float]]) -> None:
    walls, cpus = [wall for _, wall, _ in rows], [cpu for _, _, cpu in rows]
    print(f"{title}: {len(rows)} queries")
    print(f"  {'':<16} {'wall p50':>9} {'p95':>7}   {'CPU p50':>8} {'p95':>7} {'mean':>7}   ms")
    table = [("whole query", walls, cpus)]
    stages = dict.fromkeys([*(name for name, _, _ in STAGES), "embed"])
    for stage in stages:
        table.append((stage, [r.wall.get(stage, 0.0) for r, _, _ in rows], [r.cpu.get(stage, 0.0) for r, _, _ in rows]))
    for stage, wall, cpu in table:
        print(
            f"  {stage:<16} {statistics.median(wall):>9.2f} {percentile(wall, 0.95):>7.2f}   "
            f"{statistics.median(cpu):>8.2f} {percentile(cpu, 0.95):>7.2f} {statistics.mean(cpu):>7.2f}"
        )


def symbols(engine: SearchEngine, asked: list[str]) -> list[float]:
    """Milliseconds of looking up definitions of names that are indexed."""
    took = []
    for name in asked:
        started = time.perf_counter()
        engine.symbol(name)
        took.append((time.perf_counter() - started) * 1000)
    return took


def some_names(engine: SearchEngine, wanted: list[SearchRequest]) -> list[str]:
    """Names defined in what the queries find."""
    return [hit.name for request in wanted for hit in engine.search(request).hits[:3] if hit.name]


def report(
    data: Path, files: list[Path], turns: int = 1, write: Path | None = None, compare: Path | None = None
) -> bool:
    """Prints the stages; whether the answers are those of `compare`."""
    os.environ["CODE_INDEX_DATA"] = str(data)
    settings = load_settings()
    engine = open_engine(settings, Layout(settings.data))
    engine.snapshot().warm()
    everything, alone = requests(engine, list(read_queries(files)) or [(query, "") for query in QUERIES])
    names = some_names(engine, everything[:100])
    watch, answers = Stopwatch(), dict[str, str]()
    for stage, owner, name in STAGES:
        setattr(owner, name, watch.timed(stage, getattr(owner, name)))
    assert engine.embed_query is not None
    type(engine.embed_query).__call__ = watch.timed("embed", type(engine.embed_query).__call__)  # type: ignore[method-assign]
    points = engine.snapshot().manifest.points
    for _ in range(turns):
        show(f"everything ({points:,} points)", measure(engine, everything, watch, answers))
        if alone:
            show("one repository", measure(engine, alone, watch, answers))
    took = symbols(engine, names)
    if took:
        print(
            f"symbol look-up: {len(took)} names, p50 {statistics.median(took):.2f} ms, p95 {percentile(took, 0.95):.2f} ms"
        )
    print(f"memory: {memory_mb(os.getpid())[0]:.0f} MB resident, {memory_mb(os.getpid())[1]:.0f} MB at most")
    if write:
        write.write_text(json.dumps(answers))
    return _same(compare, answers) if compare else True


def _same(compare: Path, answers: dict[str, str]) -> bool:
    before = json.loads(compare.read_bytes())
    common = before.keys() & answers.keys()
    other = sorted(key for key in common if before[key] != answers[key])
    print(f"answers: {len(common) - len(other)} of {len(common)} are what they were in {compare}")
    for key in other[:20]:
        print(f"  differs: {key}")
    return not other and bool(common)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--queries", type=Path, nargs="*", default=[])
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--compare", type=Path)
    options = parser.parse_args()
    chosen = options.data or os.environ.get("BENCH_DATA") or os.environ.get("CODE_INDEX_DATA")
    if not chosen:
        raise SystemExit("which data folder? --data FOLDER")
    if not report(Path(chosen).absolute(), options.queries, options.turns, options.write, options.compare):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
