"""The process in front: it meets every client, and hands what may be answered to the process that answers.

What lives here: health, reading bodies, which requests take a slot, how long an answer may take. What does not: who may
ask (`serve/http/middleware.py`), connections (`connection.py`), slots (`admission.py`), the other process
(`worker_process.py`).

Two processes, because a question holds the interpreter's lock for most of its time, and one that went astray for all of
it: here nothing is ever looked for, so health, refusals and signals do not wait for questions (docs/adr/008).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from ...errors import BusyError
from ...settings import Settings
from ..http.middleware import body_limit, too_large
from ..http.problem_model import Problem
from ..http.problems import page_of, problem, problem_of, response_of, wants_page_of
from ..metrics import Metrics
from ..presence import build, program_version
from .admission import Admission
from .relay import Answer, WorkerGoneError, exchanged
from .worker_process import WorkerProcess

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

BODY_SECONDS = 20.0
# Beyond the seconds a question has for itself: reading the answer, a busy machine.
GRACE_SECONDS = 5.0
ALIVE_SECONDS = 5.0
MOST_OVERDUE = 3
# Requests that look for nothing: pages' assets, the login form, webhooks, states.
LIGHT = ("/readyz", "/metrics", "/assets/", "/login", "/webhooks/", "/openapi.json", "/docs")
LIGHT_AT_A_TIME = 16
# Indexing a checkout on request takes minutes, and streams its progress.
STREAMS_AT_A_TIME = 32

log = logging.getLogger("code_index.serve")


class Front:
    """An ASGI application over one worker process."""

    def __init__(self, settings: Settings, instance: str, metrics: Metrics) -> None:
        self.settings, self.instance, self.metrics = settings, instance, metrics
        self.worker: WorkerProcess | None = None
        self._overdue = 0
        embedded = settings.qdrant_url is None
        self.questions = Admission(settings.questions_at_a_time or (1 if embedded else 8))
        self.light = Admission(LIGHT_AT_A_TIME)
        self.streams = Admission(STREAMS_AT_A_TIME, waiting=0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or passes it to the process behind."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    # -- life ----------------------------------------------------------------------------------------------------

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self.worker = WorkerProcess(self.settings, self.instance)
        self.worker.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.worker.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def until_answering(self) -> None:
        """Waits until the process that answers does so, with an index or without."""
        while await self._readiness() is None:
            await asyncio.sleep(0.05)

    async def _readiness(self) -> int | None:
        """The status of the other process's /readyz; None where it does not answer."""
        scope = {"method": "GET", "path": "/readyz", "headers": [(b"host", b"localhost")]}
        try:
            async with asyncio.timeout(ALIVE_SECONDS):
                async with self._exchanged(scope, b"") as answer:
                    await answer.body()
            return answer.status
        except (TimeoutError, WorkerGoneError):
            return None

    # -- requests ------------------------------------------------------------------------------------------------

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/healthz" and scope["method"] in ("GET", "HEAD"):
            await self._healthz(scope, receive, send)
            return
        try:
            body = await self._body(scope, receive)
            if body is None:
                return  # the client went away
            await self._handed_on(scope, body, send)
        except TimeoutError:
            told = problem(408, "RequestTimeout", f"the request's body did not come within {BODY_SECONDS:g} s")
            await self._refuse(scope, send, told)
        except _TooLargeError as error:
            await self._refuse(scope, send, too_large(error.limit))
        except BusyError as error:
            self.metrics.count("code_index_refused_total", reason="busy")
            await self._refuse(scope, send, problem_of(error), after=2)
        except WorkerGoneError:
            self.metrics.count("code_index_refused_total", reason="restarting")
            told = problem(503, "Restarting", "the server is being started anew", remedy="ask again in a few seconds",
                           retryable=True)  # fmt: skip
            await self._refuse(scope, send, told)

    async def _healthz(self, scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.responses import JSONResponse

        scope["code_index_route"] = "/healthz"
        told = {"status": "ok", "version": program_version(), "build": build(), "instance": self.instance}
        await JSONResponse(told, headers={"Cache-Control": "no-store"})(scope, receive, send)

    async def _refuse(self, scope: Scope, send: Send, body: Problem, after: int | None = None) -> None:
        headers = {"Retry-After": str(after)} if after else {}
        response = page_of(body, headers) if wants_page_of(scope) else response_of(body, headers)
        await response(scope, _nothing, send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body: nothing is looked for, and no slot taken, before it is here."""
        limit = body_limit(scope["path"], self.settings)
        taken = bytearray()
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                taken += message.get("body", b"")
                if len(taken) > limit:
                    raise _TooLargeError(limit)
                if not message.get("more_body"):
                    return bytes(taken)

    async def _handed_on(self, scope: Scope, body: bytes, send: Send) -> None:
        path = scope["path"]
        if path.startswith("/mcp") and not _is_question(body):
            async with self.streams.slot(), self._exchanged(scope, body) as answer:
                await _pass_on(scope, answer, answer.parts(), send)
            return
        admission = self.light if path.startswith(LIGHT) else self.questions
        # The slot is free again before the client has read the answer, however slowly it does.
        async with admission.slot():
            answer, content = await self._whole(scope, body)
        if path == "/metrics" and answer.status == 200:
            content += self.metrics.text().encode()
            answer.headers = [(name, value) for name, value in answer.headers if name != b"content-length"]
        await _pass_on(scope, answer, _once(content), send)

    async def _whole(self, scope: Scope, body: bytes) -> tuple[Answer, bytes]:
        seconds = self.settings.query_seconds + GRACE_SECONDS
        started = self.worker.starts if self.worker is not None else 0
        try:
            async with asyncio.timeout(seconds):
                async with self._exchanged(scope, body) as answer:
                    found = answer, await answer.body()
        except TimeoutError:
            await self._look_after(started, seconds)
            raise BusyError(
                f"no answer was found within {seconds:g} s, and the search was given up",
                remedy="ask for less: fewer repositories, a language, a folder, simpler patterns",
            ) from None
        self._overdue = 0
        return found

    @asynccontextmanager
    async def _exchanged(self, scope: Scope, body: bytes) -> AsyncIterator[Answer]:
        if self.worker is None:
            raise WorkerGoneError("not started")
        async with exchanged(self.worker.place, scope, body) as answer:
            self.worker.has_answered = True
            yield answer

    async def _look_after(self, started: int, seconds: float) -> None:
        """Asks the process behind whether it still answers, when a question is long past its deadline.

        One that is still starting, or opening its index, is left to it.
        """
        worker = self.worker
        if worker is None or worker.starts != started or not worker.has_answered:
            return
        self._overdue += 1
        readiness = await self._readiness()
        stuck = readiness is None or (readiness == 200 and self._overdue >= MOST_OVERDUE)
        if stuck and worker.starts == started and worker.has_answered:
            log.error("a question went on for more than %s s: the process that answers is ended", seconds)
            self._overdue = 0
            worker.end_now()


class _TooLargeError(Exception):
    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


def _is_question(body: bytes) -> bool:
    """Whether an MCP message calls one of the tools that search."""
    try:
        told = json.loads(body)
        return bool(told["method"] == "tools/call" and told["params"]["name"] != "index_codebase")
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _pass_on(scope: Scope, answer: Answer, parts: AsyncIterator[bytes], send: Send) -> None:
    scope["code_index_route"] = answer.route
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    async for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _nothing() -> MutableMapping[str, Any]:
    return {"type": "http.disconnect"}
