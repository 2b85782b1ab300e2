"""The server on a real index: latencies over HTTP with 1 and 50 clients, memory, and a cold command line that uses it.

  python -m benchmarks.serving [--data FOLDER]

FOLDER (default: BENCH_DATA, else CODE_INDEX_DATA) is an indexed data folder; a server is started on it and stopped again.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, urlsplit

QUERIES = (
    "where are errors handled",
    "parse configuration file",
    "retry after a timeout",
    "main entry point",
    "test helpers",
    "open a connection to the server",
    "Router",
    "handle_request",
    "read bytes from a stream",
    "cache invalidation",
)
TURNS = 200


@contextmanager
def running(data: Path) -> Iterator[tuple[str, int, float]]:
    """A server on a data folder: its address, process id, and the seconds until it was ready."""
    environment = {**os.environ, "CODE_INDEX_DATA": str(data), "CODE_INDEX_USE_SERVER": "true"}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "code_index_assets.cli.main", "serve", "--port", "0"],
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = _ready(data, process)
        yield url, process.pid, time.perf_counter() - started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _ready(data: Path, process: subprocess.Popen[bytes]) -> str:
    while process.poll() is None:
        try:
            told = json.loads((data / "serve.json").read_bytes())
            if told["pid"] == process.pid and _ask(HTTPConnection(urlsplit(told["url"]).netloc), "/readyz") == 200:
                return str(told["url"])
        except (OSError, ValueError):
            pass
        time.sleep(0.05)
    raise SystemExit("the server did not start")


def _ask(connection: HTTPConnection, path: str) -> int:
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    return response.status


def latencies(url: str, clients: int, turns: int = TURNS) -> tuple[list[float], float, int]:
    """Milliseconds of each request in order, requests a second, and how many were not answered 200."""
    took: list[float] = []
    failed = 0
    lock = threading.Lock()

    def one(number: int) -> None:
        nonlocal failed
        connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
        for turn in range(max(turns // clients, 4)):
            query = quote(QUERIES[(number + turn) % len(QUERIES)])
            started = time.perf_counter()
            status = _ask(connection, f"/v1/search?q={query}")
            with lock:
                took.append((time.perf_counter() - started) * 1000)
                failed += status != 200
        connection.close()

    started = time.perf_counter()
    threads = [threading.Thread(target=one, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(took), len(took) / (time.perf_counter() - started), failed


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident memory of a process now and at its most; of it, memory-mapped index files count while they are cached."""
    rows = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return float(rows["VmRSS"].split()[0]) / 1024, float(rows["VmHWM"].split()[0]) / 1024


def cold_search(data: Path, *, alone: bool) -> list[float]:
    """Seconds of whole processes of the command line."""
    environment = {**os.environ, "CODE_INDEX_DATA": str(data), "CODE_INDEX_USE_SERVER": "false" if alone else "true"}
    took = []
    for query in QUERIES[:5]:
        started = time.perf_counter()
        command = [sys.executable, "-m", "code_index_assets.cli.main", "search", query, "--limit", "5"]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        took.append(time.perf_counter() - started)
    return took


def report(data: Path) -> None:
    """Prints the rows for one data folder."""
    with running(data) as (url, pid, seconds):
        status = HTTPConnection(urlsplit(url).netloc)
        status.request("GET", "/v1/status")
        points = json.loads(status.getresponse().read())["points"]
        print(f"  server       {points:,} points, ready after {seconds:.1f} s, {memory_mb(pid)[0]:.0f} MB resident")
        latencies(url, 1, 20)
        for clients in (1, 50):
            took, rate, failed = latencies(url, clients)
            p50, p95 = statistics.median(took), took[int(len(took) * 0.95)]
            print(
                f"  {clients:>2} clients   p50 {p50:.1f} ms, p95 {p95:.1f} ms, {rate:.0f} answers/s, {failed} of "
                f"{len(took)} failed"
            )
        print(f"  memory       {memory_mb(pid)[0]:.0f} MB resident, {memory_mb(pid)[1]:.0f} MB at most")
        print(f"  code-index search by the server  {statistics.median(cold_search(data, alone=False)):.2f} s")
    print(f"  code-index search alone          {statistics.median(cold_search(data, alone=True)):.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    chosen = parser.parse_args().data or os.environ.get("BENCH_DATA") or os.environ.get("CODE_INDEX_DATA")
    if not chosen:
        raise SystemExit("which data folder? --data FOLDER")
    print(chosen)
    report(Path(chosen).absolute())


if __name__ == "__main__":
    main()
