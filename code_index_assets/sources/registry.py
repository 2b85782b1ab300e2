"""The registry: which repositories there are, in one file that users edit and commit.

What lives here: `repositories.toml` read and edited with its comments and order kept, names and partition keys.
What does not: URLs (`location.py`) and reading the repositories (`sources/git/source.py`, `folder.py`).

    [[repository]]
    name = "gin-gonic/gin"                        # unique; the partition key of the default ref
    url = "https://github.com/gin-gonic/gin"      # or: path = "/srv/code/gin"
    refs = ["master", "v1.10.0", "release/*"]     # default: the remote's HEAD; the first one is the default ref
    exclude = ["testdata/**"]                     # globs as in .gitignore
    scip = ["build/index.scip"]                   # precise indexes, taken in after each publication
"""

from __future__ import annotations

import contextlib
import re
import secrets
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ..errors import ConfigurationError
from ..spelling import near_names
from ..storage.fingerprint import digest
from ..storage.layout import Layout, write_atomically
from .git.local_repository import hosted_origin
from .globs import compile_glob
from .location import default_name, display_location, identity_of, is_url, parse_url
from .safe_names import ref_rule

KEY_BYTES = 255
_HEADER = "# The repositories of this index. Edit it by hand or with `code-index add` and `code-index remove`.\n"
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f|,\"'`\\*?<>]")
_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\|,\"'`]|\.\.|@\{|//|\.lock(/|$)|(^|/)\.|[./]$|^/|^@$")
_FIELDS = {
    "name": str, "id": str, "url": str, "path": str, "refs": list, "worktree": bool,
    "include": list, "exclude": list, "enabled": bool, "restricted": bool, "scip": list,
}  # fmt: skip


@dataclass(frozen=True)
class RepositoryEntry:
    """One repository. Exactly one of `url` and `path` is set; `path` is absolute.

    `id` keeps the identity over a rename. `refs` empty: the remote's HEAD (a checkout's current commit); otherwise the
    first is the default ref, and never a glob. `include` empty: everything. `restricted`: the address came over HTTP
    and is checked whenever it is fetched (`addresses.py`). `scip`: absolute paths of precise indexes, taken in after
    each publication.
    """

    name: str
    id: str
    url: str | None = None
    path: str | None = None
    refs: tuple[str, ...] = ()
    worktree: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    enabled: bool = True
    restricted: bool = False
    scip: tuple[str, ...] = ()

    @property
    def location(self) -> str:
        """The URL or path as people see it."""
        return display_location(self.url or self.path or "")

    @property
    def default_ref(self) -> str | None:
        """The first ref of the entry; None: the repository's own default."""
        return self.refs[0] if self.refs else None

    @property
    def named_refs(self) -> tuple[str | None, ...]:
        """Refs written out, the default one (None: the remote's HEAD) first; globs are not among them."""
        return tuple(ref for ref in self.refs if not is_glob(ref)) or (None,)

    @property
    def globs(self) -> tuple[str, ...]:
        """Patterns of refs, such as `release/*`: what they stand for is asked of the remote (`polling.py`)."""
        return tuple(ref for ref in self.refs if is_glob(ref))

    @property
    def keys(self) -> tuple[str, ...]:
        """The partition keys of the refs that are written out, the default ref's first."""
        return tuple(partition_key(self, ref) for ref in self.named_refs)

    def names_ref(self, ref: str) -> bool:
        """Whether a branch or tag is indexed by this entry, written out or by a glob."""
        return ref in self.refs or any(glob_matches(glob, ref) for glob in self.globs)


def validate_name(name: str) -> str:
    """The name, if it can be one. Raises ConfigurationError."""
    if "@" in name:
        raise ConfigurationError(
            f"the name {name!r} has an '@'", remedy="'@' separates the ref: leave it out of the name"
        )
    return validate_key(name, "name")


def validate_key(key: str, what: str = "partition key") -> str:
    """The key, if it can be a partition key (Dagster itself accepts anything). Raises ConfigurationError."""
    bad = _FORBIDDEN.search(key)
    problem = None
    if not key:
        problem = "is empty"
    elif bad:
        problem = f"has the character {bad[0]!r}"
    elif not key.isprintable():
        problem = "has a character that cannot be shown"
    elif ".." in key:
        problem = "has '..'"  # '...' is Dagster's range separator
    elif key != key.strip() or key.startswith("/") or key.endswith("/") or "//" in key:
        problem = "begins or ends with a space or '/', or has '//'"
    elif key.startswith("-"):
        problem = "begins with '-'"
    elif len(key.encode("utf-8", "replace")) > KEY_BYTES:
        problem = f"is longer than {KEY_BYTES} bytes"
    if problem:
        raise ConfigurationError(
            f"the {what} {key[:80]!r} {problem}", remedy="use letters, digits, '-', '_', '.' and '/', as in owner/name"
        )
    return key


