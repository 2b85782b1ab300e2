"""Documents, data and configuration: files whose structure is headings, keys, statements, targets or blocks."""

from __future__ import annotations

import re

from ..context import ProjectContext
from ..facts import Definition, LanguageFacts, Outline

HEADING_MARKS = re.compile(r"[`*_]+|\s+#+$")
KEYWORDS = frozenset(["true", "false", "null"])


def headings(outline: Outline, _: ProjectContext) -> None:
    """Names without emphasis marks, paths of headings as qualified names."""
    last = None
    for definition in outline.definitions:
        if last is not None and (last.start, last.end) == (definition.start, definition.end):
            # The grammar puts an underlined heading into the section before it.
            definition.start = definition.head = outline.raw.rfind(b"\n", 0, definition.name_start) + 1
            last.end = definition.start
        last = definition
        definition.name = HEADING_MARKS.sub("", definition.name).strip() or definition.name
        parent = definition.parent
        definition.local = f"{parent.local} > {definition.name}" if parent is not None else definition.name
        definition.qualified = definition.local


def dockerfile(outline: Outline, _: ProjectContext) -> None:
    """A stage is its FROM and all instructions up to the next one."""
    stages = [definition for definition in outline.definitions if definition.kind == "stage"]
    for number, stage in enumerate(stages):
        stage.end = stages[number + 1].start if number + 1 < len(stages) else len(outline.raw)
        if number and stages[number - 1].start == stage.start:
            outline.definitions.remove(stages[number - 1])  # the image's name; `AS name` came after it
    current: Definition | None = None
    for definition in outline.definitions:
        if definition.kind == "stage":
            current = definition
        elif current is not None:
            definition.parent = current
            definition.local = definition.qualified = f"{current.name}.{definition.name}"


def rst_sections(outline: Outline, context: ProjectContext) -> None:
    """A title's section goes on to the next title of its level or above; levels by the order of their underlines."""
    levels: dict[int, int] = {}
    open_sections: list[tuple[int, Definition]] = []
    for definition in outline.definitions:
        mark = outline.raw[definition.start : definition.end].rstrip()[-1:]
        level = levels.setdefault(mark[0] if mark else 0, len(levels))
        while open_sections and open_sections[-1][0] >= level:
            open_sections.pop()[1].end = definition.start
        definition.parent = open_sections[-1][1] if open_sections else None
        open_sections.append((level, definition))
    for _, definition in open_sections:
        definition.end = len(outline.raw)
    headings(outline, context)


# The scanners of these two keep a stack of open blocks in a buffer of 1,024 bytes and crash beyond it: at 250 block
# quotes or lists on one line. Indentation opens blocks over several lines.
DEEP_MARKDOWN = re.compile(rb"^(?:[ \t]*(?:[>*+-]|\d{1,9}[.)])){60}|^[ \t]{240}[ \t]*(?:[>*+-]|\d{1,9}[.)])[ \t]", re.M)
DEEP_YAML = re.compile(rb"^(?:[ ]*[-?:][ ]+){60}|^[ ]{240}[ ]*(?:- |\S+:(?:[ ]|$))", re.M)

DOCUMENT = LanguageFacts(separator=" > ", finish=headings, name_quotes="", signatures=False, too_deep=DEEP_MARKDOWN)

LANGUAGES = {
    "markdown": DOCUMENT,
    "rst": LanguageFacts(separator=" > ", finish=rst_sections, name_quotes="", signatures=False),
    "yaml": LanguageFacts(keywords=KEYWORDS, too_deep=DEEP_YAML),
    "toml": LanguageFacts(keywords=KEYWORDS),
    "json": LanguageFacts(keywords=KEYWORDS),
    "css": LanguageFacts(separator=" "),
    "scss": LanguageFacts(separator=" "),
    "html": LanguageFacts(separator="/"),
    "vue": LanguageFacts(separator="/"),
    "svelte": LanguageFacts(separator="/"),
    "dockerfile": LanguageFacts(finish=dockerfile),
}
