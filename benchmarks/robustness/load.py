"""The server in a flood of different searches: latencies idle and flooded, how many are refused, health all the while.

  python -m benchmarks.robustness.load [--data FOLDER] [--rate 200] [--connections 64] [--seconds 60]

FOLDER (default: BENCH_DATA, else CODE_INDEX_DATA) is an indexed data folder; a server is started on it and stopped again.
Wanted: answers that are given take at most twice as long as idle (p95), the others are 503 with Retry-After, /healthz
answers within 100 ms. The load is made by a process of its own, so that it does not wait for itself.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from benchmarks.serving import running

WORDS = [
    "parse",
    "config",
    "error",
    "handler",
    "retry",
    "timeout",
    "open",
    "close",
    "read",
    "write",
    "stream",
    "buffer",
    "token",
    "lexer",
    "graph",
    "node",
    "edge",
    "tensor",
    "index",
    "query",
    "cache",
    "lock",
    "thread",
    "pool",
    "socket",
    "request",
    "response",
    "header",
    "body",
    "encode",
    "decode",
    "hash",
    "digest",
    "sort",
    "merge",
    "split",
    "join",
    "path",
    "file",
    "folder",
    "commit",
    "branch",
    "merge",
    "schema",
    "column",
    "row",
    "table",
    "type",
    "class",
    "method",
    "function",
    "module",
    "import",
    "export",
    "test",
    "mock",
    "assert",
    "compare",
    "convert",
    "format",
    "print",
    "log",
    "debug",
    "trace",
    "warn",
    "load",
    "store",
    "save",
    "fetch",
    "push",
    "pull",
    "build",
    "run",
    "start",
    "stop",
    "resume",
    "wait",
    "signal",
    "event",
    "loop",
    "task",
    "future",
    "promise",
    "callback",
    "hook",
    "plugin",
    "option",
    "flag",
    "default",
    "value",
    "key",
    "name",
    "alias",
    "scope",
    "context",
    "state",
    "session",
    "user",
    "login",
    "secret",
    "public",
    "private",
    "static",
    "final",
    "virtual",
    "abstract",
    "base",
    "derive",
    "super",
    "self",
    "init",
    "setup",
    "teardown",
]


@dataclass
class Seen:
    """What came of the requests."""

    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    without_retry_after: int = 0
    other: dict[int, int] = field(default_factory=dict)
    late: int = 0  # not sent in time: every connection was waiting for an answer


def searches(seed: int) -> itertools.chain[str]:
    """Different questions without end."""
    dice = random.Random(seed)
    return itertools.chain.from_iterable(
        (f"/v1/search?q={quote(' '.join(dice.sample(WORDS, dice.randint(1, 6))))}" for _ in range(100))
        for _ in itertools.count()
    )


class Client:
    """One kept-alive connection, opened again when the server closes it."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self.host, self.port = place.hostname or "", place.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> tuple[int, dict[str, str], bytes]:
        for attempt in (1, 2):
            try:
                return await self._get(path)
            except (OSError, asyncio.IncompleteReadError, IndexError):
                self._streams = None
                if attempt == 2:
                    return 0, {}, b""
        raise AssertionError

    async def _get(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self.host, self.port)
        reader, writer = self._streams
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(await reader.readline(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readexactly(2)
        else:
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            writer.close()
            self._streams = None
        return int(head[0].split()[1]), headers, body


async def flood(url: str, rate: float, connections: int, seconds: float) -> Seen:
    """So many different searches a second, whatever the server does, over so many connections."""
    seen, questions = Seen(), searches(1)
    due: asyncio.Queue[str] = asyncio.Queue(connections)

    async def connection() -> None:
        client = Client(url)
        while (path := await due.get()) != "":
            started = time.perf_counter()
            status, headers, _ = await client.get(path)
            took = (time.perf_counter() - started) * 1000
            if status == 200:
                seen.answered.append(took)
            elif status == 503:
                seen.refused.append(took)
                seen.without_retry_after += "retry-after" not in headers
            else:
                seen.other[status] = seen.other.get(status, 0) + 1

    tasks = [asyncio.ensure_future(connection()) for _ in range(connections)]
    started = time.perf_counter()
    for number in itertools.count():
        at = started + number / rate
        if at > started + seconds:
            break
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        try:
            due.put_nowait(next(questions))
        except asyncio.QueueFull:
            seen.late += 1
    for _ in tasks:
        await due.put("")
    await asyncio.gather(*tasks)
    return seen


async def idle(url: str, count: int) -> list[float]:
    """One search after the other; the first of a new server are left out."""
    client, questions = Client(url), searches(2)
    for _ in range(30):
        await client.get(next(questions))
    took = []
    for _ in range(count):
        started = time.perf_counter()
        status, _, _ = await client.get(next(questions))
        assert status == 200, status
        took.append((time.perf_counter() - started) * 1000)
    return took


async def watch(url: str, stop: asyncio.Event) -> list[float]:
    """Milliseconds of /healthz, ten times a second, each on a connection of its own."""
    took = []
    while not stop.is_set():
        started = time.perf_counter()
        status, _, _ = await Client(url).get("/healthz")
        took.append((time.perf_counter() - started) * 1000 if status == 200 else float("inf"))
        await asyncio.sleep(0.1)
    return took


async def measure(url: str, rate: float, connections: int, seconds: float) -> None:
    alone = await idle(url, 300)
    stop = asyncio.Event()
    health = asyncio.ensure_future(watch(url, stop))
    seen = await flood(url, rate, connections, seconds)
    stop.set()
    alive = await health
    answered, total = seen.answered or [float("nan")], len(seen.answered) + len(seen.refused)
    print(f"  idle       p50 {_p(alone, 50):.0f} ms, p95 {_p(alone, 95):.0f} ms")
    print(
        f"  flooded    p50 {_p(answered, 50):.0f} ms, p95 {_p(answered, 95):.0f} ms "
        f"({_p(answered, 95) / _p(alone, 95):.2f} times idle), {len(seen.answered) / seconds:.0f} answers/s"
    )
    print(
        f"  refused    {len(seen.refused) / max(total, 1):.0%} with 503 (p95 {_p(seen.refused or [0.0], 95):.0f} ms), "
        f"{seen.without_retry_after} without Retry-After; other statuses {seen.other or 'none'}; {seen.late} not sent"
    )
    print(f"  /healthz   {len(alive)} asked, p50 {statistics.median(alive):.1f} ms, at most {max(alive):.0f} ms")


def _p(values: list[float], share: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * share // 100)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    chosen = asked.data or os.environ.get("BENCH_DATA") or os.environ.get("CODE_INDEX_DATA")
    if not chosen:
        raise SystemExit("which data folder? --data FOLDER")
    with running(Path(chosen).absolute()) as (url, _, _):
        asyncio.run(measure(url, asked.rate, asked.connections, asked.seconds))


if __name__ == "__main__":
    main()
