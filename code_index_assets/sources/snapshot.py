"""What was observed of a source, and what every kind of source can do.

What lives here: `Snapshot` (stored in artifact manifests), the `Source` protocol, `open_source`, and the spelling of
paths that are not UTF-8. What does not: the kinds of source themselves (`sources/git/source.py`,
`sources/git/worktree.py`, `folder.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from ..errors import CorruptArtifactError
from ..records.observations import last_observation
from ..storage.artifacts import Artifact
from ..storage.fingerprint import digest
from ..storage.layout import Layout
from ..tables import ENTRIES
from .safe_names import safe_names

if TYPE_CHECKING:
    from ..storage.layout import Layout

MODE_FOLDER = 0o040000
MODE_FILE = 0o100644
MODE_EXECUTABLE = 0o100755
MODE_SYMLINK = 0o120000
MODE_SUBMODULE = 0o160000

NOT_READABLE = "unreadable"  # stands in `blob` for content the operating system would not give us
# The same for a git repository inside a folder that is no submodule of it (mode MODE_SUBMODULE).
INNER_REPOSITORY = "untracked-repository"


@dataclass(frozen=True)
class Snapshot:
    """One state of one source.

    `commit` is the git commit, or the folder's digest. `label` is what people see. `tree` is the digest of the
    entries: equal trees hold the same files. `location` never holds credentials. Times are Unix seconds.
    """

    repository: str
    key: str
    kind: str  # "git", "worktree" or "folder"
    location: str
    ref: str
    default_ref: bool
    commit: str
    label: str
    committed_at: float | None
    observed_at: float
    tree: str

    def to_json(self) -> dict[str, Any]:
        """The snapshot as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Snapshot:
        """The snapshot of `to_json`; fields it does not know are ignored. Raises CorruptArtifactError."""
        try:
            return cls(**{f.name: raw[f.name] for f in fields(cls)})
        except (KeyError, TypeError) as error:
            raise CorruptArtifactError(
                f"a stored snapshot lacks {error}", remedy="run `code-index index` again: it is observed anew"
            ) from error


class Source(Protocol):
    """Something that can be observed, listed and read."""

    def observe(self) -> Snapshot:
        """The state there is now. Raises SourceError (or SourceUnavailableError if that may pass)."""

    def entries(self, snapshot: Snapshot, known: tuple[Snapshot, pl.DataFrame] | None = None) -> pl.DataFrame:
        """Every entry of the snapshot (tables.ENTRIES), in order of the path. Raises SourceError.

        `known` is an earlier snapshot of the source with its entries: what a source can tell to be the same in both it
        need not list again.
        """

    def read(self, snapshot: Snapshot, entries: pl.DataFrame) -> Iterator[tuple[int, bytes | None]]:
        """Contents of these entries, in order: (row index, content), None where the content is not there.

        One content at a time is held. Raises SourceChangedError if a folder no longer holds what was listed.
        """


class PartOfCheckout(Protocol):
    """A source that is a folder of a checkout; the rules of the folders above it hold for it too."""

    prefix: bytes  # the folder's path in the checkout, with a slash behind

    def control_files_above(self, names: Collection[str]) -> list[tuple[bytes, str, bytes]]:
        """(folder in the checkout, name, content) of files with these names above the source's own folder."""


def shown_path(raw: bytes) -> str:
    """A path's text: UTF-8, with bytes that are not UTF-8 as \\xNN."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "backslashreplace")


def raw_path(path: str, path_raw: bytes | None) -> bytes:
    """The bytes of a path of ENTRIES or FILES."""
    return path.encode("utf-8") if path_raw is None else path_raw


def entries_frame(rows: Iterable[tuple[bytes, str, int, int | None]]) -> pl.DataFrame:
    """ENTRIES from (path bytes, blob, mode, size), ordered by path; every `path` is unique.

    A path that holds a secret is stored in its safe form alone (`safe_names.py`); its file is refused.

    Where the shown form of a path that is not UTF-8 equals another path, it gets a digest of its bytes appended.
    """
    shown: list[tuple[str, bytes | None, str, int, int | None]] = []
    taken: set[str] = set()
    odd: list[tuple[bytes, str, int, int | None]] = []
    for row in rows:
        try:
            path = row[0].decode("utf-8")
        except UnicodeDecodeError:
            odd.append(row)
            continue
        taken.add(path)
        shown.append((path, None, *row[1:]))
    for raw, *rest in odd:
        path = shown_path(raw)
        if path in taken:
            path = f"{path}~{digest(raw)[:8]}"
        taken.add(path)
        shown.append((path, raw, *rest))  # type: ignore[arg-type]
    for i, safe in safe_names([path for path, *_ in shown]).items():
        shown[i] = (safe, None, *shown[i][2:])
    return pl.DataFrame(shown, schema=ENTRIES.schema, orient="row").sort("path")


def observed_snapshot(repository: Artifact, layout: Layout) -> Snapshot:
    """The snapshot of a repository artifact, with the time its commit was last seen."""
    snapshot = Snapshot.from_json(repository.info["snapshot"])
    seen = last_observation(layout, snapshot.key)
    if seen is not None and seen.fingerprint == repository.fingerprint:
        return replace(snapshot, observed_at=max(seen.seen_at, snapshot.observed_at))
    return snapshot
