"""The only place that hashes: content digests, fingerprints of artifacts, Merkle roots.

What lives here: pure functions from bytes or plain values to hex digests. What does not: deciding *what* an
artifact was made from (each room lists its own inputs) and where artifacts live (`layout.py`).

Two hashes are in use. SHA-256 names file content (1.8 GB/s with SHA-NI, and nothing to install); BLAKE2b-128 names
everything we compute ourselves.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FINGERPRINT_BYTES = 16
_SEAL = re.compile(rb',\s*"seal":\s*"([0-9a-f]{32})"\s*}$')


def content_hash(data: bytes) -> str:
    """SHA-256 of file content, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def digest(*parts: str | bytes) -> str:
    """BLAKE2b-128 over length-prefixed parts, as 32 hex digits: ("ab", "c") and ("a", "bc") differ."""
    pieces: list[bytes] = []
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        pieces += (len(raw).to_bytes(8, "little"), raw)
    return hashlib.blake2b(b"".join(pieces), digest_size=FINGERPRINT_BYTES).hexdigest()


def fingerprint(inputs: dict[str, Any]) -> str:
    """Fingerprint of an artifact from its inputs (JSON-able values; key order does not matter)."""
    return digest(json.dumps(inputs, sort_keys=True, separators=(",", ":"), ensure_ascii=True))


def digest_lines(lines: Iterable[str]) -> str:
    """BLAKE2b-128 over an ordered sequence of strings, streamed."""
    state = hashlib.blake2b(digest_size=FINGERPRINT_BYTES)
    for line in lines:
        raw = line.encode("utf-8", "surrogatepass")
        state.update(len(raw).to_bytes(4, "little"))
        state.update(raw)
    return state.hexdigest()


def file_digest(path: Path) -> str:
    """BLAKE2b-128 of a file's bytes, read in blocks."""
    state = hashlib.blake2b(digest_size=FINGERPRINT_BYTES)
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            state.update(block)
    return state.hexdigest()


def sealed(body: bytes) -> bytes:
    """A JSON object with the digest of its own bytes as a last field, `seal`."""
    end = body.rstrip().removesuffix(b"}")
    return end + b',"seal":"' + digest(end).encode() + b'"}'


def unsealed(raw: bytes) -> bytes:
    """The JSON object without its seal. One that never had a seal passes. Raises ValueError if its bytes changed."""
    found = _SEAL.search(raw.rstrip())
    if found is None:
        return raw
    end = raw[: found.start()]
    if digest(end).encode() != found[1]:
        raise ValueError("its bytes are not those that were written")
    return end + b"}"


def bucket_of(path: str, buckets: int) -> int:
    """The bucket of a path (0 ≤ bucket < buckets); stable across machines and versions."""
    if buckets <= 1:
        return 0
    raw = hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(raw, "little") % buckets


def merkle_root(leaves: Iterable[tuple[str, str]]) -> str:
    """Merkle root of a tree of files.

    Leaves are (path with '/' separators, content id). A folder's digest covers its children's names and digests in
    byte order of the names, so equal trees have equal roots whatever order the leaves came in. Iterative: a path of
    thousands of components does not recurse.
    """
    folders: dict[str, dict[str, str]] = {"": {}}
    for path, leaf in leaves:
        parent, _, name = path.rpartition("/")
        child = parent
        while child and child not in folders:
            folders[child] = {}
            child = child.rpartition("/")[0]
        folders[parent][name] = "f" + leaf
    for folder in sorted(folders, key=lambda f: f.count("/") + bool(f), reverse=True):
        children = folders[folder]
        node = digest_lines(item for name in sorted(children) for item in (name, children[name]))
        if folder == "":
            return node
        parent, _, name = folder.rpartition("/")
        folders[parent][name + "/"] = "d" + node
    raise AssertionError("the root folder is always present")
