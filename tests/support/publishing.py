"""Real-shaped artifacts for tests of the index and the search: small repositories, written by the artifact store, with
a permit issued from a verdict. Also run as a program by tests that need another process."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from code_index_assets.index.content import RepositoryContent
from code_index_assets.index.documents import documents_of
from code_index_assets.quality.parts import bucket_parts
from code_index_assets.quality.permit import Permit, Verdict, issue_permit
from code_index_assets.quality.subject import bucket_subject, subject_digest
from code_index_assets.storage.artifacts import ArtifactSpec, ArtifactStore
from code_index_assets.storage.fingerprint import bucket_of, digest
from code_index_assets.storage.layout import Layout
from code_index_assets.tables import CHUNKS, FILES, REFERENCES, SYMBOLS, embeddings_table

DIM = 16
SPACE = "test-space"
SUITE = "suite-1"


def unit_vector(text: str, dimension: int = DIM) -> np.ndarray:
    seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
    vector = np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
    return vector / np.linalg.norm(vector)


def chunk_row(
    path: str, ordinal: int, start: int, name: str | None, text: str, kind: str = "function", **more: Any
) -> dict[str, Any]:
    lines = text.count("\n") + 1
    text_hash = digest(text)
    row = {
        "chunk_id": digest(path, kind, name or "", text_hash, str(ordinal)),
        "path": path,
        "blob": digest("blob", path, text),
        "ordinal": ordinal,
        "start_line": start,
        "end_line": start + lines - 1,
        "start_byte": 0,
        "end_byte": len(text.encode()),
        "language": {"py": "python", "go": "go", "md": "markdown", "rs": "rust"}.get(path.rsplit(".", 1)[-1], "text"),
        "kind": kind,
        "name": name,
        "qualified_name": name,
        "local_name": name,
        "signature": text.split("\n", 1)[0] if name else None,
        "doc": None,
        "names": [name] if name else [],
        "text": text,
        "text_hash": text_hash,
        "parser": "tree-sitter",
    }
    return row | more


def chunks_of(files: dict[str, str]) -> list[dict[str, Any]]:
    """Chunks of files given as text: a new chunk at every line that starts with def, func, fn, class or #."""
    rows = []
    for path, text in sorted(files.items()):
        starts = ("def ", "func ", "fn ", "class ", "# ")
        pieces: list[tuple[int, list[str]]] = []
        for number, line in enumerate(text.split("\n"), 1):
            if not pieces or line.startswith(starts):
                pieces.append((number, []))
            pieces[-1][1].append(line)
        for ordinal, (start, lines) in enumerate(pieces):
            words = lines[0].replace("(", " ").replace(":", " ").split()
            named = lines[0].startswith(starts[:4]) and len(words) > 1
            kind = "class" if lines[0].startswith("class ") else "function" if named else "lines"
            rows.append(chunk_row(path, ordinal, start, words[1] if named else None, "\n".join(lines), kind))
    return rows


def symbol_row(chunk: dict[str, Any]) -> dict[str, Any]:
    return {
        "symbol_id": digest(chunk["chunk_id"], "symbol"),
        "path": chunk["path"],
        "name": chunk["name"],
        "qualified_name": chunk["qualified_name"],
        "local_name": chunk["local_name"],
        "kind": chunk["kind"],
        "language": chunk["language"] or "text",
        "start_line": chunk["start_line"],
        "end_line": chunk["end_line"],
        "signature": chunk["signature"],
        "decorators": [],
        "extends": [],
        "facts": [],
    }


def role_of(path: str) -> str:
    parts = path.split("/")
    if "test" in parts[-1] or "tests" in parts:
        return "test"
    return "vendored" if "vendor" in parts else "example" if "examples" in parts else "source"


