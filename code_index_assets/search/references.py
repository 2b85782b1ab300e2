"""Who mentions a name: definitions of it, and every line of code that uses or imports it.

What lives here: `find_references` over the tables of the publication. What does not: reading those tables
(`tables.py`), whole-text search (`engine.py`). A mention is textual: the identifier, spelled so, in code (not in
comments or strings); names of one letter and keywords are not recorded.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .. import deadlines
from ..chunking.readable import MARKED_NAMES
from ..errors import CodeIndexError, QueryError
from ..index.filters import Filter, matches_glob
from ..index.manifest import PublicationStore
from ..index.reader import IndexSnapshot, SnapshotGoneError
from . import query as queries
from . import vocabulary
from .absence import absence_of
from .answers import Reference, References, SymbolHit
from .cursors import Cursor, decode_cursor
from .definition_order import order_key
from .definitions import fold_overloads
from .engine import SearchEngine
from .filters import EVERYTHING, SearchFilters
from .outcome import SearchOutcome
from .tables import PublishedTables

if TYPE_CHECKING:
    import polars as pl

MAX_REFERENCES = 1000
MAX_DEFINITIONS = 50
# Mentions in these come after all others, in this order.
_LATER_ROLES = ("source", "stub", "test", "example", "docs", "config", "data", "generated", "vendored")
_DEFINITION_COLUMNS = ["key", "path", "name", "qualified_name", "kind", "start_line", "end_line", "signature"]


@dataclass(frozen=True)
class _Question:
    name: queries.Name
    repositories: tuple[str, ...]
    refs: tuple[str, ...]
    paths: tuple[str, ...]
    languages: tuple[str, ...]

    @property
    def identity(self) -> dict[str, object]:
        return {"references": self.name.name, "qualifier": list(self.name.qualifier)} | {
            part: sorted(getattr(self, part)) for part in ("repositories", "refs", "paths", "languages")
        }


@dataclass(frozen=True)
class _Found:
    """Every mention, in order, as columns key, path, line, language, role; and every definition."""

    mentions: pl.DataFrame
    definitions: pl.DataFrame
    near: tuple[str, ...] = field(default=())


def find_references(
    engine: SearchEngine,
    name: str,
    filters: SearchFilters = EVERYTHING,
    *,
    limit: int = 50,
    cursor: str | None = None,
) -> References:
    """Definitions of a name and the lines that mention it, one page of `limit` lines (1 to 1000).

    The case counts. A qualifier (`Type::name`, `module.name`) narrows the definitions, and brings mentions in files
    that name it to the front. Order: files that name the qualifier, source before tests and vendored code, repository,
    path, line. A cursor goes on in the publication it came from, as long as that is kept.

    Raises QueryError (no name, a limit or cursor that cannot be used), NotIndexedError, CorruptArtifactError,
    OutOfTimeError (the counts and the order need every mention: a part would be wrong).
    """
    started = time.perf_counter()
    requested = queries.name_of(name.strip())
    if len(requested.name) < 2 or len(name) > queries.MAX_CHARS:
        raise QueryError(
            f"{name[:50]!r} is not a name whose mentions are recorded",
            remedy="give an identifier of two or more letters",
        )
    if not 1 <= limit <= MAX_REFERENCES:
        raise QueryError(f"the limit {limit} is not between 1 and {MAX_REFERENCES}")
    question = _Question(
        requested, filters.repositories, filters.refs, engine.places.paths(filters.paths),
        vocabulary.languages(filters.languages),
    )  # fmt: skip
    at = decode_cursor(cursor, question.identity) if cursor else None
    for _ in range(4):
        snapshot = _pinned(engine, at)
        try:
            with deadlines.within(engine.settings.query_seconds):
                return _page(engine, snapshot, question, at.offset if at else 0, limit, started)
        except (SnapshotGoneError, FileNotFoundError):
            # Pruned between being named and being read: the current publication answers, a cursor's does not.
            continue
    raise QueryError("the index was published over and over while it was read", remedy="ask again")


def _pinned(engine: SearchEngine, at: Cursor | None) -> IndexSnapshot:
    snapshot = engine.snapshot()
    if at is None or at.publication == snapshot.manifest.name:
        return snapshot
    try:
        manifest = PublicationStore(engine.layout, snapshot.space).read(at.publication)
    except (FileNotFoundError, CodeIndexError):
        raise QueryError(
            "the publication this cursor belongs to is no longer kept", remedy="ask again without a cursor"
        ) from None
    return IndexSnapshot(engine.layout, snapshot.backend, manifest)


def _page(
    engine: SearchEngine, snapshot: IndexSnapshot, question: _Question, offset: int, limit: int, started: float
) -> References:
    deadlines.check()
    keys = engine.resolve(snapshot, question.repositories, question.refs)
    receipts = snapshot.receipts if keys is None else {key: snapshot.receipts[key] for key in keys}
    tables = PublishedTables(engine.layout, receipts)
    matches = _find(tables, question)
    mentions = matches.mentions
    deadlines.check()
    page = mentions.slice(offset, limit)
    counts = mentions.group_by("key").len().sort(["len", "key"], descending=[True, False])
    where = Filter(keys=keys, languages=question.languages, paths=question.paths)
    states = engine.repositories(snapshot, where)
    notes = vocabulary.unknown_values(snapshot, where)
    found = bool(mentions.height or matches.definitions.height)
    absence = None
    if not found:
        failures = (*notes, *vocabulary.unread_definitions(snapshot, where))
        absence = absence_of(
            snapshot, where, states, lanes=("references",), patterns=(question.name.name,), failures=failures,
            parsed=True,
        )  # fmt: skip
    answer = References(
        name=question.name.name,
        definitions=_definitions(tables, matches.definitions, question)[: min(limit, MAX_DEFINITIONS)]
        if offset == 0
        else (),
        references=_references(tables, question, page),
        total_definitions=matches.definitions.height,
        total=mentions.height,
        files=mentions.select("key", "path").n_unique() if mentions.height else 0,
        by_repository={receipts[key].key: count for key, count in counts.iter_rows()},
        near=matches.near[:limit],
        repositories=states,
        publication=snapshot.manifest.name,
        offset=offset,
        question=question.identity,
        took_ms=round((time.perf_counter() - started) * 1000, 2),
        outcome=SearchOutcome.FOUND if found else SearchOutcome.NO_MATCH,
        notes=notes,
        absence=absence,
    )
    return replace(answer, next_cursor=answer.cursor_at(offset + len(answer.references)))


def _find(tables: PublishedTables, question: _Question) -> _Found:
    import polars as pl

    name, qualifier = question.name.name, question.name.qualifier[-1:]
    exact = question.name.spelled or name  # `complete?`: in some languages another name than `complete`
    if not tables.receipts:
        empty = {"key": pl.String, "path": pl.String}
        return _Found(pl.DataFrame(schema=empty), pl.DataFrame(schema=empty))
    rows, definitions = pl.collect_all([
        tables.scan("references").filter(pl.col("name").is_in([exact, name, *qualifier])),
        tables.scan("symbols").filter(_is_called(question.name)).select(_DEFINITION_COLUMNS),
    ])  # fmt: skip
    deadlines.check()
    definitions = definitions.filter(_around(question.name.qualifier))
    near_qualifier = rows.filter(pl.col("name").is_in(list(qualifier))).select("key", "path", qualified=True)
    uses = rows.filter(pl.col("name").is_in([exact, name])).select("key", "path", "lines", "name")
    places = pl.concat([uses.select("key", "path"), definitions.select("key", "path")]).unique()
    files = _files(tables, places, question)
    deadlines.check()
    ranks = pl.col("role").replace_strict(
        {role: rank for rank, role in enumerate(_LATER_ROLES)}, default=len(_LATER_ROLES), return_dtype=pl.Int32
    )
    mentions = (
        uses.join(files, on=["key", "path"])
        # Elsewhere the mark is no part of the name, and uses are recorded without it: Rust's `vec!`.
        .filter((pl.col("name") == exact) | ~pl.col("language").is_in(list(MARKED_NAMES)).fill_null(False))
        .unique(["key", "path", "name"], maintain_order=True)
        .drop("name")
        .join(near_qualifier.unique(["key", "path"]), on=["key", "path"], how="left")
        .explode("lines")
        .rename({"lines": "line"})
        .sort(pl.col("qualified").is_null(), ranks, "key", "path", "line")
    )
    definitions = definitions.join(files, on=["key", "path"])
    deadlines.check()
    near = () if mentions.height or definitions.height else _near(tables, name)
    return _Found(mentions, definitions, near)


def _is_called(name: queries.Name) -> Any:
    """Whether a definition has the name asked for, the case counting, with or without a mark at its end."""
    import polars as pl

    called = pl.col("name")
    return called.is_in(list(name.spellings)) | (called.str.strip_chars_end("?!=") == name.name)


def _around(qualifier: tuple[str, ...]) -> Any:
    """Whether a definition's qualified name or path has every part of the qualifier, any case."""
    import polars as pl

    around = (pl.col("qualified_name") + " " + pl.col("path")).str.to_lowercase()
    holds = pl.lit(True)
    for part in qualifier:
        holds &= around.str.contains(part.lower(), literal=True)
    return holds


