"""Git repositories: a remote through a bare mirror, a local one read at its commit.

What lives here: mirrors and their fetching, refs to commits, reading blobs. What does not: listing a tree
(`tree.py`), how git is called and its messages understood (`process.py`), a checkout (`worktree.py`).
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ...errors import ConfigurationError, SourceError, SourceUnavailableError
from ...settings import Settings
from ...storage.layout import Layout
from ..addresses import Pin, pin
from ..location import display_location
from ..registry import RepositoryEntry, glob_matches, partition_key, validate_ref
from ..safe_names import safe_names
from ..snapshot import Snapshot, entries_frame
from .local_repository import git_dir_of
from .process import GitFailed, cat_file_batch, run_git, translate
from .tree import entries_since, list_tree

_COMMIT = re.compile(r"^[0-9a-f]{7,64}$")
_OID = re.compile(r"^([0-9a-f]{40}|[0-9a-f]{64})$")
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head")
_ALL_REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


@dataclass(frozen=True)
class Commit:
    """A commit: its id, its tree's id, its committer time (Unix seconds)."""

    oid: str
    tree: str
    committed_at: float | None


@contextmanager
def readable_objects(git_dir: Path) -> Iterator[Path]:
    """Where the objects of a local repository are read: its git directory, unless that is a partial clone.

    Git before 2.44 goes to the network for each object that a partial clone lacks, and dies where it may not. Read
    through an empty git directory that borrows the objects, a missing object is just missing. That directory is
    temporary: it is removed when the block ends. Raises SourceError if git cannot make it.
    """
    if not _is_partial_clone(git_dir):
        yield git_dir
        return
    with tempfile.TemporaryDirectory(prefix="code-index-objects-") as place:
        shadow = Path(place) / "shadow.git"
        try:
            shape = run_git(["rev-parse", "--show-object-format"], git_dir=git_dir).decode("ascii").strip()
            objects = run_git(["rev-parse", "--git-path", "objects"], git_dir=git_dir).rstrip(b"\n")
            run_git(["init", "--quiet", "--bare", "--template=", f"--object-format={shape}", str(shadow)])
        except GitFailed as failure:
            raise translate(failure, str(git_dir)) from None
        borrowed = shadow / "objects" / "info" / "alternates"
        borrowed.parent.mkdir(parents=True, exist_ok=True)
        borrowed.write_bytes(os.path.abspath(objects) + b"\n")  # noqa: PTH100 - bytes
        yield shadow


def _is_partial_clone(git_dir: Path) -> bool:
    try:
        run_git(["config", "--get-regexp", r"^(remote\..*\.promisor|extensions\.partialclone)$"], git_dir=git_dir)
    except GitFailed:
        return False
    return True


def pin_of(entry: RepositoryEntry, allowed: tuple[str, ...]) -> Pin | None:
    """What git is held to for an entry whose address came over HTTP. Raises SourceError if that may not be used."""
    if not entry.restricted or entry.url is None:
        return None
    try:
        return pin(entry.url, allowed)
    except ConfigurationError as error:
        raise SourceError(f"{entry.name}: {error.message}", remedy=error.remedy) from error


def remote_refs(url: str, timeout: float, pinned: Pin | None = None) -> tuple[dict[str, str], str | None]:
    """Heads, tags and HEAD of a remote (name → commit or tag object), and the branch HEAD names.

    Raises SourceError, SourceUnavailableError.
    """
    try:
        out = run_git(
            ["ls-remote", "--symref", "--", url, "HEAD", "refs/heads/*", "refs/tags/*"],
            url=url,
            timeout=timeout,
            pinned=pinned,
        )
    except GitFailed as failure:
        raise translate(failure, display_location(url), url=url) from None
    refs: dict[str, str] = {}
    head: str | None = None
    for line in out.decode("utf-8", "surrogateescape").splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: "):
            head = value.removeprefix("ref: ") if name == "HEAD" else head
        elif _OID.match(value):
            refs[name] = value
    return refs, head


