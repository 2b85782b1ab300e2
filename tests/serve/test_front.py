"""The process in front: what a hostile client can do to it, a question that never ends, a worker that dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from code_index_assets import deadlines
from code_index_assets.errors import BusyError, OutOfTimeError
from code_index_assets.serve.http.access import Access
from code_index_assets.serve.http.login_limits import BY_ADDRESS, OVER_ALL, LoginLimits
from code_index_assets.serve.http.middleware import Gatekeeper
from code_index_assets.serve.metrics import Metrics
from code_index_assets.serve.processes import admission, connection, front
from code_index_assets.serve.processes.admission import Admission
from code_index_assets.serve.processes.worker_process import WorkerProcess
from code_index_assets.settings import Settings

SLOW_WORKER = """
import os, pickle, socket, sys, threading, time
pickle.load(sys.stdin.buffer)
listening = socket.socket(fileno=int(sys.argv[-1]))
def answer(taken):
    head = taken.recv(65536)
    if b"/stuck" in head:
        os.kill(os.getpid(), 19)  # as a question that holds the interpreter's lock
        time.sleep(60)  # the signal stops the process a moment after it was sent
    if b"/die" in head:
        os._exit(3)
    while b"/held" in head and not os.path.exists(os.path.join(os.path.dirname(__file__), "let-go")):
        time.sleep(0.01)
    body = str(os.getpid()).encode()
    taken.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\nconnection: close\\r\\n\\r\\n%s" % (len(body), body))
    taken.close()
while True:
    taken, _ = listening.accept()
    threading.Thread(target=answer, args=(taken,), daemon=True).start()
"""


@pytest.fixture
def serving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AbstractAsyncContextManager[tuple[front.Front, int]]]:
    """A whole server in front of a worker that can be made to hang; gives (url) in an event loop."""
    script = tmp_path / "worker.py"
    script.write_text(SLOW_WORKER)
    real = WorkerProcess._spawn

    def spawn(process: WorkerProcess) -> None:
        import subprocess as module

        popen = module.Popen

        def started(command: list[str], **options: Any) -> Any:
            return popen([command[0], str(script), command[-1]], **options)

        monkeypatch.setattr("code_index_assets.serve.processes.worker_process.subprocess.Popen", started)
        real(process)
        monkeypatch.setattr("code_index_assets.serve.processes.worker_process.subprocess.Popen", popen)

    monkeypatch.setattr(WorkerProcess, "_spawn", spawn)

    @contextlib.asynccontextmanager
    async def running(**options: Any) -> AsyncIterator[tuple[front.Front, int]]:
        import uvicorn

        settings = Settings.model_validate({"data": tmp_path / "data", "model": "test", **options})
        made = front.Front(settings, "me", Metrics())
        app = Gatekeeper(made, Access(settings), made.metrics, bounded=True)
        config = uvicorn.Config(
            app, log_level="critical", http=connection.bounded(20), ws="none", lifespan="on",
            h11_max_incomplete_event_size=connection.MAX_HEADER_BYTES, timeout_graceful_shutdown=1,
        )  # fmt: skip
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(config)
        monkeypatch.setattr(server, "install_signal_handlers", lambda: None, raising=False)
        task = asyncio.ensure_future(server._serve([listening]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield made, listening.getsockname()[1]
        finally:
            server.should_exit = True
            await task
            listening.close()

    return running


async def ask(
    port: int, path: str, *, method: str = "GET", headers: str = "", body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    writer.write(
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{length}{headers}\r\n".encode() + body
    )
    raw = await asyncio.wait_for(reader.read(), 120)
    writer.close()
    head, _, content = raw.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    told = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return int(lines[0].split()[1]), told, content


async def answered(port: int) -> bytes:
    """The process that answers, as soon as one does."""
    deadline = time.monotonic() + 120
    while (told := await ask(port, "/v1/search"))[0] != 200 and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert told[0] == 200
    return told[2]


def test_a_question_that_never_ends_stops_nothing(
    serving: Callable[..., AbstractAsyncContextManager[tuple[front.Front, int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Health is answered all the while; the process is ended, another one answers."""
    monkeypatch.setattr(front, "GRACE_SECONDS", 1.0)
    monkeypatch.setattr(front, "ALIVE_SECONDS", 2.0)

    async def attacked() -> None:
        async with serving(query_seconds=0.5) as (made, port):
            first = await answered(port)
            hanging = asyncio.ensure_future(ask(port, "/v1/search?q=/stuck"))
            while not hanging.done():
                status, _, body = await ask(port, "/healthz")
                assert (status, json.loads(body)["instance"]) == (200, "me")
                await asyncio.sleep(0.1)
            status, told, body = hanging.result()
            assert (status, json.loads(body)["error"]) == (503, "BusyError") and "given up" in body.decode()
            assert "retry-after" in told
            # A busy machine may need more than one new process until one answers in time.
            assert await answered(port) != first and made.worker is not None and made.worker.starts >= 2

    asyncio.run(attacked())


