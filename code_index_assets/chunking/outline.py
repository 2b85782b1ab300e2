"""The outline of one file: its definitions with everything known of them, its imports, and where names are used.

What lives here: running a plug-in's query and putting its captures in place by position. What does not: cutting the
text (`splitter.py`), comments and signatures (`surroundings.py`) and what is particular to a language (`languages/`).

Queries run in C; Python touches captures only. Captures are placed by offset with bisection, never by walking to
parents: `Node.parent` descends from the root, which is quadratic on deep files.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from .context import ProjectContext
from .facts import CALLABLE_KINDS, TYPE_KINDS, Definition, Import, Outline
from .surroundings import attach, clean_doc

if TYPE_CHECKING:
    from .facts import Plugin

MAX_NAME = 300
SCOPE_END = re.compile(r"[<?(]")  # a receiver's name ends before its type arguments
MATCH_LIMIT = 1 << 16
QUOTES = "\"'`"
LOCAL_KINDS = frozenset({"variable", "constant", "field", "property"})
HOLDERS = ("declarator", "head", "header", "signature", "clause", "name")
IDENTIFIER_KINDS = ("identifier", "name", "word", "symbol", "atom", "variable")


def outline(path: str, raw: bytes, root: Any, plugin: Plugin, context: ProjectContext) -> Outline:
    """Runs the plug-in's query below `root`."""
    from tree_sitter import QueryCursor

    made = Outline(path, raw, plugin, root)
    # No progress callback here: in tree-sitter 0.26.1 any callback given to QueryCursor crashes the process.
    cursor = QueryCursor(plugin.query, match_limit=MATCH_LIMIT)
    loose = _sort_captures(made, cursor.matches(root))
    made.definitions.sort(key=lambda d: (d.start, -d.end, d.name_start))
    _nest(made.definitions)
    if loose["outer"]:
        _widen(made, loose["outer"])
    _drop_locals(made)
    attach(made, loose)
    _name(made, context)
    if plugin.facts.finish:
        plugin.facts.finish(made, context)
    return made


def _sort_captures(
    outline: Outline, matches: list[tuple[int, dict[str, list[Any]]]]
) -> dict[str, list[tuple[Any, ...]]]:
    """Puts captures into lists by role; definitions and imports become records."""
    roles = outline.plugin.roles
    loose: dict[str, list[tuple[Any, ...]]] = {"outer": [], "doc": [], "extends": [], "note": []}
    by_name: dict[int, tuple[int, Definition]] = {}
    plain: dict[str, list[tuple[int, int]]] = {
        "comment": outline.comments,
        "decorator": outline.decorators,
        "mask": outline.masks,
    }
    for pattern, captures in matches:
        role = roles[pattern]
        spans = plain.get(role)
        if spans is not None:
            for node in captures[role]:
                spans.append((node.start_byte, node.end_byte))
        elif role.startswith("definition."):
            _define(outline, by_name, pattern, role, captures)
        elif role == "import":
            _import(outline, captures)
        elif role == "package":
            node = captures[role][0]
            outline.packages.append((node.start_byte, outline.flat(node.start_byte, node.end_byte)))
        elif role in loose:
            loose[role].extend((node.start_byte, node.end_byte) for node in captures[role])
        else:
            key = role.partition(".")[2]
            flag = role.startswith("flag.")
            loose["note"].extend((node.start_byte, node.end_byte, key, flag) for node in captures[role])
    outline.definitions = [definition for _, definition in by_name.values()]
    for group in (*plain.values(), *loose.values()):
        group.sort()
    outline.packages.sort()
    return loose


