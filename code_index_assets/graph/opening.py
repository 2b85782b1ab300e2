"""A repository's facts as its code graph reads them, from the tables that are stored.

What lives here: `repository_of`, from frames of facts, paths and manifests. What does not: reading artifacts
(`search/`, `analytics/`, `quality/`), resolution (`resolver.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from ..chunking import grammars
from ..chunking.code_facts.model import FileFacts
from ..chunking.context import MANIFESTS, ProjectContext, project_context
from ..chunking.plugins import FACTS
from .repository import Repository
from .scip.facts import Span, facts_of_uses
from .scip.overlay import Use

if TYPE_CHECKING:
    import polars as pl


def manifest_paths(paths: Iterable[str]) -> list[str]:
    """The paths whose texts `repository_of` needs: manifests that name modules."""
    return [path for path in paths if path.rpartition("/")[2] in MANIFESTS]


def manifest_texts(chunks: pl.DataFrame) -> dict[str, str]:
    """Texts of manifests by path, put together from their chunks (columns `path`, `ordinal`, `text`)."""
    texts: dict[str, str] = {}
    for path, parts in chunks.sort("path", "ordinal").group_by("path", maintain_order=True):
        texts[str(path[0])] = "\n".join(parts.get_column("text").to_list())
    return texts


def project_of(paths: Iterable[str], manifests: Mapping[str, str]) -> ProjectContext:
    """What languages need to know of a repository: paths, and names from manifests as they were indexed."""
    return project_context(paths, manifests.get)


def repository_of(facts: pl.DataFrame, project: ProjectContext) -> Repository:
    """The files of a repository that have facts (columns `path`, `language`, `names`, `facts`)."""
    languages: dict[str, str] = dict(facts.select("path", "language").iter_rows())
    texts: dict[str, str] = dict(facts.select("path", "facts").iter_rows())

    def load(path: str) -> FileFacts | None:
        text = texts.get(path)
        return FileFacts.from_json(path, languages[path], text) if text is not None else None

    @cache
    def resolve(path: str, module: str) -> str | None:
        rules = FACTS.get(grammars.canonical(languages.get(path, "")))
        return rules.resolve(path, module, project) if rules is not None and rules.resolve is not None else None

    return Repository(texts, load, resolve, _Mentions(facts))


def with_precise(
    facts: pl.DataFrame, uses: Sequence[Use], symbols: pl.DataFrame, lines: Mapping[str, int]
) -> pl.DataFrame:
    """The facts, and those of files that a precise index alone knows (columns of `symbols`: `path`, `name`, `kind`,
    `start_line`, `end_line`)."""
    import polars as pl

    known = set(facts.get_column("path"))
    by_path: dict[str, list[Use]] = {}
    for use in uses:
        if use.path not in known and use.path in lines:
            by_path.setdefault(use.path, []).append(use)
    if not by_path:
        return facts
    spans: dict[str, list[Span]] = {}
    for path, *span in symbols.filter(pl.col("path").is_in(sorted(by_path))).iter_rows():
        spans.setdefault(path, []).append(tuple(span))
    made = [facts_of_uses(path, by_path[path], spans.get(path, ()), lines[path]) for path in sorted(by_path)]
    rows = [(one.path, one.language, one.names(), one.to_json()) for one in made]
    return pl.concat([facts, pl.DataFrame(rows, schema=facts.schema, orient="row")])


class _Mentions:
    """Which files mention a name."""

    def __init__(self, facts: pl.DataFrame) -> None:
        exploded = facts.select("path", "names").explode("names").drop_nulls().sort("names", "path")
        self._names = exploded.get_column("names")
        self._paths = exploded.get_column("path")

    def __call__(self, name: str) -> Iterable[str]:
        first = int(self._names.search_sorted(name, "left"))
        last = int(self._names.search_sorted(name, "right"))
        return self._paths.slice(first, last - first).to_list()
