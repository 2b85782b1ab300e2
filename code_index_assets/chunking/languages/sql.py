"""SQL: quoted names in three spellings, names with a schema, and procedures, which the grammar does not know."""

from __future__ import annotations

import re

from ..context import ProjectContext
from ..facts import Definition, LanguageFacts, Outline
from ..surroundings import innermost

_NAME = rb"(?:\"[^\"\n]+\"|`[^`\n]+`|\[[^\]\n]+\]|[A-Za-z_#@\x80-\xff][\w$#@\x80-\xff]*)"
PART = re.compile(r"\"[^\"]+\"|`[^`]+`|\[[^\]]+\]|[^.\s]+")
PROCEDURE = re.compile(
    rb"^[ \t]*(?:CREATE|ALTER)(?:[ \t]+OR[ \t]+(?:REPLACE|ALTER))?[ \t]+"
    rb"(PROC(?:EDURE)?|FUNCTION|PACKAGE(?:[ \t]+BODY)?|TRIGGER|VIEW)"
    rb"[ \t]+(?:IF[ \t]+NOT[ \t]+EXISTS[ \t]+)?(" + _NAME + rb"(?:\." + _NAME + rb")*)",
    re.M | re.I,
)
KINDS = {"proc": "function", "procedure": "function", "function": "function", "trigger": "trigger", "view": "view"}
BRACKETS = re.compile(rb"\[([A-Za-z_][\w $#@.-]*)\]")
# The head of a procedure; its statements are read as any others.
HEAD = re.compile(
    rb"^[ \t]*(?:CREATE|ALTER)(?:[ \t]+OR[ \t]+(?:ALTER|REPLACE))?[ \t]+"
    rb"PROC(?:EDURE)?\b[^;]{0,2000}?\bAS\b(?:\s+BEGIN\b)?",
    re.M | re.I,
)
BATCH_END = re.compile(rb"^[ \t]*GO[ \t]*(?:\d+[ \t]*)?(?=\r?$)", re.M | re.I)


def blank_brackets(raw: bytes) -> bytes:
    """The text with [names] in quotes, as the grammar knows them, without heads of procedures and ends of batches."""
    text = BRACKETS.sub(rb'"\1"', raw)
    text = HEAD.sub(lambda match: re.sub(rb"[^\r\n]", b" ", match[0]), text)
    return BATCH_END.sub(lambda match: b";".ljust(len(match[0])), text)


def names(outline: Outline, _: ProjectContext) -> None:
    """Names without their quotes; `schema.name` is the name in its schema."""
    known = {definition.name_start for definition in outline.definitions}
    hidden = sorted(outline.comments)
    for match in PROCEDURE.finditer(outline.raw):
        kind = KINDS.get(match[1].split()[0].lower().decode(), "package")
        if match.start(2) in known or any(start <= match.start() < end for start, end in hidden):
            continue
        around = innermost(outline, match.start(2))
        end = outline.raw.find(b"\n\n", match.end())
        definition = Definition(outline.root, kind, match[2].decode("utf-8", "replace"), match.start(2))
        definition.start = definition.head = match.start(1) if around is not None else match.start()
        definition.end = min(
            end if end > 0 else len(outline.raw), around.end if around is not None else len(outline.raw)
        )
        definition.parent = around
        definition.signature = outline.flat(
            match.start(),
            outline.raw.find(b"\n", match.end()) if b"\n" in outline.raw[match.end() :] else len(outline.raw),
        )[:400]
        outline.definitions.append(definition)
    outline.definitions.sort(key=lambda d: (d.start, -d.end, d.name_start))
    for definition in outline.definitions:
        written = outline.text(definition.name_start, definition.name_start + max(len(definition.name.encode()) + 2, 2))
        whole = definition.name if definition.name[:1] not in "[" else written
        parts = [part.strip('"`[]') for part in PART.findall(_whole(outline, definition))] or [whole]
        definition.name = parts[-1]
        parent = definition.parent
        scope = f"{parent.local}." if parent is not None else ""
        definition.local = definition.qualified = scope + ".".join(parts)


def _whole(outline: Outline, definition: Definition) -> str:
    """A definition's name as it is written, quotes included."""
    match = WRITTEN.match(outline.raw, definition.name_start)
    return match[0].decode("utf-8", "replace") if match else definition.name


WRITTEN = re.compile(_NAME + rb"(?:\s*\.\s*" + _NAME + rb")*")

LANGUAGES = {"sql": LanguageFacts(finish=names, blank=blank_brackets)}
