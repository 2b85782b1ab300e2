"""Printing an answer of the engine: as text or as JSON, of the server if there is one, and the exit code.

What lives here: that, for commands whose answers are one object. What does not: single commands, searches
(`search.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from ..errors import CodeIndexError
from ..settings import load_settings
from ..storage.layout import Layout
from .failures import exit_code, failure
from .remote import NoAnswerError, Remote, Reply, find_server

if TYPE_CHECKING:
    from ..search.engine import SearchEngine

# Longer questions do not fit into an address: an engine of this process answers them.
MAX_ADDRESS = 4000
FOUND, NOT_FOUND, NOT_ALL = 0, 1, 5


def code_of_outcome(outcome: str, found: bool) -> int:
    """0 found, 1 not there, 5 not everything was looked at."""
    if outcome == "incomplete":
        return NOT_ALL
    return FOUND if found else NOT_ALL if outcome == "degraded" else NOT_FOUND


def answered(
    path: str,
    fields: Mapping[str, Any],
    *,
    items: str,
    ask: Callable[[SearchEngine], Any],
    render: Callable[[Any], str],
    as_json: bool,
) -> int:
    """Asks the server below `path`, or without one the engine of this process; prints and gives the exit code.

    `items` is the field of the answer that holds what was found. With --json an error is an object too.
    """
    try:
        settings = load_settings()
        layout = Layout(settings.data).check()
        server = find_server(settings, layout) if sum(len(str(v)) for v in fields.values()) <= MAX_ADDRESS else None
        reply = _remote(server, path, fields, as_json) if server else None
        if reply is not None:
            click.echo(reply.text)
            if as_json:
                answer = json.loads(reply.text)
                return code_of_outcome(answer["outcome"], bool(answer[items]))
            return code_of_outcome(reply.outcome, bool(reply.hits))
        return _local(settings, layout, items=items, ask=ask, render=render, as_json=as_json)
    except CodeIndexError as error:
        if not as_json:
            raise
        click.echo(json.dumps({**failure(error), items: []}, ensure_ascii=False))
        return exit_code(error)


def _remote(server: Remote, path: str, fields: Mapping[str, Any], as_json: bool) -> Reply | None:
    try:
        return server.get(path, {**fields, **({} if as_json else {"format": "text"})})
    except NoAnswerError:
        return None


def _local(
    settings: Any, layout: Layout, *, items: str, ask: Callable[[SearchEngine], Any], render: Callable[[Any], str],
    as_json: bool,
) -> int:  # fmt: skip
    from ..search.answer_fields import to_json
    from ..search.service import open_engine

    answer = ask(open_engine(settings, layout))
    click.echo(json.dumps(to_json(answer), ensure_ascii=False) if as_json else render(answer))
    return code_of_outcome(answer.outcome, bool(getattr(answer, items)))
