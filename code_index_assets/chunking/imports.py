"""What imports resolve to, again: for files that did not change while files around them came or went.

What lives here: resolving stored import rows anew. What does not: the languages' rules (`languages/`).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from . import grammars
from .context import ProjectContext
from .plugins import FACTS


def resolved_again(imports: pl.DataFrame, languages: Mapping[str, str | None], project: ProjectContext) -> pl.DataFrame:
    """Import rows with `resolved` as the project's present files tell. `languages`: language by path."""
    known: dict[tuple[str, str], str | None] = {}
    resolved: list[str | None] = []
    for path, module, before in imports.select("path", "module", "resolved").iter_rows():
        if (path, module) not in known:
            known[path, module] = _resolve(languages.get(path), path, module, project)
        now = known[path, module]
        # What a language resolved by other means than its rule stays, as long as that file is there.
        resolved.append(now if now is not None or before not in project.files else before)
    return imports.with_columns(resolved=pl.Series(resolved, dtype=pl.String))


def _resolve(language: str | None, path: str, module: str, project: ProjectContext) -> str | None:
    facts = FACTS.get(grammars.canonical(language)) if language else None
    return facts.resolve(path, module, project) if facts is not None and facts.resolve is not None else None
