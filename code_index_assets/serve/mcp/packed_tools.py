"""The MCP tools whose answer is one text to be read as a whole: the context of a task, overviews of a repository.

What lives here: their arguments, and errors of arguments. What does not: names and descriptions (`server.py`), packing
and finding (`search/`), tools that answer with lists (`tools.py`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from mcp_types import CallToolResult, TextContent
from pydantic import Field

from ... import deadlines
from ...errors import QueryError
from ...search.context import DEFAULT_TOKENS, MIN_TOKENS, ContextRequest, pack_context
from ...search.context_text import render_context
from ...search.engine import SearchEngine
from ...search.entrances import Asked, render_entrances
from ...search.entry_points import find_entry_points
from ...search.outline import outline_of, render_outline
from ...search.query import MAX_TEXT
from ...search.repository_map import map_of, render_map
from ...search.routes import find_routes
from ...search.token_count import count_tokens
from .fit import MAX_TOKENS, clean
from .tools import Languages, Paths, Refs, Repositories

View = Literal["map", "outline", "routes", "entry-points"]
OVERVIEW_TOKENS = 2_000


class PackedTools:
    """The tools, over one engine: a method each, named as the tool; they raise CodeIndexError of what they ask."""

    def __init__(self, engine: SearchEngine) -> None:
        self.engine = engine

    def context(
        self,
        task: Annotated[
            str, Field(min_length=1, max_length=MAX_TEXT, description="What is to be done, or pasted text.")
        ],
        repositories: Repositories = [],  # noqa: B006 - pydantic copies it
        refs: Refs = [],  # noqa: B006
        paths: Paths = [],  # noqa: B006
        languages: Languages = [],  # noqa: B006
        max_tokens: Annotated[
            int, Field(ge=MIN_TOKENS, le=MAX_TOKENS, description="Tokens at most of the whole answer.")
        ] = DEFAULT_TOKENS,
    ) -> CallToolResult:
        """The context of a task. Raises QueryError, NotIndexedError, LanesFailedError, SpaceMismatchError."""
        request = ContextRequest(
            task=task, max_tokens=max_tokens, repositories=tuple(repositories), refs=tuple(refs), paths=tuple(paths),
            languages=tuple(languages),
        )  # fmt: skip
        answer = pack_context(self.engine, request)
        text = render_context(answer)
        if answer.outcome not in ("found", "no_match"):
            text = f"{answer.outcome}: more may exist\n\n{text}"
        return _whole(text)

    def overview(
        self,
        view: Annotated[View, Field(description="map, outline (needs path), routes, entry-points.")],
        repository: Annotated[str, Field(min_length=1, max_length=300, description="Repository, as answers name it.")],
        path: Annotated[str, Field(max_length=4096, description="File of outline, from the repository's root.")] = "",
        ref: Annotated[str | None, Field(max_length=300, description="Ref, if not the default one.")] = None,
        max_tokens: Annotated[
            int, Field(ge=MIN_TOKENS, le=MAX_TOKENS, description="Tokens at most of the whole answer.")
        ] = OVERVIEW_TOKENS,
    ) -> CallToolResult:
        """An overview of a repository. Raises QueryError, NotIndexedError, FileNotIndexedError, OutOfTimeError."""
        with deadlines.within(self.engine.settings.query_seconds):
            return _whole(_cut(self._viewed(view, repository, path, ref, max_tokens), max_tokens))

    def _viewed(self, view: View, repository: str, path: str, ref: str | None, max_tokens: int) -> str:
        if view == "map":
            return render_map(map_of(self.engine, repository, max_tokens, ref))
        if view == "outline":
            if not path:
                raise QueryError("outline of which file?", remedy="give path, relative to the repository's root")
            return render_outline(outline_of(self.engine, repository, path, ref))
        find = find_routes if view == "routes" else find_entry_points
        return render_entrances(find(self.engine, Asked((repository,), ref)))


def _whole(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=clean(text))])


def _cut(text: str, max_tokens: int) -> str:
    """The lines that fit, the last one (what was looked at) always; how many were left out."""
    if count_tokens(text) <= max_tokens:
        return text
    *lines, last = text.split("\n")
    left = max_tokens - count_tokens(last) - 30
    kept = []
    for line in lines:
        left -= count_tokens(line) + 1
        if left < 0:
            break
        kept.append(line)
    cut = f"cut: {len(lines) - len(kept)} of {len(lines)} lines left out, raise max_tokens (at most {MAX_TOKENS})"
    return "\n".join([*kept, last, cut])
