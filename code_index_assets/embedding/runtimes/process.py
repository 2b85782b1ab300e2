"""The long-lived embedding process: a model loaded once, shared by runs and by searches through a local socket.

What lives here: the server, which takes texts of all who wait into common windows, and the file that says where it
listens. What does not: its clients (`process_client.py`), models, the command line.

Without it a GPU idles between runs and every run loads the model again. The socket is only for the user who started
it: what travels is pickled, so who can connect could run code.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from ...errors import CodeIndexError, ConfigurationError
from ...progress import Say
from ...settings import Settings
from ...storage.layout import Layout, write_atomically
from ..interface import Embedder
from ..loading import document_embedder, query_embedder
from ..model_spec import ModelSpec

# A path of a Unix socket may have 107 bytes.
MAX_SOCKET_PATH = 100


def address_file(layout: Layout) -> Path:
    """The file that tells clients where the embedding process listens."""
    return layout.root / "embedder.json"


@dataclass
class _Order:
    """Texts of one request that wait, and where their vectors go: (rows, bytes), at last the end or an error."""

    texts: list[str]
    waiting: deque[int]
    answers: SimpleQueue[Any] = field(default_factory=SimpleQueue)
    open: int = 0


@dataclass
class Load:
    """What the process has done since it started."""

    started: float = field(default_factory=time.time)
    busy: float = 0.0
    texts: int = 0
    queries: int = 0
    clients: int = 0


class EmbeddingServer:
    """Serves one model of one data folder until it is stopped."""

    def __init__(self, settings: Settings, layout: Layout, say: Say, *, embedder: Embedder | None = None) -> None:
        """`embedder` replaces the configured one (tests). Raises ConfigurationError if the model needs no process."""
        model = ModelSpec.chosen(settings)
        if embedder is None and (model.is_remote or model.is_light):
            raise ConfigurationError(
                f"the model {model} needs no embedding process",
                remedy="set CODE_INDEX_MODEL=minilm or another transformer",
            )
        self.layout, self._say = layout, say
        self._documents = embedder or document_embedder(settings, layout, say, local=True)
        on_gpu = settings.device != "cpu" and "cpu" not in self._documents.runtime
        self._queries = self._documents if embedder or on_gpu else query_embedder(settings, layout, say, local=True)
        self.space = self._documents.space.id
        self.load = Load()
        self._orders: deque[_Order] = deque()
        self._work = threading.Condition()
        self._query_lock = threading.Lock()
        self._stopping = False
        self._folder: Path | None = None
        self._listener: Listener | None = None

    def start(self) -> None:
        """Listens and says where. Raises ConfigurationError if another process serves this data folder."""
        from .process_client import connect

        if (other := connect(self.layout)) is not None:
            other.close()
            raise ConfigurationError(
                f"an embedding process already serves {self.layout.root}", remedy="stop that one first, or use it"
            )
        path = self.layout.root / "embedder.sock"
        if len(os.fsencode(path)) > MAX_SOCKET_PATH:
            self._folder = Path(tempfile.mkdtemp(prefix="code-index-"))
            path = self._folder / "embedder.sock"
        path.unlink(missing_ok=True)
        previous = os.umask(0o177)
        try:
            self._listener = Listener(str(path), "AF_UNIX", backlog=64)
        finally:
            os.umask(previous)
        facts = {"socket": str(path), "space": self.space, "runtime": self._documents.runtime, "pid": os.getpid()}
        write_atomically(address_file(self.layout), json.dumps(facts).encode())
        threading.Thread(target=self._compute, name="embed", daemon=True).start()
        threading.Thread(target=self._accept, name="accept", daemon=True).start()

    def stop(self) -> None:
        """Stops listening; requests in work end with an error, and their runs go on by themselves."""
        self._stopping = True
        with self._work:
            self._work.notify_all()
        address_file(self.layout).unlink(missing_ok=True)
        if self._listener is not None:
            path = str(self._listener.address)
            self._listener.close()
            Path(path).unlink(missing_ok=True)
        if self._folder is not None:
            self._folder.rmdir()
        self._documents.close()

    @property
    def status(self) -> dict[str, Any]:
        """Runtime, space, share of the time it was busy, texts, queries, clients."""
        seconds = max(time.time() - self.load.started, 1e-9)
        return {
            "space": self.space,
            "runtime": self._documents.runtime,
            "up_seconds": round(seconds, 1),
            "busy": round(self.load.busy / seconds, 4),
            "texts": self.load.texts,
            "queries": self.load.queries,
            "clients": self.load.clients,
            "waiting": sum(len(order.waiting) for order in self._orders),
        }

    # -- clients -----------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        assert self._listener is not None
        while not self._stopping:
            try:
                connection = self._listener.accept()
            except OSError:
                if self._stopping:
                    return
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        self.load.clients += 1
        try:
            while True:
                what, texts = connection.recv()
                if what == "status":
                    connection.send(self.status)
                elif what == "query":
                    connection.send(self._query(texts))
                elif what == "count":
                    connection.send(self._documents.count_tokens(texts))
                else:
                    self._stream(connection, texts)
        except (EOFError, OSError):
            return
        finally:
            self.load.clients -= 1
            connection.close()

    def _query(self, texts: list[str]) -> Any:
        try:
            with self._query_lock:
                self.load.queries += len(texts)
                return self._queries.embed(texts, "query").tobytes()
        except Exception as error:
            return error

    def _stream(self, connection: Connection, texts: list[str]) -> None:
        order = _Order(texts, deque(sorted(range(len(texts)), key=lambda row: (-len(texts[row]), row))))
        order.open = len(texts)
        with self._work:
            self._orders.append(order)
            self._work.notify()
        try:
            while True:
                answer = order.answers.get()
                connection.send(answer)
                if answer is None or isinstance(answer, Exception):
                    return
        except OSError:
            with self._work:  # the client is gone: the rest is not needed
                order.waiting.clear()
            raise

    # -- computing ---------------------------------------------------------------------------------------------

    def _compute(self) -> None:
        while not self._stopping:
            with self._work:
                while not self._stopping and not any(order.waiting for order in self._orders):
                    self._work.wait()
                window = self._window()
            if self._stopping:
                return
            started = time.perf_counter()
            self._embed(window)
            self.load.busy += time.perf_counter() - started
            self.load.texts += len(window)
            with self._work:
                self._orders = deque(order for order in self._orders if order.open > 0 and order.waiting)

    def _window(self) -> list[tuple[_Order, int]]:
        """Rows of all who wait, in turn, until the window is full."""
        taken: list[tuple[_Order, int]] = []
        orders = deque(order for order in self._orders if order.waiting)
        while orders and len(taken) < self._documents.window:
            order = orders.popleft()
            for _ in range(min(64, len(order.waiting))):
                taken.append((order, order.waiting.popleft()))
            if order.waiting:
                orders.append(order)
        return taken

    def _embed(self, window: list[tuple[_Order, int]]) -> None:
        try:
            for computed in self._documents.embed_each([order.texts[row] for order, row in window]):
                parts: dict[int, tuple[_Order, list[int], list[int]]] = {}
                for place, number in enumerate(computed.rows):
                    order, row = window[number]
                    _, rows, places = parts.setdefault(id(order), (order, [], []))
                    rows.append(row)
                    places.append(place)
                for order, rows, places in parts.values():
                    order.answers.put((rows, computed.vectors[places].tobytes()))
                    order.open -= len(rows)
                    if order.open == 0:
                        order.answers.put(None)
        except Exception as error:
            what = error if isinstance(error, CodeIndexError) else RuntimeError(f"{type(error).__name__}: {error}")
            for order in {id(order): order for order, _ in window}.values():
                order.waiting.clear()
                order.open = 0
                order.answers.put(what)
            self._say(f"a window of {len(window)} texts failed: {error}")
