"""Lines of a file as indexed: the commit that is published, secrets removed, nothing newer.

What lives here: reading, and saying why a file cannot be. What does not: finding files (`engine.py`).

The text is put together from the published chunks. They cover every line that is not blank and are exact slices of the
redacted text (a law of the chunker), so what is shown is what was indexed: also for folders and dirty checkouts, whose
content at that time is nowhere else, and whatever secret rules have come since. The gaps between chunks are white
space: line breaks are known from the line numbers, other white space in a gap is shown as
blanks at the end of a line.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, TypeVar, cast

from ..errors import FileNotIndexedError, QueryError
from ..index.manifest import Receipt
from ..index.published_artifacts import bucket_file, published_artifact
from ..index.reader import IndexSnapshot, SnapshotGoneError
from ..storage.layout import Layout
from .answers import FileText
from .engine import SearchEngine
from .file_text import ChunkRow, lines_of

R = TypeVar("R")
NEAR = 5
_COMPARED = 5_000
_WHY = {
    "binary": "it is binary",
    "too_large": "it is larger than the limit",
    "minified": "it is minified",
    "generated": "it is generated",
    "vendored": "it is vendored",
    "symlink": "it is a symbolic link",
    "submodule": "it is a submodule",
    "lfs_pointer": "its content is in Git LFS",
    "credential_file": "it may hold credentials, so it was not read",
    "missing": "git does not have its content",
    "undecodable": "it is no text in a known encoding",
    "ignored": "an ignore file excludes it",
    "excluded": "the registry entry excludes it",
    "empty": "it is empty",
    "secret_in_name": "its name holds a secret",
    "scan_failed": "it could not be scanned for secrets",
}
_SETTINGS = {
    "vendored": "set CODE_INDEX_INCLUDE_VENDORED=true and index again to keep vendored files",
    "generated": "set CODE_INDEX_INCLUDE_GENERATED=true and index again to keep generated files",
    "too_large": "raise CODE_INDEX_MAX_FILE_BYTES and index again",
    "ignored": "change .codeindexignore and index again",
    "excluded": "change include and exclude of the registry entry and index again",
    "submodule": "register the submodule's repository by itself",
}


def read_lines(
    engine: SearchEngine, repository: str, path: str, *, ref: str | None = None, start: int = 1, end: int | None = None
) -> FileText:
    """Lines of a file at the indexed commit; `end` None or beyond the file: to its end.

    `path` is relative to the repository's root. Raises NotIndexedError (repository, ref), FileNotIndexedError (a file
    that was left out, with the reason, or that the commit does not have), QueryError (several repositories of this
    name, a path that cannot be one, lines that are not there).
    """
    path = checked_path(engine.places.path(path))
    if start < 1 or (end is not None and end < start):
        raise QueryError(f"lines {start} to {end} are no range", remedy="lines count from 1, the last one is included")
    for attempt in range(3):
        snapshot = engine.snapshot()
        receipt = one_receipt(engine, snapshot, repository, ref)
        try:
            row = file_row(engine.layout, snapshot, receipt, path)
            chunks = _chunk_rows(engine.layout, receipt, path)
            break
        except SnapshotGoneError:
            if attempt == 2:
                raise
    lines = lines_of(chunks, row.lines)
    if start > max(len(lines), 1):
        raise QueryError(
            f"{path} has {len(lines):,} lines, line {start:,} is not among them", remedy=f"ask for 1 to {len(lines)}"
        )
    last = min(end or len(lines), len(lines))
    return FileText(
        receipt.repository, receipt.ref, receipt.key, receipt.commit, path, row.blob, row.language, row.role,
        start, last, len(lines), "\n".join(lines[start - 1 : last]),
    )  # fmt: skip


def checked_path(path: str) -> str:
    """The path as the index spells it (`./` in front removed). Raises QueryError for what cannot be a path in it."""
    checked = path.removeprefix("./")
    checked = checked.replace("\\", "/") if "/" not in checked else checked
    parts = checked.split("/")
    if not checked or checked.startswith("/") or ".." in parts or "." in parts or "" in parts or "\0" in checked:
        raise QueryError(
            f"{path[:200]!r} is not a path from a repository's root",
            remedy="paths are relative to the repository, as search results give them: no '..', no '/' in front",
        )
    return checked


def one_receipt(engine: SearchEngine, snapshot: IndexSnapshot, repository: str, ref: str | None) -> Receipt:
    """What is published of the one repository (and ref) meant. Raises NotIndexedError, QueryError if several are."""
    keys = engine.resolve(snapshot, (repository,), (ref,) if ref else ())
    receipts = [snapshot.receipts[key] for key in (snapshot.receipts if keys is None else keys)]
    exact = [r for r in receipts if repository.lower() in (r.repository.lower(), r.key.lower())]
    receipts = exact or receipts
    if len(receipts) != 1:
        names = ", ".join(sorted(receipt.key for receipt in receipts)[:8])
        raise QueryError(
            f"{repository!r} names {len(receipts) or 'no'} indexed repositories{': ' + names if names else ''}",
            remedy="give the whole name of one, and the ref if several are indexed",
        )
    return receipts[0]


@dataclass(frozen=True)
class FileRow:
    """What the selection recorded of one file."""

    path: str
    blob: str
    language: str | None
    role: str
    status: str
    reason: str | None
    detail: str | None
    lines: int | None


def file_row(layout: Layout, snapshot: IndexSnapshot, receipt: Receipt, path: str) -> FileRow:
    """What is recorded of a kept file. Raises FileNotIndexedError (with the reason), SnapshotGoneError."""
    rows = _rows(FileRow, layout, receipt, "file_hashes", "files", path)
    if not rows:
        raise _unknown(snapshot, receipt, path)
    row = rows[0]
    if row.status == "kept":
        return row
    reason = row.reason or row.status
    detail = f" ({row.detail})" if row.detail else ""
    raise FileNotIndexedError(
        f"{path} of {receipt.key} is not indexed: {_WHY.get(reason, reason)}{detail}",
        remedy=_SETTINGS.get(reason, f"`code-index files {receipt.key} --left-out` lists what was left out"),
        wanted=path,
        reason=reason,
    )


def left_out_files(layout: Layout, receipt: Receipt, limit: int) -> tuple[list[FileRow], int]:
    """Files of a publication's commit that are not in the index, by path, and how many there are.

    Raises SnapshotGoneError, CorruptArtifactError.
    """
    names = [field.name for field in fields(FileRow)]
    frame = published_artifact(layout, receipt, "file_hashes").read("files", names)
    rows = frame.filter(frame.get_column("status") != "kept").sort("path")
    return [FileRow(*row) for row in rows.select(names).head(limit).iter_rows()], rows.height


def _unknown(snapshot: IndexSnapshot, receipt: Receipt, path: str) -> FileNotIndexedError:
    paths = snapshot.paths([receipt.key])
    inside = [known for known in paths if known.startswith(f"{path}/")]
    if inside:
        message = f"{path} is a folder: {', '.join(inside[:5])}{', …' if len(inside) > 5 else ''}"
    else:
        near = near_paths(path, paths)
        message = f"{receipt.key} has no file {path} at {receipt.commit[:12]}"
        message += f"; did you mean {', '.join(near)}?" if near else ""
    return FileNotIndexedError(message, remedy="give a path as search results give it", wanted=path)


def near_paths(path: str, paths: Iterable[str]) -> list[str]:
    """Paths that may have been meant: of the same file name, then of a name spelled much like it, the nearest first."""
    file_name = _file_name(path)
    by_name: dict[str, list[str]] = {}
    for known in paths:
        by_name.setdefault(_file_name(known), []).append(known)
    # Comparing every name of a large repository would take longer than the answer.
    alike = [
        name
        for name in by_name
        if abs(len(name) - len(file_name)) <= 3 and (name[:1] == file_name[:1] or name[-4:] == file_name[-4:])
    ]
    names = difflib.get_close_matches(file_name, alike[:_COMPARED], n=NEAR, cutoff=0.75)
    nearest: list[str] = []
    for name in names:
        nearness = {known: difflib.SequenceMatcher(None, path, known).ratio() for known in by_name[name][:_COMPARED]}
        nearest += sorted(nearness, key=lambda known: -nearness[known])
    return nearest[:NEAR]


def _file_name(path: str) -> str:
    return path.rsplit("/", 1)[-1].casefold()


def _chunk_rows(layout: Layout, receipt: Receipt, path: str) -> list[ChunkRow]:
    rows = _rows(ChunkRow, layout, receipt, "chunks", "chunks", path)
    return sorted(rows, key=lambda row: (row.start_byte, row.start_line))


def _rows(row: Callable[..., R], layout: Layout, receipt: Receipt, kind: str, table: str, path: str) -> list[R]:
    """The rows of a file, read as `row`, a dataclass with a field for each column."""
    import polars as pl

    part = bucket_file(published_artifact(layout, receipt, kind), table, path)
    try:
        columns = [field.name for field in fields(cast(Any, row))]
        frame = pl.scan_parquet(part).select(columns).filter(pl.col("path") == path).collect()
        return [row(*values) for values in frame.iter_rows()]
    except FileNotFoundError as error:
        raise SnapshotGoneError(f"{part} is no longer kept", remedy="ask again") from error
