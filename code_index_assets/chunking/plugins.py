"""Language plug-ins: a grammar, a query file, and a few facts, put together.

What lives here: finding and compiling a language's `queries/<name>.scm`, and making a generic query for a grammar
that has none. What does not: running queries (`outline.py`).

Captures of a query file: `@definition.<kind>` with `@name`, and in the same pattern, where wanted, `@scope`, `@body`,
`@extends`, `@doc`; `@import` with `@import.module`, `@import.name`, `@import.alias`; and on their own `@comment`,
`@decorator`, `@extends`, `@doc`, `@outer` (a node that only wraps a definition), `@mask` (text without names: strings),
`@package`, `@fact.<key>` (the innermost definition around it gets `key=<its text>`), `@flag.<key>` (it gets `key`).
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from . import grammars
from .facts import LanguageFacts, Plugin
from .languages import FACTS
from .readable import GENERIC

QUERIES = Path(__file__).parent / "queries"
CAPTURE = re.compile(r"@([\w.]+)")
COMMENT = re.compile(r";[^\n]*")

# Grammars read with the query of another, whose grammar they extend.
SHARED_QUERIES = {
    "tsx": "typescript",
    "scss": "css",
    "cuda": "cpp",
    "arduino": "cpp",
    "luau": "lua",
    "glsl": "c",
    "hlsl": "cpp",
}

# Languages of ours that are read with the grammar of another.
GRAMMARS = {"ipynb": "json", "blade": "html"}

# Node kinds of definitions in grammars we have no query for, and what we call them. A use of a type or a call must
# never be one: a kind counts that says it defines, or one word alone if such nodes have a name.
GENERIC_KINDS = (
    (r"(function|func|fun|fn|procedure|proc|subroutine|sub|predicate|task)", "function"),
    (r"(method|constructor|destructor)", "method"),
    (r"(class|object|contract|actor)", "class"),
    (r"(interface|protocol)", "interface"),
    (r"(struct|structure|record|union)", "struct"),
    (r"(trait|typeclass)", "trait"),
    (r"(enum|enumeration)", "enum"),
    (r"(module|namespace|package|library|program|entity|architecture)", "module"),
    (r"(type_alias|data_type|newtype|typedef|type)", "type"),
    (r"macro", "macro"),
)
GENERIC_TAIL = r"_(definition|declaration|item|def|decl|statement|binding|implementation)"
NOT_GENERIC = re.compile(
    r"call|invocation|body|name|param|argument|reference|_list|keyword|specifier|use_|import|include|using|pattern|expression"
    r"|variable|field|procedure_statement|forward|end_|_type_declaration|inner|anonymous|lambda"
)


@cache
def plugin(name: str) -> Plugin:
    """The plug-in of a language. Raises GrammarMissingError if there is no grammar of that name."""
    from tree_sitter import Query

    name = grammars.canonical(name)
    language = grammars.language(GRAMMARS.get(name, name))
    facts = FACTS.get(name) or FACTS.get(SHARED_QUERIES.get(name, ""), LanguageFacts())
    source = query_text(name)
    generic = source is None
    if source is None or name in GENERIC:
        # A file's own patterns come first, and win over what a node's name says.
        source = "\n".join(filter(None, [source, generic_query(language, definitions=name in GENERIC)]))
    query = Query(language, source)
    fields = [language.field_id_for_name(field) for field in facts.body_fields]
    keywords = frozenset(word.encode() for word in _keywords(language) | facts.keywords)
    body_fields = tuple(f for f in fields if f)
    return Plugin(name, language, query, _roles(query, source), facts, generic, body_fields, keywords)


def query_text(name: str) -> str | None:
    """The text of a language's query file, with the one it shares in front; None if it has none."""
    parts = [QUERIES / f"{stem}.scm" for stem in (SHARED_QUERIES.get(name), name) if stem]
    texts = [part.read_text("utf-8") for part in parts if part.is_file()]
    return "\n".join(texts) if texts else None


def generic_query(language: Any, *, definitions: bool) -> str:
    """A query for comments and strings, and for definitions by the names grammars commonly give them.

    Only languages whose result a test holds (`readable.py`) have definitions: wrong ones are worse than none.
    """
    lines, seen = [], set()
    for number in range(language.node_kind_count):
        kind = language.node_kind_for_id(number)
        if kind in seen or not (language.node_kind_is_named(number) and language.node_kind_is_visible(number)):
            continue
        seen.add(kind)
        if "comment" in kind:
            lines.append(f"({kind}) @comment")
        elif kind.endswith(("string", "string_literal", "string_content")):
            lines.append(f"({kind}) @mask")
        elif definitions and not NOT_GENERIC.search(kind) and not kind.startswith("_"):
            for pattern, ours in GENERIC_KINDS:
                if re.fullmatch(rf"(\w+_)?{pattern}{GENERIC_TAIL}", kind):
                    lines.append(f"({kind}) @definition.{ours}")
                elif (
                    ours != "type" and re.fullmatch(pattern, kind) and _compiles(language, f"({kind} name: (_) @name)")
                ):
                    lines.append(f"({kind} name: (_) @name) @definition.{ours}")
                else:
                    continue
                break
    return "\n".join(lines)


def _compiles(language: Any, source: str) -> bool:
    from tree_sitter import Query, QueryError

    try:
        Query(language, source)
    except QueryError:
        return False
    return True


def _roles(query: Any, source: str) -> tuple[str, ...]:
    roles = []
    raw = source.encode()
    for number in range(query.pattern_count):
        text = raw[query.start_byte_for_pattern(number) : query.end_byte_for_pattern(number)].decode()
        names = [name for name in CAPTURE.findall(COMMENT.sub("", text)) if not name.startswith("_")]
        first = [n for n in names if n.startswith("definition.")] or [n for n in names if n == "import"] or names
        roles.append(first[0] if first else "")
    return tuple(roles)


def _keywords(language: Any) -> set[str]:
    """Words that are tokens of the grammar themselves."""
    kinds = range(language.node_kind_count)
    words = {language.node_kind_for_id(number) for number in kinds if not language.node_kind_is_named(number)}
    return {word for word in words if word and word.isidentifier()}
