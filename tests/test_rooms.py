"""Who may import whom: data flows one way through the rooms."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "code_index_assets"
# A room may import the ones before it. `steps.py` of a room is part of the chain and follows the same order.
ORDER = [
    "sources",
    "chunking",
    "embedding",
    "quality",
    "index",
    "triggers",
    "search",
    "analytics",
    "care",
    "serve",
    "cli",
]
# Gate and subject share one digest: the selection step uses it too.
ALLOWED = {("sources", "quality.subject")}


def imports_of(path: Path) -> set[str]:
    """Dotted names below code_index_assets that a module imports."""
    package = ("code_index_assets", *path.relative_to(ROOT).parent.parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[: len(package) - node.level + 1]
                found.add(".".join([*base, node.module or ""]).strip("."))
            elif node.module:
                found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name.removeprefix("code_index_assets.") for name in found if name.startswith("code_index_assets.")}


@pytest.mark.parametrize("room", ORDER)
def test_a_room_imports_only_earlier_ones(room: str) -> None:
    later = set(ORDER[ORDER.index(room) + 1 :])
    for path in (ROOT / room).rglob("*.py") if (ROOT / room).exists() else []:
        for name in imports_of(path):
            if (room, name) in ALLOWED:
                continue
            assert name.partition(".")[0] not in later, f"{path} imports {name}"


def test_search_imports_no_writer() -> None:
    writers = {
        "index.publish",
        "index.maintenance",
        "index.staging",
        "index.optimize",
        "embedding.chunk_vectors",
        "artifacts",
    }
    for path in (ROOT / "search").rglob("*.py"):
        assert not imports_of(path) & writers, path
