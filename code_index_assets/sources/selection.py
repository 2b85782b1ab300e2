"""Which files are kept, and why the others are not. Every entry of the tree gets a row.

What lives here: the order of the rules, reuse of what an earlier selection read, and the scan of kept files. What
does not: the rules themselves (`roles.py`, `ignore.py`, `sources/secrets/scan.py`, `languages.py`).

Reasons, one word each:

| status | reason | |
|---|---|---|
| skipped | submodule, symlink, special_file | not a regular file |
| skipped | bad_path | a path git itself calls hostile (`..`, `.git`) |
| skipped | excluded, ignored | by the registry entry's globs; by `.codeindexignore` |
| skipped | vendored, generated, minified | not written here, or not by people |
| skipped | binary, lfs_pointer, empty, too_large, undecodable | no text to index |
| refused | credential_file | by its name before it is read, or by what such a file holds |
| refused | secret_in_name | its path holds a secret, which `[removed: rule]` stands for |
| refused | scan_failed | the scan for secrets failed: not shown, to be safe |
| unreadable | missing, permission | git lacks the object; the system does not let it be read |
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import polars as pl

from ..progress import Stages, Ticker
from ..settings import Settings
from ..storage.fingerprint import content_hash, fingerprint
from ..tables import FILES, FINDINGS
from .embedded_data import MAX_NOTEBOOK_BYTES, find_data, is_notebook, without_data
from .git.attributes import Attributes, Said
from .ignore import Globs, IgnoreRules
from .languages import language_of, language_of_path
from .registry import RepositoryEntry
from .roles import (
    credential_content_rule,
    credential_rule,
    generated_marker,
    is_binary_name,
    maybe_vendored,
    minified,
    role_of,
    role_without,
    roles_version,
    vendored_content,
)
from .safe_names import REMOVED, removed_rule, safe_names
from .secrets.scan import Finding, scan_many, secret_rules_version
from .snapshot import (
    INNER_REPOSITORY,
    MODE_FOLDER,
    MODE_SUBMODULE,
    MODE_SYMLINK,
    NOT_READABLE,
    PartOfCheckout,
    Snapshot,
    Source,
    raw_path,
)
from .text import count_lines, decode, has_mark
from .third_party import DOUBTFUL_FOLDER, ThirdParty, third_party_of

SELECTION_VERSION = "2"
IGNORE_FILE = ".codeindexignore"
_CONTROL_FILES = (IGNORE_FILE, ".gitattributes")
_BATCH_BYTES = 4 << 20  # texts scanned in one pass; what is held at a time
_BATCH_FILES = 512
_SNIFF_BYTES = 8_000
_LFS = b"version https://git-lfs.github.com/spec/v1"
_MAX_CONTROL_BYTES = 1 << 20
_REGULAR = 0o100000
_HOSTILE = re.compile(rb"(?:^|/)(?:\.{1,2}|\.git|)(?:/|\Z)|\0", re.IGNORECASE)


@dataclass(frozen=True)
class Selection:
    """What became of every file. `changes` counts added, changed, removed and renamed files against the last run.

    `touched` are the paths whose rows may differ from those of the last run (gone ones too); None: any may.
    """

    files: pl.DataFrame
    findings: pl.DataFrame
    merkle_root: str
    changes: dict[str, int]
    read: int
    reused: int
    touched: frozenset[str] | None = None

    def counts(self) -> dict[str, int]:
        """Files by `kept` or the reason they were left out for, most first."""
        names = self.files.select(pl.coalesce("reason", "status")).to_series().to_list()
        return dict(Counter(names).most_common())


@dataclass
class _Row:
    """A FILES row in the making."""

    path: str
    path_raw: bytes | None
    blob: str
    mode: int
    size: int | None
    role: str = "source"
    status: str = ""
    reason: str | None = None
    detail: str | None = None
    hash: str | None = None
    language: str | None = None
    encoding: str | None = None
    lines: int | None = None
    secrets: int = 0
    language_told: bool = False  # by .gitattributes
    unproven: bool = False  # vendored by a name that people's own packages have too
    data: list[Finding] = field(default_factory=list)  # pictures and the like, which are no text to find
    keep_vendored: bool = False
    keep_generated: bool = False  # .gitattributes says it is not generated, or the settings keep generated files

    def end(self, status: str, reason: str | None = None, detail: str | None = None) -> None:
        self.status, self.reason, self.detail = status, reason, detail


@dataclass
class _Rules:
    """Everything a decision by path needs."""

    settings: Settings
    include: Globs
    exclude: Globs
    ignore: IgnoreRules = field(default_factory=lambda: IgnoreRules(IGNORE_FILE))
    attributes: Attributes = field(default_factory=Attributes)
    prefix: bytes = b""  # of the source's folder in its checkout, with a slash behind
    third_party: ThirdParty = field(default_factory=lambda: ThirdParty(frozenset(), frozenset()))


def rules_fingerprint(settings: Settings, entry: RepositoryEntry | None = None) -> str:
    """Fingerprint of all rules that a selection follows; rows made under another one are not reused."""
    return fingerprint(
        {
            "selection": SELECTION_VERSION,
            "secrets": secret_rules_version(),
            "roles": roles_version(),
            "max_file_bytes": settings.max_file_bytes,
            "include_vendored": settings.include_vendored,
            "include_generated": settings.include_generated,
            "include": list(entry.include) if entry else [],
            "exclude": list(entry.exclude) if entry else [],
        }
    )


def select_files(
    source: Source,
    snapshot: Snapshot,
    entries: pl.DataFrame,
    settings: Settings,
    *,
    previous: pl.DataFrame | None = None,
    previous_findings: pl.DataFrame | None = None,
    entry: RepositoryEntry | None = None,
    stages: Stages | None = None,
) -> Selection:
    """Decides about every entry (tables.ENTRIES) of a snapshot.

    `previous` and `previous_findings` are FILES and FINDINGS of the last selection made under the same
    `rules_fingerprint`: content they have read is not read again. At most a few MB of content are held at a time.
    Raises SourceError if the source fails, SourceChangedError if a folder changed meanwhile.
    """
    stages = stages or Stages()
    rules = _Rules(settings, Globs(entry.include if entry else ()), Globs(entry.exclude if entry else ()))
    with stages.stage("select", total=entries.height) as ticker:
        rules.third_party = _third_party(entries)
        taken = _taken_over(entries, previous, rules.third_party)
        todo = entries.join(taken, on="path", how="anti")
        if todo.height:
            _read_control_files(source, snapshot, entries, rules)
        rows = [_Row(*values) for values in todo.select("path", "path_raw", "blob", "mode", "size").iter_rows()]
        for row in rows:
            _decide_by_path(row, rules)
        ticker.advance(entries.height)
    findings: list[tuple[Any, ...]] = []
    undecided = [i for i, row in enumerate(rows) if not row.status]
    with stages.stage("read and scan", total=len(undecided)) as ticker:
        chosen = [rows[i] for i in undecided]
        for row, content in _read(source, snapshot, todo[undecided], chosen, ticker, settings.max_file_bytes):
            findings += [(row.path, row.blob, f.rule, f.line, f.start, f.end) for f in content]
    _clean_details(rows)
    new = _frame(rows)
    found_now = pl.DataFrame(findings, schema=FINDINGS.schema, orient="row")
    if previous_findings is not None and taken.height:
        columns = [column.name for column in FINDINGS.columns]
        reusable = previous_findings.select(columns).join(taken.select("path"), on="path", how="semi")
        found_now = pl.concat([reusable, found_now])
    gone = previous.join(taken.select("path"), on="path", how="anti") if previous is not None else None
    touched = set(new.get_column("path")) | (set(gone.get_column("path")) if gone is not None else set())
    return Selection(
        files=pl.concat([taken, new]).sort("path"),
        findings=found_now.sort("path", "start"),
        merkle_root=snapshot.tree,
        changes=_changes(new, gone),
        read=len(undecided),
        reused=taken.get_column("hash").count(),
        touched=frozenset(touched) if taken.height else None,
    )


# -- by path --------------------------------------------------------------------------------------------------


def _read_control_files(source: Source, snapshot: Snapshot, entries: pl.DataFrame, rules: _Rules) -> None:
    """Loads `.codeindexignore` and `.gitattributes` of the tree's folders, and of those above it in a checkout."""
    rules.prefix = getattr(source, "prefix", b"")
    if rules.prefix:
        for above, file, raw in cast("PartOfCheckout", source).control_files_above(_CONTROL_FILES):
            (rules.ignore if file == IGNORE_FILE else rules.attributes).add(above, raw)
    name = pl.col("path").str.split("/").list.last()
    regular = (pl.col("mode") & 0o170000) == 0o100000
    safe = ~pl.col("path").str.contains(REMOVED, literal=True)
    control = entries.filter(safe & name.is_in(_CONTROL_FILES) & regular & (pl.col("size") <= _MAX_CONTROL_BYTES))
    if control.height == 0:
        return
    paths = [raw_path(*row) for row in control.select("path", "path_raw").iter_rows()]
    for i, content in source.read(snapshot, control):
        if content is not None:
            folder, _, file_name = paths[i].rpartition(b"/")
            target = rules.ignore if file_name.decode() == IGNORE_FILE else rules.attributes
            target.add((rules.prefix + folder).rstrip(b"/"), content)