def heads_of(
    entry: RepositoryEntry, timeout: float, allowed: tuple[str, ...] = ()
) -> dict[str | None, str | SourceError]:
    """The commits that an entry's refs point at now, asked of the place without fetching: for pollers.

    Keys are the refs written out (None: the default of an entry without refs) and those that its globs match; a value
    is an error where the commit of that one ref cannot be found. `allowed`: CODE_INDEX_ALLOWED_ADDRESSES.

    Raises SourceError if no commit can be found (empty, refused, gone), SourceUnavailableError.
    """
    if entry.url is None:
        refs = _local_heads(git_dir_of(Path(entry.path or "")))
    else:
        refs, _ = remote_refs(entry.url, timeout, pin_of(entry, allowed))
    if not refs:
        raise _empty(entry.location)
    short = {_short(name) for name in refs if _is_mirrored(name)}
    matched = sorted(ref for ref in short if any(glob_matches(glob, ref) for glob in entry.globs))
    unsafe = safe_names(matched)  # a name that holds a secret is not followed; the others go on
    matched = [ref for i, ref in enumerate(matched) if i not in unsafe]
    heads: dict[str | None, str | SourceError] = {}
    for ref in (*entry.named_refs, *(ref for ref in matched if ref not in entry.refs)):
        heads[ref] = _head_among(refs, ref or "HEAD", entry.location)
    return heads


def _head_among(refs: dict[str, str], ref: str, where: str) -> str | SourceError:
    for name in _candidates(ref):
        if name in refs:
            return refs.get(f"{name}^{{}}", refs[name])
    # A commit, perhaps abbreviated, never moves.
    return ref if _COMMIT.match(ref) else _no_ref(ref, where, refs)


def _local_heads(git_dir: Path) -> dict[str, str]:
    """The refs of a local repository as `remote_refs` gives those of a remote."""
    try:
        out = run_git(["show-ref", "--head", "--dereference"], git_dir=git_dir)
    except GitFailed as failure:
        if failure.status == 1:
            return {}
        raise translate(failure, str(git_dir)) from None
    lines = out.decode("utf-8", "surrogateescape").splitlines()
    return {name: oid for oid, _, name in (line.partition(" ") for line in lines)}


def _short(name: str) -> str:
    return name.removeprefix("refs/heads/").removeprefix("refs/tags/")


def read_commit(git_dir: Path, ref: str, where: str) -> Commit:
    """The commit a branch, tag or commit id names in a local git directory. Raises SourceError."""
    validate_ref(ref)
    tried = [*_candidates(ref), f"refs/remotes/origin/{ref}"] + ([ref] if _COMMIT.match(ref) else [])
    for name in tried:
        try:
            out = run_git(
                ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"], git_dir=git_dir
            )
        except GitFailed as failure:
            if failure.status == 1 or "Needed a single revision" in failure.stderr:
                continue
            raise translate(failure, where) from None
        return _parsed_commit(git_dir, out.decode("ascii").strip(), where)
    raise _unresolved(git_dir, ref, where)


def _parsed_commit(git_dir: Path, oid: str, where: str) -> Commit:
    try:
        raw = run_git(["cat-file", "commit", oid], git_dir=git_dir)
    except GitFailed as failure:
        raise translate(failure, where) from None
    header = raw.partition(b"\n\n")[0]
    tree = re.search(rb"^tree ([0-9a-f]+)$", header, re.MULTILINE)
    at = re.search(rb"^committer .*> (-?\d+) [+-]\d+$", header, re.MULTILINE)
    if tree is None:
        raise SourceError(f"commit {oid[:12]} of {where} is damaged", remedy="run `git fsck` in the repository")
    return Commit(oid, tree[1].decode("ascii"), float(at[1]) if at else None)


