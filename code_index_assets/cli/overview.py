"""The commands that give an overview: map, outline, routes, entry-points.

What lives here: their arguments. What does not: finding anything, and the text (`search/repository_map.py`,
`search/outline.py`, `search/routes.py`, `search/entry_points.py`).
"""

from __future__ import annotations

from typing import Any

import click

from . import completion
from .answering import answered

_REF = click.option("--ref", shell_complete=completion.refs, help="At this ref instead of the default one.")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
_REPO = click.option(
    "--repo", multiple=True, shell_complete=completion.repositories, help="Only in this repository."
)  # fmt: skip


@click.command("map")
@click.argument("repository", shell_complete=completion.repositories)
@click.option("--tokens", default=2000, show_default=True, help="Tokens at most of the answer as text.")
@_REF
@_JSON
def map_command(repository: str, tokens: int, ref: str | None, as_json: bool) -> int:
    """The files that most of REPOSITORY rests on (PageRank over imports and names), with their signatures."""

    def ask(engine: Any) -> Any:
        from ..search.repository_map import map_of

        return map_of(engine, repository, tokens, ref)

    def render(answer: Any) -> str:
        from ..search.repository_map import render_map

        return render_map(answer)

    fields = {"repo": repository, "tokens": tokens, "ref": ref}
    return answered("/v1/map", fields, items="files", ask=ask, render=render, as_json=as_json)


@click.command("outline")
@click.argument("file")
@click.option("--repo", required=True, shell_complete=completion.repositories, help="The repository of the file.")
@_REF
@_JSON
def outline_command(file: str, repo: str, ref: str | None, as_json: bool) -> int:
    """The definitions of FILE (a path from its repository's root) as a tree, with lines and signatures."""

    def ask(engine: Any) -> Any:
        from ..search.outline import outline_of

        return outline_of(engine, repo, file, ref)

    def render(answer: Any) -> str:
        from ..search.outline import render_outline

        return render_outline(answer)

    fields = {"repo": repo, "path": file, "ref": ref}
    return answered("/v1/outline", fields, items="definitions", ask=ask, render=render, as_json=as_json)


def _entrances(question: str, repositories: tuple[str, ...], ref: str | None, as_json: bool) -> int:
    def ask(engine: Any) -> Any:
        from ..search.entrances import Asked
        from ..search.entry_points import find_entry_points
        from ..search.routes import find_routes

        find = find_routes if question == "routes" else find_entry_points
        return find(engine, Asked(repositories, ref))

    def render(answer: Any) -> str:
        from ..search.entrances import render_entrances

        return render_entrances(answer)

    fields = {"repo": repositories, "ref": ref}
    return answered(f"/v1/{question}", fields, items="entrances", ask=ask, render=render, as_json=as_json)


@click.command("routes")
@click.argument("repository", required=False, shell_complete=completion.repositories)
@_REPO
@_REF
@_JSON
def routes_command(repository: str | None, repo: tuple[str, ...], ref: str | None, as_json: bool) -> int:
    """Which requests REPOSITORY (all without one) answers, and the definition that handles each."""
    return _entrances("routes", (*((repository,) if repository else ()), *repo), ref, as_json)


@click.command("entry-points")
@click.argument("repository", required=False, shell_complete=completion.repositories)
@_REPO
@_REF
@_JSON
def entry_points_command(repository: str | None, repo: tuple[str, ...], ref: str | None, as_json: bool) -> int:
    """Where the programs of REPOSITORY (all without one) begin: main functions, scripts, __main__."""
    return _entrances("entry-points", (*((repository,) if repository else ()), *repo), ref, as_json)
