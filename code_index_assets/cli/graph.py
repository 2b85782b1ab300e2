"""The commands over the code graph: callers, callees, impact, path, unused, implementations, tests-for.

What lives here: their arguments, and answers as text. What does not: the questions (`search/graph_questions.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import click

from ..errors import CodeIndexError
from ..settings import load_settings
from ..storage.layout import Layout
from . import completion
from .failures import exit_code, failure

if TYPE_CHECKING:
    from ..search.answers import GraphAnswer
    from ..search.graph_questions import Question

Command = Callable[..., int]

_REPO = click.option(
    "--repo", multiple=True, shell_complete=completion.repositories, help="Only in this repository."
)  # fmt: skip
_REF = click.option("--ref", shell_complete=completion.refs, help="At this ref instead of the default one.")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object.")
_DIFF = click.option(
    "--diff", type=click.File("r"), help="Ask about what this unified diff changes; - is standard input."
)
_EVERYWHERE = click.option(
    "--all-repositories",
    "everywhere",
    is_flag=True,
    help="Also in the other repositories, through imports of its package.",
)
_DEPTH = click.option("--depth", default=3, show_default=True, help="Calls away at most.")


def answered(question: str, as_json: bool, **fields: Any) -> int:
    """Asks and prints; returns the exit code: 0 found, 1 nothing found."""
    from ..search.answer_fields import to_json
    from ..search.graph_questions import GraphRequest, ask_graph
    from ..search.service import open_engine

    settings = load_settings()
    try:
        engine = open_engine(settings, Layout(settings.data).check())
        answer = ask_graph(engine, GraphRequest(cast("Question", question), **fields))
    except CodeIndexError as error:
        if not as_json:
            raise
        click.echo(json.dumps({**failure(error), "edges": []}, ensure_ascii=False))
        return exit_code(error)
    click.echo(json.dumps(to_json(answer), ensure_ascii=False) if as_json else as_text(answer))
    return 0 if answer.edges else 1


def as_text(answer: GraphAnswer) -> str:
    """One line an edge: where, what, the grade, the line that shows it; last, what was looked at."""
    lines = [f"{made.kind} {made.name}  {made.path}:{made.line}" for made in answer.definitions[:20]]
    home = (answer.definitions or answer.edges or (None,))[0]
    own = home.repository if home is not None else ""
    for edge in answer.edges:
        shown = "" if answer.question == "unused" else f"  at {edge.evidence_path}:{edge.evidence_line}"
        indent = "  " * edge.depth
        place = edge.path if edge.repository == own else f"{edge.repository}:{edge.path}"
        lines.append(f"{indent}{edge.name}  {place}:{edge.line}  {edge.kind}, {edge.grade} ({edge.why}){shown}")
    if not answer.definitions and answer.question != "unused":
        lines.append("no definition of that name is indexed")
    elif not answer.edges:
        lines.append(f"{answer.question}: none found")
    coverage = f"{answer.files:,} files resolved"
    if answer.unresolved_files:
        coverage += f", {answer.unresolved_files:,} in languages without resolution"
    if not answer.complete:
        coverage += "; not everything was looked at"
    return "\n".join([*lines, coverage])


def _of_symbol(question: str, text: str, *options: Callable[[Any], Any]) -> click.Command:
    def run(symbol: str, repo: tuple[str, ...], ref: str | None, as_json: bool, **more: Any) -> int:
        diff = more.pop("diff", None)
        return answered(
            question, as_json, symbol=symbol, repositories=repo, ref=ref, diff=diff.read() if diff else "", **more
        )

    run.__doc__ = text
    decorated: Any = run
    for option in (_JSON, _REF, _REPO, *options):
        decorated = option(decorated)
    asks_diff = _DIFF in options
    decorated = click.argument("symbol", required=not asks_diff, default="" if asks_diff else None)(decorated)
    command: click.Command = click.command(question)(decorated)
    return command


callers_command = _of_symbol("callers", "Who calls SYMBOL (a name, Type.name, or path:line).", _EVERYWHERE)
callees_command = _of_symbol("callees", "What SYMBOL calls.")
impact_command = _of_symbol(
    "impact",
    "What a change of SYMBOL, or of what a diff changes, may break: callers of callers.",
    _DIFF,
    _DEPTH,
    _EVERYWHERE,
)
implementations_command = _of_symbol("implementations", "Classes that extend SYMBOL, or methods that override it.")
tests_for_command = _of_symbol("tests-for", "Tests that reach SYMBOL, or what a diff changes, by calls.", _DIFF)


@click.command("path")
@click.argument("start")
@click.argument("goal")
@_REPO
@_REF
@_JSON
def path_command(start: str, goal: str, repo: tuple[str, ...], ref: str | None, as_json: bool) -> int:
    """The shortest chain of calls from START to GOAL."""
    return answered("path", as_json, symbol=start, to=goal, repositories=repo, ref=ref)


@click.command("unused")
@_REPO
@_REF
@_JSON
def unused_command(repo: tuple[str, ...], ref: str | None, as_json: bool) -> int:
    """Definitions without a use in their repository, and what may use them still."""
    return answered("unused", as_json, repositories=repo, ref=ref)