def validate_ref(ref: str) -> str:
    """The ref, if git could have one of that name. Raises ConfigurationError."""
    if not ref or ref.startswith("-") or _BAD_REF.search(ref) or len(ref.encode("utf-8", "replace")) > KEY_BYTES:
        raise ConfigurationError(f"{ref[:80]!r} is not the name of a branch, tag or commit", remedy="check the ref")
    rule = ref_rule(ref)
    if rule is not None:
        raise ConfigurationError(
            f"the name of a branch or tag holds a secret ({rule}); it is not read and not shown",
            remedy="rename the branch or tag, and replace the secret where it is used",
        )
    return ref


def is_glob(ref: str) -> bool:
    """Whether a ref of a registry entry is a pattern. Git forbids `*`, `?` and `[` in names, but not braces."""
    return any(c in ref for c in "*?[") or re.search(r"\{[^{}]*,[^{}]*\}", ref) is not None


def glob_matches(glob: str, ref: str) -> bool:
    """Whether a ref matches a pattern, as paths do: `*` and `?` stay within a component, `**/` crosses, `{a,b}`."""
    compiled = compile_glob(glob.encode("utf-8", "surrogateescape"), pathname=True, braces=True)
    return compiled is not None and compiled.matches(ref.encode("utf-8", "surrogateescape"))


def _validate_pattern(ref: str) -> None:
    """Raises ConfigurationError for a pattern that no ref can match."""
    if compile_glob(ref.encode("utf-8", "surrogateescape"), pathname=True, braces=True) is None:
        raise ConfigurationError(
            f"{ref[:80]!r} is not a pattern of refs", remedy="close its `[`, or escape it with `\\`"
        )
    validate_ref(re.sub(r"\[[^\]]*\]|[*?{},\\]", "x", ref))


def _validate_refs(refs: tuple[str, ...]) -> tuple[str, ...]:
    for ref in refs:
        _validate_pattern(ref) if is_glob(ref) else validate_ref(ref)
    if refs and is_glob(refs[0]):
        raise ConfigurationError(
            f"the first ref is the default one and cannot be the pattern {refs[0]!r}",
            remedy='put a branch before it, e.g. refs = ["main", "release/*"]',
        )
    return refs


def partition_key(entry: RepositoryEntry, ref: str | None = None) -> str:
    """The partition key of an entry at a ref: its name for the default ref, else `name@ref`."""
    if ref is None or ref == entry.default_ref or (ref == "HEAD" and not entry.refs):
        return validate_key(entry.name)
    return validate_key(f"{entry.name}@{validate_ref(ref)}")


def partition_keys_of(
    entry: RepositoryEntry, refs: Iterable[str | None]
) -> tuple[dict[str | None, str], dict[str, str]]:
    """The partition keys of an entry at refs, and why the other refs cannot have one.

    Anyone who may push a branch can give it a name that git takes and a partition key cannot have: such a ref stays
    out alone.
    """
    keys: dict[str | None, str] = {}
    left_out: dict[str, str] = {}
    for ref in refs:
        try:
            keys[ref] = partition_key(entry, ref)
        except ConfigurationError as error:
            left_out[str(ref)] = error.message
    return keys, left_out


def parse_partition_key(key: str, registry: Registry) -> tuple[RepositoryEntry, str | None]:
    """Entry and ref (None: the entry's default) of a partition key. Raises ConfigurationError."""
    name, _, ref = validate_key(key).partition("@")
    entry = registry.get(name)
    return entry, validate_ref(ref) if ref else None


