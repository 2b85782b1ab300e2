"""Perl, R, Julia, and Groovy, whose grammar knows words and blocks alone."""

from __future__ import annotations

import re
from typing import Any

from ..context import ProjectContext
from ..facts import TYPE_KINDS, LanguageFacts, Outline, words
from ..references import BANG, DOTTED

TYPE_WORDS = {"class": "class", "interface": "interface", "trait": "trait", "enum": "enum", "record": "record"}
MODIFIERS = words(
    "public private protected static final abstract synchronized transient volatile native default sealed"
)
TYPES = words("void def var int long short byte char boolean float double")
# Words that begin a statement: what follows is no definition.
STATEMENTS = words(
    "return assert throw new if else while for switch case try catch finally package import in as instanceof do goto",
    "break continue default extends implements throws",
)
HEAD = re.compile(rb"(?:\s|@\w[\w.]*(?:\([^()]*\))?)*")
WORD = re.compile(rb"@?[A-Za-z_$][\w$.]*")


def groovy(node: Any, name: Any, raw: bytes) -> tuple[Any, str] | None:
    """What a Groovy command defines, by the words before the name."""
    line = raw[node.start_byte : name.start_byte]
    before = WORD.findall(HEAD.sub(b"", re.sub(rb"<[^<>]*>|\[\]", b"", line), count=1))
    written = [word.decode("utf-8", "replace") for word in before]
    if not written or any(word in STATEMENTS for word in written):
        # A constructor stands alone, before its parameters and body; other names in such a place are calls.
        alone = not line.strip() and raw[name.start_byte : name.start_byte + 1].isupper()
        return (name, "constructor") if alone and raw[name.end_byte : name.end_byte + 1] == b"(" else None
    kind = TYPE_WORDS.get(written[-1].lstrip("@"))
    after = raw[name.end_byte : name.end_byte + 200].lstrip()
    rest = [word for word in written if word not in MODIFIERS and not word.startswith("@")]
    if kind is not None and all(word in MODIFIERS for word in written[:-1]):
        return name, kind
    if any(word in TYPE_WORDS for word in written):
        return None
    if written == ["task"]:
        return name, "task"
    typed = len(rest) == 1 and (rest[0] in TYPES or rest[0].rpartition(".")[2][:1].isupper())
    if not typed and not (not rest and written):
        return None
    if after.startswith(b"("):
        return name, "function"
    return (
        (name, "field")
        if not after or after[:1] in b"=;\n}" or raw[name.end_byte : name.end_byte + 1] in b"\n"
        else None
    )


def groovy_members(outline: Outline, _: ProjectContext) -> None:
    """Constructors are named as their class; constants of enums are in no node of their own."""
    outline.definitions = [
        d
        for d in outline.definitions
        if (d.kind != "constructor" or (d.parent is not None and d.parent.name == d.name))
        and (d.kind != "field" or d.parent is None or d.parent.kind in TYPE_KINDS)
    ]


def packages(outline: Outline, _: ProjectContext) -> None:
    """A package's name is whole: it is in no other."""
    for definition in outline.definitions:
        if definition.kind == "package":
            definition.local = definition.qualified = definition.name


LANGUAGES = {
    "groovy": LanguageFacts(
        declared=groovy,
        finish=groovy_members,
        keywords=words(
            "class interface trait enum def void int return new this super static final public private import package"
        ),
    ),
    "perl": LanguageFacts(separator="::", finish=packages, keywords=words("my our use sub return shift self package")),
    "r": LanguageFacts(
        name_quotes="\"'`", separator="$", comment_markers=r"#+'?", token=DOTTED, keywords=words("TRUE FALSE NULL NA")
    ),
    "julia": LanguageFacts(member_scopes=frozenset(), token=BANG),
    "dart": LanguageFacts(),
    "scala": LanguageFacts(constructors=frozenset({"this"})),
    "zig": LanguageFacts(comment_markers=r"//[/!]?"),
}
