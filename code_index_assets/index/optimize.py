"""The process that optimizes one shard: `python -m code_index_assets.index.optimize FOLDER`.

What lives here: that call, which writes what was added since the last one, and what is left where points were removed,
into one immutable segment. It is a process of its own because the engine holds the GIL throughout.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .backends.edge_engine import CONFIG_FILE, STORAGE, load_shard

# Whatever the shard's size, one immutable segment, and none of the text of removed points: by its own thresholds (a
# fifth of 1,000 vectors) the engine leaves that in its files for good.
EVERYTHING = {
    "deleted_threshold": 1e-9,
    "vacuum_min_vector_number": 1,
    "indexing_threshold": 1,
    "default_segment_number": 1,
    "max_segment_size": 1 << 30,
}


def main(folder: Path) -> None:
    """Optimizes the shard in a folder. What it holds stays as it is: only a new shard has 16-bit vectors."""
    stored = folder / CONFIG_FILE
    config = json.loads(stored.read_text())
    config |= STORAGE
    config["optimizers"] = (config.get("optimizers") or {}) | EVERYTHING
    for kind in ("vectors", "sparse_vectors"):
        for vector in config[kind].values():
            vector["memory"] = "cold"
    stored.write_text(json.dumps(config))
    shard = load_shard(folder)
    shard.optimize()
    shard.flush()
    shard.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
