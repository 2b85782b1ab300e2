"""Required texts: which files have them, and the chunks that do, whatever words they have.

What lives here: restricting a search to the files that the exact index names, and finding chunks with strings that no
lane knows as words, such as `=>`, `fe_joi` or 🚀. What does not: text rules on what lanes bring (`index/reader.py`),
the exact index (`index/exact/`), whole lines (`grep.py`), ranking.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .. import deadlines
from ..errors import OutOfTimeError
from ..index.backends.interface import Scored
from ..index.exact.pattern import TextRule, needs_of
from ..index.exact.segments import is_indexed
from ..index.filters import Filter, passes_text_rules
from ..index.points import point_id
from ..index.reader import IndexSnapshot
from .kept_files import Reading, kept_files
from .tables import PublishedTables

_BLOCK = 256
# More files than this are no help to the lanes: a filter on so many paths costs more than reading a few hits in vain.
_MOST_FILES = 5_000


@dataclass(frozen=True)
class RequiredTexts:
    """The files that have what is required, by key; `failures` are what was not looked at, in words."""

    files: dict[str, tuple[str, ...]]
    failures: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether everything was looked at and no file has it."""
        return not self.failures and not any(self.files.values())


def files_with(snapshot: IndexSnapshot, where: Filter) -> RequiredTexts | None:
    """The files whose text or path meets every positive rule of a filter; None if the exact index cannot tell.

    Excluded texts do not count: another chunk of the same file may be without them. Raises SnapshotGoneError.
    """
    rules = tuple(rule for rule in where.rules if not rule.excluded)
    keys = sorted(snapshot.receipts) if where.keys is None else sorted(where.keys)
    if not rules or not all(is_indexed(snapshot.receipts[key]) for key in keys):
        return None
    reading = Reading()
    try:
        found: dict[str, set[str]] = {key: _by_path(snapshot, key, rules) for key in keys}
    except OutOfTimeError as error:
        return RequiredTexts({}, (error.message,))
    files_only = Filter(keys=tuple(keys), paths=where.paths)
    for file in kept_files(snapshot, files_only, needs_of(rules), reading):
        path = file.path.encode("utf-8", "surrogatepass")
        if all(rule.allows(file.text) or rule.allows(path) for rule in rules):
            found[file.key].add(file.path)
    return RequiredTexts({key: tuple(sorted(paths)) for key, paths in found.items()}, tuple(reading.failures))


def _by_path(snapshot: IndexSnapshot, key: str, rules: tuple[TextRule, ...]) -> set[str]:
    """Files some rule of which is met by the path: their text is not asked for the rest, the lanes' text rules are."""
    paths = ((path, path.encode("utf-8", "surrogatepass")) for path in snapshot.paths([key]))
    return {path for path, raw in paths if any(rule.allows(raw) for rule in rules)}


def restricted(where: Filter, required: RequiredTexts) -> Filter:
    """The filter, to the files that have what is required, where they are few."""
    files = sorted({path for paths in required.files.values() for path in paths})
    return where if required.failures or len(files) > _MOST_FILES else replace(where, files=tuple(files))


def find_phrases(
    snapshot: IndexSnapshot, where: Filter, limit: int, required: RequiredTexts | None = None
) -> list[Scored]:
    """The first `limit` chunks, by repository, path and line, that meet the text rules and the rest of the filter.

    Stops between two repositories, and between two blocks of chunks, when the time of the question is up.
    Raises SnapshotGoneError, CorruptArtifactError.
    """
    hits: list[Scored] = []
    keys = sorted(snapshot.receipts) if where.keys is None else sorted(where.keys)
    for key in keys:
        if deadlines.is_over():
            break
        files = None if required is None or required.failures else required.files.get(key, ())
        for ids in _blocks(_holding(snapshot, key, where, files)):
            if len(hits) >= limit or deadlines.is_over():
                break
            allowed = snapshot.matching(ids, replace(where, keys=(key,), files=None))
            hits += [hit for hit in allowed if passes_text_rules(where, hit.payload)]
        if len(hits) >= limit:
            break
    return hits[:limit]


def _blocks(ids: Iterator[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for one in ids:
        block.append(one)
        if len(block) == _BLOCK:
            yield block
            block = []
    if block:
        yield block


def _holding(snapshot: IndexSnapshot, key: str, where: Filter, files: tuple[str, ...] | None) -> Iterator[str]:
    """Ids of the points of a key whose text or path meets the text rules, in the order of their places.

    `files`: the only ones that can. The text is read from the published tables: 120,000 chunks take 0.3 s, their
    payloads in the index 4 s.
    """
    if files is not None and not files:
        return
    tables = PublishedTables(snapshot.layout, {key: snapshot.receipts[key]})
    scan = tables.scan("chunks") if files is None else tables.scan_paths("chunks", ((key, path) for path in files))
    rows = scan.select("path", "start_line", "chunk_id", "text", "names").collect()
    for path, _, chunk_id, text, names in rows.sort("path", "start_line", "chunk_id").iter_rows():
        if passes_text_rules(where, {"path": path, "text": text, "names": [name.lower() for name in names or ()]}):
            yield point_id(key, chunk_id, 0)
