"""The `search`, `symbol` and `references` commands."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from ..errors import CodeIndexError, QueryError
from ..layout import Layout
from ..settings import load_settings

if TYPE_CHECKING:
    from ..search.engine import SearchEngine, SearchRequest

# Options of a --batch line, and the request field each one fills.
_FIELDS = {"repo": "repositories", "ref": "refs", "path": "paths", "language": "languages", "kind": "kinds",
           "role": "roles", "lane": "lanes"}  # fmt: skip


@click.command("search")
@click.argument("words", nargs=-1)
@click.option("--repo", multiple=True, help="Only in this repository; may be given more than once.")
@click.option("--ref", multiple=True, help="At this ref instead of the default one.")
@click.option("--path", multiple=True, help="Only paths that match: a glob, a folder or a whole path.")
@click.option("--language", multiple=True, help="Only this language.")
@click.option("--kind", multiple=True, help="Only this kind: function, class, method, …")
@click.option("--limit", default=10, show_default=True, help="Hits at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--batch", type=click.File("r"), help='One JSON object a line: {"id", "query", …}; - is standard input.')
def search_command(
    words: tuple[str, ...], repo: tuple[str, ...], ref: tuple[str, ...], path: tuple[str, ...],
    language: tuple[str, ...], kind: tuple[str, ...], limit: int, as_json: bool, batch: Any,
) -> int:  # fmt: skip
    """Search for WORDS: a question, names, a path; repo: path: lang: kind: symbol: ref: -word "a phrase" work too."""
    from ..search.engine import SearchRequest
    from ..search.render import answer_json, render_answer
    from ..search.service import open_engine

    settings = load_settings()
    engine = open_engine(settings, Layout(settings.data).check())
    options = {"repositories": repo, "refs": ref, "paths": path, "languages": language, "kinds": kind}
    if batch is not None:
        return _answer_batch(engine, batch, options, limit)
    if not words:
        raise click.UsageError('what for? code-index search "words"')
    answer = engine.search(SearchRequest(query=" ".join(words), limit=limit, **options))
    if as_json:
        click.echo(json.dumps(answer_json(answer), ensure_ascii=False))
    else:
        click.echo(render_answer(answer, color=sys.stdout.isatty(), now=time.time()))
    return 0 if answer.hits else 1


def _answer_batch(engine: SearchEngine, lines: Iterable[str], options: dict[str, tuple[str, ...]], limit: int) -> int:
    """Answers one line a line; a line that cannot be answered gets an error object, and the others go on."""
    from ..search.render import answer_json

    failed = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        identity: Any = number
        try:
            asked = _asked(line, number)
            identity = asked.get("id", number)
            request = _request(asked, options, limit)
            result: dict[str, Any] = {"id": identity, **answer_json(engine.search(request))}
        except CodeIndexError as error:
            failed += 1
            result = {"id": identity, "error": {"type": type(error).__name__, "message": str(error)}, "hits": []}
        click.echo(json.dumps(result, ensure_ascii=False))
    return 2 if failed else 0


def _asked(line: str, number: int) -> dict[str, Any]:
    try:
        asked = json.loads(line)
    except ValueError as error:
        raise QueryError(f"line {number} is not JSON: {error}", remedy='write {"id": …, "query": "…"}') from error
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
        raise QueryError(f'line {number} has no "query"', remedy='write {"id": …, "query": "…"}')
    return asked


def _request(asked: dict[str, Any], options: dict[str, tuple[str, ...]], limit: int) -> SearchRequest:
    from ..search.engine import SearchRequest

    fields = dict(options)
    for option, name in _FIELDS.items():
        value = asked.get(option, asked.get(name))
        if value is not None:
            fields[name] = (value,) if isinstance(value, str) else tuple(str(item) for item in value)
    wanted = asked.get("limit", limit)
    if not isinstance(wanted, int):
        raise QueryError(f'"limit" is {wanted!r}, not a whole number')
    return SearchRequest(query=asked["query"], limit=wanted, **fields)


@click.command("symbol")
@click.argument("name")
@click.option("--repo", multiple=True, help="Only in this repository.")
@click.option("--ref", multiple=True, help="At this ref instead of the default one.")
@click.option("--language", multiple=True, help="Only this language.")
@click.option("--kind", multiple=True, help="Only this kind.")
@click.option("--path", multiple=True, help="Only paths that match.")
@click.option("--prefix", is_flag=True, help="Names that begin with NAME.")
@click.option("--limit", default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def symbol_command(
    name: str, repo: tuple[str, ...], ref: tuple[str, ...], language: tuple[str, ...], kind: tuple[str, ...],
    path: tuple[str, ...], prefix: bool, limit: int, as_json: bool,
) -> int:  # fmt: skip
    """Where NAME is defined (any case; Type::name and module.name narrow)."""
    from ..search.engine import SearchEngine
    from ..search.render import render_symbols, symbol_json

    settings = load_settings()
    engine = SearchEngine(Layout(settings.data).check(), settings)
    hits = engine.symbol(
        name, repositories=repo, refs=ref, languages=language, kinds=kind, paths=path, prefix=prefix, limit=limit
    )
    if as_json:
        click.echo(json.dumps({"symbols": [symbol_json(hit) for hit in hits]}, ensure_ascii=False))
    elif hits:
        click.echo(render_symbols(hits, color=sys.stdout.isatty()))
    else:
        click.echo(f"no definition of {name!r} in what is indexed", err=True)
    return 0 if hits else 1


@click.command("references")
@click.argument("name")
@click.option("--repo", multiple=True, help="Only in this repository.")
@click.option("--ref", multiple=True, help="At this ref instead of the default one.")
@click.option("--language", multiple=True, help="Only files of this language.")
@click.option("--path", multiple=True, help="Only paths that match.")
@click.option("--limit", default=50, show_default=True, help="Lines at most.")
@click.option("--cursor", help="Goes on where an answer ended.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def references_command(
    name: str, repo: tuple[str, ...], ref: tuple[str, ...], language: tuple[str, ...], path: tuple[str, ...],
    limit: int, cursor: str | None, as_json: bool,
) -> int:  # fmt: skip
    """Which lines of code mention NAME (the case counts; Type::name narrows its definitions)."""
    from ..search.engine import SearchEngine
    from ..search.references import find_references
    from ..search.render import references_json, render_references

    settings = load_settings()
    engine = SearchEngine(Layout(settings.data).check(), settings)
    found = find_references(
        engine, name, repositories=repo, refs=ref, paths=path, languages=language, limit=limit, cursor=cursor
    )
    if as_json:
        click.echo(json.dumps(references_json(found), ensure_ascii=False))
    else:
        click.echo(render_references(found, color=sys.stdout.isatty()))
    return 0 if found.outcome == "found" else 1