def _decide_by_path(row: _Row, rules: _Rules) -> None:
    """Ends the row if its path, mode or size decide; sets its role. Credentials come before all that a user can set."""
    raw = raw_path(row.path, row.path_raw)
    row.language = language_of_path(row.path)
    row.role = role_of(row.path)
    git_attributes = rules.attributes.of(rules.prefix + raw) if rules.attributes else Said({})
    attributes = git_attributes.roles
    _apply_attributes(row, attributes)
    if git_attributes.language is not None:
        row.language, row.language_told = git_attributes.language, True
    if row.role != "vendored" and attributes.get("vendored") is not False and maybe_vendored(row.path):
        # Without proof the file is kept and ranked lower.
        row.role = "vendored"
        row.unproven = not rules.third_party.proves(raw)
    row.keep_vendored = rules.settings.include_vendored or attributes.get("vendored") is False
    row.keep_generated = rules.settings.include_generated or attributes.get("generated") is False
    decision = (
        _by_kind(row, raw)
        or _by_user(raw, rules)
        or _by_role(row, attributes, rules.settings)
        or _by_size(row, rules.settings)
    )
    if decision is not None:
        row.end(*decision)


_Decision = tuple[str, str, str | None]


def _by_kind(row: _Row, raw: bytes) -> _Decision | None:
    """What is no readable file, and credential files."""
    kind = row.mode & 0o170000
    hidden = removed_rule(row.path)
    if hidden is not None:
        return "refused", "secret_in_name", hidden
    if row.mode == MODE_SUBMODULE:
        inner = row.blob == INNER_REPOSITORY
        return "skipped", "submodule", "a git repository of its own" if inner else f"commit {row.blob[:12]}"
    if row.mode == MODE_SYMLINK:
        return "skipped", "symlink", None
    if row.blob == NOT_READABLE and kind in (_REGULAR, MODE_FOLDER):
        return "unreadable", "permission", "a folder" if kind == MODE_FOLDER else None
    if kind != _REGULAR:
        return "skipped", "special_file", None
    if _HOSTILE.search(raw):
        return "skipped", "bad_path", "a path component that git refuses to check out"
    rule = credential_rule(row.path)
    return None if rule is None else ("refused", "credential_file", rule)