def _not_a_commit(ref: str, where: str, kind: str) -> SourceError:
    return SourceError(
        f"{ref!r} of {where} is there, but it names a {kind} and no commit",
        remedy="name a branch, a tag of a commit, or a commit",
    )


def _unresolved(git_dir: Path, ref: str, where: str) -> SourceError:
    try:
        out = run_git(["for-each-ref", "--format=%(refname)"], git_dir=git_dir)
    except GitFailed as failure:
        return translate(failure, where)
    refs = dict.fromkeys(out.decode("utf-8", "surrogateescape").split("\n")[:-1], "")
    for name in _candidates(ref):
        if name in refs:
            kind = run_git(["cat-file", "-t", f"{name}^{{}}"], git_dir=git_dir).decode("ascii", "replace").strip()
            return _not_a_commit(ref, where, kind)
    if ref == "HEAD" and (not refs or not any(name.startswith("refs/heads/") for name in refs)):
        return _empty(where)
    return _no_ref(ref, where, refs)


def _candidates(ref: str) -> list[str]:
    if ref == "HEAD" or ref.startswith("refs/"):
        return [ref]
    return [f"refs/heads/{ref}", f"refs/tags/{ref}"]


def _empty(where: str) -> SourceError:
    return SourceError(f"{where} is empty: it has no commit yet", remedy="push a first commit, then run again")


def _no_ref(ref: str, where: str, refs: dict[str, str]) -> SourceError:
    names = [name.removeprefix("refs/heads/") for name in sorted(refs) if name.startswith("refs/heads/")]
    safe = safe_names(names[:9])
    names = [safe.get(i, name) for i, name in enumerate(names)]
    shown = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
    if ref == "HEAD":
        return SourceError(
            f"the HEAD of {where} names a branch that is not there",
            remedy=f'name a ref in the registry, e.g. refs = ["{names[0] if names else "main"}"]; branches: {shown}',
        )
    return SourceError(
        f"{where} has no branch, tag or commit {ref!r}", remedy=f"check the ref; branches: {shown or 'none'}"
    )


class _GitObjects:
    """Listing and reading of one git directory; the kinds of git source say which."""

    def __init__(self, entry: RepositoryEntry, ref: str | None, layout: Layout, settings: Settings) -> None:
        self.entry, self.ref, self.layout, self.settings = entry, ref, layout, settings

    def _readable(self) -> AbstractContextManager[Path]:
        """The git directory to read objects through, for as long as the block lasts."""
        raise NotImplementedError

    def snapshot_of(self, commit: Commit) -> Snapshot:
        return Snapshot(
            repository=self.entry.name,
            key=partition_key(self.entry, self.ref),
            kind="git",
            location=self.entry.location,
            ref=self.ref or self.entry.default_ref or "HEAD",
            default_ref=self.ref is None or self.ref == self.entry.default_ref,
            commit=commit.oid,
            label=commit.oid,
            committed_at=commit.committed_at,
            observed_at=time.time(),
            tree=commit.tree,
        )

    def entries(self, snapshot: Snapshot, known: tuple[Snapshot, pl.DataFrame] | None = None) -> pl.DataFrame:
        """Every entry of the commit's tree (tables.ENTRIES). Raises SourceError if tree objects are missing."""
        with self._readable() as git_dir:
            if known is not None and known[0].kind == snapshot.kind:
                frame = entries_since(git_dir, known[0].tree, snapshot.tree, known[1])
                if frame is not None:
                    return frame
            return entries_frame(list_tree(git_dir, snapshot.commit, self.entry.location))

    def read(self, snapshot: Snapshot, entries: pl.DataFrame) -> Iterator[tuple[int, bytes | None]]:
        blobs = entries.get_column("blob").to_list()
        with self._readable() as git_dir:
            yield from enumerate(cat_file_batch(git_dir, blobs))