def test_a_worker_that_dies_is_replaced(
    serving: Callable[..., AbstractAsyncContextManager[tuple[front.Front, int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("code_index_assets.serve.processes.worker_process.PAUSE_SECONDS", 0.05)

    async def attacked() -> None:
        async with serving() as (_, port):
            status, told, body = await ask(port, "/v1/search?q=/die")
            assert status == 503 and json.loads(body)["retryable"] and "retry-after" in told
            assert (await ask(port, "/v1/search"))[0] == 200  # waits for the next one
            page = await ask(port, "/?q=/die", headers="Accept: text/html\r\n")
            assert page[0] == 503 and b"<h1" in page[2]

    asyncio.run(attacked())


def test_a_flood_is_refused_with_a_time_to_come_back(
    serving: Callable[..., AbstractAsyncContextManager[tuple[front.Front, int]]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(admission, "BURST_SECONDS", 0.1)
    monkeypatch.setattr(admission, "CALM_SECONDS", 600.0)

    async def attacked() -> None:
        async with serving(query_seconds=60) as (made, port):
            asked = [asyncio.ensure_future(ask(port, "/v1/search?q=/held")) for _ in range(15)]
            deadline = time.monotonic() + 120
            while not made.questions._line and time.monotonic() < deadline:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)  # all slots are held, so the line is now older than a burst
            late = await ask(port, "/v1/search?q=x")
            assert late[0] == 503 and late[1]["retry-after"] == "2" and made.questions.is_flooded
            assert (await ask(port, "/healthz"))[0] == 200
            (tmp_path / "let-go").touch()
            answers = await asyncio.gather(*asked)
            assert {status for status, _, _ in answers} == {200, 503}
            assert made.questions.refused >= 5

    asyncio.run(attacked())


def test_slow_and_large_clients_are_closed(
    serving: Callable[..., AbstractAsyncContextManager[tuple[front.Front, int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for a client that sends at once, on a busy machine too; the clients below wait side by side.
    monkeypatch.setattr(connection, "HEADER_SECONDS", 2.0)
    monkeypatch.setattr(connection, "LINGER_SECONDS", 1.0)
    monkeypatch.setattr(front, "BODY_SECONDS", 2.0)

    async def closes(port: int, start: bytes, drip: bytes = b"", *, status: int | None = None) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(start)
        answer = b""
        for _ in range(2400):
            with contextlib.suppress(OSError):
                if drip:
                    writer.write(drip)
            try:
                part = await asyncio.wait_for(reader.read(65536), 0.05)
            except TimeoutError:
                continue
            except OSError:
                part = b""
            answer += part
            if not part:
                writer.close()
                return status is None or answer.startswith(f"HTTP/1.1 {status}".encode())
        return False

    async def attacked() -> None:
        async with serving() as (_, port):
            head = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
            post = b"POST /v1/context HTTP/1.1\r\nHost: x\r\n"
            chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
            closed = await asyncio.gather(
                closes(port, b""),
                closes(port, b"GET /healthz HTTP/1.1\r\n"),
                closes(port, head, b"X: y\r\n"),
                # The second request of a connection that began well.
                closes(port, head + b"\r\nGET / HTTP/1.1\r\n", b"X: y\r\n"),
                closes(port, head + b"X: " + b"y" * 40_000, status=400),
                closes(port, post + b"Content-Length: 9000\r\n\r\n", b"{", status=408),
                closes(port, post + b"Content-Length: 90000\r\n\r\n", b"{" * 100, status=413),
                closes(port, post + b"Transfer-Encoding: chunked\r\n\r\n", chunk, status=413),
            )
            assert closed == [True] * 8
            assert (await ask(port, "/healthz"))[0] == 200

    asyncio.run(attacked())


def test_half_open_connections_make_room(
    serving: Callable[..., AbstractAsyncContextManager[tuple[front.Front, int]]],
) -> None:
    async def attacked() -> None:
        async with serving() as (_, port):
            opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]
            # Connections are taken in their order: who is answered now came after all of them.
            assert (await ask(port, "/v1/search"))[0] == 200

            def open_still() -> int:
                return sum(not reader.at_eof() and reader.exception() is None for reader, _ in opened)

            deadline = time.monotonic() + 120
            while open_still() > 20 and time.monotonic() < deadline:
                await asyncio.sleep(0.05)
            assert open_still() <= 20
            for _, writer in opened:
                writer.close()

    asyncio.run(attacked())


@pytest.mark.parametrize("sent", ["x-forwarded-for: 1.2.3.4\r\n", "Connection: x\r\nX-Code-Index-Route: y\r\n"])
def test_a_client_sets_nothing_that_is_ours(
    serving: Callable[..., AbstractAsyncContextManager[tuple[front.Front, int]]], sent: str
) -> None:
    async def attacked() -> None:
        async with serving() as (made, port):
            assert (await ask(port, "/v1/search", headers=sent))[0] == 200
            assert 'route="y"' not in made.metrics.text()

    asyncio.run(attacked())


# -- pieces ----------------------------------------------------------------------------------------------------------


def test_a_burst_is_answered_and_one_long_question_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "LONG_SECONDS", 0.05)

    async def run() -> None:
        door, order = Admission(1), []

        async def work(name: object, seconds: float) -> None:
            async with door.slot():
                await asyncio.sleep(seconds)
                order.append(name)

        ends = asyncio.Event()

        async def work_until_told() -> None:
            async with door.slot():
                await ends.wait()
                order.append("long")

        long = asyncio.ensure_future(work_until_told())
        await asyncio.sleep(0)
        await asyncio.gather(*(work(n, 0.001) for n in range(50)))
        assert order == list(range(50)) and not long.done()
        ends.set()
        await long
        async with door.slot():
            assert door._free == 0
        assert (door._free, door._long) == (1, 0)

    asyncio.run(run())


def test_who_leaves_the_line_takes_no_slot_along() -> None:
    async def run() -> None:
        door = Admission(1, waiting=2)
        async with door.slot():
            waiting = [asyncio.ensure_future(door._enter()) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(BusyError):
                await door._enter()
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        assert door._free == 1

    asyncio.run(run())


def test_a_clock_inside_another_never_gives_more_time() -> None:
    with deadlines.within(0.0) as outer:
        with deadlines.within(100), pytest.raises(OutOfTimeError):
            deadlines.check()
        assert outer.cut
    with deadlines.within(100) as clock, deadlines.part():
        assert not deadlines.is_over() and not clock.cut
    assert not deadlines.is_over()


def test_wrong_tokens_are_counted_in_bounds() -> None:
    limits = LoginLimits()
    for number in range(BY_ADDRESS):
        assert limits.may_try("192.0.2.1")
        limits.count_wrong("192.0.2.1", b"%d" % number)
    assert not limits.may_try("192.0.2.1") and limits.may_try("192.0.2.2")
    for _ in range(100):
        limits.count_wrong("192.0.2.3", b"an old token")  # a forgotten program guesses nothing
    assert limits.may_try("192.0.2.3")
    for number in range(BY_ADDRESS):
        limits.count_wrong(f"2001:db8::{number:x}", b"%d" % number)
    assert not limits.may_try("2001:db8::ffff") and limits.may_try("2001:db8:0:1::1")
    for number in range(10_000):
        limits.count_wrong(f"10.{number // 65536}.{number // 256 % 256}.{number % 256}", b"%d" % number)
    assert len(limits._by_address) <= 4096 and len(limits._all) == OVER_ALL
    assert limits.may_try("198.51.100.7") and not limits.may_try("10.0.39.15")