def _by_user(raw: bytes, rules: _Rules) -> _Decision | None:
    """The registry entry's globs and `.codeindexignore`."""
    if rules.include and rules.include.match(raw) is None:
        return "skipped", "excluded", "not in include"
    glob = rules.exclude.match(raw)
    if glob is not None:
        return "skipped", "excluded", glob
    match = rules.ignore.ignored(rules.prefix + raw) if rules.ignore else None
    return None if match is None else ("skipped", "ignored", match.where)


def _by_role(row: _Row, attributes: dict[str, bool], settings: Settings) -> _Decision | None:
    if row.role == "vendored" and not row.unproven and not settings.include_vendored:
        return "skipped", "vendored", "by .gitattributes" if attributes.get("vendored") else None
    if row.role == "generated" and not row.keep_generated:
        return "skipped", "generated", "by .gitattributes" if attributes.get("generated") else "by its name"
    return None


def _by_size(row: _Row, settings: Settings) -> _Decision | None:
    limit = settings.max_file_bytes
    if is_binary_name(row.path):
        return "skipped", "binary", "by its name"
    if row.size is None:
        return "unreadable", "missing", "git does not have this object"
    if row.size == 0:
        return "skipped", "empty", None
    # What a notebook's pictures weigh says nothing of its code: it is read, and measured without them.
    limit = max(limit, MAX_NOTEBOOK_BYTES) if is_notebook(row.path) else limit
    return ("skipped", "too_large", f"{row.size} bytes, limit {limit}") if row.size > limit else None