class LocalGitSource(_GitObjects):
    """A local repository, read at a commit straight from its objects; its working tree is not touched or looked at."""

    def _readable(self) -> AbstractContextManager[Path]:
        return readable_objects(git_dir_of(Path(self.entry.path or "")))

    def observe(self) -> Snapshot:
        """The current commit of the ref. Raises SourceUnavailableError."""
        ref = self.ref or self.entry.default_ref or "HEAD"
        return self.snapshot_of(read_commit(git_dir_of(Path(self.entry.path or "")), ref, self.entry.location))


class GitSource(_GitObjects):
    """A remote repository, through the bare mirror under `layout.mirror(name)`."""

    _pinned: Pin | None = None

    @property
    def git_dir(self) -> Path:
        """The bare mirror in the data folder."""
        return self.layout.mirror(self.entry.name)

    def _readable(self) -> AbstractContextManager[Path]:
        return nullcontext(self.git_dir)

    def observe(self) -> Snapshot:
        """Brings the mirror up to date and resolves the ref.

        Raises SourceError, SourceUnavailableError, LockedError.
        """
        ref = validate_ref(self.ref or self.entry.default_ref or "HEAD")
        with self._locked():
            self._update(ref)
            try:
                return self.snapshot_of(read_commit(self.git_dir, ref, self.entry.location))
            except SourceUnavailableError:
                raise
            except SourceError:
                self._make_anew()
                return self.snapshot_of(read_commit(self.git_dir, ref, self.entry.location))

    def entries(self, snapshot: Snapshot, known: tuple[Snapshot, pl.DataFrame] | None = None) -> pl.DataFrame:
        """See `Source.entries`; a damaged mirror is fetched again first."""
        try:
            return super().entries(snapshot, known)
        except SourceUnavailableError:
            raise
        except SourceError:
            with self._locked():
                self._make_anew()
            return super().entries(snapshot)

    def read(self, snapshot: Snapshot, entries: pl.DataFrame) -> Iterator[tuple[int, bytes | None]]:
        """As for any git directory. A mirror has every object of its commits: where one is missing or cannot be read,
        the mirror is damaged and fetched anew, once."""
        done = 0
        try:
            for index, content in super().read(snapshot, entries):
                if content is None:
                    break
                yield index, content
                done = index + 1
            else:
                return
        except SourceUnavailableError:
            raise
        except SourceError:
            pass
        with self._locked():
            self._make_anew()
        for index, content in super().read(snapshot, entries.slice(done)):
            yield done + index, content

    def _locked(self) -> AbstractContextManager[None]:
        return self.layout.lock(f"mirror-{self.entry.name}", timeout=self.settings.lock_timeout_seconds)

    def _make_anew(self) -> None:
        """Fetches the whole mirror into a new place and takes that. The caller holds the mirror's lock."""
        ref = self.ref or self.entry.default_ref or "HEAD"
        url = self.entry.url or ""
        self._pinned = pin_of(self.entry, self.settings.allowed_addresses)
        refs, head = remote_refs(url, self.settings.git_timeout_seconds, self._pinned)
        self._make(url, refs, head, ref)

    def _update(self, ref: str) -> None:
        url = self.entry.url or ""
        self._pinned = pin_of(self.entry, self.settings.allowed_addresses)
        refs, head = remote_refs(url, self.settings.git_timeout_seconds, self._pinned)
        if not refs:
            raise _empty(self.entry.location)
        known = (*_candidates(ref), "HEAD")
        if not _COMMIT.match(ref) and not any(name in refs for name in known[:-1]):
            raise _no_ref(ref, self.entry.location, refs)
        if not self._is_whole(_object_format(refs)):
            self._make(url, refs, head, ref)
            return
        # The process that left them has ended: this process holds the mirror's lock.
        for left in stale_files(self.git_dir):
            left.unlink(missing_ok=True)
        try:
            self._fetch(self.git_dir, url, refs, head, ref)
        except SourceUnavailableError:
            raise
        except SourceError:
            # The place answered a moment ago: what is wrong is most likely the mirror.
            self._make(url, refs, head, ref)

    def _is_whole(self, object_format: str) -> bool:
        """Whether there is a bare mirror of the remote's object format: a host may move a repository to SHA-256."""
        if not self.git_dir.is_dir():
            return False
        try:
            answer = run_git(["rev-parse", "--is-bare-repository", "--show-object-format"], git_dir=self.git_dir)
        except GitFailed:
            return False
        return answer.split() == [b"true", object_format.encode("ascii")]

    def _make(self, url: str, refs: dict[str, str], head: str | None, ref: str) -> None:
        """A new mirror, fetched in a temporary folder and renamed in: a half-made one is never left."""
        with self.layout.temporary("mirror") as folder:
            made = folder / "mirror.git"
            try:
                shape = f"--object-format={_object_format(refs)}"
                run_git(["init", "--quiet", "--bare", "--template=", "--initial-branch=main", shape, str(made)])
            except GitFailed as failure:
                raise translate(failure, self.entry.location) from None
            self._fetch(made, url, refs, head, ref)
            self.git_dir.parent.mkdir(parents=True, exist_ok=True)
            if self.git_dir.exists():
                self.git_dir.rename(folder / "damaged.git")
            made.rename(self.git_dir)

    def _fetch(self, git_dir: Path, url: str, refs: dict[str, str], head: str | None, ref: str) -> None:
        if _local_refs(git_dir) != {name: oid for name, oid in refs.items() if _is_mirrored(name)}:
            self._git(git_dir, url, [*_FETCH, "--prune", "--force", "--", url, *_ALL_REFS])
        if _OID.match(ref) and not self._has(git_dir, ref):
            # A commit on no branch and no tag: most hosts give it when it is asked for by its id.
            self._git(git_dir, url, [*_FETCH, "--", url, f"+{ref}:refs/code-index/{ref}"])
        if head is not None and re.fullmatch(r"refs/heads/\S+", head):
            self._git(git_dir, None, ["symbolic-ref", "HEAD", head])
        elif "HEAD" in refs:
            self._git(git_dir, None, ["update-ref", "--no-deref", "HEAD", refs["HEAD"]])

    def _has(self, git_dir: Path, oid: str) -> bool:
        try:
            run_git(["cat-file", "-e", f"{oid}^{{commit}}"], git_dir=git_dir)
        except GitFailed:
            return False
        return True

    def _git(self, git_dir: Path, url: str | None, arguments: list[str]) -> None:
        try:
            pinned = self._pinned if url else None
            run_git(arguments, git_dir=git_dir, url=url, pinned=pinned, timeout=self.settings.git_timeout_seconds)
        except GitFailed as failure:
            raise translate(failure, self.entry.location, url=url) from None


def _object_format(refs: dict[str, str]) -> str:
    """The hash that the object ids of a remote are made with."""
    return "sha256" if any(len(oid) == 64 for oid in refs.values()) else "sha1"


def stale_files(mirror: Path) -> list[Path]:
    """Locks and half-written packs in a mirror that no process uses."""
    if not mirror.is_dir():
        return []
    files = [*mirror.glob("*.lock"), *mirror.glob("refs/**/*.lock"), *mirror.glob("objects/info/**/*.lock")]
    return sorted(path for path in (*files, *mirror.glob("objects/pack/tmp_*")) if path.is_file())


def _is_mirrored(name: str) -> bool:
    return name.startswith(("refs/heads/", "refs/tags/")) and not name.endswith("^{}")


def _local_refs(git_dir: Path) -> dict[str, str]:
    try:
        out = run_git(["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags"], git_dir=git_dir)
    except GitFailed:
        return {}
    lines = out.decode("utf-8", "surrogateescape").splitlines()
    return {name: oid for oid, _, name in (line.partition(" ") for line in lines)}
