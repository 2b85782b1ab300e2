"""Clients that are slow on purpose: half-open requests, headers without end, bodies by the byte, answers left unread.

  python -m benchmarks.robustness.slow_clients [--data FOLDER] [--clients 1200]

Starts a server on the data folder (default: BENCH_DATA, else CODE_INDEX_DATA) and prints, for each kind of client, how many
connections were still open after a while, and how long /healthz took meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.robustness.load import Client, watch
from benchmarks.serving import memory_mb, running

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
WAIT_SECONDS = 35.0


async def half_open(streams: Streams) -> None:
    """A request line and nothing more."""
    streams[1].write(b"GET /v1/search?q=x HTTP/1.1\r\n")


async def trickled(streams: Streams) -> None:
    """A header a second, for ever."""
    streams[1].write(b"GET /v1/search?q=x HTTP/1.1\r\nHost: 127.0.0.1\r\n")
    while not streams[0].at_eof():
        streams[1].write(b"X: y\r\n")
        await asyncio.sleep(1)


async def huge_header(streams: Streams) -> None:
    """One header of 60 MB."""
    streams[1].write(b"GET /v1/search?q=x HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
    for _ in range(960):
        streams[1].write(b"y" * 65536)
        await streams[1].drain()


async def slow_body(streams: Streams) -> None:
    """A body announced and sent a byte a second."""
    streams[1].write(b"POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n\r\n")
    while not streams[0].at_eof():
        streams[1].write(b"{")
        await asyncio.sleep(1)


async def unread(streams: Streams) -> None:
    """Answers asked for, again and again, and never read."""
    streams[1].transport.pause_reading()  # type: ignore[attr-defined]
    for _ in range(200):
        streams[1].write(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await asyncio.sleep(0.05)


KINDS: dict[str, tuple[Callable[[Streams], Awaitable[None]], float]] = {
    "half-open": (half_open, 1.0), "headers without end": (trickled, 0.25), "60 MB in a header": (huge_header, 0.005),
    "bodies by the byte": (slow_body, 0.1), "answers left unread": (unread, 0.02),
}  # fmt: skip


async def attack(url: str, act: Callable[[Streams], Awaitable[None]], count: int) -> tuple[int, float]:
    """How many of so many connections are open at the end, and the slowest /healthz."""
    place = urlsplit(url)
    stop = asyncio.Event()
    health = asyncio.ensure_future(watch(url, stop))
    opened: list[Streams] = []
    for _ in range(count):
        try:
            opened.append(await asyncio.open_connection(place.hostname, place.port))
        except OSError:
            continue
    acting = [asyncio.ensure_future(act(streams)) for streams in opened]
    await asyncio.sleep(WAIT_SECONDS)
    for task in acting:
        task.cancel()
    await asyncio.gather(*acting, return_exceptions=True)
    left = sum([not await _is_closed(streams) for streams in opened])
    stop.set()
    for _, writer in opened:
        writer.transport.abort()
    return left, max(await health)


async def _is_closed(streams: Streams) -> bool:
    reader, writer = streams
    if writer.is_closing() or reader.at_eof():
        return True
    if not writer.transport.is_reading():  # type: ignore[attr-defined]
        writer.transport.resume_reading()  # type: ignore[attr-defined]
    try:
        async with asyncio.timeout(0.2):
            while await reader.read(1 << 20):
                pass
            return True
    except OSError:
        return True
    except TimeoutError:
        return reader.at_eof()


async def measure(url: str, pid: int, clients: int) -> None:
    for name, (act, share) in KINDS.items():
        count = max(1, int(clients * share))
        started = time.perf_counter()
        left, slowest = await attack(url, act, count)
        status, _, _ = await Client(url).get("/v1/search?q=after")
        print(
            f"  {name:<20} {count:>5} connections, {left} open after {time.perf_counter() - started:.0f} s, /healthz at "
            f"most {slowest:.0f} ms, {memory_mb(pid)[1]:.0f} MB at most, a search then {status}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--clients", type=int, default=1200)
    asked = parser.parse_args()
    chosen = asked.data or os.environ.get("BENCH_DATA") or os.environ.get("CODE_INDEX_DATA")
    if not chosen:
        raise SystemExit("which data folder? --data FOLDER")
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it tells of every byte written to a closed connection
    with running(Path(chosen).absolute()) as (url, pid, _):
        asyncio.run(measure(url, pid, asked.clients))


if __name__ == "__main__":
    main()
