"""The `context` command: what an agent needs for a task, within a token budget.

What lives here: its arguments, and batches of tasks. What does not: packing (`search/context.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from ..errors import QueryError
from ..settings import load_settings
from ..storage.layout import Layout
from . import completion
from .answering import answered
from .batch import answer_lines

if TYPE_CHECKING:
    from ..search.context import ContextRequest

SHAPE = 'write {"id": …, "task": "…", "repo": "owner/name", "tokens": 8000}'


@click.command("context")
@click.argument("task", nargs=-1)
@click.option("--tokens", default=8000, show_default=True, help="Tokens at most of the answer as text.")
@click.option("--repo", multiple=True, shell_complete=completion.repositories, help="Only in this repository.")
@click.option("--ref", multiple=True, shell_complete=completion.refs, help="At this ref instead of the default one.")
@click.option("--path", multiple=True, help="Only paths that match: a glob, a folder or a whole path.")
@click.option("--language", multiple=True, shell_complete=completion.languages, help="Only this language.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option(
    "--batch", type=click.File("r"), help=f"A task a line, {SHAPE.removeprefix('write ')}; - is standard input."
)
def context_command(
    task: tuple[str, ...], tokens: int, repo: tuple[str, ...], ref: tuple[str, ...], path: tuple[str, ...],
    language: tuple[str, ...], as_json: bool, batch: Any,
) -> int:  # fmt: skip
    """What an agent needs for TASK: a question, an issue, a stack trace or an error message; - reads standard input."""
    if batch is not None:
        return _answer_batch(batch, tokens)
    text = sys.stdin.read() if task == ("-",) else " ".join(task)
    if not text.strip():
        raise click.UsageError('context for what? code-index context "what is to be done"')
    filters = {"repositories": repo, "refs": ref, "paths": path, "languages": language}
    fields = {"task": text, "tokens": tokens, "repo": repo, "ref": ref, "path": path, "language": language}

    def ask(engine: Any) -> Any:
        from ..search.context import ContextRequest, pack_context

        return pack_context(engine, ContextRequest(task=text, max_tokens=tokens, **filters))

    def render(answer: Any) -> str:
        from ..search.context_text import render_context

        return render_context(answer)

    return answered("/v1/context", fields, items="spans", ask=ask, render=render, as_json=as_json)


def _answer_batch(lines: Iterable[str], tokens: int) -> int:
    """Answers one line a line; a line that cannot be answered gets an error object, and the others go on.

    Returns the exit code: 0, or 2 if a line could not be answered.
    """
    from ..search.answer_fields import to_json
    from ..search.context import pack_context
    from ..search.service import open_engine

    settings = load_settings()
    engine = open_engine(settings, Layout(settings.data).check())
    return answer_lines(
        lines, SHAPE, lambda asked, number: to_json(pack_context(engine, _request(asked, number, tokens))),
        {"spans": []},
    )  # fmt: skip


def _request(asked: dict[str, Any], number: int, tokens: int) -> ContextRequest:
    from ..search.context import ContextRequest

    if not isinstance(asked.get("task"), str):
        raise QueryError(f'line {number} has no "task"', remedy=SHAPE)
    repositories = asked.get("repo") or ()
    repositories = (repositories,) if isinstance(repositories, str) else repositories
    budget = asked.get("tokens", tokens)
    if not isinstance(budget, int) or isinstance(budget, bool):
        raise QueryError(f'"tokens" of line {number} is {budget!r}, not a whole number', remedy=SHAPE)
    if not isinstance(repositories, list | tuple) or not all(isinstance(name, str) for name in repositories):
        raise QueryError(f'"repo" of line {number} is {repositories!r}, not a name or a list of names', remedy=SHAPE)
    return ContextRequest(task=asked["task"], max_tokens=budget, repositories=tuple(repositories))
