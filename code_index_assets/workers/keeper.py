"""The keeper of the run workers: one small process a data folder, started by `code-index up` and `serve`.

What lives here: which request gets which worker, when a worker is started, replaced and ended. What does not: running
anything (`worker.py`), one worker's process (`worker_process.py`), one waiting request (`waiting.py`).

It imports neither Dagster nor anything else that takes memory or time. It listens on the socket of the data folder
(`place.py`), keeps N workers ready, and hands each request to a free one together with its connection: what a run says
goes from the worker to its client directly. It ends when the program that started it ends, even by a crash.
"""

from __future__ import annotations

import fcntl
import os
import selectors
import signal
import socket
import sys
import time
from collections import deque

from ..settings import Settings, load_settings
from ..storage.layout import Layout
from . import place
from .identity import code_state, differing, models_state, settings_state
from .messages import PROTOCOL, Message
from .waiting import Request, Unread
from .worker_process import WorkerProcess

# Workers at most, those for requests that waited too long included: Dagster's queue lets four run at a time, and people
# and pushes come beside it.
MOST_WORKERS = 8
EXTRA_IDLE_SECONDS = 30.0
# After the end of its starter, a run has so long to end before its worker is killed.
STOP_SECONDS = 10.0
CANCEL_SECONDS = 30.0
LOOK_SECONDS = 2.0
FAILED_STARTS = 3
PAUSE_SECONDS = 30.0


