"""MCP on a real index, as a client meets it over stdio: cold start to the first answer, latencies, tokens.

  python -m benchmarks.agents [--data FOLDER] [--calls N]

FOLDER (default: BENCH_DATA, else CODE_INDEX_DATA) is an indexed data folder; it is only read. What is asked: names that are
defined in it, and the documentation of those definitions as questions.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import anyio
import polars as pl
from mcp import Client, StdioServerParameters

from code_index_assets.search.engine import SearchEngine
from code_index_assets.search.tables import PublishedTables
from code_index_assets.serve.http.tokens import count_tokens, json_tokens
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

Asked = tuple[str, dict[str, Any]]


def questions(data: Path, calls: int) -> list[Asked]:
    """Tool calls on definitions drawn from the index, the same for the same publication."""
    settings = Settings.model_validate({"data": data})
    engine = SearchEngine(Layout(data), settings)
    receipts = engine.snapshot().receipts
    documented = pl.col("name").is_not_null() & (pl.col("doc").str.len_chars() > 30)
    rows = (
        PublishedTables(engine.layout, receipts)
        .scan("chunks")
        .filter(documented)
        .select("key", "path", "name", "doc", "start_line", "chunk_id")
        .sort("key", "path", "start_line", "chunk_id")
        .collect()
        .rows(named=True)
    )
    asked: list[Asked] = []
    for row in random.Random(3).sample(rows, min(calls, len(rows))):
        asked += [
            ("search_code", {"query": " ".join(row["doc"].replace('"', " ").replace(":", " ").split())[:120]}),
            ("search_code", {"query": row["name"]}),
            ("find_symbol", {"name": row["name"]}),
            ("find_references", {"name": row["name"] if len(row["name"]) > 1 else row["name"] * 2}),
            ("read_code", {"repository": row["key"], "path": row["path"], "start_line": row["start_line"],
                           "end_line": row["start_line"] + 60}),
        ]  # fmt: skip
    return asked + [("list_repositories", {}), ("index_status", {})] * 10


async def session(data: Path, asked: list[Asked]) -> None:
    environment = {**os.environ, "CODE_INDEX_DATA": str(data)}
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "code_index_assets.cli.main", "mcp"], env=environment
    )
    rows: dict[str, list[tuple[float, int, int]]] = defaultdict(list)
    started = time.perf_counter()
    async with Client(server) as client:
        for number, (tool, arguments) in enumerate(asked):
            begun = time.perf_counter()
            result = await client.call_tool(tool, arguments)
            took = (time.perf_counter() - begun) * 1000
            if number == 0:
                print(f"  cold start to the first answer {time.perf_counter() - started:.2f} s")
            if not result.is_error:
                text = count_tokens(result.content[0].text)
                rows[tool].append((took, text + json_tokens(result.structured_content), text))
    for tool, measured in rows.items():
        took, tokens, text = (sorted(column) for column in zip(*measured, strict=True))
        print(
            f"  {tool:<18} {len(measured):>4} calls  p50 {_at(took, 0.5):>6.1f} ms  p95 {_at(took, 0.95):>6.1f} ms"
            f"  tokens p50 {_at(tokens, 0.5):>6,} p95 {_at(tokens, 0.95):>6,} max {max(tokens):>6,}, as text {_at(text, 0.5):>6,}"
        )


def _at(ordered: list[Any], share: float) -> Any:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def report(data: Path, calls: int = 40) -> None:
    print(f"MCP over stdio on {data}")
    anyio.run(session, data, questions(data, calls))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = os.environ.get("BENCH_DATA") or os.environ.get("CODE_INDEX_DATA")
    parser.add_argument("--data", type=Path, default=known, required=known is None)
    parser.add_argument("--calls", type=int, default=100)
    options = parser.parse_args()
    report(Path(options.data), options.calls)


if __name__ == "__main__":
    main()
