"""The MCP tools: their arguments with limits, and what each asks of the engine.

What lives here: one method a tool. What does not: names and descriptions (`server.py`), wording and cutting answers
(`answers.py`, `status.py`), index runs (`serve/index_runs.py`). Nothing here writes to the index, and nothing of a
repository is executed.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated, Literal

import anyio
from mcp.server.mcpserver import Context
from mcp_types import CallToolResult, TextContent
from pydantic import BeforeValidator, Field

from ... import deadlines
from ...errors import NotIndexedError, QueryError, SpaceMismatchError
from ...index.exact.pattern import MAX_PATTERN, Pattern
from ...index.filters import Filter, matches_pattern
from ...search.answers import RepositoryStatus
from ...search.cursors import Cursor, decode_cursor, encode_cursor
from ...search.definitions import find_definitions
from ...search.engine import SearchEngine, SearchRequest
from ...search.files import read_lines
from ...search.filters import SearchFilters
from ...search.freshness import repository_statuses
from ...search.graph_questions import MAX_DEPTH, GraphRequest, Question, ask_graph
from ...search.grep import GrepRequest, grep
from ...search.outcome import SearchOutcome
from ...search.query import MAX_TEXT
from ...search.references import find_references
from ...settings import Settings
from ...storage.layout import Layout
from ..index_runs import IndexRun, IndexRuns
from .answers import CursorAt, code_reply, reference_reply, search_reply, symbol_reply
from .exact import grep_reply
from .fit import DEFAULT_TOKENS, MAX_TOKENS, MIN_TOKENS, Reply
from .folders import indexable_folder
from .graph import graph_reply
from .models import (
    CodeResult,
    GraphResult,
    GrepResult,
    ReferenceResult,
    RepositoryList,
    RunStatus,
    SearchResult,
    StatusResult,
    SymbolResult,
)
from .runs import follow, run_reply, run_status
from .status import repositories_reply, status_reply
from .trees import AskedTrees, Worktree, tree_note

Transport = Literal["stdio", "http"]
MAX_OFFSET = 950

# -- arguments -------------------------------------------------------------------------------------------------------


def _listed(value: object) -> object:
    """One text where a list is meant."""
    return [value] if isinstance(value, str) else value


Text = Annotated[str, Field(min_length=1, max_length=500)]
Texts = Annotated[list[Text], Field(max_length=50), BeforeValidator(_listed)]
Repositories = Annotated[
    Texts, Field(description="Only these: whole names, last parts or globs (owner/*), as list_repositories gives them.")
]
Refs = Annotated[Texts, Field(description="At these refs instead of each repository's default one.")]
Paths = Annotated[Texts, Field(description="Only these: globs (src/**/*.py), folders or whole paths.")]
Languages = Annotated[Texts, Field(description="Only these languages: python, go, typescript, …")]
Kinds = Annotated[Texts, Field(description="Only these kinds: function, method, class, interface, struct, enum, …")]
MaxTokens = Annotated[
    int,
    Field(
        ge=MIN_TOKENS,
        le=MAX_TOKENS,
        description="The answer is cut to this size; its field cut states what is missing.",
    ),
]
PageCursor = Annotated[
    str | None, Field(max_length=500, description="next_cursor of the answer before; all else unchanged.")
]
RepositoryName = Annotated[str, Field(min_length=1, max_length=300, description="Repository, as answers name it.")]


class Tools:
    """The tools, over one engine: a method each, named as the tool.

    They raise what they ask raises (CodeIndexError); the server makes errors for agents of it (`server.py`).
    """

    def __init__(self, settings: Settings, layout: Layout, engine: SearchEngine, transport: Transport) -> None:
        self.settings, self.layout, self.engine, self.transport = settings, layout, engine, transport
        self.runs = IndexRuns(layout, settings)
        self.trees = AskedTrees(settings, layout, engine, transport)

    def search_code(
        self,
        query: Annotated[
            str,
            Field(
                min_length=1,
                max_length=MAX_TEXT,
                description='A question, words, a name (Type::method, snake_case) or a path. "phrase" and -word work, '
                "and so do repo: path: lang: kind: symbol: ref:",
            ),
        ],
        repositories: Repositories = [],  # noqa: B006 - pydantic copies it
        refs: Refs = [],  # noqa: B006
        paths: Paths = [],  # noqa: B006
        languages: Languages = [],  # noqa: B006
        kinds: Kinds = [],  # noqa: B006
        limit: Annotated[int, Field(ge=1, le=50, description="Hits a page.")] = 10,
        content: Annotated[
            Literal["snippet", "full", "none"],
            Field(description="snippet: the best 8 lines of each hit; full: the whole chunk; none: places only."),
        ] = "snippet",
        as_text: Annotated[bool, Field(description="The query is pasted text: no operators in it.")] = False,
        worktree: Worktree = None,
        cursor: PageCursor = None,
        max_tokens: MaxTokens = DEFAULT_TOKENS,
    ) -> Annotated[CallToolResult, SearchResult]:
        """Hits of a query, one page.

        Raises QueryError (the query, the cursor), NotIndexedError, LanesFailedError, SpaceMismatchError.
        """
        question: dict[str, object] = {
            "search": query, "repositories": repositories, "refs": refs, "paths": paths, "languages": languages,
            "kinds": kinds,
        }  # fmt: skip
        at = decode_cursor(cursor, question) if cursor else None
        offset = at.offset if at else 0
        if offset > MAX_OFFSET:
            raise QueryError("there are no pages so far down", remedy="narrow the search instead of paging on")
        answer = self.trees.engine(worktree, repositories, refs).search(
            SearchRequest(
                query, offset + limit, repositories=tuple(repositories), refs=tuple(refs), paths=tuple(paths),
                languages=tuple(languages), kinds=tuple(kinds), as_text=as_text,
            )
        )  # fmt: skip
        note = None
        if at and at.publication != answer.publication:
            note = "the index was published anew since the page before: hits may repeat or be missing"
        elif answer.outcome == "incomplete":
            note = "the time was up before everything was looked at: narrow by repositories, languages or paths"
        elif answer.outcome == "no_match":
            note = "nothing matches: try other words, fewer filters, or find_symbol with prefix=true for a name"
        note = _noted(_noted(note, answer.notes), tuple(filter(None, [tree_note(answer.repositories)])))
        total = min(answer.total, MAX_OFFSET)
        reply = search_reply(
            answer, offset=offset, content=content, max_tokens=max_tokens, note=note,
            cursor_at=_cursors(answer.publication, question, total),
        )  # fmt: skip
        return _result(reply)

    def grep_code(
        self,
        pattern: Annotated[
            str, Field(min_length=1, max_length=MAX_PATTERN, description="A regular expression in RE2's syntax.")
        ],
        literal: Annotated[bool, Field(description="The pattern is a text as it is.")] = False,
        any_case: Annotated[bool, Field(description="Letters match in any case.")] = False,
        word: Annotated[bool, Field(description="Whole words only.")] = False,
        multiline: Annotated[bool, Field(description="A match may go over several lines.")] = False,
        repositories: Repositories = [],  # noqa: B006
        refs: Refs = [],  # noqa: B006
        paths: Paths = [],  # noqa: B006
        languages: Languages = [],  # noqa: B006
        limit: Annotated[int, Field(ge=1, le=1000, description="Lines a page.")] = 100,
        worktree: Worktree = None,
        cursor: PageCursor = None,
        max_tokens: MaxTokens = DEFAULT_TOKENS,
    ) -> Annotated[CallToolResult, GrepResult]:
        """Every line that matches, one page. Raises QueryError, NotIndexedError."""
        request = GrepRequest(
            Pattern(pattern, literal, any_case, word, multiline), limit, repositories=tuple(repositories),
            refs=tuple(refs), paths=tuple(paths), languages=tuple(languages),
        )  # fmt: skip
        offset = decode_cursor(cursor, request.identity).offset if cursor else 0
        answer = grep(self.trees.engine(worktree, repositories, refs), request, cursor)
        cursor_at = _cursors(answer.publication, request.identity, answer.total)
        return _result(grep_reply(answer, offset=offset, cursor_at=cursor_at, max_tokens=max_tokens))

    def find_symbol(
        self,
        name: Annotated[
            str,
            Field(min_length=1, max_length=500, description="A name in any case; Type::name and module.name narrow."),
        ],
        prefix: Annotated[bool, Field(description="Definitions whose name begins so.")] = False,
        repositories: Repositories = [],  # noqa: B006
        refs: Refs = [],  # noqa: B006
        paths: Paths = [],  # noqa: B006
        languages: Languages = [],  # noqa: B006
        kinds: Kinds = [],  # noqa: B006
        limit: Annotated[int, Field(ge=1, le=100, description="Definitions a page.")] = 20,
        worktree: Worktree = None,
        cursor: PageCursor = None,
        max_tokens: MaxTokens = DEFAULT_TOKENS,
    ) -> Annotated[CallToolResult, SymbolResult]:
        """Definitions of a name, one page. Raises QueryError, NotIndexedError."""
        question: dict[str, object] = {
            "symbol": name, "prefix": prefix, "repositories": repositories, "refs": refs, "paths": paths,
            "languages": languages, "kinds": kinds,
        }  # fmt: skip
        at = decode_cursor(cursor, question) if cursor else None
        offset = at.offset if at else 0
        engine = self.trees.engine(worktree, repositories, refs)
        snapshot = engine.snapshot()
        answer = find_definitions(
            engine, name,
            SearchFilters(
                repositories=tuple(repositories), refs=tuple(refs), kinds=tuple(kinds), languages=tuple(languages),
                paths=tuple(paths),
            ),
            prefix=prefix, limit=1000,
        )  # fmt: skip
        definitions = answer.symbols
        keys = engine.resolve(snapshot, tuple(repositories), tuple(refs))
        states = engine.repositories(snapshot, Filter(keys=keys))
        note = None
        if answer.incomplete:
            note = "the time was up before everything was looked at: narrow by repositories, languages or paths"
        elif not definitions:
            note = "no definition has this name: try prefix=true or search_code; find_references finds uses of it"
            note = _noted(None, answer.notes) or note
        reply = symbol_reply(
            replace(answer, symbols=definitions[offset : offset + limit]), states,
            total=len(definitions), offset=offset,
            max_tokens=max_tokens, note=note, cursor_at=_cursors(snapshot.manifest.name, question, len(definitions)),
        )  # fmt: skip
        return _result(reply)

    def find_references(
        self,
        name: Annotated[
            str,
            Field(
                min_length=2,
                max_length=500,
                description="An identifier; the case counts. Type::name narrows definitions.",
            ),
        ],
        repositories: Repositories = [],  # noqa: B006
        refs: Refs = [],  # noqa: B006
        paths: Paths = [],  # noqa: B006
        languages: Languages = [],  # noqa: B006
        limit: Annotated[int, Field(ge=1, le=200, description="Lines a page.")] = 50,
        worktree: Worktree = None,
        cursor: PageCursor = None,
        max_tokens: MaxTokens = DEFAULT_TOKENS,
    ) -> Annotated[CallToolResult, ReferenceResult]:
        """Lines that mention a name, one page. Raises QueryError, NotIndexedError, OutOfTimeError."""
        answer = find_references(
            self.trees.engine(worktree, repositories, refs), name,
            SearchFilters(
                repositories=tuple(repositories), refs=tuple(refs), paths=tuple(paths), languages=tuple(languages)
            ),
            limit=limit, cursor=cursor,
        )  # fmt: skip
        note = None
        if answer.outcome == SearchOutcome.NO_MATCH:
            near = f"; other spellings that are indexed: {', '.join(answer.near)}" if answer.near else ""
            note = f"no code mentions {name!r} (comments and strings do not count){near}"
        note = _noted(note, answer.notes)
        return _result(reference_reply(answer, max_tokens=max_tokens, note=note))

    def code_graph(
        self,
        question: Annotated[
            Question,
            Field(
                description="callers; callees; impact (callers of callers); path (symbol → to); implementations; "
                "tests-for; unused."
            ),
        ],
        symbol: Annotated[str, Field(max_length=500, description="A name, Type.name, or path:line.")] = "",
        to: Annotated[str, Field(max_length=500, description="Where a path ends.")] = "",
        diff: Annotated[
            str,
            Field(max_length=200_000, description="A unified diff in place of symbol: asks about what it changes."),
        ] = "",
        repositories: Repositories = [],  # noqa: B006
        ref: Annotated[str | None, Field(max_length=300, description="Ref, if not the default one.")] = None,
        depth: Annotated[int, Field(ge=1, le=MAX_DEPTH, description="Calls away at most, of impact.")] = 3,
        worktree: Worktree = None,
        max_tokens: MaxTokens = DEFAULT_TOKENS,
    ) -> Annotated[CallToolResult, GraphResult]:
        """Edges of a question over the code graph. Raises QueryError, NotIndexedError, OutOfTimeError."""
        request = GraphRequest(question, symbol, to, tuple(repositories), ref, depth, diff)
        engine = self.trees.engine(worktree, repositories, (ref,) if ref else ())
        with deadlines.within(self.engine.settings.query_seconds):
            answer = ask_graph(engine, request)
        return _result(graph_reply(answer, max_tokens=max_tokens))

    def read_code(
        self,
        repository: RepositoryName,
        path: Annotated[str, Field(min_length=1, max_length=4096, description="Path from the repository's root.")],
        start_line: Annotated[int, Field(ge=1, le=10_000_000, description="First line, from 1.")] = 1,
        end_line: Annotated[
            int | None, Field(ge=1, le=10_000_000, description="Last line, included; not given: as far as fits.")
        ] = None,
        ref: Annotated[str | None, Field(max_length=300, description="Ref, if not the default one.")] = None,
        worktree: Worktree = None,
        max_tokens: MaxTokens = DEFAULT_TOKENS,
    ) -> Annotated[CallToolResult, CodeResult]:
        """Lines of an indexed file. Raises NotIndexedError, FileNotIndexedError, QueryError."""
        engine = self.trees.engine(worktree, (repository,), (ref,) if ref else ())
        file = read_lines(engine, repository, path, ref=ref, start=start_line, end=end_line)
        snapshot = engine.snapshot()
        states = engine.repositories(snapshot, Filter(keys=(file.key,))) if file.key in snapshot.receipts else ()
        # A publication since speaks of another commit.
        state = next((state.state for state in states if state.commit == file.commit), None)
        return _result(code_reply(file, state=state, asked_end=end_line, max_tokens=max_tokens))

    def list_repositories(
        self,
        name: Annotated[
            str, Field(max_length=300, description="Only names that contain this, or match this glob.")
        ] = "",
        state: Annotated[
            Literal["current", "behind", "unknown", "indexing", "failed", "not_indexed"] | None,
            Field(description="Only repositories in this state."),
        ] = None,
        limit: Annotated[int, Field(ge=1, le=500, description="Repositories a page.")] = 50,
        cursor: PageCursor = None,
        max_tokens: MaxTokens = DEFAULT_TOKENS,
    ) -> Annotated[CallToolResult, RepositoryList]:
        """Repositories by name and state, one page. Raises QueryError for a cursor of another question."""
        question: dict[str, object] = {"repositories": name, "state": state}
        offset = decode_cursor(cursor, question).offset if cursor else 0
        rows = [
            status
            for status in repository_statuses(self.layout, self.settings, self.engine.receipts())
            if _is_named(name, status) and state in (None, status.state)
        ]
        reply = repositories_reply(
            rows[offset : offset + limit], total=len(rows), offset=offset, max_tokens=max_tokens,
            cursor_at=_cursors("all", question, len(rows)),
        )  # fmt: skip
        return _result(reply)

    def index_status(
        self,
        repository: Annotated[
            str | None,
            Field(max_length=300, description="One repository in full: coverage, what was left out and why."),
        ] = None,
        run: Annotated[
            str | None, Field(max_length=60, description="Handle of a run that index_codebase gave.")
        ] = None,
        max_tokens: MaxTokens = DEFAULT_TOKENS,
    ) -> Annotated[CallToolResult, StatusResult]:
        """The index as a whole, one repository, or one run. Raises NotIndexedError, QueryError (no such run)."""
        runs = [self.runs.get(run)] if run else [one for one in self.runs.all()[:20] if one.state == "running"]
        statuses = (
            [] if run and not repository else repository_statuses(self.layout, self.settings, self.engine.receipts())
        )
        shown: list[RepositoryStatus] = []
        if repository:
            named = self.engine.places.repository(repository)
            shown = [status for status in statuses if _is_named(named, status, exact=True)]
            if not shown:
                raise NotIndexedError(f"no repository is named {repository!r}", wanted=repository)
        try:
            manifest = None if run and not repository else self.engine.snapshot().manifest
        except (NotIndexedError, SpaceMismatchError):
            manifest = None
        reply = status_reply(statuses, shown, manifest, [run_status(one) for one in runs], max_tokens=max_tokens)
        return _result(reply)

    async def index_codebase(
        self,
        ctx: Context,
        directory: Annotated[
            str,
            Field(min_length=1, max_length=4096, description="Absolute path of a checkout or folder on the server."),
        ],
        force_reindex: Annotated[
            bool, Field(description="Read and hash every file anew instead of trusting sizes and times.")
        ] = False,
        indexing_mode: Annotated[
            Literal["auto", "sequential", "parallel", "pipeline"],
            Field(description="How steps are scheduled; auto picks by size."),
        ] = "auto",
        wait_seconds: Annotated[
            int, Field(ge=0, le=600, description="How long to wait for the result before a handle is given.")
        ] = 45,
    ) -> Annotated[CallToolResult, RunStatus]:
        """Starts an index run on a folder and waits up to `wait_seconds` for its end.

        Raises QueryError (a folder that may not be indexed), LockedError (enough runs are at work).
        """

        def begin() -> IndexRun:
            folder = indexable_folder(directory, self.settings, self.layout, self.transport)
            arguments = [*folder.arguments, *(["--force"] if force_reindex else [])]
            environment: dict[str, str] = {} if indexing_mode == "auto" else {"CODE_INDEX_INDEXING_MODE": indexing_mode}
            return self.runs.start(folder.path, arguments, environment)

        run = await anyio.to_thread.run_sync(begin)
        run = await follow(self.runs, run, ctx, time.monotonic() + wait_seconds)
        return _result(run_reply(run), is_error=run.state == "failed")


def _cursors(publication: str, question: dict[str, object], total: int) -> CursorAt:
    """The cursor of a page that begins at n; None behind the last."""
    return lambda offset: encode_cursor(Cursor(publication, offset), question) if offset < total else None


def _noted(note: str | None, notes: tuple[str, ...]) -> str | None:
    return "; ".join([*notes, *([note] if note else [])]) or None


def _is_named(name: str, status: RepositoryStatus, *, exact: bool = False) -> bool:
    stripped, known = name.strip("/").casefold(), status.repository.casefold()
    if stripped in (known, status.key.casefold()) or known.endswith(f"/{stripped}"):
        return True
    return not exact and (stripped in status.key.casefold() or matches_pattern(stripped, known))


def _result(reply: Reply, *, is_error: bool = False) -> CallToolResult:
    content = [TextContent(type="text", text=reply.text)]
    return CallToolResult(content=content, structured_content=reply.structured, is_error=is_error)
