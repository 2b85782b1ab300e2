"""The `chunks` step in an indexing mode: how parsing and embedding share a run.

What lives here: the three modes, what `auto` chooses, and the stream that embeds while parsing goes on. What does not:
either step, and what the stream leaves for the `embeddings` step (`embed.py`).

- sequential: one parser in this process; embedding afterwards.
- parallel: a pool of parsers; embedding afterwards.
- pipeline: parsing as `parse_files` chooses, and a thread that embeds chunks as they come into the vector cache, where
  the `embeddings` step finds them. The queue between them is bounded, and a full one does not hold parsing up: what
  does not fit is left to the `embeddings` step. So no mode makes a run wait for the other half, and all make the same
  artifacts.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import polars as pl

from ..chunking.parse import core_count
from ..embedding.cache.vectors import vectors_lock
from ..embedding.chunk_vectors import ChunkVectors, keyed_texts
from ..embedding.model_spec import ModelSpec
from ..errors import CodeIndexError
from ..progress import Stages
from ..settings import Settings
from .chunk import Parsing, chunk_files
from .embed import vectors_of_run
from .run import ChainRun, EmbeddedAhead, StepResult

IndexingMode = Literal["auto", "sequential", "parallel", "pipeline"]
# Where vectors come from: a provider or a GPU, a table in memory, a transformer on these cores.
Embeds = Literal["away", "table", "here"]
# Parsed batches (400,000 characters each) waiting to be embedded: 6 MB of text.
QUEUE_BATCHES = 16
# Texts taken from the queue at a time. A stop waits for 256 of them at most, or for a provider's requests in flight.
WINDOW_TEXTS = 2048
# Below this a run has nothing to overlap with: parsing takes less than starting a pool does.
SMALL_BYTES = 8_000_000
# Two parsers and the thread that embeds share fewer free cores than this to nobody's gain.
PIPELINE_CORES = 2.9
PARSER_MB = 150  # a parser process with a large file in hand
_LOAD_SECONDS = 0.1  # clocks tick in hundredths: less tells nothing


@dataclass(frozen=True)
class Choice:
    """A mode, and why it was chosen."""

    mode: IndexingMode
    why: str


def recommend(files: int, size: int, *, cores: int, free_cores: float, free_mb: int, embeds: Embeds) -> Choice:
    """The mode for so many new files of so many bytes, on so many cores, of which others leave `free_cores`.

    Measured in docs/embedding.md by `python -m benchmarks.modes`: with the static table a pipeline took 20 % off on two
    idle cores and added 30 % where others used them too; a pool was never more than 26 % from the best.
    """
    if embeds == "away" and files:
        return Choice("pipeline", "embedding happens elsewhere, while these cores parse")
    if size < SMALL_BYTES:
        return Choice("sequential", f"{files:,} files are parsed before a pool of parsers has started")
    if cores < 2:
        return Choice("sequential", "one core")
    if free_mb < 2 * PARSER_MB * min(cores, 4):
        return Choice("sequential", f"{free_mb:,} MB of memory are free")
    if embeds == "table" and free_cores >= PIPELINE_CORES:
        return Choice("pipeline", f"{free_cores:.1f} cores are free: two for parsers, one for the table")
    if embeds == "table":
        return Choice("parallel", f"{free_cores:.1f} cores are free: the parsers have work for them")
    return Choice("parallel", "embedding is nearly all of the time, and needs all cores")


def chunk_in_mode(run: ChainRun, mode: IndexingMode | None = None) -> StepResult:
    """The `chunks` step. `mode` of this run, else the setting. Its facts say which mode, and for `auto` why."""
    asked: IndexingMode = mode or run.settings.indexing_mode
    load = _Load()
    with contextlib.ExitStack() as stack:
        chosen: list[Choice] = []

        def choose(files: int, size: int) -> Parsing:
            choice = _choice(asked, files, size, run.settings, load.free_cores())
            chosen.append(choice)
            if choice.mode != "pipeline":
                return Parsing("sequential" if choice.mode == "sequential" else "parallel")
            stream = stack.enter_context(_streaming(run))
            return Parsing("auto", stream.offer if stream else Parsing().heard)

        result = chunk_files(run, choose)
    if chosen:
        result.info.update(indexing_mode=chosen[0].mode, indexing_mode_why=chosen[0].why)
    return result


def _choice(asked: IndexingMode, files: int, size: int, settings: Settings, free_cores: float) -> Choice:
    model = ModelSpec.chosen(settings)
    away = model.is_remote
    budget = settings.budget_usd is not None or settings.budget_tokens is not None
    if away and budget and asked in ("auto", "pipeline"):
        return Choice("parallel" if size >= SMALL_BYTES else "sequential", "the budget is checked before any request")
    if asked != "auto":
        return Choice(asked, "as set")
    embeds: Embeds = "away" if away else "table" if model.is_light else "here"
    if embeds == "here":
        from ..embedding.models.transformer import pick_device

        embeds = "here" if pick_device(settings.device) == "cpu" else "away"
    cores = settings.workers or core_count()
    return recommend(files, size, cores=cores, free_cores=free_cores, free_mb=_free_mb(), embeds=embeds)


class _Load:
    """How many cores others leave to this process, since this was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._before = self._others()

    def free_cores(self) -> float:
        """Cores of this process that were idle or its own; all of them where the system does not tell."""
        seconds = time.monotonic() - self._started
        now = self._others()
        if self._before is None or now is None or seconds < _LOAD_SECONDS:
            return float(core_count())
        busy = max(now - self._before, 0.0) / seconds
        return min(float(core_count()), (os.cpu_count() or 1) - busy)

    @staticmethod
    def _others() -> float | None:
        """CPU seconds that the machine has spent on others, ever."""
        try:
            fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
        except (OSError, IndexError):
            return None
        user, nice, system, _, _, irq, softirq, _ = map(int, fields)
        return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK") - sum(os.times()[:4])


