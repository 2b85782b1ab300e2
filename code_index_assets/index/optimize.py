"""The process that optimizes one shard: `python -m code_index_assets.index.optimize FOLDER`.

What lives here: that call, which rewrites every segment that points were removed from. It is a process of its own
because the engine holds the GIL throughout.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .backends.edge import load_shard

# By its own thresholds (a fifth of 1,000 vectors) the engine leaves the text of removed points in its files for good.
EVERY_REMOVED_POINT = {"deleted_threshold": 1e-9, "vacuum_min_vector_number": 1}


def main(folder: Path) -> None:
    """Optimizes the shard in a folder."""
    stored = folder / "edge_config.json"
    config = json.loads(stored.read_text())
    config["optimizers"] = (config.get("optimizers") or {}) | EVERY_REMOVED_POINT
    stored.write_text(json.dumps(config))
    shard = load_shard(folder)
    shard.optimize()
    shard.flush()
    shard.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
