"""A run worker: a process that has everything loaded and does what its keeper hands it, one thing at a time.

What lives here: its life, being interrupted, the conversation with a waiting client. What does not: the work itself
(`chain_runs.py`, `launched.py`, `events.py`), when it is started and ended (`keeper.py`).

The keeper hands over the client's own connection: what the run says goes straight to the client, and when this process
dies, the client sees the connection end. A client that goes away, or asks for it, interrupts its run as Ctrl-C does.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator

from ..analytics.pending import pending_edges
from ..errors import CodeIndexError, ConfigurationError
from ..settings import Settings, load_settings
from ..storage.layout import Layout
from .catalogue_follower import follow_edges
from .chain_runs import Loaded, give_back_memory, loaded, run_catalogue, run_partitions
from .messages import Lines, Message
from .outcome import Outcome

_MESSAGE_BYTES = 1 << 18
_HANDLES = 1


class Interrupts:
    """SIGINT for the work at hand and for nothing else: one that comes late meets no other run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at_work = False
        self.was_sent = False
        self.turn = 0  # counts the works: an interrupt is for one of them
        signal.signal(signal.SIGINT, self._handle)

    def _handle(self, number: int, frame: object) -> None:
        del number, frame
        if self._at_work:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        """While the work goes on. Raises KeyboardInterrupt."""
        with self._lock:
            self.turn += 1
            self.was_sent, self._at_work = False, True
        try:
            yield
        finally:
            with self._lock:
                self._at_work = False

    def send(self, turn: int) -> None:
        """Interrupts the work at hand if it is the one of this turn; called from other threads, which may be late."""
        with self._lock:
            if self._at_work and self.turn == turn:
                self.was_sent = True
                os.kill(os.getpid(), signal.SIGINT)


