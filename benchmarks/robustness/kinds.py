"""The kinds of damage: each a name, what it is, and how it is done to a data folder.

What lives here: injecting damage. What does not: a folder to do it to and what must follow (`damage.py`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Inject = Callable[[Path], None]


@dataclass(frozen=True)
class Kind:
    """One kind of damage. `group` is what `doctor` must call it (its `kind`); `fast`: repaired without an index run."""

    name: str
    group: str
    what: str
    inject: Inject
    fast: bool = True


def flip(path: Path, count: int = 8) -> None:
    """Changes some bytes in the middle of what a file holds."""
    raw = bytearray(path.read_bytes())
    held = [at for at, byte in enumerate(raw) if byte] or list(range(len(raw)))
    middle = held[len(held) // 2 : len(held) // 2 + count]
    stat = path.stat()
    with path.open("r+b") as stream:
        for at in middle:
            stream.seek(at)
            stream.write(bytes([raw[at] ^ 0xFF]))
    assert path.stat().st_size == stat.st_size


def cut(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size // 2)


def junk(path: Path) -> None:
    path.write_bytes(b"\x00\xffjunk{" * 4)


def gone(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _on(pattern: str, how: Callable[[Path], None], number: int = -1) -> Inject:
    """`how` done to one of the files that match, the last one if not said otherwise."""

    def inject(data: Path) -> None:
        found = sorted(data.glob(pattern))
        assert found, f"nothing matches {pattern}"
        how(found[number])

    return inject


def _on_current(kind: str, pattern: str, how: Callable[[Path], None]) -> Inject:
    """`how` done to a file of the current artifact of the repository "shop"."""

    def inject(data: Path) -> None:
        home = next(path for path in sorted((data / kind).rglob("shop")) if path.is_dir())
        name = (home / "CURRENT").read_text().strip()
        how(sorted((home / name).glob(pattern))[-1])

    return inject


def _current_manifest(how: Callable[[Path], None]) -> Inject:
    def inject(data: Path) -> None:
        pointer = next((data / "index").glob("*/CURRENT"))
        how(pointer.parent / "publications" / f"{pointer.read_text().strip()}.json")

    return inject


def _current_shard(pattern: str, how: Callable[[Path], None]) -> Inject:
    def inject(data: Path) -> None:
        pointer = next((data / "index").glob("*/CURRENT"))
        manifest = json.loads((pointer.parent / "publications" / f"{pointer.read_text().strip()}.json").read_bytes())
        generation = pointer.parent / sorted(state["generation"] for state in manifest["shards"].values())[-1]
        how(sorted(generation.glob(pattern))[-1] if pattern else generation)

    return inject


def _every(pattern: str, how: Callable[[Path], None]) -> Inject:
    def inject(data: Path) -> None:
        for path in sorted(data.glob(pattern)):
            how(path)

    return inject


def _write(name: str, content: bytes) -> Inject:
    def inject(data: Path) -> None:
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(content)

    return inject


def _edited(path: Path) -> None:
    """A manifest that is still JSON and says something else."""
    body = json.loads(path.read_bytes())
    body["created_at"] = 0.0
    path.write_text(json.dumps(body))


def _line(content: bytes) -> Callable[[Path], None]:
    def how(path: Path) -> None:
        lines = path.read_bytes().split(b"\n")
        path.write_bytes(b"\n".join([lines[0], content, *lines[1:]]))

    return how


def _a_vector(path: Path) -> None:
    """Changes bytes of a vector that the cache holds: not every page of the file is in use."""
    import lmdb

    with lmdb.open(str(path.parent), readonly=True, lock=False) as environment, environment.begin() as look:
        row = next(bytes(value) for _, value in look.cursor())
    at = path.read_bytes().rindex(row)
    with path.open("r+b") as stream:
        stream.seek(at + 8)
        stream.write(bytes(byte ^ 0xFF for byte in row[8:16]))


SEGMENT = "segments/*/"
KINDS: tuple[Kind, ...] = (
    # Artifacts: made anew by indexing their repository
    Kind("chunks-flipped", "artifact", "bytes of the current chunks", _on_current("chunks", "chunks-*", flip), False),
    Kind("symbols-flipped", "artifact", "bytes of the current symbols", _on_current("chunks", "symbols-*", flip), False),
    Kind("references-cut", "artifact", "half of the current references is gone",
         _on_current("chunks", "references-*", cut), False),
    Kind("files-flipped", "artifact", "bytes of the current file hashes",
         _on_current("file_hashes", "files-*", flip), False),
    Kind("findings-gone", "artifact", "the findings of the current file hashes are gone",
         _on_current("file_hashes", "findings-*", gone), False),
    Kind("entries-flipped", "artifact", "bytes of the current tree listing",
         _on_current("repository", "entries-*", flip), False),
    Kind("embeddings-flipped", "artifact", "bytes of the current embeddings",
         _on_current("embeddings", "embeddings-*", flip), False),
    Kind("verdict-flipped", "artifact", "bytes of the current verdict's profile",
         _on_current("quality", "profile-*", flip), False),
    Kind("verdict-manifest-junk", "artifact", "the verdict is no JSON", _on_current("quality", "manifest.json", junk),
         False),
    Kind("chunks-manifest-cut", "artifact", "half a manifest of chunks", _on_current("chunks", "manifest.json", cut),
         False),
    Kind("embeddings-manifest-edited", "artifact", "a manifest that says something else",
         _on_current("embeddings", "manifest.json", _edited), False),
    Kind("files-folder-gone", "pointer", "the current file hashes are gone",
         _on_current("file_hashes", "manifest.json", lambda path: gone(path.parent)), False),
    Kind("history-flipped", "artifact", "bytes of the git history", _on_current("history", "churn-*", flip)),
    Kind("artifact-pointer-junk", "pointer", "a CURRENT of chunks that holds no name", _on("chunks/shop/CURRENT", junk)),
    Kind("artifact-pointer-gone", "pointer", "a CURRENT of embeddings that is gone",
         _on("embeddings/*/shop/CURRENT", gone)),
    # The published index: made anew from artifacts
    Kind("payload-flipped", "shard", "bytes of a page of payloads",
         _current_shard(SEGMENT + "payload_storage/page_0.dat", flip)),
    Kind("vectors-flipped", "shard", "bytes of the vectors of a shard",
         _current_shard(SEGMENT + "vector_storage-dense/vectors/chunk_0.mmap", flip)),
    Kind("terms-flipped", "shard", "bytes of the term weights of a shard",
         _current_shard(SEGMENT + "vector_storage-lex/store/page_0.dat", flip)),
    Kind("filter-index-flipped", "shard", "bytes of the filter index of a shard",
         _current_shard(SEGMENT + "payload_index/*terms-map/page_0.dat", flip)),
    Kind("payload-cut", "shard", "half a page of payloads",
         _current_shard(SEGMENT + "payload_storage/page_0.dat", cut)),
    Kind("ids-flipped", "shard", "bytes of the ids of a shard",
         _current_shard(SEGMENT + "mutable_id_tracker.mappings", flip)),
    Kind("segment-junk", "shard", "a segment's description is no JSON", _current_shard(SEGMENT + "segment.json", junk)),
    Kind("shard-file-gone", "shard", "a file of a shard is gone",
         _current_shard(SEGMENT + "payload_storage/tracker.dat", gone)),
    Kind("shard-gone", "shard", "a shard is gone", _current_shard("", gone)),
    Kind("publication-pointer-junk", "publication", "the index's CURRENT holds no name", _on("index/*/CURRENT", junk)),
    Kind("publication-pointer-gone", "publication", "the index's CURRENT is gone", _on("index/*/CURRENT", gone)),
    Kind("publication-pointer-stray", "publication", "the index's CURRENT names what is not there",
         _on("index/*/CURRENT", lambda path: path.write_bytes(b"p99999999-00000000\n"))),  # type: ignore[arg-type]
    Kind("publication-junk", "publication", "the current publication's manifest is no JSON", _current_manifest(junk),
         False),
    Kind("publication-gone", "publication", "the current publication's manifest is gone", _current_manifest(gone), False),
    Kind("publication-flipped", "publication", "bytes of the current publication's manifest", _current_manifest(flip),
         False),
    Kind("publications-junk", "publication", "no publication can be read", _every("index/*/publications/p*.json", junk)),
    Kind("ledger-junk", "table", "a ledger is no JSON", _on("index/*/ledgers/shop/*.json", junk)),
    Kind("ledger-gone", "table", "a ledger is gone", _on("index/*/ledgers/shop/*.json", gone)),
    Kind("points-flipped", "table", "bytes of a table of points", _on("index/*/points/shop/*.npy", flip)),
    Kind("frequencies-flipped", "table", "bytes of document frequencies", _on("index/*/frequencies/shop/*.npy", flip)),
    Kind("frequencies-gone", "table", "the document frequencies of a repository are gone",
         _on("index/*/frequencies/shop/total-*.npy", gone)),
    Kind("serving-junk", "pointer", "SERVING holds no name", _on("index/SERVING", junk)),
    Kind("space-junk", "space", "space.json is no JSON", _on("index/*/space.json", junk)),
    Kind("read-back-junk", "read_back", "read_back.json is no JSON",
         lambda data: junk(next((data / "index").glob("*/CURRENT")).parent / "read_back.json")),
    # Caches
    Kind("vector-cache-flipped", "vectors", "bytes of the vector cache", _on("vectors/*/data.mdb", _a_vector)),
    Kind("vector-cache-cut", "vectors", "half the vector cache", _on("vectors/*/data.mdb", cut)),
    Kind("vector-cache-junk", "vectors", "a vector cache that is none", _on("vectors/*/data.mdb", junk)),
    Kind("hash-cache-flipped", "hash_cache", "bytes of the hashes of files", _on("hash_cache/*.parquet", flip)),
    Kind("catalogue-junk", "catalogue", "a catalogue that is none", _on("catalog.duckdb", junk)),
    Kind("catalogue-flipped", "catalogue", "bytes of the catalogue",
         _on("catalog.duckdb", lambda path: flip(path, 4096))),
    # Small records
    Kind("run-log-junk", "run_log", "a line of the run log that is no record",
         _on("run_log/*/*.jsonl", _line(b'{"record": "step", "at": \xff\xfe'))),
    Kind("event-junk", "inbox", "an event that cannot be read", _write("inbox/new/0.json", b"{]")),
    Kind("poll-junk", "inbox", "a poll asked for that cannot be read", _write("inbox/polls/x.json", b"{]")),
    Kind("polls-junk", "polls", "the pollers' memory cannot be read", _write("polls.json", b"\xff")),
    Kind("failure-junk", "failures", "a failure that cannot be read", _write("failures/shop.json", b"[]")),
    Kind("observation-junk", "observation", "where a ref was last seen cannot be read",
         _on("repository/shop/OBSERVED", junk)),
    Kind("pin-junk", "pins", "a run's pin cannot be read", _on("pins/*/shop.chunks.json", junk)),
    Kind("index-run-junk", "index_runs", "the request of an index run cannot be read",
         _write("index_runs/run-0000000001-00000000/request.json", b"{")),
    Kind("presence-junk", "presence", "serve.json cannot be read", _write("serve.json", b"{")),
    Kind("acceptance-junk", "acceptance", "what was accepted cannot be read",
         lambda data: junk(next((data / "quality").glob("*/shop")) / "accepted.json")),
    Kind("version-junk", "version", "VERSION holds no number", _write("VERSION", b"\xff\n")),
    Kind("registry-junk", "registry", "the registry is no TOML",
         lambda data: (data / "repositories.toml").write_bytes(
             (data / "repositories.toml").read_bytes() + b"\n[[repository]\nname = 3\n")),  # type: ignore[arg-type]
    # Mirrors
    Kind("pack-flipped", "mirror", "bytes of a pack of a mirror", _on("mirrors/shop.git/objects/pack/*.pack", flip)),
    Kind("pack-gone", "mirror", "a pack of a mirror is gone", _on("mirrors/shop.git/objects/pack/*.pack", gone)),
    Kind("head-dangling", "mirror", "a mirror's HEAD names no branch",
         _write("mirrors/shop.git/HEAD", b"ref: refs/heads/nowhere\n")),
    Kind("mirror-config-junk", "mirror", "a mirror's configuration cannot be read",
         _on("mirrors/shop.git/config", junk)),
    Kind("packed-refs-lock", "mirror_lock", "a killed git left packed-refs.lock",
         _write("mirrors/shop.git/packed-refs.lock", b"")),
    Kind("shallow-lock", "mirror_lock", "a killed git left shallow.lock", _write("mirrors/shop.git/shallow.lock", b"")),
    Kind("ref-lock", "mirror_lock", "a killed git left a lock of a branch",
         _write("mirrors/shop.git/refs/heads/main.lock", b"")),
    # Dagster
    Kind("runs-junk", "dagster", "Dagster's run history is no database", _on("dagster/history/runs.db", junk)),
    Kind("events-junk", "dagster", "Dagster's event log is no database", _on("dagster/history/runs/index.db", junk)),
    Kind("schedules-flipped", "dagster", "bytes of Dagster's schedules",
         _on("dagster/schedules/schedules.db", lambda path: flip(path, 3000))),
    Kind("run-events-cut", "dagster", "half of the events of a run",
         lambda data: cut(next(path for path in sorted((data / "dagster/history/runs").glob("*-*.db"))))),
)  # fmt: skip