def _define(
    outline: Outline,
    by_name: dict[int, tuple[int, Definition]],
    pattern: int,
    role: str,
    captures: dict[str, list[Any]],
) -> None:
    node = captures[role][0]
    named = captures.get("name")
    name_node = named[0] if named else _generic_name(node)
    if name_node is None:
        return
    kind = role[11:]
    if kind == "declared":
        read = outline.plugin.facts.declared
        declared = read(node, name_node, outline.raw) if read is not None else None
        if declared is None:
            return
        name_node, kind = declared
    start, end = name_node.start_byte, name_node.end_byte
    known = by_name.get(start)
    if known is not None and known[0] <= pattern:
        return
    name = outline.text(start, min(end, start + MAX_NAME)).strip()
    if "\n" in name:
        name = " ".join(name.split())
    if name and name[0] in outline.plugin.facts.name_quotes:
        name = name.strip(outline.plugin.facts.name_quotes)
    name = outline.plugin.facts.renames.get(name, name)
    cut = outline.plugin.facts.name_ends
    if cut and cut in name[1:]:
        name = name[: name.index(cut, 1)].rstrip()
    if not name:
        return
    if kind == "call":
        call = captures["call"][0]
        kind = outline.plugin.facts.calls.get(
            outline.raw[call.start_byte : call.end_byte].decode("utf-8", "replace"), ""
        )
    definition = Definition(node, kind, name, start)
    scope = captures.get("scope")
    if scope:
        text = outline.flat(scope[0].start_byte, scope[0].end_byte)
        definition.scope = SCOPE_END.split(text, maxsplit=1)[0] or text
    elif outline.plugin.facts.splits_names and outline.plugin.facts.separator in name:
        definition.scope, _, definition.name = name.rpartition(outline.plugin.facts.separator)
        definition.name_start = end - len(definition.name)
    definition.body = _body(node, captures.get("body"), outline.plugin)
    if len(captures) > 2:
        _extras(outline, definition, captures)
    by_name[start] = (pattern, definition)


def _body(node: Any, captured: list[Any] | None, plugin: Plugin) -> int:
    """Where the body begins, which is where the signature ends; -1 if there is none."""
    if captured:
        start: int = captured[0].start_byte
        return start
    for field in plugin.body_fields:
        below = node.child_by_field_id(field)
        if below is not None:
            return int(below.start_byte)
    if plugin.facts.body_kinds:
        last = node.named_child(node.named_child_count - 1) if node.named_child_count else None
        if last is not None and last.type in plugin.facts.body_kinds:
            return int(last.start_byte)
    return -1


def _extras(outline: Outline, definition: Definition, captures: dict[str, list[Any]]) -> None:
    """What a definition's own pattern captured beside its name."""
    for key, nodes in captures.items():
        if key == "extends":
            definition.extends += [outline.flat(node.start_byte, node.end_byte) for node in nodes]
        elif key == "doc":
            definition.doc = clean_doc(outline, [(node.start_byte, node.end_byte) for node in nodes])
        elif key.startswith("flag."):
            definition.facts.append(key[5:])
        elif key.startswith("fact."):
            definition.facts.append(f"{key[5:]}={outline.flat(nodes[0].start_byte, nodes[0].end_byte)[:200]}")


def _generic_name(node: Any) -> Any:
    """The name node of a definition of an unknown grammar: its `name` field, else its first identifier-like child."""
    name = node.child_by_field_name("name")
    if name is not None:
        return name
    for _ in range(4):
        deeper = None
        for child in node.named_children[:8]:
            kind = child.type
            if kind.endswith(IDENTIFIER_KINDS) and child.end_byte - child.start_byte < MAX_NAME:
                return child
            if (
                deeper is None
                and child.named_child_count
                and kind.endswith(("declarator", "head", "header", "signature", "clause", "name"))
            ):
                deeper = child
        if deeper is None:
            return None
        node = deeper
    return None


def _import(outline: Outline, captures: dict[str, list[Any]]) -> None:
    def read(key: str) -> str | None:
        nodes = captures.get(key)
        if not nodes:
            return None
        return outline.flat(nodes[0].start_byte, nodes[0].end_byte).strip(QUOTES)

    start = captures["import"][0].start_byte
    module = read("import.module")
    name = read("import.name")
    if module is None and name is None:
        module = outline.flat(start, captures["import"][0].end_byte)
    new = Import(start, (module or "")[:MAX_NAME], name, read("import.alias"))
    last = outline.imports[-1] if outline.imports else None
    if last is not None and last.start == start and last.module == new.module:
        # Several patterns may see one statement; the one that saw most is right.
        if new.name is None and new.alias is None:
            return
        if (last.name is None and last.alias is None) or (last.name == new.name and last.alias is None):
            outline.imports.pop()
    outline.imports.append(new)


