"""Haskell, OCaml, F#, Erlang and Elixir: functions written as several clauses, marks in names."""

from __future__ import annotations

from ..context import ProjectContext
from ..facts import LanguageFacts, Outline
from ..references import MARKED


def clauses(outline: Outline, _: ProjectContext) -> None:
    """Clauses of one function that follow each other are one definition."""
    definitions = []
    last = None
    for definition in outline.definitions:
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
        definitions.append(definition)
    # What is inside a later clause belongs to the first.
    for definition in definitions:
        if definition.parent is not None and definition.parent not in definitions:
            definition.parent = next((k for k in definitions if k.qualified == definition.parent.qualified), None)
    outline.definitions = definitions


def erlang(outline: Outline, context: ProjectContext) -> None:
    """`module:function`, as it is called."""
    clauses(outline, context)
    module = next((d.name for d in outline.definitions if d.kind == "module"), "")
    for definition in outline.definitions:
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
