"""Languages inside other languages: scripts and styles of Vue, Svelte and HTML files.

What lives here: finding such regions and putting their outline into the file's. What does not: notebooks, whose code
is inside JSON strings (`languages/documents.py`).
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from .context import ProjectContext
from .facts import Outline
from .outline import outline
from .plugins import plugin
from .surroundings import innermost

if TYPE_CHECKING:
    from tree_sitter import Parser as TreeSitterParser

HOSTS = frozenset({"vue", "svelte", "html", "astro"})
LANGUAGE = re.compile(rb"""\blang\s*=\s*["']?(\w+)""")
SCRIPT_TYPE = re.compile(rb"""\btype\s*=\s*["']([^"']+)""")
NAMES = {"ts": "typescript", "tsx": "tsx", "js": "javascript", "jsx": "javascript", "scss": "scss", "less": "scss"}


def embed(host: Outline, root: Any, context: ProjectContext, deadline: float) -> None:
    """Adds to the outline what its embedded regions define, import and mention."""
    for language, node in regions(host.raw, root):
        if time.thread_time() > deadline:
            return
        plug = plugin(language)
        inner_root = _parse(host.raw, plug.language, node)
        inner = outline(host.path, host.raw, inner_root, plug, context)
        around = innermost(host, node.start_byte)
        for definition in inner.definitions:
            if definition.parent is None:
                definition.parent = around
        for item in inner.imports:
            if item.resolved is None and plug.facts.resolve is not None and context.paths:
                item.resolved = plug.facts.resolve(host.path, item.module, context)
        host.definitions += inner.definitions
        host.imports += inner.imports
        host.comments += inner.comments
        host.masks += inner.masks
        host.keywords |= plug.keywords
    host.definitions.sort(key=lambda d: (d.start, -d.end, d.name_start))


def regions(raw: bytes, root: Any) -> list[tuple[str, Any]]:
    """(language, node) of each script and style at the top of the document, or directly below it."""
    spans = []
    todo = [child for child in root.children if child.is_named]
    for child in todo:  # grows while it is read
        if len(todo) > 1000:
            break
        if child.type in ("script_element", "style_element"):
            tag, *rest = child.named_children
            text = next((node for node in rest if node.type == "raw_text"), None)
            if text is None:
                continue
            written = raw[tag.start_byte : tag.end_byte]
            named = LANGUAGE.search(written)
            kind = SCRIPT_TYPE.search(written)
            if child.type == "script_element" and kind and b"script" not in kind[1] and kind[1] != b"module":
                continue  # a template or data block
            default = "javascript" if child.type == "script_element" else "css"
            spans.append((NAMES.get(named[1].decode().lower(), default) if named else default, text))
        elif child.type == "element" and child.child_count < 200:
            todo += [node for node in child.children if node.type in ("script_element", "style_element", "element")]
    return spans


def _parse(raw: bytes, language: Any, node: Any) -> Any:
    from tree_sitter import Parser, Range

    parser: TreeSitterParser = Parser(language)
    parser.included_ranges = [Range(node.start_point, node.end_point, node.start_byte, node.end_byte)]
    return parser.parse(raw).root_node