def _nest(definitions: list[Definition]) -> None:
    """Sets each definition's parent: the innermost one around it."""
    stack: list[Definition] = []
    for definition in definitions:
        while stack and (
            stack[-1].end < definition.end
            or stack[-1].end <= definition.start
            or (stack[-1].start == definition.start and stack[-1].end == definition.end)
        ):
            stack.pop()
        definition.parent = stack[-1] if stack else None
        stack.append(definition)


def _widen(outline: Outline, outers: list[tuple[Any, ...]]) -> None:
    """Gives a definition the bounds of the node that only wraps it: `export …`, `template<…> …`, decorators."""
    definitions = outline.definitions
    starts = [definition.start for definition in definitions]
    moved = False
    for start, end in sorted(outers, key=lambda span: (span[0], -span[1]), reverse=True):
        index = bisect_left(starts, start)
        if index < len(definitions):
            definition = definitions[index]
            later = bisect_left(starts, definition.end, index + 1)
            alone = later == len(definitions) or starts[later] >= end
            if alone and definition.start < end and definition.end <= end:
                bounds = definition.start, definition.end
                # Names declared together (`const {a, b} = c`) stay beside each other.
                for mate in takewhile(lambda d: (d.start, d.end) == bounds, islice(definitions, index, None)):  # noqa: B023
                    mate.head = min(mate.head, start)
                    mate.end = end
                moved = True
    if moved:
        for definition in definitions:
            definition.start = min(definition.start, definition.head)
        definitions.sort(key=lambda d: (d.start, -d.end, d.name_start))
        _nest(definitions)


def _drop_locals(outline: Outline) -> None:
    """Variables and constants inside functions are no definitions anybody looks for; promoted parameters are."""
    for definition in outline.definitions:
        if definition.kind == "promoted":  # a constructor's parameter that is a property of the class
            definition.kind = "property"
            definition.parent = definition.parent.parent if definition.parent is not None else None
    definitions = [
        d
        for d in outline.definitions
        if d.kind not in LOCAL_KINDS or d.parent is None or d.parent.kind not in CALLABLE_KINDS or "." in d.name
    ]
    if len(definitions) < len(outline.definitions):
        outline.definitions = definitions


def _name(outline: Outline, context: ProjectContext) -> None:
    """Sets local and qualified names, kinds of members, visibility."""
    facts = outline.plugin.facts
    raw = outline.raw
    if facts.module:
        outline.module = facts.module(outline, context)
    elif outline.packages:
        outline.module = outline.packages[0][1]
    packages = outline.packages if len(outline.packages) > 1 else []
    for definition in outline.definitions:
        parent = definition.parent
        while parent is not None and parent.kind in facts.not_scopes:
            parent = definition.parent = parent.parent
        member = parent is not None and parent.kind in facts.member_scopes
        if definition.kind == "function" and (member or definition.scope):
            definition.kind = "method"
        if definition.kind == "method" and definition.name in facts.constructors:
            definition.kind = "constructor"
        separator = facts.separator
        if facts.member_separator and (member or definition.scope):
            ours = definition.kind in facts.member_kinds if facts.member_kinds else definition.kind not in TYPE_KINDS
            separator = facts.member_separator if ours else separator
        own = definition.name
        if definition.scope:
            own = f"{definition.scope}{separator}{own}"
            separator = facts.separator
        definition.local = f"{parent.local}{separator}{own}" if parent is not None else own
        module = outline.module
        if packages:
            index = bisect_right(packages, (definition.start, "")) - 1
            module = packages[index][1] if index >= 0 else ""
        top_separator = facts.separator
        definition.qualified = f"{module}{top_separator}{definition.local}" if module else definition.local
        if facts.visibility:
            definition.visibility = facts.visibility(definition, raw[definition.start : definition.name_start])
