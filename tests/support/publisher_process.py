"""A publisher in a process of its own: publishes generation after generation of one repository until it is killed or
has done `count`. Prints one line when it starts each and one when it is done. Arguments: data folder, key, first,
count, prune (0 or 1)."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import publishing as p

from code_index_assets.index.backends.edge import EdgeBackend
from code_index_assets.index.generations import Retention
from code_index_assets.index.publish import publish


def files_of(generation: int) -> dict[str, str]:
    """Every file of a generation names it, so a reader can tell a mix of two from one."""
    return {f"pkg/m{i}.py": f"def f{i}():\n    return 'generation {generation} x{i}'\n" for i in range(12)}


def main() -> None:
    root, key, first, count, prune = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:6])
    layout = p.layout_at(root)
    backend = EdgeBackend(layout, p.SPACE, p.DIM)
    retention = Retention(2, 0.0) if prune else Retention(2, 600.0)
    for generation in range(first, first + count):
        content = p.make_content(layout, files_of(generation), key=key, buckets=4, observed_at=float(generation))
        permit = p.permit_for(content)
        print(f"start {generation}", flush=True)
        publish(permit, content, backend, layout, retention=retention)
        print(f"done {generation}", flush=True)


if __name__ == "__main__":
    main()
