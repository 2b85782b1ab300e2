"""What every route shares: the engine, opened once and warm; a bounded number of queries at a time; cached states.

What lives here: the state of one serving process. What does not: routes (`serve/http/api.py`, `serve/pages/routes.py`),
HTTP. Nothing here writes to the index.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from ..errors import BusyError, CodeIndexError, NotIndexedError
from ..index.reader import IndexSnapshot, SnapshotGoneError
from ..overlays.asked import at_edits, at_ref
from ..overlays.trees import Trees
from ..search.answers import IndexStatus, RepositoryStatus, SearchAnswer
from ..search.engine import SearchEngine, SearchRequest
from ..search.freshness import repository_statuses
from ..search.service import open_engine
from ..settings import Settings
from ..storage.layout import Layout
from .metrics import Labels, Metrics
from .presence import program_version

T = TypeVar("T")
# The engine holds the interpreter's lock for most of a query: more at a time only makes all of them slower.
AT_A_TIME = 8
WAITING = 512
STATUS_SECONDS = 2.0
WATCH_SECONDS = 0.5

log = logging.getLogger("code_index.serve")


class Service:
    """One data folder being served."""

    def __init__(self, settings: Settings, layout: Layout, engine: SearchEngine | None = None) -> None:
        self.settings, self.layout = settings, layout
        self.engine = engine or open_engine(settings, layout)
        self._trees = Trees(layout, settings)
        self.metrics = Metrics()
        self.started_at = time.time()
        self._warm: IndexSnapshot | None = None
        self._trouble = "the index is being opened"
        self._statuses: tuple[float, str, list[RepositoryStatus]] = (-1e9, "", [])
        self._status_lock = threading.Lock()
        self._stopping = threading.Event()
        self._limiter: Any = None
        self._waiting = 0

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Opens and warms the index beside the first requests, and every later publication as it comes."""
        threading.Thread(target=self._watch, name="publications", daemon=True).start()

    def stop(self) -> None:
        """Ends the loops that wait."""
        self._stopping.set()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                snapshot = self.engine.snapshot()
                if snapshot is not self._warm:
                    snapshot.warm()
                    # Opens what the first query of a publication opens, and the model.
                    self.engine.search(SearchRequest("warm up", limit=1))
                    self._warm = snapshot
                self._trouble = ""
            except SnapshotGoneError:
                continue  # replaced and pruned meanwhile
            except CodeIndexError as error:
                self._trouble, self._warm = error.message, None
            except Exception:
                log.exception("the index could not be opened")
                self._trouble, self._warm = "the index could not be opened, see the server's log", None
            self._stopping.wait(WATCH_SECONDS)

    @property
    def trouble(self) -> str:
        """Why the service is not ready, "" if it is: an index is open and warm."""
        return self._trouble

    # -- asking ----------------------------------------------------------------------------------------------------

    async def run(self, work: Callable[[], T]) -> T:
        """Runs work in a thread, a few at a time. Raises BusyError when too many wait already."""
        import anyio

        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(AT_A_TIME)
        if self._waiting >= WAITING:
            raise BusyError(f"{WAITING} requests are waiting already", remedy="ask again in a few seconds")
        self._waiting += 1
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._waiting -= 1

    def at(self, repositories: Iterable[str], refs: Iterable[str]) -> SearchEngine:
        """The engine for a question: of a ref that is not published and that this machine has, a layered one."""
        refs = tuple(refs)
        return at_ref(self.engine, self._trees, tuple(repositories), refs) if refs else self.engine

    def with_edits(
        self, repositories: tuple[str, ...], commit: str, files: Mapping[str, bytes], deleted: Collection[str]
    ) -> SearchEngine:
        """The engine for a commit with files that a client sent. Raises QueryError."""
        return at_edits(self.engine, self._trees, repositories, commit, files, deleted)

    def search(self, request: SearchRequest) -> SearchAnswer:
        """The engine's answer, counted."""
        try:
            answer = self.at(request.repositories, request.refs).search(request)
        except CodeIndexError as error:
            self.metrics.count("code_index_answers_total", outcome=getattr(error, "state", "") or type(error).__name__)
            raise
        self.metrics.count("code_index_answers_total", outcome=answer.outcome)
        for lane, report in answer.lanes.items():
            if report.state == "failed":
                self.metrics.count("code_index_lane_failures_total", lane=lane)
        return answer

    def statuses(self) -> list[RepositoryStatus]:
        """`repository_statuses`, a few seconds old at most and never older than the publication.

        Making it takes a twentieth of the time at most: half a second for 5,000 repositories.
        """
        with self._status_lock:
            until, publication, rows = self._statuses
            current, now = self.publication(), time.monotonic()
            if now > until or publication != current:
                rows = repository_statuses(self.layout, self.settings, self.engine.receipts())
                took = time.monotonic() - now
                self._statuses = (now + max(STATUS_SECONDS, took * 20), current, rows)
            return rows

    def forget_statuses(self) -> None:
        """What was just asked for shows at once."""
        self._statuses = (-1e9, "", [])

    def publication(self) -> str:
        """The name of the current publication, "" before the first."""
        try:
            return self.engine.snapshot().manifest.name
        except CodeIndexError:
            return ""

    def status(self) -> IndexStatus:
        """The index as a whole, as `/v1/status` has it."""
        rows = self.statuses()
        status = IndexStatus(
            program_version(), not self.trouble, self.trouble, len(rows), dict(Counter(row.state for row in rows)),
            self.started_at,
        )  # fmt: skip
        try:
            manifest = self.engine.snapshot().manifest
        except NotIndexedError:
            return status
        return replace(
            status,
            publication=manifest.name,
            published_at=manifest.published_at,
            space=manifest.space,
            points=manifest.points,
        )

    def gauges(self) -> list[tuple[str, str, dict[Labels, float]]]:
        """The gauges of `/metrics`: name, help, values by labels."""
        status = self.status()
        rows: list[tuple[str, str, dict[Labels, float]]] = [
            ("code_index_ready", "Whether an index is open and warm.", {(): float(status.ready)}),
            ("code_index_points", "Points of the publication.", {(): float(status.points)}),
            ("code_index_repositories", "Partitions by state.",
             {(("state", state),): float(count) for state, count in status.states.items()}),
            ("process_start_time_seconds", "When this process started.", {(): self.started_at}),
        ]  # fmt: skip
        if status.published_at is not None:
            age = max(time.time() - status.published_at, 0.0)
            rows.append(("code_index_publication_age_seconds", "Age of the publication.", {(): age}))
        return rows