def make_content(
    layout: Layout,
    files: dict[str, str] | list[dict[str, Any]],
    *,
    key: str = "acme/shop",
    commit: str | None = None,
    observed_at: float | None = None,
    buckets: int = 2,
    dimension: int = DIM,
    space: str = SPACE,
    parts: int = 1,
    vectors: Callable[[str, int], np.ndarray] = unit_vector,
    default_ref: bool = True,
    with_parts: bool = True,
) -> RepositoryContent:
    """Writes the artifacts of a repository and gives its content. `files`: text by path, or chunk rows. Without parts,
    as they were before there were named parts."""
    rows = chunks_of(files) if isinstance(files, dict) else files
    paths = sorted({row["path"] for row in rows})
    commit = commit or digest(*(row["chunk_id"] for row in rows), *paths).ljust(40, "0")
    repository, _, ref = key.partition("@")
    store = ArtifactStore(layout)
    fp = digest(commit, space, key)[:16]
    table = embeddings_table(dimension)

    def spec(kind: str, space: str | None = None) -> ArtifactSpec:
        return ArtifactSpec(kind, key, {}, "1", space, fp)

    with store.write(spec("chunks"), "run-1", buckets) as writer:
        for bucket in range(buckets):
            mine = [row for row in rows if bucket_of(row["path"], buckets) == bucket]
            writer.write("chunks", bucket, CHUNKS.frame(mine))
            chunk_rows = CHUNKS.frame(mine)
            symbols = SYMBOLS.frame([symbol_row(row) for row in mine if row["name"]])
            writer.write("symbols", bucket, symbols)
            if with_parts:
                used = [{"path": row["path"], "name": "used", "lines": [row["start_line"]]} for row in mine]
                writer.write("references", bucket, REFERENCES.frame(used))
                writer.write("documents", bucket, documents_of(chunk_rows, symbols))
    with store.write(spec("embeddings", space), "run-1", buckets) as writer:
        for bucket in range(buckets):
            mine = [row for row in rows if bucket_of(row["path"], buckets) == bucket]
            vector_rows = [
                {
                    "chunk_id": row["chunk_id"],
                    "part": part,
                    "vector_key": digest(row["text"], str(part)),
                    "vector": vectors(row["text"] + "·" * part, dimension).tolist(),
                }
                for row in mine
                for part in range(parts)
            ]
            writer.write("embeddings", bucket, pl.DataFrame(vector_rows, schema=table.schema, orient="row"))
    with store.write(spec("file_hashes"), "run-1", buckets) as writer:
        file_rows = [
            {"path": p, "blob": digest("blob", p), "mode": 33188, "role": role_of(p), "status": "kept", "secrets": 0}
            for p in paths
        ]
        for bucket in range(buckets):
            writer.write(
                "files", bucket, FILES.frame(r for r in file_rows if bucket_of(str(r["path"]), buckets) == bucket)
            )
    return RepositoryContent(
        key=key,
        repository=repository,
        ref=ref or "main",
        default_ref=default_ref,
        commit=commit,
        label=commit[:12],
        committed_at=1.0,
        observed_at=time.time() if observed_at is None else observed_at,
        space=space,
        dimension=dimension,
        chunks=store.require("chunks", key),
        embeddings=store.require("embeddings", key, space),
        files=store.require("file_hashes", key),
        coverage={"kept": len(paths), "skipped": {"binary": 1}},
        run_id="run-1",
    )


def subject_of(content: RepositoryContent) -> str:
    subjects = [
        bucket_subject(
            content.chunks.read_bucket("chunks", b),
            content.embeddings.read_bucket("embeddings", b),
            bucket_parts(b, {"chunks": content.chunks, "file_hashes": content.files}),
        )
        for b in range(content.chunks.manifest.buckets)
    ]
    return subject_digest(content.space, subjects)


def permit_for(content: RepositoryContent, **changes: Any) -> Permit:
    fields: dict[str, Any] = {
        "key": content.key,
        "space": content.space,
        "subject": subject_of(content),
        "suite": SUITE,
        "passed": True,
        "commit": content.commit,
        "results": (),
        "run_id": "run-1",
        "at": time.time(),
    }
    return issue_permit(Verdict(**(fields | changes)), key=content.key, suite=SUITE)


def layout_at(root: Path) -> Layout:
    return Layout(root).create()


SHOP = {
    "shop/cart.py": "import json\n\ndef add_item(cart, item):\n    cart.items.append(item)\n    return cart\n\n"
    "def totalPrice(cart):\n    return sum(item.price for item in cart.items)\n",
    "shop/payment/gateway.py": "class PaymentGateway:\n    url = 'https://pay'\n\n"
    "def charge_card(gateway, amount):\n    # charge the customer's credit card\n    return gateway.post(amount)\n",
    "tests/test_cart.py": "def test_add_item():\n    cart = add_item(Cart(), Item())\n    assert cart.items\n",
    "server/http.go": "func ServeHTTP(w Writer, r Request) {\n    route(w, r)\n}\n",
    "README.md": "# Shop\nA shop that takes payments.\n",
}