@dataclass
class Registry:
    """The entries of one `repositories.toml`. Editing reads the file anew, under a lock, and writes it in one move."""

    file: Path
    layout: Layout
    entries: tuple[RepositoryEntry, ...] = field(default=())

    @classmethod
    def load(cls, file: Path, layout: Layout) -> Registry:
        """The registry of a file; a file that is not there is an empty registry. Raises ConfigurationError."""
        registry = cls(file, layout)
        # tomllib: 5,000 entries are read in 0.2 s, by tomlkit, which keeps comments for edits, in 9 s.
        with _readable(file):
            text = file.read_text("utf-8") if file.exists() else ""
            registry.entries = _entries(tomllib.loads(text), text, file)
        return registry

    @property
    def names(self) -> list[str]:
        """Names of all entries, in the order of the file."""
        return [entry.name for entry in self.entries]

    def get(self, name: str) -> RepositoryEntry:
        """The entry of a name. Raises ConfigurationError naming close ones."""
        for entry in self.entries:
            if entry.name == name:
                return entry
        near = near_names(name, self.names)
        raise ConfigurationError(
            f"no repository is named {name!r}",
            remedy=f"did you mean {' or '.join(near)}?" if near else "see `code-index status`, or `code-index add` it",
        )

    def find(self, text: str) -> RepositoryEntry | None:
        """The entry that has this name, URL or path, or None."""
        identity = identity_of(text)
        for entry in self.entries:
            if text == entry.name or identity == identity_of(entry.url or entry.path or ""):
                return entry
        folded = [entry for entry in self.entries if entry.name.casefold() == text.casefold()]
        return folded[0] if folded else None

    def add(
        self,
        url_or_path: str,
        *,
        name: str | None = None,
        refs: Iterable[str] = (),
        worktree: bool = False,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        restricted: bool = False,
    ) -> RepositoryEntry:
        """Adds a repository and returns its entry. Raises ConfigurationError if it cannot be, or is there already."""
        if not url_or_path.strip():
            # An empty path is the working folder: `index "$REPO"` with REPO unset would take it.
            raise ConfigurationError("an empty name is no repository", remedy="give a git URL or an existing folder")
        if is_url(url_or_path):
            parse_url(url_or_path)
            place: dict[str, Any] = {"url": url_or_path}
        else:
            folder = Path(url_or_path).expanduser().absolute()
            if not folder.is_dir():
                near = near_names(url_or_path, self.names)
                raise ConfigurationError(
                    f"there is no folder {folder}" if not folder.exists() else f"{folder} is no folder",
                    remedy="give a git URL (https://…, git@host:…) or an existing folder"
                    + (f"; registered is {' and '.join(near)}" if near else ""),
                )
            if folder.name == ".git" and folder.parent != folder:
                folder = folder.parent  # the checkout is meant: `.git` alone is of no use
            place = {"path": str(folder)}
        with self.layout.lock("registry", timeout=30):
            document = self._document()
            self.entries = _entries_of(document, self.file)
            known = self.find(url_or_path)
            if known is not None and name in (None, known.name):
                raise ConfigurationError(
                    f"{known.location} is registered already, as {known.name}",
                    remedy="use that name, or give another one to register it twice",
                )
            chosen = validate_name(name or self._default_name(url_or_path, place.get("path")))
            raw = {"name": chosen, "id": secrets.token_hex(8), **place}
            options = {"refs": list(refs), "include": list(include), "exclude": list(exclude)}
            raw.update({key: value for key, value in options.items() if value})
            if worktree:
                raw["worktree"] = True
            if restricted:
                raw["restricted"] = True
            table = tomlkit.table()
            table.update(raw)
            rows = document.setdefault("repository", tomlkit.aot())
            rows.append(table)
            return self._store(document).get(chosen)

    def _default_name(self, url_or_path: str, folder: str | None) -> str:
        """A clone is called as its origin would be; where that name is taken, as its folder."""
        origin = hosted_origin(Path(folder)) if folder else None
        if origin is not None:
            named = default_name(origin)
            if named.casefold() not in {other.casefold() for other in self.names}:
                return named
        return default_name(url_or_path, self.names)

    def remove(self, name: str) -> RepositoryEntry:
        """Takes an entry out of the file and returns it. What was made from it stays. Raises ConfigurationError."""
        with self.layout.lock("registry", timeout=30):
            document = self._document()
            self.entries = _entries_of(document, self.file)
            entry = self.get(name)
            self._store(tomlkit.parse(_without_entry(tomlkit.dumps(document), self.names.index(name))))
            return entry

    def exclude(self, name: str, paths: Iterable[str]) -> RepositoryEntry:
        """Excludes whole paths (not globs) of an entry from now on. Raises ConfigurationError."""
        with self.layout.lock("registry", timeout=30):
            document = self._document()
            self.entries = _entries_of(document, self.file)
            entry = self.get(name)
            row = next(row for row in document["repository"] if row["name"] == name)
            literal = ["/" + re.sub(r"([\\*?\[\]!#])", r"\\\1", path.strip("/")) for path in paths]
            row["exclude"] = [*entry.exclude, *(glob for glob in literal if glob not in entry.exclude)]
            return self._store(document).get(name)

    def rename(self, name: str, new: str) -> RepositoryEntry:
        """Gives an entry another name; its id stays. Raises ConfigurationError."""
        with self.layout.lock("registry", timeout=30):
            document = self._document()
            self.entries = _entries_of(document, self.file)
            entry = self.get(name)
            row = next(row for row in document["repository"] if row["name"] == name)
            row["name"] = validate_name(new)
            row["id"] = entry.id
            return self._store(document).get(new)

    def _store(self, document: tomlkit.TOMLDocument) -> Registry:
        text = tomlkit.dumps(document)
        self.entries = _entries(tomllib.loads(text), text, self.file)  # refuses what it could not read back
        write_atomically(self.file, text.encode())
        return self

    def _document(self) -> tomlkit.TOMLDocument:
        with _readable(self.file):
            return tomlkit.parse(self.file.read_text("utf-8") if self.file.exists() else _HEADER)


