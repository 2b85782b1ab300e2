"""The map of a repository: the files that most of it rests on, with the definitions that others use most.

What lives here: `map_of`: edges between files, their PageRank, what fits into a token budget. What does not: PageRank
itself (`graph/pagerank.py`), one file (`outline.py`), the context of a task (`context.py`).

Edges are imports that lead to a file, and names that few files define. Both are read from the published tables, for
every language: resolving every use of a large repository would take minutes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import QueryError
from ..graph.pagerank import pagerank
from ..index.filters import Filter
from ..index.reader import SnapshotGoneError
from .context import DEFAULT_TOKENS, MAX_TOKENS, MIN_TOKENS
from .context_text import short
from .engine import SearchEngine
from .files import one_receipt
from .outcome import SearchOutcome
from .overview_answers import MapAnswer, MapDefinition, MapFile
from .render import printable
from .repository_code import RepositoryCode, Symbol, code_of
from .token_count import COUNTED, count_tokens

if TYPE_CHECKING:
    import polars as pl

MOST_DEFINERS = 5  # a name that more files define tells of none of them
SHORT_NAME = 3
IMPORT_WEIGHT = 1.0
NAME_WEIGHT = 0.2
# What tests and the like use says less of what a repository rests on, and they are listed last.
SIDE_ROLES = frozenset({"test", "docs", "example", "generated", "vendored", "config", "data"})
SIDE_WEIGHT = 0.1
# Kinds that a map shows; fields and variables follow from them.
SHOWN = frozenset(
    {
        "annotation", "class", "constructor", "enum", "function", "interface", "macro", "message", "method", "module",
        "namespace", "object", "package", "property", "protocol", "record", "service", "struct", "table", "trait",
        "type", "union",
    }
)  # fmt: skip
# Names of these are too often names of something else to tell which file is meant.
WEAK = frozenset({"constructor", "property"})
MOST_IN_FILE = 12
LEAST_IN_FILE = 3  # also of a file whose definitions no other names
FIXED_TOKENS = 60


@dataclass(frozen=True)
class _Edge:
    start: str
    end: str
    weight: float
    name: str  # "" of an import
    line: int


def map_of(
    engine: SearchEngine, repository: str, max_tokens: int = DEFAULT_TOKENS, ref: str | None = None
) -> MapAnswer:
    """The map of one repository.

    Raises QueryError (a budget that cannot be, several repositories of this name), NotIndexedError,
    CorruptArtifactError.
    """
    if not MIN_TOKENS <= max_tokens <= MAX_TOKENS:
        raise QueryError(f"{max_tokens} tokens are not between {MIN_TOKENS} and {MAX_TOKENS:,}")
    for attempt in range(3):
        snapshot = engine.snapshot()
        receipt = one_receipt(engine, snapshot, repository, ref)
        code = code_of(engine.layout, receipt)
        try:
            ranked = _ranked_files(code)
            break
        except SnapshotGoneError:
            if attempt == 2:
                raise
    shown, tokens = _fitting(ranked.files, max_tokens)
    return MapAnswer(
        repository=receipt.repository,
        ref=receipt.ref,
        commit=receipt.commit,
        files=tuple(shown),
        tokens=tokens,
        max_tokens=max_tokens,
        counted=COUNTED,
        total_files=len(ranked.files),
        import_edges=ranked.import_edges,
        name_edges=ranked.name_edges,
        repositories=engine.repositories(snapshot, Filter(keys=(receipt.key,))),
        outcome=SearchOutcome.FOUND if shown else SearchOutcome.NO_MATCH,
    )


@dataclass(frozen=True)
class _Ranked:
    files: list[MapFile]
    import_edges: int
    name_edges: int


@lru_cache(maxsize=4)
def _ranked_files(code: RepositoryCode) -> _Ranked:
    """The ranks of a published repository, which are the same for every budget."""
    imports, names = _import_edges(code), _name_edges(code)
    return _Ranked(
        _ranked(code, [*imports, *names]),
        len({(edge.start, edge.end) for edge in imports}),
        len({(edge.start, edge.end) for edge in names}),
    )


# -- edges -------------------------------------------------------------------------------------------------------------


def _import_edges(code: RepositoryCode) -> list[_Edge]:
    first = code.imports.group_by("path", "resolved").agg(line=_column("line").min()).sort("path", "resolved")
    return [
        _Edge(path, resolved, IMPORT_WEIGHT, "", line)
        for path, resolved, line in first.select("path", "resolved", "line").iter_rows()
        if path in code.paths and resolved in code.paths
    ]


def _name_edges(code: RepositoryCode) -> list[_Edge]:
    """Edges from files that mention a name to the few files that define it."""
    import polars as pl

    defined = (
        code.all_symbols()
        .lazy()
        .filter(pl.col("name").str.len_chars() > SHORT_NAME, pl.col("kind").is_in(sorted(SHOWN - WEAK)))
        .select("name", "language", definer="path")
        .unique()
        .with_columns(definers=pl.len().over("name", "language"))
        .filter(pl.col("definers") <= MOST_DEFINERS)
    )
    languages = code.all_symbols().lazy().group_by("path").agg(language=pl.col("language").first())
    used = code.uses().lazy().join(defined, on="name", how="semi")
    used = used.select("path", "name", line=pl.col("lines").list.first())
    joined = (
        used.join(languages, on="path")
        .join(defined, on=["name", "language"])
        .filter(pl.col("path") != pl.col("definer"))
        .sort("path", "definer", "name")
        .select("path", "definer", "definers", "name", "line")
        .collect()
    )
    users = Counter(joined.get_column("name").to_list())
    return [
        _Edge(path, definer, NAME_WEIGHT / definers / users[name] ** 0.5, name, line)
        for path, definer, definers, name, line in joined.iter_rows()
    ]


def _column(name: str) -> pl.Expr:
    import polars as pl

    return pl.col(name)


# -- ranks -------------------------------------------------------------------------------------------------------------


def _ranked(code: RepositoryCode, edges: list[_Edge]) -> list[MapFile]:
    """Every file with its rank, the first one most; its definitions by their share of the ranks of their users."""
    side = {path for path, role in code.paths.items() if role in SIDE_ROLES}
    weights = [edge.weight * (SIDE_WEIGHT if edge.start in side else 1.0) for edge in edges]
    ranks = pagerank(((e.start, e.end, weight) for e, weight in zip(edges, weights, strict=True)), code.paths)
    out: Counter[str] = Counter()
    for edge, weight in zip(edges, weights, strict=True):
        out[edge.start] += weight  # type: ignore[assignment]
    shares: dict[str, Counter[str]] = defaultdict(Counter)
    users: dict[tuple[str, str], set[str]] = defaultdict(set)
    leading: dict[str, _Edge] = {}
    for edge, weight in zip(edges, weights, strict=True):
        users[edge.end, ""].add(edge.start)
        if edge.name:
            shares[edge.end][edge.name] += ranks[edge.start] * weight / out[edge.start]  # type: ignore[assignment]
            users[edge.end, edge.name].add(edge.start)
        best = leading.get(edge.end)
        if best is None or (not edge.name, ranks[edge.start]) > (not best.name, ranks[best.start]):
            leading[edge.end] = edge
    found = []
    for path in sorted(ranks, key=lambda path: (path in side, -ranks[path], path)):
        edge = leading.get(path)  # type: ignore[assignment]
        made = [
            MapDefinition(
                symbol.name, symbol.qualified_name, symbol.kind, symbol.start_line, symbol.end_line, symbol.line,
                round(shares[path][symbol.name], 6), len(users[path, symbol.name]),
            )
            for symbol in _shown(code, path, shares[path])
        ]  # fmt: skip
        found.append(
            MapFile(
                path, code.role(path), round(ranks[path], 6), len(users[path, ""]),
                None if edge is None else "textual" if edge.name else "proven",
                edge.start if edge else None, edge.line if edge else None, tuple(made),
            )
        )  # fmt: skip
    return found


def _shown(code: RepositoryCode, path: str, shares: Counter[str]) -> list[Symbol]:
    symbols = [symbol for symbol in code.symbols_of(path) if symbol.kind in SHOWN]
    first: dict[str, Symbol] = {}
    for symbol in symbols:
        first.setdefault(symbol.qualified_name, symbol)  # overloads once
    ordered = sorted(first.values(), key=lambda symbol: (-shares[symbol.name], symbol.start_line))
    used = sum(shares[symbol.name] > 0 for symbol in ordered)
    return ordered[: min(max(used, LEAST_IN_FILE), MOST_IN_FILE)]


# -- what fits ---------------------------------------------------------------------------------------------------------


def _fitting(files: list[MapFile], max_tokens: int) -> tuple[list[MapFile], int]:
    """Files from the first, each with as many definitions as its rank earns, until the budget is used up."""
    left = max_tokens - FIXED_TOKENS
    total = sum(file.rank for file in files) or 1.0
    shown: list[MapFile] = []
    for file in files:
        head = count_tokens(_head(file)) + 1
        if head > left:
            break
        # A file earns its share of what is left, and room for three definitions.
        earned = max(int(2 * max_tokens * file.rank / total), 120)
        kept: list[MapDefinition] = []
        used = head
        for made in file.definitions:
            cost = count_tokens(_line(made)) + 1
            if used + cost > min(left, earned + head):
                break
            kept.append(made)
            used += cost
        shown.append(replace(file, definitions=tuple(sorted(kept, key=lambda made: made.start_line))))
        left -= used
    return shown, max_tokens - left


def _head(file: MapFile) -> str:
    role = f", {file.role}" if file.role != "source" else ""
    how = f" ({file.grade})" if file.grade == "textual" else ""
    return f"{printable(file.path)} · used by {file.used_by} files{how}{role}"


def _line(made: MapDefinition) -> str:
    return f"  {made.start_line}-{made.end_line} {printable(short(made.signature, 140))}"


def render_map(answer: MapAnswer) -> str:
    """Files by rank with the signatures of their definitions, then what was ranked."""
    lines = [line for file in answer.files for line in (_head(file), *map(_line, file.definitions))]
    coverage = (
        f"{len(answer.files):,} of {answer.total_files:,} files; {answer.import_edges:,} edges by import, "
        f"{answer.name_edges:,} by name; {answer.tokens:,} of {answer.max_tokens:,} tokens"
    )
    return "\n".join([f"{answer.repository}@{answer.ref} {answer.commit[:12]}", *lines, coverage])
