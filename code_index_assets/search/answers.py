"""The answers of the index: every field that a front end shows is declared here, once.

What lives here: the answer models. What does not: finding anything, rendering, and the requests. The command line's
`--json` and HTTP send them as they are (`answer_fields.to_json`); HTTP's OpenAPI description and MCP's output schemas
are derived from them (`serve/http/models.py`, `serve/mcp/models.py`); the pages and the terminal read them. Fields are
only ever added. Times are Unix seconds; lines count from 1, ends included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from .answer_fields import IF_SET, INTERNAL, described
from .cursors import Cursor, encode_cursor
from .definition_order import DefinitionPlace
from .outcome import SearchOutcome
from .query import Query

Published = Literal["current", "behind", "unknown"]
ConfidenceWord = Literal["strong", "weak", "probably not here"]
StatusState = Literal["current", "behind", "unknown", "indexing", "failed", "not_indexed"]
Span = tuple[int, int]

# -- searches ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Snippet:
    """Consecutive lines of a hit."""

    start_line: int
    lines: tuple[str, ...]
    # (start, end) character offsets in each line that match the query.
    spans: tuple[tuple[Span, ...], ...] = field(metadata=INTERNAL)


@dataclass(frozen=True)
class Hit:
    """One place that answers a search. `text` is the whole chunk."""

    repository: str
    ref: str
    commit: str
    path: str
    start_line: int
    end_line: int
    qualified_name: str | None = field(metadata=described("Qualified name of the definition."))
    kind: str
    language: str | None
    score: float = field(metadata=described("In [0, 1]; 1 is the best of this answer.", ge=0, le=1))
    lanes: dict[str, int] = field(metadata=described("Rank in each lane that found it."))
    signature: str | None
    snippet: Snippet
    text: str
    why: tuple[str, ...]
    blob: str
    key: str = field(metadata=INTERNAL)
    role: str
    name: str | None = None
    more_lines: tuple[Span, ...] = field(default=(), metadata=described("Other lines of this file that answer too."))
    also_in: tuple[str, ...] = field(default=(), metadata=described("Repositories with the same code."))
    tree: str = field(default="", metadata=IF_SET)  # "working tree": its file is not as the commit has it
    match: float = field(
        default=0.0,
        metadata=described(
            "Likelihood, in [0, 1], that this place answers; comparable over questions and repositories.", ge=0, le=1
        ),
    )
    signals: dict[str, float] = field(default_factory=dict, metadata=IF_SET)


@dataclass(frozen=True)
class TreeState:
    """A tree that is not published and was searched: how it differs from what is. Times are Unix seconds."""

    kind: Literal["working_tree", "commit"]
    base_commit: str
    base_published_at: float
    changed: int = field(metadata=described("Files that are new or have other content."))
    gone: int


@dataclass(frozen=True)
class RepositoryState:
    """What was searched of one repository at one ref. Times are Unix seconds."""

    key: str
    repository: str
    ref: str
    commit: str
    label: str
    state: Published
    coverage: dict[str, Any]
    indexed_at: float
    observed_at: float
    head_seen_at: float | None = None
    tree: TreeState | None = field(default=None, metadata=IF_SET)


@dataclass(frozen=True)
class LaneReport:
    """How one lane did in a search; `reason` is why it was skipped or failed."""

    state: Literal["ran", "skipped", "failed"]
    hits: int = 0
    took_ms: float = 0.0
    reason: str = field(default="", metadata=IF_SET)


@dataclass(frozen=True)
class LeftOut:
    """Files that were not looked at, for one reason."""

    reason: str
    count: int


@dataclass(frozen=True)
class Absence:
    """What an answer without hits proves. It is refused where something was not looked at."""

    certified: bool
    commit: str | None = field(metadata=described("Of the one repository searched; null where there are several."))
    files_covered: int
    left_out: tuple[LeftOut, ...] = field(metadata=described("Files left out, by reason; not all are gaps."))
    lanes: tuple[str, ...]
    patterns: tuple[str, ...]
    refused_because: tuple[str, ...] = field(metadata=described("What is missing; empty where certified."))


@dataclass(frozen=True)
class SearchAnswer:
    """One page of hits, and what was searched."""

    hits: tuple[Hit, ...]
    repositories: tuple[RepositoryState, ...]
    lanes: dict[str, LaneReport]
    outcome: SearchOutcome = field(
        metadata=described(
            "degraded: a lane failed; incomplete: the time was up; with or without hits, others may exist. relaxed: "
            "found without the parts of the query in `ignored`."
        )
    )
    took_ms: float
    query: Query = field(metadata=INTERNAL)
    publication: str = ""
    space: str = ""
    total: int = field(default=0, metadata=described("Hits in all; pages reach the first 1,000."))
    notes: tuple[str, ...] = field(
        default=(), metadata=described("Filter values that nothing searched has, and the nearest that are there.")
    )
    next_cursor: str | None = field(
        default=None, metadata=described("Gives the next page of the same question; null on the last.")
    )
    confidence: float = field(
        default=0.0,
        metadata=described("Likelihood, in [0, 1], that what is asked about is in what was searched.", ge=0, le=1),
    )
    confidence_word: ConfidenceWord = field(
        default="weak", metadata=described("strong, weak, or probably not here: what confidence comes to.")
    )
    signals: dict[str, float] = field(default_factory=dict, metadata=IF_SET)
    ignored: tuple[str, ...] = field(
        default=(), metadata=described("Phrases and exclusions that were dropped because they left nothing.")
    )
    absence: Absence | None = field(
        default=None, metadata={**described("Where nothing was found: what that proves."), **IF_SET}
    )

    @property
    def failures(self) -> list[tuple[str, str]]:
        """Lanes that failed, those of one reason together ("lexical and semantic lanes"), and the reason."""
        reasons: dict[str, list[str]] = {}
        for lane, report in self.lanes.items():
            if report.state == "failed":
                reasons.setdefault(report.reason, []).append(lane)
        return [(f"{' and '.join(names)} lane{'s' if names[1:] else ''}", why) for why, names in reasons.items()]


@dataclass(frozen=True)
class GrepMatch:
    """One line that matches; over several lines, the lines it begins and ends on and all between."""

    repository: str
    ref: str
    commit: str
    path: str
    line: int
    column: int = field(metadata=described("Character of the line that the match begins at, from 1."))
    text: str
    end_line: int
    language: str | None
    key: str = field(metadata=INTERNAL)


@dataclass(frozen=True)
class GrepAnswer:
    """One page of matching lines, by repository and path, and what was looked at."""

    matches: tuple[GrepMatch, ...]
    total: int = field(metadata=described("Matching lines over all pages."))
    files: int = field(metadata=described("Files with a match, over all pages."))
    complete: bool = field(metadata=described("Whether every kept file of what was asked was looked at."))
    outcome: SearchOutcome
    repositories: tuple[RepositoryState, ...]
    took_ms: float
    publication: str
    notes: tuple[str, ...] = ()
    absence: Absence | None = field(
        default=None, metadata={**described("Where nothing matches: what that proves."), **IF_SET}
    )
    next_cursor: str | None = None


# -- names -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SymbolHit:
    """One definition of a name."""

    repository: str
    ref: str
    commit: str
    path: str
    start_line: int
    end_line: int
    name: str
    qualified_name: str
    kind: str
    language: str | None
    signature: str | None
    role: str
    key: str
    overloads: tuple[Span, ...] = field(
        default=(), metadata=described("Lines of further definitions of the same name, kind and scope in this file.")
    )

    @property
    def place(self) -> DefinitionPlace:
        """What the order of definitions looks at."""
        return DefinitionPlace(
            self.name, self.kind, self.role, self.qualified_name, self.repository, self.path, self.start_line
        )


@dataclass(frozen=True)
class Definitions:
    """Definitions of a name, the most likely one first; "incomplete" where the time was up: there may be more."""

    symbols: tuple[SymbolHit, ...]
    notes: tuple[str, ...] = field(
        default=(), metadata=described("Where there are none: the filter that leaves nothing.")
    )
    outcome: Literal[SearchOutcome.FOUND, SearchOutcome.NO_MATCH, SearchOutcome.INCOMPLETE] = SearchOutcome.NO_MATCH
    absence: Absence | None = field(
        default=None, metadata={**described("Where nothing was found: what that proves."), **IF_SET}
    )

    @property
    def incomplete(self) -> bool:
        """Whether the time was up before everything was looked at."""
        return self.outcome == SearchOutcome.INCOMPLETE


@dataclass(frozen=True)
class Reference:
    """One line that mentions a name outside its definitions."""

    repository: str
    ref: str
    commit: str
    key: str
    path: str
    line: int
    kind: Literal["use", "import"]
    within: str | None = field(metadata=described("Innermost definition around the line."))
    within_kind: str | None
    within_lines: Span | None
    language: str | None
    role: str
    text: str | None


@dataclass(frozen=True)
class References:
    """One page of the lines that mention a name. `definitions` come with the first page alone."""

    name: str
    definitions: tuple[SymbolHit, ...] = field(metadata=described("Definitions of the name; with the first page only."))
    references: tuple[Reference, ...]
    total_definitions: int
    total: int = field(metadata=described("Lines over all pages."))
    files: int = field(metadata=described("Files with a mention, over all pages."))
    by_repository: dict[str, int] = field(metadata=described("Mentions in each repository, the most first."))
    near: tuple[str, ...] = field(metadata=described("Other spellings that are in the index, where nothing was found."))
    repositories: tuple[RepositoryState, ...]
    publication: str
    offset: int = field(metadata=INTERNAL)  # where this page begins
    question: dict[str, object] = field(metadata=INTERNAL)
    took_ms: float
    outcome: Literal[SearchOutcome.FOUND, SearchOutcome.NO_MATCH]
    notes: tuple[str, ...] = field(default=(), metadata=described("Languages asked for that no file searched is in."))
    next_cursor: str | None = None
    absence: Absence | None = field(
        default=None, metadata={**described("Where nothing was found: what that proves."), **IF_SET}
    )

    def cursor_at(self, offset: int) -> str | None:
        """The cursor of a page that begins at this line of all, None behind the last one."""
        return encode_cursor(Cursor(self.publication, offset), self.question) if offset < self.total else None


# -- the code graph ----------------------------------------------------------------------------------------------------

Grade = Literal["proven", "inferred", "textual"]
EdgeKind = Literal["calls", "instantiates", "reads", "writes", "imports", "inherits", "types"]


@dataclass(frozen=True)
class DefinitionPlaced:
    """One definition that was asked about."""

    repository: str
    path: str
    line: int = field(metadata=described("The line its name is on."))
    end_line: int
    name: str
    kind: str


@dataclass(frozen=True)
class Use:
    """One use of a definition."""

    repository: str
    path: str
    line: int
    column: int = field(metadata=described("Byte in the line, from 0."))
    kind: EdgeKind
    within: str | None = field(metadata=described("Name of the definition around it; null at the top level."))
    role: str = field(metadata=described("Role of the file: source, test, …"))
    grade: Grade = field(
        metadata=described(
            "proven: imports and scopes leave one target; inferred: by the rule that `why` names; textual: name only."
        )
    )
    why: str = field(metadata=described("The rule that decided."))


@dataclass(frozen=True)
class CallerOfDefinition:
    """A definition that calls another; of what cannot be called: that uses it."""

    repository: str
    path: str
    name: str = field(metadata=described("<module> at the top level."))
    line: int = field(metadata=described("The line its name is on."))
    grade: Grade


@dataclass(frozen=True)
class GraphEdge:
    """One definition of an answer over the code graph, and the line that shows why it is in it."""

    repository: str
    path: str
    name: str = field(metadata=described("<module> at the top level."))
    line: int = field(metadata=described("The line its name is on."))
    kind: str = field(metadata=described("calls, instantiates, inherits, overrides; of unused: what it is."))
    grade: Grade = field(metadata=described("That of the weakest edge on the way."))
    why: str = field(metadata=described("The rule that decided; of unused: what may use it still."))
    depth: int = field(metadata=described("Edges away from what was asked about."))
    evidence_path: str
    evidence_line: int
    role: str


@dataclass(frozen=True)
class GraphAnswer:
    """Definitions that a question over the code graph leads to, and what was looked at."""

    question: str
    definitions: tuple[DefinitionPlaced, ...] = field(metadata=described("What was asked about."))
    edges: tuple[GraphEdge, ...]
    complete: bool = field(
        metadata=described("False where the walk stopped early or a repository has no facts to resolve from.")
    )
    files: int = field(metadata=described("Files whose names are resolved."))
    unresolved_files: int = field(metadata=described("Files of code in languages without resolution."))
    repositories: tuple[RepositoryState, ...]
    outcome: Literal[SearchOutcome.FOUND, SearchOutcome.NO_MATCH]


@dataclass(frozen=True)
class Uses:
    """Uses and callers of a definition. `complete` is false where the index has no facts to resolve from."""

    name: str
    definitions: tuple[DefinitionPlaced, ...]
    references: tuple[Use, ...] = field(metadata=described("Proven and inferred uses."))
    candidates: tuple[Use, ...] = field(
        metadata=described("Lines that write the name and whose target is not known: none is picked.")
    )
    callers: tuple[CallerOfDefinition, ...]
    complete: bool
    repositories: tuple[RepositoryState, ...]
    outcome: Literal[SearchOutcome.FOUND, SearchOutcome.NO_MATCH]


# -- files and repositories --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FileText:
    """Lines of a file at the indexed commit, secrets removed as they were for the index; `text` joins the lines by line
    feeds."""

    repository: str
    ref: str
    key: str
    commit: str
    path: str
    blob: str
    language: str | None
    role: str
    start_line: int
    end_line: int
    total_lines: int
    text: str


@dataclass(frozen=True)
class RepositoryStatus:
    """One repository at one ref: what is published of it, and what goes on. Times are Unix seconds.

    `state` is the first that holds of: "indexing" (a run works on it or waits, or an event does), "failed" (its last
    run), "not_indexed", then `published`. `why` says more where there is more to say. `coverage` is as answers have it
    (`files`, `kept`, `skipped` by reason). `location` is the URL or path without credentials; "" if the repository is
    no longer registered.
    """

    key: str
    repository: str
    ref: str | None
    default_ref: bool
    state: StatusState
    published: Published | None = field(
        metadata=described("The published commit against the last seen one; null if nothing is published.")
    )
    location: str
    commit: str | None = None
    label: str | None = None
    committed_at: float | None = None
    indexed_at: float | None = None
    head: str | None = None
    head_seen_at: float | None = None
    why: str = ""
    coverage: dict[str, Any] = field(default_factory=dict)
    points: int = 0
    run_id: str = ""


@dataclass(frozen=True)
class RepositoryPage:
    """A page of repositories."""

    repositories: tuple[RepositoryStatus, ...]
    total: int = field(metadata=described("Repositories that match, over all pages."))
    offset: int


@dataclass(frozen=True)
class IndexStatus:
    """The index as a whole, and the server that answers from it."""

    version: str
    ready: bool
    trouble: str = field(metadata=described("Why it is not ready; empty if it is."))
    repositories: int
    states: dict[str, int] = field(metadata=described("Repositories (at refs) by state."))
    started_at: float
    publication: str | None = None
    published_at: float | None = None
    space: str | None = None
    points: int = 0


@dataclass(frozen=True)
class RunRequested:
    """A requested run. The daemon (`code-index up`) starts it; `follow` is the address that shows its state."""

    keys: tuple[str, ...]
    state: Literal["indexing"]
    registered: bool = field(metadata=described("Whether the repository was new to the registry."))
    follow: str