def _apply_attributes(row: _Row, attributes: dict[str, bool]) -> None:
    for role in ("docs", "generated", "vendored"):
        if attributes.get(role) is True:
            row.role = role
        elif attributes.get(role) is False and row.role == role:
            row.role = role_without(row.path, role)


# -- reuse ----------------------------------------------------------------------------------------------------


def _third_party(frame: pl.DataFrame) -> ThirdParty:
    """The proofs of third-party code in a tree, from its paths (ENTRIES or FILES)."""
    doubtful = frame.filter(pl.col("path").str.contains(DOUBTFUL_FOLDER))
    return third_party_of(raw_path(*row) for row in doubtful.select("path", "path_raw").iter_rows())


def _taken_over(entries: pl.DataFrame, previous: pl.DataFrame | None, proofs: ThirdParty) -> pl.DataFrame:
    """Rows of the last selection that hold as they are: path, content, mode and size are the same.

    None, if a file that steers the rules is another one now, or what proves code to be third-party is. What could not
    be read then is looked at again.
    """
    if previous is None or previous.is_empty():
        return FILES.empty()
    steering = [
        frame.filter(pl.col("path").str.split("/").list.last().is_in(_CONTROL_FILES))
        .select("path", "blob", "mode")
        .sort("path")
        for frame in (entries, previous)
    ]
    if not steering[0].equals(steering[1]) or _third_party(previous) != proofs:
        return FILES.empty()
    same = ["path", "path_raw", "blob", "mode", "size"]
    names = [column.name for column in FILES.columns]
    readable = previous.filter(pl.col("status") != "unreadable").select(names)
    return readable.join(entries.select(same), on=same, how="semi", nulls_equal=True)


# -- by content -----------------------------------------------------------------------------------------------


def _read(
    source: Source, snapshot: Snapshot, entries: pl.DataFrame, rows: list[_Row], ticker: Ticker, limit: int
) -> Iterator[tuple[_Row, list[Finding]]]:
    """Reads the content of rows (the same as `entries`) and ends each; gives those kept with what was found in them."""
    batch: list[tuple[_Row, str]] = []
    held = 0
    for i, content in source.read(snapshot, entries):
        ticker.advance()
        row = rows[i]
        text = _decide_by_content(row, content, limit)
        if text is None:
            continue
        batch.append((row, text))
        held += len(text)
        if held >= _BATCH_BYTES or len(batch) >= _BATCH_FILES:
            yield from _scan(batch)
            batch, held = [], 0
    yield from _scan(batch)


