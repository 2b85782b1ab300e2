"""Haskell, OCaml, F#, Erlang and Elixir: functions written as several clauses, marks in names."""

from __future__ import annotations

from ..context import ProjectContext
from ..facts import LanguageFacts, Outline
from ..references import MARKED


def clauses(found: Outline, _: ProjectContext) -> None:
    """Clauses of one function that follow each other are one definition."""
    kept = []
    last = None
    for definition in found.definitions:
        same = (
            last is not None
            and definition.kind in ("function", "method")
            and (definition.kind, definition.qualified, definition.parent) == (last.kind, last.qualified, last.parent)
        )
        if same and last is not None:
            last.end = definition.end
            continue
        if definition.parent is None or definition.parent is not last:
            last = definition
        kept.append(definition)
    # What is inside a later clause belongs to the first.
    for definition in kept:
        if definition.parent is not None and definition.parent not in kept:
            definition.parent = next((k for k in kept if k.qualified == definition.parent.qualified), None)
    found.definitions = kept


def erlang(found: Outline, context: ProjectContext) -> None:
    """`module:function`, as it is called."""
    clauses(found, context)
    module = next((d.name for d in found.definitions if d.kind == "module"), "")
    for definition in found.definitions:
        if module and definition.kind != "module" and definition.parent is None:
            definition.qualified = f"{module}:{definition.local}"


LANGUAGES = {
    "haskell": LanguageFacts(
        finish=clauses, member_scopes=frozenset({"trait", "impl"}), comment_markers=r"--+ ?\||--+|\{-\||\{-|-\}"
    ),
    "ocaml": LanguageFacts(member_scopes=frozenset({"class", "interface"}), comment_markers=r"\(\*+|\*+\)"),
    "ocaml_interface": LanguageFacts(member_scopes=frozenset({"class", "interface"}), comment_markers=r"\(\*+|\*+\)"),
    "fsharp": LanguageFacts(comment_markers=r"///?|\(\*+|\*+\)"),
    "elixir": LanguageFacts(token=MARKED),
    "erlang": LanguageFacts(separator=":", finish=erlang),
}
