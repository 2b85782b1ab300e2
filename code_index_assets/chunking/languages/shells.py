"""Tcl, PowerShell and Haxe: what a name has in front of it, and lines that belong to no syntax.

What lives here: scopes of names, Haxe's conditions. What does not: their definitions (`queries/`).
"""

from __future__ import annotations

import re

from ..context import ProjectContext
from ..facts import LanguageFacts, Outline

CONDITION = re.compile(rb"^[ \t]*#(?:if|else|elseif|end|error)\b[^\n]*", re.M)
BRACKETS = re.compile(rb"^([ \t]*proc[ \t]+)([^\s(){}]+\([^\s(){}]*\))", re.M)
SCOPE = re.compile(r"(?i)(?:script|global|local|private):(?=.)")


def without_conditions(raw: bytes) -> bytes:
    """The text with its `#if` and `#end` blanked: the grammar knows them between statements, not in a class."""
    return CONDITION.sub(lambda match: b" " * len(match[0]), raw)


def whole_names(raw: bytes) -> bytes:
    """The text with `proc gen(HTML,Head)` as one word: the grammar takes the brackets for an array's."""
    return BRACKETS.sub(lambda match: match[1] + re.sub(rb"[(),]", b"_", match[2]), raw)


def tcl(outline: Outline, _: ProjectContext) -> None:
    """`::a::b` is `a::b`; a procedure in a namespace is none of a class."""
    for definition in outline.definitions:
        definition.local = definition.local.removeprefix("::")
        definition.qualified = definition.qualified.removeprefix("::")
        if definition.node.type == "procedure" and definition.kind == "method":
            definition.kind = "function"


def powershell(outline: Outline, _: ProjectContext) -> None:
    """`script:Get-It` is called by `Get-It`."""
    for definition in outline.definitions:
        scope = SCOPE.match(definition.name)
        if scope is not None:
            definition.name = definition.name[scope.end() :]
            definition.name_start += scope.end()
            definition.local = definition.local.replace(scope[0], "")
            definition.qualified = definition.qualified.replace(scope[0], "")


LANGUAGES = {
    "tcl": LanguageFacts(separator="::", splits_names=True, blank=whole_names, finish=tcl),
    "powershell": LanguageFacts(name_quotes="$\"'`", finish=powershell),
    "haxe": LanguageFacts(blank=without_conditions),
}
