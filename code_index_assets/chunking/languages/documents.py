"""Notebooks and Blade templates: documents that hold code in a way no grammar of ours sees."""

from __future__ import annotations

import json
import re
from typing import Any

from .. import grammars
from ..context import ProjectContext
from ..facts import Definition, LanguageFacts, Outline
from ..surroundings import innermost

DEFINED = re.compile(r"^(\s*)(?:async\s+)?(def|class)\s+(\w+)[^\n]*", re.M)
MAGIC_IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+import\s+(\w+)|import\s+([\w.]+))", re.M)
# How a notebook names the language of its code: nbformat 4 twice, and by the kernel's name alone.
KERNEL = re.compile(rb'"kernelspec"\s*:\s*\{[^{}]*"language"\s*:\s*"([^"]+)"')
LANGUAGE_INFO = re.compile(rb'"language_info"\s*:\s*\{(?:[^{}]|\{[^{}]*\})*?"name"\s*:\s*"([^"]+)"')
KERNEL_NAME = re.compile(rb'"kernelspec"\s*:\s*\{[^{}]*"name"\s*:\s*"([a-z]+)')
# What stands where data or a secret was taken out (`sources/text.py`).
REMOVED = re.compile(rb"\[removed: [\w-]+\]")
HEADING = re.compile(r"^#+\s+(.+)$", re.M)
DIRECTIVE = re.compile(
    rb"@(extends|section|yield|include|component|slot|push|stack|livewire|props|use|inject)\s*\(\s*['\"]([^'\"]+)"
)


def cells(outline: Outline, _: ProjectContext) -> None:
    """Names cells by number, kind and first heading; functions and classes of code cells become symbols."""
    symbols: list[Definition] = []
    top_cells = [cell for cell in outline.definitions if cell.parent is None]
    language = kernel_language(outline.raw)
    for number, cell in enumerate(top_cells, 1):
        try:
            content: Any = json.loads(REMOVED.sub(b"", outline.raw[cell.start : cell.end]))
        except (ValueError, RecursionError):
            content = {}
        # Up to nbformat 3 a code cell's text is its "input".
        source = content.get("source", content.get("input", "")) if isinstance(content, dict) else ""
        text = "".join(map(str, source)) if isinstance(source, list) else str(source)
        kind = str(content.get("cell_type", "cell")) if isinstance(content, dict) else "cell"
        heading = HEADING.search(text) if kind == "markdown" else None
        cell.name = cell.local = cell.qualified = heading[1].strip() if heading else f"cell {number}"
        cell.facts.append(f"cell={kind}")
        cell.signature = None
        if kind == "code":
            symbols += _defined(outline, cell, text) if language == "python" else _parsed(outline, cell, text, language)
            _imports(outline, cell, text)
    outline.definitions = sorted([*top_cells, *symbols], key=lambda d: (d.start, -d.end, d.name_start))


def _defined(notebook: Outline, cell: Definition, text: str) -> list[Definition]:
    """Definitions of a cell's source, placed on the line of the file that holds their first line."""
    made: list[Definition] = []
    at = cell.start
    for match in DEFINED.finditer(text):
        written = json.dumps(match[0], ensure_ascii=False)[1:-1].encode("utf-8", "replace")
        start = notebook.raw.find(written, at, cell.end)
        if start < 0:
            continue
        at = start + len(written)
        definition = Definition(cell.node, "class" if match[2] == "class" else "function", match[3], start)
        definition.start, definition.end, definition.parent = start, at, cell
        definition.head = start
        definition.name_start = start + written.find(match[3].encode())
        definition.signature = match[0].strip().rstrip(":")
        definition.facts.append("notebook")
        made.append(definition)
    return made


def kernel_language(raw: bytes) -> str:
    """The language of a notebook's code cells: what its kernel says, else Python."""
    match = KERNEL.search(raw) or LANGUAGE_INFO.search(raw)
    if match is not None:
        return grammars.canonical(match[1].decode("utf-8", "replace"))
    named = KERNEL_NAME.search(raw)
    return {b"ir": "r", b"julia": "julia"}.get(named[1], "python") if named is not None else "python"


def _parsed(notebook: Outline, cell: Definition, text: str, language: str) -> list[Definition]:
    """Definitions of a cell in another language than Python, read with that language's query."""
    from tree_sitter import Parser

    from ..context import EMPTY
    from ..outline import outline
    from ..plugins import plugin

    try:
        plug = plugin(language)
    except grammars.GrammarMissingError:
        return []
    raw = text.encode("utf-8", "replace")
    made: list[Definition] = []
    at = cell.start
    for inner in outline(notebook.path, raw, Parser(plug.language).parse(raw).root_node, plug, EMPTY).definitions:
        line = raw[raw.rfind(b"\n", 0, inner.start) + 1 :].partition(b"\n")[0].decode("utf-8", "replace")
        written = json.dumps(line, ensure_ascii=False)[1:-1].encode("utf-8", "replace")
        start = notebook.raw.find(written, at, cell.end)
        if start < 0:
            continue
        at = start  # two names may stand on one line
        name = notebook.raw.find(inner.name.encode(), start, start + len(written))
        definition = Definition(cell.node, inner.kind, inner.name, name if name >= 0 else start)
        definition.start = definition.head = start
        definition.end, definition.parent = start + len(written), cell
        definition.signature = inner.signature
        definition.facts.append("notebook")
        made.append(definition)
    return made


def _imports(notebook: Outline, cell: Definition, text: str) -> None:
    from ..facts import Import

    for match in MAGIC_IMPORT.finditer(text):
        start = notebook.raw.find(match[0].strip().encode(), cell.start, cell.end)
        notebook.imports.append(Import(max(start, cell.start), match[1] or match[3], match[2], None))


def blade(template: Outline, _: ProjectContext) -> None:
    """Sections and the templates a template extends or includes."""
    from ..facts import Import

    made = []
    for match in DIRECTIVE.finditer(template.raw):
        word, name = match[1].decode(), match[2].decode("utf-8", "replace")
        if word in ("extends", "include", "component", "livewire", "use"):
            template.imports.append(Import(match.start(), name, None, None))
            continue
        if word not in ("section", "push", "slot", "props"):
            continue
        close = template.raw.find(b"@end" + match[1], match.end())
        end = template.raw.find(b"\n", close) if close >= 0 else template.raw.find(b"\n", match.end())
        definition = Definition(template.root, "section", name, match.start(2))
        definition.start = definition.head = match.start()
        definition.end = end if end > 0 else len(template.raw)
        definition.facts.append(f"directive={word}")
        made.append(definition)
    for definition in made:
        definition.parent = innermost(template, definition.start)
    # Directives and elements need not nest; what would cross an element stays a symbol inside it.
    for definition in made:
        if definition.parent is not None:
            definition.end = min(definition.end, definition.parent.end)
    template.definitions = sorted([*template.definitions, *made], key=lambda d: (d.start, -d.end, d.name_start))


LANGUAGES = {
    "ipynb": LanguageFacts(finish=cells),
    "blade": LanguageFacts(separator="/", finish=blade),
}
