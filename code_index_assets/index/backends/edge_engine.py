"""The engine's shards: how new ones are configured, and opening them.

What lives here: names and settings that writing and reading share, `create_shard`, `load_shard`. What does not:
changing shards (`edge_writer.py`), asking them (`edge_view.py`), their files (`shard_files.py`).

New shards are made to be mapped into memory: vectors are stored as 16-bit numbers, every part is cold (read from the
file when asked), and no graph is built, so a scan is exact. What is written goes into an appendable segment, which
costs time and memory at each opening. Optimizing (`index/optimize.py`) turns it into an immutable segment, which costs
neither.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import DamagedIndexError
from ..filters import INDEXED_FIELDS
from ..manifest import REBUILD_REMEDY

if TYPE_CHECKING:
    import qdrant_edge as qe

DENSE, LEXICAL = "dense", "lex"
# The whole payload as JSON: the engine takes 7 µs for each string of a payload, 330 µs for a mean one, and 25 µs so.
BODY = "body"
CONFIG_FILE = "edge_config.json"
DATATYPE = "float16"
# How a shard is stored; `optimize` gives it to shards of before too, whose vectors stay 32-bit numbers.
STORAGE: dict[str, Any] = {
    "payload_memory": "cold",
    "id_tracker_memory": "cold",
    "hnsw_config": {
        "m": 0,
        "ef_construct": 100,
        "full_scan_threshold": 10_000,
        "max_indexing_threads": 0,
        "payload_m": 0,
    },
}


def create_shard(folder: Path, dimension: int) -> qe.EdgeShard:
    """Makes an empty shard in a new folder."""
    import qdrant_edge as qe

    cold = qe.Memory.Cold
    dense = qe.EdgeVectorParams(
        size=dimension, distance=qe.Distance.Dot, memory=cold, datatype=qe.VectorStorageDatatype.Float16
    )
    config = qe.EdgeConfig(
        vectors={DENSE: dense},
        sparse_vectors={LEXICAL: qe.EdgeSparseVectorParams(memory=cold)},
        payload_memory=cold,
        id_tracker_memory=cold,
        hnsw_config=qe.HnswIndexConfig(m=0, ef_construct=100, full_scan_threshold=10_000, payload_m=0),
        wal_enabled=False,
    )
    folder.mkdir(parents=True, exist_ok=True)
    shard = qe.EdgeShard.create(str(folder), config)
    for field in INDEXED_FIELDS:
        index = qe.KeywordIndexParams(enable_hnsw=False, prefix=field == "terms", memory=cold)
        shard.update(qe.UpdateOperation.create_field_index(field, index))
    return shard


def takes_points(folder: Path) -> bool:
    """Whether new points may go into a shard: those of before hold vectors as 32-bit numbers and take none."""
    try:
        config = json.loads((folder / CONFIG_FILE).read_bytes())
        return bool(config["vectors"][DENSE].get("datatype") == DATATYPE)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return True  # damaged: noticed, and made anew, when it is copied or loaded


def load_shard(folder: Path) -> qe.EdgeShard:
    """Opens a shard. Raises DamagedIndexError if it cannot be, FileNotFoundError if it is not there."""
    import qdrant_edge as qe

    if not folder.is_dir():
        raise FileNotFoundError(folder)
    try:
        return qe.EdgeShard.load(str(folder))
    except BaseException as error:
        if not is_of_engine(error):
            raise
        if not folder.is_dir():
            raise FileNotFoundError(folder) from error
        raise DamagedIndexError(
            f"the index shard {folder} cannot be loaded: {error}",
            remedy=REBUILD_REMEDY,
        ) from error


def is_of_engine(error: BaseException) -> bool:
    """Whether an error may come from the engine: a panic of it is no `Exception`."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