class Keeper:
    """The workers, and what waits for them."""

    def __init__(self, settings: Settings, layout: Layout, count: int, lease: int) -> None:
        self.settings, self.layout, self.count = settings, layout, count
        self.state = settings_state(settings, layout)
        self._lease = lease
        self._selector = selectors.DefaultSelector()
        self._listening = place.listen(layout)
        self.workers: list[WorkerProcess] = []
        self.waiting: deque[Request] = deque()
        self._unread: list[Unread] = []
        self._lost: list[str] = []
        self._failed_starts, self._no_start_before = 0, 0.0
        self._code = self._code_now()
        self._stopping = False

    # -- the loop ------------------------------------------------------------------------------------------------

    def run(self) -> bool:
        """Serves until the starter ends. True if the program was changed and this process is to begin anew."""
        self._selector.register(self._listening, selectors.EVENT_READ, self._accept)
        self._selector.register(self._lease, selectors.EVENT_READ, self._stop)
        self._start(extra=False)
        while not self._stopping:
            timeout = LOOK_SECONDS if self.waiting or self.workers else 60.0
            for key, _ in self._selector.select(timeout):
                key.data()
            self._tend()
            if not self.waiting and not self._busy() and self._code_now() != self._code:
                self._end_all()
                return True
        self._finish()
        return False

    def _stop(self) -> None:
        self._stopping = True

    def _busy(self) -> list[WorkerProcess]:
        return [worker for worker in self.workers if worker.request is not None]

    def _code_now(self) -> str:
        return f"{code_state()} {models_state(self.settings)}"

    # -- requests --------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        connection, _ = self._listening.accept()
        connection.setblocking(False)
        unread = Unread(connection)
        self._unread.append(unread)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._read(unread))

    def _read(self, unread: Unread) -> None:
        try:
            message = unread.read()
        except (OSError, ValueError):
            self._drop(unread.connection)
            self._unread.remove(unread)
            return
        if message is None:
            return
        self._unread.remove(unread)
        self._selector.unregister(unread.connection)
        self._answer(unread.connection, message)

    def _answer(self, connection: socket.socket, message: Message) -> None:
        kind = message.get("kind")
        if kind == "status":
            _reply(connection, self._status())
        elif kind == "cancel":
            _reply(connection, {"cancelled": self._cancel(str(message.get("run_id")))})
        elif kind == "find":
            _reply(connection, {"found": self._find(str(message.get("run_id")))})
        elif refusal := self._refusal(message):
            _reply(connection, {"refused": refusal})
        elif kind == "events":
            self.enqueue(Request("events"))
            _reply(connection, {"taken": True})
        elif kind == "run":
            request = Request("run", run_id=str(message["run_id"]))
            self.enqueue(request)
            _reply(connection, {"taken": True, "ahead": self._ahead(request)})
        elif kind == "index":
            request = Request("index", connection=connection)
            self._selector.register(connection, selectors.EVENT_READ, lambda: self._gone(request))
            self.enqueue(request)
            request.tell({"ahead": self._ahead(request)})
        else:
            _reply(connection, {"refused": f"an unknown request {kind!r}"})

    def _refusal(self, message: Message) -> str:
        """Why this request is not for these workers; "" if it is."""
        if message.get("protocol") != PROTOCOL or message.get("code") != self._code_of_a_client():
            return "the run workers belong to another installation or version of the program"
        given = message.get("settings")
        other = differing(self.state, given) if isinstance(given, dict) else []
        if other:
            return f"the run workers have other values of {', '.join(other)}"
        if self._no_start_before > time.monotonic() and not self.workers:
            return f"the run workers do not start: see {place.folder_of(self.layout) / 'worker.log'}"
        return ""

    def _code_of_a_client(self) -> str:
        return self._code_now().partition(" ")[0]

    def enqueue(self, request: Request) -> None:
        """Puts a request behind those of its class; work that needs to be done once stands in the line once."""
        if request.once and any(other.kind == request.kind for other in self.waiting):
            return
        place_in_line = next(
            (number for number, other in enumerate(self.waiting) if other.order > request.order), len(self.waiting)
        )
        self.waiting.insert(place_in_line, request)
        self._dispatch()

    def _ahead(self, request: Request) -> int:
        """How many runs are before this one: those in the line and, if no worker is free, one of those at work."""
        if request not in self.waiting:
            return 0
        return self.waiting.index(request) + len(self._busy())

    def _gone(self, request: Request) -> None:
        """A waiting client has ended, or says something out of turn."""
        if request in self.waiting:
            self.waiting.remove(request)
        if request.connection is not None:
            self._drop(request.connection)
        self._tell_positions()

    def _drop(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        connection.close()

    def _tell_positions(self) -> None:
        for request in self.waiting:
            request.tell({"ahead": self._ahead(request)})

    def _find(self, run_id: str) -> str:
        if any(request.run_id == run_id for request in self.waiting):
            return "waiting"
        if any(worker.run_id == run_id for worker in self.workers):
            return "running"
        return "lost" if run_id in self._lost else "unknown"

    def _cancel(self, run_id: str) -> str:
        for request in self.waiting:
            if request.run_id == run_id:
                self.waiting.remove(request)
                self._tell_positions()
                return "waiting"
        for worker in self.workers:
            if worker.run_id == run_id:
                worker.cancel(time.monotonic() + CANCEL_SECONDS)
                return "running"
        return "unknown"

    def _status(self) -> Message:
        return {
            "pid": os.getpid(),
            "waiting": [request.kind for request in self.waiting],
            "workers": [worker.describe() for worker in self.workers],
        }

    # -- workers -----------------------------------------------------------------------------------------------------

    def _start(self, *, extra: bool) -> None:
        if time.monotonic() < self._no_start_before:
            return
        worker = WorkerProcess(self.layout, self._code_now(), extra=extra)
        self.workers.append(worker)
        self._selector.register(worker.control, selectors.EVENT_READ, lambda: self._hear(worker))

    def _hear(self, worker: WorkerProcess) -> None:
        message = worker.hear()
        if message is None:
            self._forget(worker)
        elif "ready" in message:
            self._failed_starts = 0
            if self._lost:
                worker.hand(Request("lost", run_ids=tuple(self._lost)))
                self._lost.clear()
        elif "run_id" in message:
            worker.run_id = str(message["run_id"])
        elif "done" in message:
            worker.finish()
            if message.get("ends"):
                worker.end_when_idle()
                self._start(extra=worker.extra)
            for kind in message.get("more", []):
                self.enqueue(Request(str(kind)))
        self._dispatch()

    def _forget(self, worker: WorkerProcess) -> None:
        """A worker has ended: the run it was at is lost, and a worker that still lives records that."""
        self._selector.unregister(worker.control)
        self.workers.remove(worker)
        if not worker.was_ready and not worker.ending:
            self._failed_starts += 1
            if self._failed_starts >= FAILED_STARTS:
                self._no_start_before = time.monotonic() + PAUSE_SECONDS
        for run_id in {worker.run_id, worker.request.run_id if worker.request else ""} - {""}:
            self._lost.append(run_id)
        if worker.request is not None and worker.request.kind == "events":
            self.enqueue(Request("events"))
        by_itself = not worker.ending
        worker.end()
        if self._stopping:
            return
        if self._lost:
            self._record_lost()
        if by_itself and len([one for one in self.workers if not one.ending]) < self.count:
            self._start(extra=False)

    def _record_lost(self) -> None:
        free = next((worker for worker in self.workers if worker.is_free), None)
        if free is not None:
            free.hand(Request("lost", run_ids=tuple(self._lost)))
            self._lost.clear()
        elif not any(worker.request is None and not worker.ending for worker in self.workers):
            self._start(extra=False)

    def _dispatch(self) -> None:
        """Gives waiting requests to free workers of the present code, and starts workers for the others."""
        if not self.waiting or self._stopping:
            return
        code = self._code_now()
        for worker in [worker for worker in self.workers if worker.is_free and worker.code != code]:
            worker.end_when_idle()
        handed = False
        while self.waiting and (free := next((one for one in self.workers if one.is_free), None)) is not None:
            request = self.waiting.popleft()
            if request.connection is not None:
                self._selector.unregister(request.connection)
            free.hand(request)
            handed = True
        if self.waiting:
            self._start_for_waiting()
        if handed or self.waiting:
            self._tell_positions()

    def _start_for_waiting(self) -> None:
        alive = [worker for worker in self.workers if not worker.ending]
        if any(worker.request is None for worker in alive):
            return  # one is being started
        waits = [time.monotonic() - request.since for request in self.waiting if request.kind != "catalogue"]
        late = max(waits, default=0.0) > self.settings.run_worker_patience_seconds
        if len(alive) < self.count or (late and len(alive) < max(MOST_WORKERS, self.count)):
            self._start(extra=len(alive) >= self.count)

    def _tend(self) -> None:
        """Ends what is to be ended, and starts successors before."""
        now = time.monotonic()
        for worker in list(self.workers):
            if worker.kill_at and now > worker.kill_at:
                worker.kill()
            if not worker.is_free:
                continue
            idle = EXTRA_IDLE_SECONDS if worker.extra else self.settings.run_worker_idle_seconds
            if now - worker.free_since > idle:
                worker.end_when_idle()
            elif why := self._worn(worker):
                worker.say(f"is replaced: {why}")
                worker.end_when_idle()
                self._start(extra=worker.extra)
        self._dispatch()

    def _worn(self, worker: WorkerProcess) -> str:
        settings = self.settings
        if worker.runs >= settings.run_worker_runs:
            return f"{worker.runs} runs"
        if time.monotonic() - worker.started > settings.run_worker_hours * 3600:
            return f"older than {settings.run_worker_hours:g} hours"
        if worker.runs and (used := worker.memory_mb()) > settings.run_worker_mb:
            return f"{used} MB of memory"
        return ""

    # -- the end -------------------------------------------------------------------------------------------------------

    def _end_all(self) -> None:
        place.withdraw(self.layout)
        for worker in self.workers:
            worker.end()
        self._listening.close()

    def _finish(self) -> None:
        """Lets runs end, for a while. What waits is dropped: clients run it themselves, Dagster's monitor sees it."""
        place.withdraw(self.layout)
        self._listening.close()
        for request in self.waiting:
            if request.connection is not None:
                request.connection.close()
        deadline = time.monotonic() + STOP_SECONDS
        for worker in self.workers:
            worker.end_when_idle()
        while self._busy() and time.monotonic() < deadline:
            for key, _ in self._selector.select(0.2):
                if key.fileobj not in (self._lease, self._listening):
                    key.data()
        for worker in self.workers:
            worker.kill()


def _reply(connection: socket.socket, message: Message) -> None:
    request = Request("reply", connection=connection)
    request.tell(message)
    connection.close()


def main(arguments: list[str]) -> None:
    """Takes the number of the lease (a pipe that its starter holds open) and how many workers to keep."""
    lease, count = int(arguments[0]), int(arguments[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    settings = load_settings()
    layout = Layout(settings.data)
    folder = place.folder_of(layout)
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "keeper.lock").open("a+") as lock:
        if not _become_the_keeper(lock.fileno(), lease):
            return
        again = Keeper(settings, layout, count, lease).run()
    if again:
        os.set_inheritable(lease, True)
        command = [sys.executable, "-P", "-m", "code_index_assets.workers.keeper", *arguments]
        os.execv(sys.executable, command)  # noqa: S606 - this program in its present version


def _become_the_keeper(lock: int, lease: int) -> bool:
    """Waits until no other process keeps the workers of this data folder; False if its starter ends before."""
    with selectors.DefaultSelector() as selector:
        selector.register(lease, selectors.EVENT_READ)
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                if selector.select(LOOK_SECONDS):
                    return False


if __name__ == "__main__":
    main(sys.argv[1:])
