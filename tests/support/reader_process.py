"""A reader in a process of its own: searches in a loop until a file appears; says when it has begun, prints how many
queries it made and fails on any error or mixed answer. Arguments: data folder, key, stop file."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np

from code_index_assets.search.engine import SearchEngine, SearchRequest
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

FILES = 12


def main() -> None:
    root, key, stop = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    engine = SearchEngine(Layout(root), Settings(), lambda text: np.ones(16, np.float32) / 4)
    queries, generations = 0, set()
    while queries <= 5 or not stop.exists():
        answer = engine.search(SearchRequest(f"generation x1 repo:{key}", limit=100))
        found = [int(g) for hit in answer.hits for g in re.findall(r"generation (\d+)", hit.text)]
        assert answer.outcome == "found", answer.lanes
        assert len(answer.hits) == FILES, f"half an answer: {len(answer.hits)} hits"
        assert len(set(found)) == 1, f"a mix of generations: {set(found)}"
        generations.add(found[0])
        queries += 1
        if queries == 1:
            print("reading", flush=True)
    print(f"{queries} {len(generations)}")


if __name__ == "__main__":
    main()
