"""Our own edges as a SCIP index, for tools that read one.

What lives here: `index_of` a repository's graph. What does not: the format (`model.py`), files (`cli/scip.py`).
"""

from __future__ import annotations

import re

from ..edges import is_local
from ..references import References
from ..repository import File, Place
from ..resolver import PROVEN, TYPE_LIKE, Resolver
from .model import DEFINITION, IMPORT, READ, WRITE, Document, Encoding, Occurrence, ScipIndex

SIMPLE = re.compile(r"[A-Za-z0-9_+\-$]+\Z")
ROLES = {"import": IMPORT, "write": WRITE}


def index_of(references: References, name: str, commit: str, version: str, *, only_proven: bool = False) -> ScipIndex:
    """The index of a repository: definitions, and the uses that are proven or inferred."""
    prefix = f"code-index . {_escaped(name)} {_escaped(commit)} "
    files = [file for file in map(references.repository.file, references.repository.paths) if file is not None]
    documents = tuple(_document(references, file, prefix, only_proven) for file in files)
    return ScipIndex("code-index", documents, version)


def _document(references: References, file: File, prefix: str, only_proven: bool) -> Document:
    resolver = references.resolver(file)
    found: list[Occurrence] = []
    for number, made in enumerate(file.definitions):
        place = (file.path, number)
        if made.kind in ("import", "narrowed") or not made.name or "instance" in made.flags:
            continue
        if resolver.canonical(place) == place:
            symbol = symbol_of(resolver, place, prefix)
            found.append(
                Occurrence(made.line - 1, made.column, made.column + len(made.name.encode()), symbol, DEFINITION)
            )
    for number, expression in enumerate(file.expressions):
        if expression[0] not in ("n", "a", "m") or not expression[2]:
            continue
        resolution = references.resolved(resolver, file, number)
        if len(resolution.targets) != 1 or (only_proven and resolution.grade != PROVEN):
            continue
        target = resolution.targets[0]
        made = references.repository.definition(target)
        line, column, role = expression[2] - 1, expression[3], str(expression[5])
        if (target[0], made.line - 1, made.column) == (file.path, line, column):
            continue
        symbol = symbol_of(resolver, target, prefix)
        if symbol.startswith("local ") and target[0] != file.path:
            continue
        end = column + len(str(expression[1]).encode())
        found.append(Occurrence(line, column, end, symbol, ROLES.get(role, READ)))
    found.sort(key=lambda one: (one.line, one.column, one.symbol))
    return Document(file.path, tuple(dict.fromkeys(found)), file.language, Encoding.UTF8)


def symbol_of(resolver: Resolver, place: Place, prefix: str) -> str:
    """The symbol of a definition: its file, what it is inside of, itself; `local n` for what one function sees."""
    if is_local(resolver, place):
        return f"local {place[1]}"
    file = resolver.file(place[0])
    parts = [_descriptor(file, place[1])]
    holder = resolver.holder_of(place)
    if holder is not None and holder[0] != place[0]:
        parts.insert(0, _descriptor(resolver.file(holder[0]), holder[1]))
    owner = file.owner(file.definitions[place[1]].scope)
    while owner >= 0:
        parts.insert(0, _descriptor(file, owner))
        owner = file.owner(file.definitions[owner].scope)
    return f"{prefix}{_quoted(place[0])}/{''.join(parts)}"


def _descriptor(file: File, number: int) -> str:
    made = file.definitions[number]
    suffix = "#" if made.kind in TYPE_LIKE else "" if made.kind in ("function", "method", "constructor") else "."
    if not suffix:
        same = [n for n in file.bound[made.scope, made.name] if n < number and file.definitions[n].kind == made.kind]
        suffix = f"(+{len(same)})." if same else "()."
    return _quoted(made.name) + suffix


def _quoted(name: str) -> str:
    return name if SIMPLE.match(name) else "`" + name.replace("`", "``") + "`"


def _escaped(part: str) -> str:
    return part.replace(" ", "  ")
