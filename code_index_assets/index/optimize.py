"""The process that optimizes one shard: `python -m code_index_assets.index.optimize FOLDER`.

What lives here: nothing but that call. It is a process of its own because the engine holds the GIL throughout.
"""

from __future__ import annotations

import sys
from pathlib import Path

from .edge import load_shard


def main(folder: Path) -> None:
    shard = load_shard(folder)
    shard.optimize()
    shard.flush()
    shard.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