def saved_registry(layout: Layout) -> Path | None:
    """The registry as it was when it was last read without an error, or None."""
    path = layout.root / "registry.saved"
    return path if path.exists() else None


def save_registry(file: Path, layout: Layout) -> None:
    """Keeps a copy of a registry that was just read without an error: `code-index repair registry` takes it back."""
    if file.exists():
        text = file.read_bytes()
        saved = saved_registry(layout)
        if saved is None or saved.read_bytes() != text:
            write_atomically(layout.root / "registry.saved", text)


@contextlib.contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except (TOMLKitError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}", remedy="correct that line") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}", remedy="make it a readable UTF-8 file") from error


def _entries_of(document: tomlkit.TOMLDocument, file: Path) -> tuple[RepositoryEntry, ...]:
    return _entries(document.unwrap(), tomlkit.dumps(document), file)


def _entries(raw: dict[str, Any], text: str, file: Path) -> tuple[RepositoryEntry, ...]:
    unknown = sorted(set(raw) - {"repository"})
    rows = raw.get("repository", [])
    if unknown or not isinstance(rows, list):
        raise ConfigurationError(
            f"{file}: {unknown[0] if unknown else 'repository'!r} is not understood",
            remedy="entries are [[repository]] tables",
        )
    lines = [number + 1 for number in _headers(text.splitlines())]
    entries: list[RepositoryEntry] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows):
        where = f"{file}:{lines[number] if number < len(lines) else '?'}, entry {number + 1}"
        try:
            entry = _entry(row, file.parent)
            for unique in (entry.name.casefold(), "id:" + entry.id):
                if unique in seen:
                    raise ConfigurationError(
                        f"entry {seen[unique]} has the same name or id", remedy="change one of them"
                    )
                seen[unique] = number + 1
        except ConfigurationError as error:
            raise ConfigurationError(
                f"{where} ({row.get('name', 'no name')}): {error.message}", remedy=error.remedy
            ) from None
        entries.append(entry)
    return tuple(entries)


def _headers(lines: list[str]) -> list[int]:
    return [number for number, line in enumerate(lines) if line.replace(" ", "").startswith("[[repository]]")]


def _without_entry(text: str, position: int) -> str:
    """The file without one entry. Every comment stays: those above a header are the next entry's as often as not.

    Done on lines: tomlkit counts the comments between two entries to the first one and would remove them with it.
    """
    lines = text.splitlines(keepends=True)
    starts = [*_headers(lines), len(lines)]
    start, end = starts[position], starts[position + 1]
    while end > start and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return "".join(lines[:start] + lines[end:])


def _entry(row: dict[str, Any], folder: Path) -> RepositoryEntry:
    for key, value in row.items():
        expected = _FIELDS.get(key)
        if expected is None:
            raise ConfigurationError(f"{key!r} is not understood", remedy=f"use: {', '.join(_FIELDS)}")
        strings = not isinstance(value, list) or all(isinstance(item, str) for item in value)
        if not isinstance(value, expected) or not strings:
            kind = {str: "text in quotes", bool: "true or false", list: "a list of texts"}[expected]
            raise ConfigurationError(f"{key} must be {kind}", remedy="correct that line")
    url, path = row.get("url"), row.get("path")
    if bool(url) == bool(path):
        raise ConfigurationError("give exactly one of url and path", remedy="a git URL or a local folder")
    if url:
        if not is_url(url):
            raise ConfigurationError(f"{url!r} is not a git URL", remedy="for a local folder write path = …")
        parse_url(url)
    if path:
        path = str((folder / Path(path).expanduser()).absolute())
    refs = _validate_refs(tuple(row.get("refs", [])))
    if len(set(refs)) != len(refs):
        raise ConfigurationError("a ref is named twice in refs", remedy="name each once")
    worktree = row.get("worktree", False)
    if worktree and (url or refs):
        raise ConfigurationError("worktree needs a path and no refs", remedy="a working tree has no refs")
    name = validate_name(row.get("name") or "")
    entry = RepositoryEntry(
        name=name,
        # A hand-written entry need not have an id: the place keeps it the same over a rename.
        id=row.get("id") or digest("repository", url or path or "", str(worktree))[:16],
        url=url or None,
        path=path or None,
        refs=refs,
        worktree=worktree,
        include=tuple(row.get("include", [])),
        exclude=tuple(row.get("exclude", [])),
        enabled=row.get("enabled", True),
        restricted=row.get("restricted", False),
        scip=tuple(str(folder / Path(path or "") / Path(file).expanduser()) for file in row.get("scip", [])),
    )
    for ref in entry.named_refs:
        partition_key(entry, ref)
    return entry