def _files(tables: PublishedTables, places: pl.DataFrame, question: _Question) -> pl.DataFrame:
    """Language and role of those files that the question does not leave out."""
    import polars as pl

    if question.paths and places.height:
        covered = [any(matches_glob(glob, path) for glob in question.paths) for path in places.get_column("path")]
        places = places.filter(pl.Series(covered, dtype=pl.Boolean))
    frame = tables.scan_paths("files", places.iter_rows()) if places.height else tables.scan("files").head(0)
    files = frame.select("key", "path", "language", "role").collect()
    return files.filter(pl.col("language").is_in(list(question.languages))) if question.languages else files


def _near(tables: PublishedTables, name: str) -> tuple[str, ...]:
    import polars as pl

    spelled = pl.col("name").str.to_lowercase().str.strip_chars_end("?!") == name.lower()
    parts = [tables.scan(table).filter(spelled).select("name").unique() for table in ("references", "symbols")]
    # The name itself is among them where a filter left its mentions out.
    return tuple(sorted({*pl.concat(parts).collect().get_column("name")} - {name})[:5])


# -- one page ------------------------------------------------------------------------------------------------------


def _definitions(tables: PublishedTables, rows: pl.DataFrame, question: _Question) -> tuple[SymbolHit, ...]:
    """The definitions in the order of `definition_order.py`, overloads folded."""
    hits = []
    for row in rows.iter_rows(named=True):
        receipt = tables.receipts[row["key"]]
        hits.append(SymbolHit(
            receipt.repository, receipt.ref, receipt.commit, row["path"], row["start_line"], row["end_line"],
            row["name"], row["qualified_name"], row["kind"], row["language"], row["signature"], row["role"], row["key"],
        ))  # fmt: skip
    hits.sort(key=lambda hit: order_key(hit.place, question.name.spellings))
    return tuple(fold_overloads(hits))


