"""The code graph as the gate looks at it: a sample of the facts, and of the edges they give.

What lives here: `profile_graph`, bounded whatever the size of the repository. What does not: resolution (`graph/`), the
expectations (`suite.py`).

The sample is the same files at each commit, as far as they stay: the first few of some buckets by a hash of their path,
resolved among the files of their bucket. A bucket whose facts are those of the last verdict is not looked at again.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from ..chunking.code_facts.model import FileFacts
from ..graph.opening import project_of, repository_of
from ..graph.references import References
from ..graph.repository import File
from ..storage.artifacts import Artifact
from ..storage.fingerprint import digest

BUCKETS = 2
FILES = 8
RESOLVED = 3  # of these files have their edges resolved, which opens further files
USES = 60  # of each
LARGEST = 60_000  # characters of facts


@dataclass(frozen=True)
class GraphProfile:
    """Counts over the sample. `textual`: names whose receiver is unknown, so that the name alone is known."""

    files: int = 0
    broken: int = 0
    lines_outside: int = 0
    targets_missing: int = 0
    names: int = 0
    textual: int = 0

    def __add__(self, other: GraphProfile) -> GraphProfile:
        return GraphProfile(*(a + b for a, b in zip(_counts(self), _counts(other), strict=True)))

    @property
    def textual_share(self) -> float:
        """The share of names whose target the name alone must tell."""
        return self.textual / self.names if self.names else 0.0


def profile_graph(
    chunks: Artifact, kept_files: pl.DataFrame, before: Mapping[str, Mapping[str, int]]
) -> tuple[GraphProfile, int, dict[str, dict[str, int]]]:
    """(sample, files with facts that are not kept, what is to be remembered as `before` of the next verdict)."""
    parts = {part.bucket: part for part in chunks.manifest.parts.values() if part.table == "code_facts" and part.rows}
    if not parts:
        return GraphProfile(), 0, {}
    lines: dict[str, int] = dict(kept_files.select("path", "lines").iter_rows())
    foreign = sum(
        path not in lines
        for number in parts
        for path in chunks.read_bucket("code_facts", number, ["path"]).get_column("path")
    )
    total, remembered = GraphProfile(), {}
    for number in sorted(parts)[:BUCKETS]:
        name = parts[number].digest
        known = before.get(name)
        found = GraphProfile(**known) if known is not None else _bucket(chunks.read_bucket("code_facts", number), lines)
        remembered[name] = asdict(found)
        total += found
    return total, foreign, remembered


def _counts(profile: GraphProfile) -> list[int]:
    return list(asdict(profile).values())


def _bucket(facts: pl.DataFrame, lines: Mapping[str, int]) -> GraphProfile:
    small = facts.filter(pl.col("facts").str.len_bytes() <= LARGEST)
    chosen = sorted(small.get_column("path").to_list(), key=digest)[:FILES]
    rows = {row["path"]: row for row in small.filter(pl.col("path").is_in(chosen)).iter_rows(named=True)}
    broken = outside = 0
    whole = []
    for path in chosen:
        row = rows[path]
        try:
            read = FileFacts.from_json(path, row["language"], row["facts"])
            sound = _hangs_together(read)
        except (ValueError, TypeError, IndexError):
            sound = False
        if not sound:
            broken += 1
            continue
        outside += _lines_outside(read, lines.get(path) or 0)
        whole.append(path)
    limit = sys.getrecursionlimit()
    try:
        missing, names, textual = _edges(facts, lines, whole[:RESOLVED]) if not broken else (0, 0, 0)
    finally:
        sys.setrecursionlimit(limit)  # resolvers raise it
    return GraphProfile(len(chosen), broken, outside, missing, names, textual)


def _hangs_together(facts: FileFacts) -> bool:
    """Whether every number in the facts is that of a scope, definition or expression of the same file."""
    scopes, definitions, expressions = len(facts.scopes), len(facts.definitions), len(facts.expressions)
    return (
        all(-1 <= s.parent < scopes and -1 <= s.definition < definitions for s in facts.scopes)
        and all(
            d.scope < scopes and d.own < scopes and d.type < expressions and d.value < expressions
            and all(base < expressions for base in d.bases)
            for d in facts.definitions
        )
        and all(e[4] < scopes and (e[0] != "a" or e[6] < expressions) for e in facts.expressions if e[0] in ("n", "a"))
    )  # fmt: skip


def _lines_outside(facts: FileFacts, last: int) -> int:
    starts = [d.line for d in facts.definitions]
    # What ends with the line break of the last line ends at the start of the line after it.
    ends = [d.end - 1 for d in facts.definitions if d.end > 1]
    used = [e[2] for e in facts.expressions if e[0] in ("n", "a", "m") and e[2]]
    return sum(not 1 <= line <= last for line in (*starts, *ends, *used))


def _edges(facts: pl.DataFrame, lines: Mapping[str, int], paths: list[str]) -> tuple[int, int, int]:
    """(targets in files that are not there or past their end, names, names whose receiver is unknown)."""
    repository = repository_of(facts, project_of(lines, {}))
    references = References(repository)
    missing = names = textual = 0
    for path in paths:
        file = repository.file(path)
        if file is None:
            continue
        resolver = references.resolver(file)
        for number in _sampled(file):
            names += 1
            try:
                resolution = references.resolved(resolver, file, number)
            except (LookupError, RecursionError):
                textual += 1  # a fault of a resolver keeps no commit from being published
                continue
            for target in resolution.targets:
                made = repository.definition(target)
                missing += not 1 <= made.line <= (lines.get(target[0]) or 0)
            unknown = not resolution.targets and not (resolution.external and resolution.rule != "?")
            textual += unknown and file.expressions[number][0] == "a"
    return missing, names, textual


def _sampled(file: File) -> list[int]:
    numbers = [n for n, e in enumerate(file.expressions) if e[0] in ("n", "a") and e[2]]
    return numbers[:: max(1, len(numbers) // USES)][:USES]


def share_of(info: Mapping[str, Any]) -> float | None:
    """The share of textual names in the sample of a verdict's artifact; None for one from before there was any."""
    kept = info.get("graph")
    if not isinstance(kept, dict):
        return None
    return sum((GraphProfile(**one) for one in kept.values()), GraphProfile()).textual_share
