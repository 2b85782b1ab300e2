"""The `search`, `symbol` and `references` commands.

With a server on the same data folder they ask that one (its index is open and its model loaded), else the engine in
this process; answers are the same. What is imported here is what every search waits for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import CodeIndexError, QueryError
from ..records.usage import Question, usage_of
from ..settings import Settings, load_settings
from ..storage.layout import Layout
from . import completion
from .failures import exit_code, failure
from .remote import NoAnswerError, Remote, find_server
from .terminal import use_color
from .tree import OverTree, asked_tree, tree_options

if TYPE_CHECKING:
    from ..search.answers import Definitions, References, SearchAnswer
    from ..search.engine import SearchEngine

# Options of a --batch line, and the request field each one fills.
_FIELDS = {"repo": "repositories", "ref": "refs", "path": "paths", "language": "languages", "kind": "kinds",
           "role": "roles", "lane": "lanes"}  # fmt: skip
Fields = dict[str, Any]
# Longer questions do not fit into an address: an engine of this process answers them.
MAX_ADDRESS = 4000


def opened() -> tuple[Settings, Layout, Remote | None]:
    """The settings, their data folder, and the server that runs on it, if one does."""
    settings = load_settings()
    layout = Layout(settings.data).check()
    return settings, layout, find_server(settings, layout)


def laid(engine: SearchEngine, over: OverTree | None) -> SearchEngine:
    """The engine for the tree that is asked about. Raises QueryError."""
    return over(engine) if over is not None else engine


def _parameters(fields: Fields) -> Fields:
    """Fields of a search as parameters of the API."""
    names = {long: short for short, long in _FIELDS.items()} | {"query": "q"}
    rest = {name: value for name, value in fields.items() if name != "as_text"}
    reading = {"as": "text"} if fields.get("as_text") else {}
    return {names.get(name, name): value for name, value in rest.items()} | reading


def answered(
    as_json: bool,
    empty: Fields,
    remote: Callable[[Fields], tuple[str, int]] | None,
    local: Callable[[], tuple[str, int]],
) -> int:
    """Prints what the server, or without one this process, answers; returns the exit code.

    With --json an error is an object too: `empty`, its outcome, and what went wrong.
    """
    try:
        text, code = _from(remote, recorded(local), as_json)
    except CodeIndexError as error:
        if not as_json:
            raise
        click.echo(json.dumps({**failure(error), **empty}, ensure_ascii=False))
        return exit_code(error)
    click.echo(text, err=code in (1, 5) and text.startswith("no definition"))
    return code


def recorded(local: Callable[[], tuple[str, int]]) -> Callable[[], tuple[str, int]]:
    """An answer of this process, with its question in the records of usage; a server records its own."""

    def ask() -> tuple[str, int]:
        started = time.perf_counter()
        outcome = "failed"
        body: bytes | None = None
        try:
            text, code = local()
            outcome = {0: "found", 1: "no_match"}.get(code, "degraded")
            body = text.encode("utf-8", "replace") if text.startswith("{") else None
            return text, code
        finally:
            settings = load_settings()
            log = usage_of(Layout(settings.data), settings)
            if log is not None:
                took = round((time.perf_counter() - started) * 1000, 2)
                hits = 0 if outcome == "no_match" else None
                command = click.get_current_context().info_name or ""
                log.record(Question("cli", command, outcome, took, hits), body)

    return ask


def _from(
    remote: Callable[[Fields], tuple[str, int]] | None, local: Callable[[], tuple[str, int]], as_json: bool
) -> tuple[str, int]:
    if remote is not None:
        try:
            return remote({} if as_json else {"format": "text", "color": use_color()})
        except NoAnswerError:
            pass
    return local()


def as_text(answer: SearchAnswer | Definitions | References) -> str:
    """The object of `--json` on one line."""
    from ..search.answer_fields import to_json

    return json.dumps(to_json(answer), ensure_ascii=False)


def _code(outcome: str, hits: int, *, unproven: bool = False) -> int:
    return 5 if outcome == "incomplete" else 0 if hits else 5 if outcome == "degraded" or unproven else 1


def _is_unproven(answer: Fields) -> bool:
    """Whether an answer without hits has no certificate (those that may have one)."""
    return (answer.get("absence") or {"certified": True})["certified"] is not True


@click.command("search")
@click.argument("words", nargs=-1)
@click.option(
    "--repo",
    multiple=True,
    shell_complete=completion.repositories,
    help="Only in this repository; may be given more than once.",
)
@click.option("--ref", multiple=True, shell_complete=completion.refs, help="At this ref instead of the default one.")
@click.option("--path", multiple=True, help="Only paths that match: a glob, a folder or a whole path.")
@click.option("--language", multiple=True, shell_complete=completion.languages, help="Only this language.")
@click.option(
    "--kind", multiple=True, shell_complete=completion.kinds, help="Only this kind: function, class, method, …"
)
@click.option("--limit", default=10, show_default=True, help="Hits at most.")
@click.option(
    "--space",
    shell_complete=completion.spaces,
    help="In this embedding space instead of the one searches use (`code-index spaces`).",
)
@click.option("--text", "pasted", is_flag=True, help="WORDS are pasted text: quotes, -flags and name:value are words.")
@click.option("--explain", is_flag=True, help="Show the signals behind the confidence of the answer.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--batch", type=click.File("r"), help='One JSON object a line: {"id", "query", …}; - is standard input.')
@tree_options
def search_command(
    words: tuple[str, ...], repo: tuple[str, ...], ref: tuple[str, ...], path: tuple[str, ...],
    language: tuple[str, ...], kind: tuple[str, ...], limit: int, space: str | None, pasted: bool,
    explain: bool, as_json: bool, batch: Any, worktree: Path | None, published: bool,
) -> int:  # fmt: skip
    """Search for WORDS: a question, names, a path; repo: path: lang: kind: symbol: ref: -word "a phrase" work too."""
    settings, layout, server = opened()
    if space is not None:
        from .spaces import published_space

        space = published_space(layout, space)
        server = None  # a server answers in the space that serves
    options = {"repositories": repo, "refs": ref, "paths": path, "languages": language, "kinds": kind}
    over = asked_tree(settings, layout, worktree, published, repo, ref)
    server = None if over else server  # a server answers for what is published
    if batch is not None:
        return _answer_batch(Answers(settings, layout, server, space, over), batch, options, limit)
    if not words:
        raise click.UsageError('what for? code-index search "words"')
    fields: Fields = {"query": " ".join(words), "limit": limit, "as_text": pasted, "explain": explain, **options}
    if len(fields["query"]) > MAX_ADDRESS:
        server = None

    def remote(form: Fields) -> tuple[str, int]:
        assert server is not None
        reply = server.get("/v1/search", _parameters(fields) | form)
        if not as_json:
            return reply.text, _code(reply.outcome, reply.hits, unproven=reply.unproven)
        answer = json.loads(reply.text)
        return reply.text, _code(answer["outcome"], len(answer["hits"]), unproven=_is_unproven(answer))

    def local() -> tuple[str, int]:
        from ..search.engine import SearchRequest
        from ..search.paging import search_page
        from ..search.render import render_answer
        from ..search.service import open_engine

        engine = laid(open_engine(settings, layout, space), over)
        answer = search_page(engine.search, SearchRequest(**fields))
        unproven = answer.absence is not None and not answer.absence.certified
        code = _code(answer.outcome, len(answer.hits), unproven=unproven)
        if as_json:
            return as_text(answer), code
        return render_answer(answer, color=use_color(), now=time.time()), code

    return answered(as_json, {"hits": []}, remote if server else None, local)


class Answers:
    """Answers of a batch: of the server as long as it answers, then of an engine of this process."""

    def __init__(
        self, settings: Settings, layout: Layout, server: Remote | None, space: str | None = None,
        over: OverTree | None = None,
    ) -> None:  # fmt: skip
        self._settings, self._layout, self._server, self._space, self._over = settings, layout, server, space, over
        self._engine: SearchEngine | None = None

    def __call__(self, fields: Fields) -> Fields:
        """The object of `--json`. Raises CodeIndexError."""
        if self._server is not None and len(fields["query"]) <= MAX_ADDRESS:
            try:
                answer: Fields = json.loads(self._server.get("/v1/search", _parameters(fields)).text)
                return answer
            except NoAnswerError:
                self._server = None
        from ..search.answer_fields import to_json
        from ..search.engine import SearchRequest
        from ..search.paging import search_page
        from ..search.service import open_engine

        self._engine = self._engine or laid(open_engine(self._settings, self._layout, self._space), self._over)
        return to_json(search_page(self._engine.search, SearchRequest(**fields)))


def _answer_batch(answers: Answers, lines: Iterable[str], options: dict[str, tuple[str, ...]], limit: int) -> int:
    """Answers one line a line; a line that cannot be answered gets an error object, and the others go on."""
    failed = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        identity: Any = number
        try:
            question = _asked(line, number)
            identity = question.get("id", number)
            result: Fields = {"id": identity, **answers(_fields(question, options, limit))}
        except CodeIndexError as error:
            failed += 1
            description = {"type": type(error).__name__, "message": str(error)}
            result = {"id": identity, "outcome": failure(error)["outcome"], "error": description, "hits": []}
        click.echo(json.dumps(result, ensure_ascii=False))
    return 2 if failed else 0


def _asked(line: str, number: int) -> Fields:
    try:
        question = json.loads(line)
    except ValueError as error:
        raise QueryError(f"line {number} is not JSON: {error}", remedy='write {"id": …, "query": "…"}') from error
    if not isinstance(question, dict) or not isinstance(question.get("query"), str):
        raise QueryError(f'line {number} has no "query"', remedy='write {"id": …, "query": "…"}')
    return question


def _fields(question: Fields, options: dict[str, tuple[str, ...]], limit: int) -> Fields:
    fields: Fields = dict(options)
    for option, name in _FIELDS.items():
        value = question.get(option, question.get(name))
        if value is not None:
            fields[name] = (value,) if isinstance(value, str) else tuple(str(item) for item in value)
    number = question.get("limit", limit)
    if not isinstance(number, int):
        raise QueryError(f'"limit" is {number!r}, not a whole number')
    reading = question.get("as", "query")
    if reading not in ("query", "text"):
        raise QueryError(f'"as" is {reading!r}', remedy='write "text" for pasted text, or leave it out')
    explain = question.get("explain") is True
    return {"query": question["query"], "limit": number, "as_text": reading == "text", "explain": explain, **fields}


@click.command("symbol")
@click.argument("name")
@click.option("--repo", multiple=True, shell_complete=completion.repositories, help="Only in this repository.")
@click.option("--ref", multiple=True, shell_complete=completion.refs, help="At this ref instead of the default one.")
@click.option("--language", multiple=True, shell_complete=completion.languages, help="Only this language.")
@click.option("--kind", multiple=True, shell_complete=completion.kinds, help="Only this kind.")
@click.option("--path", multiple=True, help="Only paths that match.")
@click.option("--prefix", is_flag=True, help="Names that begin with NAME.")
@click.option("--limit", default=50, show_default=True, help="Definitions at most.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@tree_options
def symbol_command(
    name: str, repo: tuple[str, ...], ref: tuple[str, ...], language: tuple[str, ...], kind: tuple[str, ...],
    path: tuple[str, ...], prefix: bool, limit: int, as_json: bool, worktree: Path | None, published: bool,
) -> int:  # fmt: skip
    """Where NAME is defined (any case; Type::name and module.name narrow)."""
    settings, layout, server = opened()
    fields = {"name": name, "repo": repo, "ref": ref, "language": language, "kind": kind, "path": path,
              "prefix": prefix, "limit": limit}  # fmt: skip
    over = asked_tree(settings, layout, worktree, published, repo, ref)

    def remote(form: Fields) -> tuple[str, int]:
        assert server is not None
        reply = server.get("/v1/symbols", fields | form)
        if as_json:
            answer = json.loads(reply.text)
            return reply.text, _code(answer["outcome"], len(answer["symbols"]), unproven=_is_unproven(answer))
        return reply.text, _code(reply.outcome, reply.hits, unproven=reply.unproven)

    def local() -> tuple[str, int]:
        from ..search.definitions import find_definitions
        from ..search.engine import SearchEngine
        from ..search.filters import SearchFilters
        from ..search.freshness import Heads
        from ..search.render import render_definitions

        answer = find_definitions(
            laid(SearchEngine(layout, settings, head_of=Heads(layout)), over), name,
            SearchFilters(repositories=repo, refs=ref, languages=language, kinds=kind, paths=path),
            prefix=prefix, limit=limit,
        )  # fmt: skip
        unproven = answer.absence is not None and not answer.absence.certified
        code = _code(answer.outcome, len(answer.symbols), unproven=unproven)
        if as_json:
            return as_text(answer), code
        return render_definitions(answer, name, color=use_color()), code

    return answered(as_json, {"symbols": []}, remote if server and over is None else None, local)


@click.command("references")
@click.argument("name", required=False)
@click.option("--repo", multiple=True, shell_complete=completion.repositories, help="Only in this repository.")
@click.option("--ref", multiple=True, shell_complete=completion.refs, help="At this ref instead of the default one.")
@click.option("--language", multiple=True, shell_complete=completion.languages, help="Only files of this language.")
@click.option("--path", multiple=True, help="Only paths that match.")
@click.option("--limit", default=50, show_default=True, help="Lines at most.")
@click.option("--cursor", help="Goes on where an answer ended.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option(
    "--batch",
    type=click.File("r"),
    help='A definition a line, {"id", "repository", "path", "line", "name"}: its uses, resolved; - is standard input.',
)
@tree_options
def references_command(
    name: str | None, repo: tuple[str, ...], ref: tuple[str, ...], language: tuple[str, ...], path: tuple[str, ...],
    limit: int, cursor: str | None, as_json: bool, batch: Any, worktree: Path | None, published: bool,
) -> int:  # fmt: skip
    """Which lines of code mention NAME (the case counts; Type::name narrows its definitions)."""
    settings, layout, server = opened()
    if batch is not None:
        from .uses import answer_batch

        return answer_batch(settings, layout, batch)
    if not name:
        raise click.UsageError("of what? code-index references NAME")
    fields = {"name": name, "repo": repo, "ref": ref, "language": language, "path": path, "limit": limit,
              "cursor": cursor}  # fmt: skip
    over = asked_tree(settings, layout, worktree, published, repo, ref)

    def remote(form: Fields) -> tuple[str, int]:
        assert server is not None
        reply = server.get("/v1/references", fields | form)
        answer = json.loads(reply.text) if as_json else {"outcome": reply.outcome}
        unproven = reply.unproven or _is_unproven(answer)
        return reply.text, _code(answer["outcome"], answer["outcome"] == "found", unproven=unproven)

    def local() -> tuple[str, int]:
        from ..search.filters import SearchFilters
        from ..search.outcome import SearchOutcome
        from ..search.references import find_references
        from ..search.render import render_references
        from ..search.service import open_engine

        answer = find_references(
            laid(open_engine(settings, layout), over), name,
            SearchFilters(repositories=repo, refs=ref, paths=path, languages=language),
            limit=limit, cursor=cursor,
        )  # fmt: skip
        unproven = answer.absence is not None and not answer.absence.certified
        code = _code(answer.outcome, answer.outcome == SearchOutcome.FOUND, unproven=unproven)
        if as_json:
            return as_text(answer), code
        return render_references(answer, color=use_color()), code

    return answered(as_json, {"references": []}, remote if server and over is None else None, local)