class Worker:
    """The loop of one worker."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.interrupts = Interrupts()
        self.work: queue.SimpleQueue[tuple[Message, socket.socket | None] | None] = queue.SimpleQueue()
        self.run_id = ""
        threading.Thread(target=self._listen, name="keeper", daemon=True).start()

    def _listen(self) -> None:
        """Takes work and cancellations; the end of the connection is the end of this process, after its work."""
        while True:
            data, handles, _, _ = socket.recv_fds(self.control, _MESSAGE_BYTES, _HANDLES)
            if not data:
                self.work.put(None)
                return
            message = json.loads(data)
            if message["kind"] == "cancel":
                turn = self.interrupts.turn
                if message["run_id"] == self.run_id:
                    self.interrupts.send(turn)
                continue
            self.work.put((message, socket.socket(fileno=handles[0]) if handles else None))

    def tell(self, message: Message) -> None:
        """Tells the keeper; one that has ended hears nothing."""
        with contextlib.suppress(OSError):
            self.control.send(json.dumps(message).encode())

    def at(self, run_id: str) -> None:
        """Says which Dagster run this process is at: the one that a cancellation names."""
        self.run_id = run_id
        self.tell({"run_id": run_id})

    def serve(self, ready: Loaded, settings: Settings) -> None:
        """Does what is handed over until the keeper or this worker has had enough."""
        self.tell({"ready": True, "seconds": ready.seconds})
        while (found := self.work.get()) is not None:
            message, client = found
            more: list[str] = []
            sound = True
            try:
                more = self._do(ready, settings, message, client)
            except KeyboardInterrupt:
                sound = False  # what was cut short may have left anything behind in this process
            except Exception:
                sound = False
                import traceback

                traceback.print_exc()
            finally:
                if client is not None:
                    client.close()
            self.run_id = ""
            give_back_memory()
            ends = not sound or self.interrupts.was_sent
            self.tell({"done": True, "more": more, "ends": ends})
            if ends:
                return

    def _do(self, ready: Loaded, settings: Settings, message: Message, client: socket.socket | None) -> list[str]:
        """Does one thing; returns the kinds of work that follow from it."""
        from . import events, launched

        kind = message["kind"]
        if kind == "index":
            assert client is not None
            with _tidied(client):
                return Conversation(self, ready, Lines(client)).run()
        if kind == "run":
            with self.interrupts.allowed():
                self.at(message["run_id"])
                _edges_later()
                launched.execute(ready, message["run_id"])
            if pending_edges(ready.layout):
                follow_edges(ready.layout)
        elif kind == "events":
            with self.interrupts.allowed():
                return ["events"] if events.run_next(ready, settings, self.at) else []
        elif kind == "catalogue":
            with self.interrupts.allowed():
                run_catalogue(ready, lambda line: None)
            if pending_edges(ready.layout):
                follow_edges(ready.layout)
        elif kind == "lost":
            for run_id in message["run_ids"]:
                launched.record_lost(ready.instance, run_id)
        return []


def _edges_later() -> None:
    """Runs of the catalogue in this process leave the edges of large repositories to a process of their own."""
    from ..assets.catalog import edges_follow

    edges_follow.set(True)


@contextlib.contextmanager
def _tidied(client: socket.socket) -> Iterator[None]:
    """Ends the conversation at its end, which also ends the thread that listens to the client."""
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


class Conversation:
    """An index run for a client that waits at the other end of a connection."""

    def __init__(self, worker: Worker, ready: Loaded, lines: Lines) -> None:
        self.worker, self.ready, self.lines = worker, ready, lines

    def run(self) -> list[str]:
        """Runs what the client asks for; returns the kinds of work that follow."""
        try:
            self.lines.send({"begun": True, "pid": os.getpid()})
            asked = self.lines.read()
        except (OSError, ValueError):
            return []
        if asked is None:
            return []
        told: Message = {"end": True}
        outcomes: list[Outcome] = []
        try:
            with self.worker.interrupts.allowed(), carried(asked["environment"]):
                turn = (self.worker.interrupts.turn,)
                threading.Thread(target=self._listen, args=turn, name="client", daemon=True).start()
                outcomes = run_partitions(self.ready, list(asked["keys"]), self._say, self._done, at=self.worker.at)
        except KeyboardInterrupt:
            told = {"stopped": True}
        except Exception as error:
            told = told_of(error)
        self._tell(told)
        return ["catalogue"] if any(outcome.success for outcome in outcomes) else []

    def _listen(self, turn: int) -> None:
        """A client says nothing but that it has had enough."""
        with contextlib.suppress(OSError, ValueError):
            self.lines.read()
        self.worker.interrupts.send(turn)

    def _say(self, line: str) -> None:
        self._tell({"say": line})

    def _done(self, outcome: Outcome) -> None:
        self._tell({"outcome": vars(outcome)})

    def _tell(self, message: Message) -> None:
        with contextlib.suppress(OSError):  # it has gone: the thread that listens to it sees that too
            self.lines.send(message)


def told_of(error: Exception) -> Message:
    """An error as the client raises it again."""
    if isinstance(error, CodeIndexError):
        return {"error": type(error).__name__, "message": error.message, "remedy": error.remedy}
    if isinstance(error, OSError) and error.errno:
        return {"system": [error.errno, error.strerror, error.filename]}
    if type(error).__module__.startswith("sqlalchemy."):
        return {"records": str(getattr(error, "orig", error))}
    import traceback

    traceback.print_exc()
    return {"fault": f"{type(error).__name__}: {error}"}


@contextlib.contextmanager
def carried(environment: dict[str, str]) -> Iterator[None]:
    """The client's variables for the time of its run (agents of ssh, proxies, git's own, tokens of providers)."""
    from .identity import carried_environment

    before = dict(os.environ)
    for name in carried_environment():
        del os.environ[name]
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def load_what_runs_need(settings: Settings, layout: Layout) -> None:
    """Imports what the steps of a run import when they come to it, and the model."""
    import duckdb
    import polars
    import qdrant_edge

    from ..chunking import pool
    from ..embedding.loading import space_of
    from ..index import publish
    from ..quality import gate
    from ..quality.library import import_great_expectations

    import_great_expectations()
    del duckdb, polars, qdrant_edge, pool, publish, gate
    if settings.qdrant_url:
        import qdrant_client  # 70 MB

        del qdrant_client
    with contextlib.suppress(CodeIndexError):  # the run that needs the model says what is wrong with it
        space_of(settings, layout)


def main() -> None:
    """Takes the number of the connection to the keeper."""
    worker = Worker(socket.socket(fileno=int(sys.argv[1])))
    try:
        settings = load_settings()
    except ConfigurationError as error:
        sys.exit(f"a run worker cannot start: {error}")
    layout = Layout(settings.data).create()
    began = time.monotonic()
    load_what_runs_need(settings, layout)
    with loaded(layout, own_process=True) as ready:
        ready.job("index_repository")
        ready.job("refresh_catalog")
        gc.collect()
        gc.freeze()
        give_back_memory()
        _log(f"ready after {time.monotonic() - began:.1f} s")
        worker.serve(ready, settings)
        _log("ends")
    # Threads of libraries that wait for work would keep the process.
    sys.stdout.flush()
    os._exit(0)


def _log(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} worker {os.getpid()} {line}\n")


if __name__ == "__main__":
    main()