def _free_mb() -> int:
    """Memory that can be had without swapping; plenty where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return 1 << 20


@contextlib.contextmanager
def _streaming(run: ChainRun) -> Iterator[EmbeddingStream | None]:
    """A running stream; at the end what it did is in the stage table and handed to the `embeddings` step.

    A model that cannot be had now is no matter of the chunks: None, and the `embeddings` step will say why.
    """
    try:
        space = run.space
        # The stream times itself, beside the stages of the step.
        vectors = vectors_of_run(replace(run, stages=Stages()), space)
    except CodeIndexError as error:
        run.stages.say(f"not embedding ahead: {error.message}")
        yield None
        return
    with run.layout.lock(vectors_lock(space.id), shared=True):
        stream = EmbeddingStream(vectors)
        stream.start()
        try:
            yield stream
        finally:
            stream.stop()
            stream.report(run.stages)
            run.hand_over(EmbeddedAhead(space.id, vectors.embedder, vectors.ahead))


@dataclass
class StreamCounts:
    """What a stream did. Seconds are wall; depths are batches in the queue when one was taken."""

    embedded: int = 0
    skipped: int = 0  # texts that found the queue full
    windows: int = 0
    busy_seconds: float = 0.0
    depth_sum: int = 0
    depth_most: int = 0


@dataclass
class EmbeddingStream:
    """Embeds chunks into the vector cache in a thread of its own, as fast as it can and no faster than they come."""

    vectors: ChunkVectors
    batches: int = QUEUE_BATCHES
    counts: StreamCounts = field(default_factory=StreamCounts)
    failure: Exception | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._queue: queue.Queue[pl.DataFrame | None] = queue.Queue(self.batches)
        self._thread = threading.Thread(target=self._work, name="embed-ahead", daemon=True)
        self._started = time.perf_counter()
        self._seconds = 0.0

    def start(self) -> None:
        """Starts the thread that embeds."""
        self._thread.start()

    def offer(self, chunks: pl.DataFrame) -> None:
        """Takes chunk rows if there is room; never waits."""
        try:
            if self._stopped.is_set():
                raise queue.Full
            self._queue.put_nowait(chunks.select("kind", "local_name", "text"))
        except queue.Full:
            self.counts.skipped += chunks.height

    def stop(self) -> None:
        """Ends after what is being computed; what waits in the queue is left to the `embeddings` step."""
        self._stopped.set()
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        if self.vectors.embedder is not None:
            self.vectors.embedder.interrupt()
        self._thread.join()
        self._seconds = time.perf_counter() - self._started
        while True:
            try:
                left = self._queue.get_nowait()
            except queue.Empty:
                return
            self.counts.skipped += left.height if left is not None else 0

    def report(self, stages: Stages) -> None:
        """Adds the stream's row to a stage table: its seconds are beside the others', not among them."""
        counts = self.counts
        for stage in self.vectors.stages.done:
            if stage.name == "load model":
                stages.add("load model ahead", stage.seconds, stage.items, stage.unit, beside=True)
        stages.add(
            "embed ahead",
            self._seconds,
            counts.embedded,
            "chunks",
            beside=True,
            busy=round(counts.busy_seconds / self._seconds, 4) if self._seconds else 0.0,
            queue_most=counts.depth_most,
            queue_mean=round(counts.depth_sum / counts.windows, 2) if counts.windows else 0.0,
            queue_limit=self.batches,
            left_for_later=counts.skipped,
            **({"failed": str(self.failure)} if self.failure else {}),
        )

    def _work(self) -> None:
        try:
            while not self._stopped.is_set():
                frames = self._take()
                if not frames:
                    continue
                started = time.perf_counter()
                _, wanted = keyed_texts(self.vectors.space, pl.concat(frames))
                self.counts.embedded += self.vectors.compute_ahead(wanted, self._stopped)
                self.counts.busy_seconds += time.perf_counter() - started
        except Exception as error:  # the `embeddings` step meets it again, and reports it where it belongs
            self.failure = error
            self._stopped.set()

    def _take(self) -> list[pl.DataFrame]:
        """What waits in the queue, up to a window; waits for the first."""
        depth = self._queue.qsize()
        frames: list[pl.DataFrame] = []
        texts = 0
        while texts < WINDOW_TEXTS:
            try:
                frame = self._queue.get(block=not frames)
            except queue.Empty:
                break
            if frame is None:
                self.counts.skipped += texts
                return []
            frames.append(frame)
            texts += frame.height
        self.counts.windows += 1
        self.counts.depth_sum += depth
        self.counts.depth_most = max(self.counts.depth_most, depth)
        return frames
