"""Uses and callers of one definition, resolved: with grade, reason, and what could not be decided.

What lives here: `find_uses` over the published graphs. What does not: resolution (`graph/`), lines that mention a name
(`references.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..errors import NotIndexedError
from ..graph.references import Answer, Found, callers_of
from ..index.filters import Filter
from ..index.manifest import Receipt
from ..index.reader import SnapshotGoneError
from .across import Elsewhere, elsewhere
from .answers import CallerOfDefinition, DefinitionPlaced, Use, Uses
from .engine import SearchEngine
from .graphs import CodeGraph, graph_of
from .outcome import SearchOutcome


@dataclass(frozen=True)
class UsesRequest:
    """A definition by name, and by place where several have the name."""

    name: str
    repository: str = ""
    path: str | None = None
    line: int | None = None
    ref: str | None = None
    everywhere: bool = False  # uses in the other repositories too


def find_uses(engine: SearchEngine, request: UsesRequest) -> Uses:
    """Who uses a definition, in the repositories asked for (all of them without one).

    `references` and `callers` hold what is proven or inferred; `candidates` lines that write the name and whose target
    is not known. Raises NotIndexedError, CorruptArtifactError.
    """
    for attempt in range(3):
        snapshot = engine.snapshot()
        try:
            asked = (request.repository,) if request.repository else ()
            keys = engine.resolve(snapshot, asked, (request.ref,) if request.ref else ())
            chosen = snapshot.receipts if keys is None else {key: snapshot.receipts[key] for key in keys}
            exact = {k: r for k, r in chosen.items() if request.repository in (r.repository, r.key)}
            receipts = exact or chosen
            found = [_of_one(engine, receipt, request) for receipt in receipts.values()]
            if request.everywhere:
                others = [_in_others(engine, one, snapshot.receipts) for one in found if one.answer.definitions]
                found.extend(other for several in others for other in several)
            return _together(engine, request, found, Filter(keys=tuple(receipts)), engine.repositories(
                snapshot, Filter(keys=tuple(receipts))))  # fmt: skip
        except SnapshotGoneError:
            if attempt == 2:
                raise
    raise NotIndexedError("nothing is indexed", remedy="run `code-index index`")


@dataclass(frozen=True)
class _One:
    receipt: Receipt
    graph: CodeGraph
    answer: Answer


def _of_one(engine: SearchEngine, receipt: Receipt, request: UsesRequest) -> _One:
    graph = graph_of(engine.layout, receipt)
    path = engine.places.path(request.path) if request.path else None
    return _One(receipt, graph, graph.references.answer(request.name, path, request.line))


def _in_others(engine: SearchEngine, one: _One, receipts: Mapping[str, Receipt]) -> list[_One]:
    """The uses of one repository's definitions in the others, as answers of these without definitions."""
    uses: dict[str, list[Elsewhere]] = {}
    for found in elsewhere(engine.layout, one.receipt, one.graph, one.answer.definitions, receipts):
        uses.setdefault(found.receipt.key, []).append(found)
    kind = one.graph.references.repository.definition(one.answer.definitions[0]).kind
    answers = []
    for several in uses.values():
        places = {(found.use.path, found.use.line): found.use for found in several}
        references = tuple(places[place] for place in sorted(places))
        answer = Answer((), references, (), callers_of(references, kind))
        answers.append(_One(several[0].receipt, several[0].graph, answer))
    return answers


def _together(
    engine: SearchEngine, request: UsesRequest, found: Iterable[_One], where: Filter, repositories: tuple[object, ...]
) -> Uses:
    definitions: list[DefinitionPlaced] = []
    references: list[Use] = []
    candidates: list[Use] = []
    callers: list[CallerOfDefinition] = []
    complete = True
    for one in found:
        complete = complete and one.graph.complete and one.answer.complete
        for path, number in one.answer.definitions:
            made = one.graph.references.repository.definition((path, number))
            definitions.append(
                DefinitionPlaced(one.receipt.repository, path, made.line, made.end, made.name, made.kind)
            )
        references.extend(_use(one, use) for use in one.answer.references)
        candidates.extend(_use(one, use) for use in one.answer.candidates)
        callers.extend(
            CallerOfDefinition(one.receipt.repository, caller.path, caller.name, caller.line, caller.grade)
            for caller in one.answer.callers
        )
    return Uses(
        name=request.name,
        definitions=tuple(definitions),
        references=tuple(references),
        candidates=tuple(candidates),
        callers=tuple(callers),
        complete=complete,
        repositories=repositories,  # type: ignore[arg-type]
        outcome=SearchOutcome.FOUND if definitions else SearchOutcome.NO_MATCH,
    )


def _use(one: _One, use: Found) -> Use:
    return Use(
        repository=one.receipt.repository,
        path=use.path,
        line=use.line,
        column=use.column,
        kind=use.kind,
        within=use.within or None,
        role=one.graph.roles.get(use.path, "source"),
        grade=use.grade,
        why=use.why,
    )
