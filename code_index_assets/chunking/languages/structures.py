"""Documents, data and configuration: files whose structure is headings, keys, statements, targets or blocks."""

from __future__ import annotations

import re

from ..context import ProjectContext
from ..facts import LanguageFacts
from ..outline import Outline

HEADING_MARKS = re.compile(r"[`*_]+|\s+#+$")
KEYWORDS = frozenset(["true", "false", "null"])


def headings(found: Outline, _: ProjectContext) -> None:
    """Names without emphasis marks, paths of headings as qualified names."""
    last = None
    for definition in found.definitions:
        if last is not None and (last.start, last.end) == (definition.start, definition.end):
            # The grammar puts an underlined heading into the section before it.
            definition.start = definition.head = found.raw.rfind(b"\n", 0, definition.name_start) + 1
            last.end = definition.start
        last = definition
        definition.name = HEADING_MARKS.sub("", definition.name).strip() or definition.name
        parent = definition.parent
        definition.local = f"{parent.local} > {definition.name}" if parent is not None else definition.name
        definition.qualified = definition.local


def dockerfile(found: Outline, _: ProjectContext) -> None:
    """A stage is its FROM and all instructions up to the next one."""
    stages = [definition for definition in found.definitions if definition.kind == "stage"]
    for stage, following in zip(stages, [*stages[1:], None], strict=True):
        stage.end = following.start if following is not None else len(found.raw)
    named: dict[int, object] = {}
    for definition in stages:
        named[definition.start] = definition
    found.definitions = [d for d in found.definitions if d.kind != "stage" or named[d.start] is d]


DOCUMENT = LanguageFacts(separator=" > ", finish=headings, name_quotes="", signatures=False)

LANGUAGES = {
    "markdown": DOCUMENT,
    "rst": DOCUMENT,
    "yaml": LanguageFacts(keywords=KEYWORDS),
    "toml": LanguageFacts(keywords=KEYWORDS),
    "json": LanguageFacts(keywords=KEYWORDS),
    "css": LanguageFacts(separator=" "),
    "scss": LanguageFacts(separator=" "),
    "html": LanguageFacts(separator="/"),
    "vue": LanguageFacts(separator="/"),
    "svelte": LanguageFacts(separator="/"),
    "dockerfile": LanguageFacts(finish=dockerfile),
    "elixir": LanguageFacts(),
}