def _references(tables: PublishedTables, question: _Question, page: pl.DataFrame) -> tuple[Reference, ...]:
    if not page.height:
        return ()
    places = sorted(set(page.select("key", "path").iter_rows()))
    around = _innermost(tables, page, places)
    deadlines.check()
    imports = _import_lines(tables, question.name.name, places)
    deadlines.check()
    texts = _line_texts(tables, page, places)
    references = []
    for row in page.iter_rows(named=True):
        receipt = tables.receipts[row["key"]]
        place = (row["key"], row["path"], row["line"])
        within = around.get(place)
        references.append(
            Reference(
                repository=receipt.repository,
                ref=receipt.ref,
                commit=receipt.commit,
                key=row["key"],
                path=row["path"],
                line=row["line"],
                kind="import" if place in imports else "use",
                within=within["qualified_name"] if within else None,
                within_kind=within["kind"] if within else None,
                within_lines=(within["start_line"], within["end_line"]) if within else None,
                language=row["language"],
                role=row["role"],
                text=texts.get(place),
            )
        )
    return tuple(references)


Place = tuple[str, str, int]


def _innermost(
    tables: PublishedTables, page: pl.DataFrame, places: list[tuple[str, str]]
) -> dict[Place, Mapping[str, Any]]:
    """The smallest definition around each line of the page."""
    import polars as pl

    columns = ["key", "path", "qualified_name", "kind", "start_line", "end_line"]
    symbols = tables.scan_paths("symbols", places).select(columns).collect()
    inside = (
        page.select("key", "path", "line")
        .join(symbols, on=["key", "path"])
        .filter(pl.col("line").is_between(pl.col("start_line"), pl.col("end_line")))
        .sort("key", "path", "line", pl.col("end_line") - pl.col("start_line"), -pl.col("start_line"), "qualified_name")
        .unique(["key", "path", "line"], keep="first", maintain_order=True)
    )
    return {(row["key"], row["path"], row["line"]): row for row in inside.iter_rows(named=True)}


def _import_lines(tables: PublishedTables, name: str, places: list[tuple[str, str]]) -> set[Place]:
    """Lines of these files that import something; of a statement over several lines, the one that has the name."""
    import polars as pl

    imports = tables.scan_paths("imports", places).select("key", "path", "line", "name", "alias").collect()
    lines = set(imports.select("key", "path", "line").iter_rows())
    naming = imports.filter((pl.col("name") == name) | (pl.col("alias") == name))
    if naming.height:
        uses = tables.scan_paths("references", places).filter(pl.col("name") == name).select("key", "path", "lines")
        of_file = {(key, path): used for key, path, used in uses.collect().iter_rows()}
        for key, path, line in naming.select("key", "path", "line").iter_rows():
            # An import's row has the line its statement starts on; the first mention from there on is its own.
            lines.update((key, path, used) for used in [u for u in of_file.get((key, path), ()) if u >= line][:1])
    return lines


def _line_texts(tables: PublishedTables, page: pl.DataFrame, places: list[tuple[str, str]]) -> dict[Place, str]:
    """The text of each line of the page, secrets removed, from the chunks that hold it."""
    import polars as pl

    chunks = tables.scan_paths("chunks", places).select("key", "path", "start_line", "end_line", "text")
    holding = (
        chunks.collect()
        .join(page.select("key", "path", "line"), on=["key", "path"])
        .filter(pl.col("line").is_between(pl.col("start_line"), pl.col("end_line")))
    )
    texts: dict[Place, str] = {}
    for key, path, start, text, line in holding.select("key", "path", "start_line", "text", "line").iter_rows():
        lines = text.split("\n")
        if line - start < len(lines):
            texts.setdefault((key, path, line), lines[line - start].rstrip("\r"))
    return texts
