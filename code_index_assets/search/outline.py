"""The definitions of one file, as a tree.

What lives here: `outline_of`, and its text. What does not: the lines themselves (`files.py`), maps of whole
repositories (`repository_map.py`).
"""

from __future__ import annotations

from ..chunking import grammars
from ..chunking.plugins import FACTS
from ..index.filters import Filter
from ..index.reader import SnapshotGoneError
from .context_text import short
from .engine import SearchEngine
from .files import checked_path, file_row, one_receipt
from .outcome import SearchOutcome
from .overview_answers import OutlineAnswer, OutlineDefinition
from .render import printable
from .repository_code import Symbol, code_of


def outline_of(engine: SearchEngine, repository: str, path: str, ref: str | None = None) -> OutlineAnswer:
    """The definitions of a file at the indexed commit.

    Raises NotIndexedError (repository, ref), FileNotIndexedError (a file that was left out, or that the commit does not
    have), QueryError (several repositories of this name, a path that cannot be one).
    """
    path = checked_path(engine.places.path(path))
    for attempt in range(3):
        snapshot = engine.snapshot()
        receipt = one_receipt(engine, snapshot, repository, ref)
        try:
            row = file_row(engine.layout, snapshot, receipt, path)
            symbols = code_of(engine.layout, receipt).symbols_of(path)
            break
        except SnapshotGoneError:
            if attempt == 2:
                raise
    made = tuple(_placed(symbols))
    return OutlineAnswer(
        repository=receipt.repository,
        ref=receipt.ref,
        commit=receipt.commit,
        path=path,
        language=row.language,
        role=row.role,
        total_lines=row.lines or 0,
        definitions=made,
        complete=bool(made) or grammars.canonical(row.language or "") in FACTS,
        repositories=engine.repositories(snapshot, Filter(keys=(receipt.key,))),
        outcome=SearchOutcome.FOUND if made else SearchOutcome.NO_MATCH,
    )


def _placed(symbols: tuple[Symbol, ...]) -> list[OutlineDefinition]:
    around: list[Symbol] = []
    placed = []
    for symbol in symbols:
        while around and not _encloses(around[-1], symbol):
            around.pop()
        placed.append(
            OutlineDefinition(
                symbol.name, symbol.qualified_name, symbol.kind, symbol.start_line, symbol.end_line, symbol.signature,
                len(around), around[-1].qualified_name if around else None,
            )
        )  # fmt: skip
        around.append(symbol)
    return placed


def _encloses(outer: Symbol, inner: Symbol) -> bool:
    if not (outer.start_line <= inner.start_line and inner.end_line <= outer.end_line):
        return False
    # On the same lines: `class A { int x; }` holds x, `int a, b;` are two beside each other.
    return outer.place != inner.place or (
        inner.qualified_name.startswith(outer.qualified_name)
        and (len(inner.qualified_name) > len(outer.qualified_name) + 1)
    )


def render_outline(answer: OutlineAnswer) -> str:
    """One line a definition, indented by what is around it."""
    head = (
        f"{answer.repository}@{answer.ref} {answer.commit[:12]} {printable(answer.path)}, {answer.total_lines:,} lines"
    )
    lines = [
        f"{'  ' * made.depth}{made.start_line}-{made.end_line} {made.kind} {made.name}"
        + (f"  {printable(short(made.signature, 120))}" if made.signature else "")
        for made in answer.definitions
    ]
    if not lines:
        known = (
            "no definitions in it"
            if answer.complete
            else f"definitions of {answer.language or 'its language'} are not read"
        )
        lines = [known]
    return "\n".join([head, *lines])
