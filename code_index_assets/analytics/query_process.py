"""One query in a separate process: what it takes beyond its limits ends this process and nothing else.

What lives here: the process, its limits, which statements only read. What does not: starting it, the clock, what users
read of errors (`query.py`). Imports DuckDB and nothing of the product: starting costs a quarter of a second.

A request is one line of JSON on standard input; the answer is a row of frames on standard output, each eight bytes of
length and a pickle: ("names", […]), ("rows", […]) any number of times, then ("end",) or ("error", kind, text).
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import re
import resource
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import duckdb

# What a process has beyond DuckDB's own memory: Python, buffers between two looks at the limit.
SPARE_BYTES = 256 << 20
MAX_FRAME_BYTES = 64 << 20
FRAME_BYTES = 4 << 20
MAX_ROWS = 2_000
# Pragmas that read. Others set options or write files.
PRAGMAS = frozenset(
    {"table_info", "show_tables", "show_tables_expanded", "database_list", "database_size", "version", "functions",
     "show", "storage_info", "collations"}
)  # fmt: skip
_GAP = r"(?:\s|--[^\n]*(?:\n|$)|/\*(?:[^*]|\*(?!/))*\*/)"
_EXPLAIN = re.compile(
    rf"{_GAP}*EXPLAIN\b(?:{_GAP}+ANALYZE\b)?(?:{_GAP}*\({_GAP}*(?:ANALYZE|FORMAT|VERBOSE)\b[^()]*\))?", re.IGNORECASE
)
_PRAGMA = re.compile(rf"{_GAP}*PRAGMA{_GAP}+([A-Za-z_]+)", re.IGNORECASE)
# Statements that only read, once `_refusal` has looked into those that hold others.
_READING = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN, duckdb.StatementType.PRAGMA)


@contextmanager
def connected(catalog: Path, memory: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The catalogue, read-only, with nothing else in reach: files, network, extensions. Raises duckdb.Error."""
    config: dict[str, Any] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": memory,
        "temp_directory": "",
    }
    connection = duckdb.connect(str(catalog), read_only=True, config=config)
    try:
        connection.execute("SET enable_progress_bar = false")  # it would be written into the answer
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


def refusal(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[str, str] | None:
    """Why a text is not exactly one statement that only reads, as a kind and words; None if it is one."""
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        return "unreadable", str(error)
    if len(statements) != 1:
        return "several", str(len(statements))
    statement = statements[0]
    if statement.type not in _READING:
        return "writing", str(statement.type.name)
    if statement.type == duckdb.StatementType.PRAGMA:
        named = _PRAGMA.match(statement.query)
        return None if named and named[1].lower() in PRAGMAS else ("writing", f"PRAGMA {named[1] if named else ''}")
    if statement.type == duckdb.StatementType.EXPLAIN:
        return _refusal_of_explained(connection, statement.query)
    return None


def _refusal_of_explained(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[str, str] | None:
    """EXPLAIN ANALYZE runs what it explains."""
    match = _EXPLAIN.match(sql)
    try:
        inner = connection.extract_statements(sql[match.end() :]) if match else []
    except duckdb.Error:
        inner = []
    if len(inner) == 1 and inner[0].type == duckdb.StatementType.SELECT:
        return None
    return "writing", f"EXPLAIN of {inner[0].type.name if len(inner) == 1 else 'this statement'}"


def main() -> None:
    """Answers the request on standard input."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing but frames goes to the answer
    question = json.loads(sys.stdin.readline())
    try:
        with connected(Path(question["catalog"]), question["memory"]) as connection:
            refused = refusal(connection, question["sql"])
            if refused:
                _send(out, ("error", *refused))
                return
            _limit(question["memory_bytes"], question["seconds"])
            connection.execute(question["sql"])
            _send(out, ("names", [column[0] for column in connection.description or []]))
            _send_rows(out, connection)
        _send(out, ("end",))
    except BrokenPipeError:
        os._exit(0)  # who asked has read enough
    except (MemoryError, duckdb.OutOfMemoryException):
        _send(out, ("error", "memory", ""))
    except duckdb.PermissionException as error:
        _send(out, ("error", "permission", str(error)))
    except duckdb.Error as error:
        lacking = "failed to allocate" in str(error).lower() or "bad_alloc" in str(error).lower()
        _send(out, ("error", "memory" if lacking else "failed", str(error)))
    except _TooWideError:
        _send(out, ("error", "wide", ""))


def _limit(memory: int, seconds: float) -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for name, most in (
        (resource.RLIMIT_AS, used + memory + SPARE_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, int(seconds * (os.cpu_count() or 1)) + 10),
    ):
        with contextlib.suppress(ValueError, OSError):  # a lower limit of the machine holds already
            resource.setrlimit(name, (most, most))


class _TooWideError(Exception):
    """One row is larger than what is handed on at a time."""


def _send_rows(out: BinaryIO, connection: duckdb.DuckDBPyConnection) -> None:
    count = 64
    while rows := connection.fetchmany(count):
        size = _send(out, ("rows", rows))
        # A frame holds megabytes at most, however wide the rows are.
        count = max(1, min(MAX_ROWS, len(rows) * FRAME_BYTES // max(size, 1)))


def _send(out: BinaryIO, frame: tuple[Any, ...]) -> int:
    content = pickle.dumps(frame, protocol=pickle.HIGHEST_PROTOCOL)
    if len(content) > MAX_FRAME_BYTES:
        raise _TooWideError
    out.write(struct.pack(">Q", len(content)) + content)
    out.flush()
    return len(content)


if __name__ == "__main__":
    main()