def _decide_by_content(row: _Row, content: bytes | None, limit: int) -> str | None:
    """The text to scan, or None if the row was ended without. `limit`: the characters that a file may have."""
    if content is None:
        row.end("unreadable", "missing", "git does not have this object")
        return None
    row.hash = content_hash(content)
    if content.startswith(_LFS) and len(content) < 1024:
        row.end("skipped", "lfs_pointer", "the content is in Git LFS")
        return None
    if b"\0" in content[:_SNIFF_BYTES] and not has_mark(content):
        row.end("skipped", "binary", "a zero byte")
        return None
    decoded = decode(content)
    if decoded is None or "\0" in decoded[0]:
        row.end("skipped", *(("undecodable", "no encoding fits") if decoded is None else ("binary", "a zero byte")))
        return None
    text, row.encoding = decoded
    row.lines = count_lines(text)
    row.language = row.language if row.language_told else language_of(row.path, text)
    row.data = find_data(row.path, text)
    words = without_data(text, row.data) if row.data else text
    marker = generated_marker(text) if row.role not in ("vendored", "docs") and not row.keep_generated else None
    if not text.strip():
        row.end("skipped", "empty", "only white space")
    elif (rule := credential_content_rule(row.path, text)) is not None:
        row.end("refused", "credential_file", rule)
    elif marker == "proof":
        # The line itself is content that was not scanned: it is not quoted.
        row.role = "generated"
        row.end("skipped", "generated", "its first lines say so")
    elif not row.keep_vendored and vendored_content(text):
        row.role = "vendored"
        row.end("skipped", "vendored", "its first lines name a well-known library")
    elif (detail := minified(row.path, words)) is not None:
        row.end("skipped", "minified", detail)
    elif is_notebook(row.path) and len(words) > limit:
        row.end("skipped", "too_large", f"{len(words)} characters without its outputs, limit {limit}")
    else:
        row.role = "generated" if marker == "hint" else row.role
        return text
    return None


def _scan(batch: list[tuple[_Row, str]]) -> Iterator[tuple[_Row, list[Finding]]]:
    for (row, _), findings in zip(
        batch, _scan_safely([text for _, text in batch], [row.path for row, _ in batch]), strict=True
    ):
        if findings is None:
            row.end("refused", "scan_failed")
            continue
        row.end("kept")
        row.secrets = len(findings)
        yield row, [*findings, *row.data]


def _scan_safely(texts: list[str], paths: list[str]) -> Iterable[list[Finding] | None]:
    """Findings by text; None where the scan failed. A file that cannot be scanned is not shown: fail closed."""
    try:
        return scan_many(texts, paths)
    except Exception:
        if len(texts) == 1:
            return [None]
        return [findings for text, path in zip(texts, paths, strict=True) for findings in _scan_safely([text], [path])]


# -- the result -----------------------------------------------------------------------------------------------


def _clean_details(rows: list[_Row]) -> None:
    """Takes secrets out of the reasons: a line of an ignore file is content too."""
    details = sorted({row.detail for row in rows if row.detail})
    safe = {details[i]: shown for i, shown in safe_names(details).items()}
    for row in rows if safe else ():
        row.detail = safe.get(row.detail or "", row.detail)


def _frame(rows: list[_Row]) -> pl.DataFrame:
    names = [column.name for column in FILES.columns]
    return pl.DataFrame([[getattr(row, name) for name in names] for row in rows], schema=FILES.schema, orient="row")


def _changes(files: pl.DataFrame, previous: pl.DataFrame | None) -> dict[str, int]:
    """Counts against the last run; a file gone from one path and new at another with the same content is renamed."""
    now: dict[str, tuple[str, int]] = {
        path: (blob, mode) for path, blob, mode in files.select("path", "blob", "mode").iter_rows()
    }
    columns = previous.select("path", "blob", "mode").iter_rows() if previous is not None else iter(())
    before: dict[str, tuple[str, int]] = {path: (blob, mode) for path, blob, mode in columns}
    gone: dict[str, int] = defaultdict(int)
    for path in before.keys() - now.keys():
        gone[before[path][0]] += 1
    added = renamed = 0
    for path in now.keys() - before.keys():
        blob = now[path][0]
        if gone[blob] > 0:
            gone[blob] -= 1
            renamed += 1
        else:
            added += 1
    changed = sum(now[path] != before[path] for path in now.keys() & before.keys())
    return {"added": added, "changed": changed, "removed": sum(gone.values()), "renamed": renamed}
