"""Who may import whom: data flows one way through the rooms, lazy imports and imports by name included."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))
import import_graph as graph
from import_graph import Import

PACKAGE = "code_index_assets"
# A floor imports only floors above it in this list. A name with a dot is one module, which stands on a floor of its own.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "progress", "spelling", "tables"),
    ("settings", "deadlines"),
    ("storage",),
    ("records",),
    ("sources",),
    ("chunking",),
    ("graph",),
    ("embedding",),
    ("quality",),
    ("index",),
    ("chain",),
    ("triggers",),
    ("search", "analytics"),
    ("overlays",),
    ("operations",),
    ("resources",),
    ("assets",),
    ("schedules",),
    ("code_location",),
    ("definitions",),
    ("workers",),
    ("serve",),
    ("cli",),
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# Circles of modules that are known and to be removed. Nothing may be added.
KNOWN_CIRCLES: set[tuple[str, ...]] = set()
# Modules that change what is published; what answers questions imports none of them.
WRITERS = ("index.publish", "index.maintenance", "index.staging", "index.optimize", "index.rebuild", "index.seal")
READERS = ("search",)
DAGSTER_ROOMS = ("assets", "code_location", "definitions", "resources", "schedules", "workers")
# Loaded inside the step that needs them: importing the definitions must not cost their seconds.
HEAVY = {
    "great_expectations",
    "torch",
    "transformers",
    "qdrant_client",
    "qdrant_edge",
    "voyageai",
    "pandas",
    "onnxruntime",
}


def room(module: str) -> str:
    """The room of a module: a folder or a file at the root of the package, or another package."""
    parts = module.split(".")
    return parts[0] if parts[0] != PACKAGE else parts[1] if len(parts) > 1 else PACKAGE


def upward(edges: set[Import]) -> list[str]:
    """What the floors forbid, one line an import."""
    return sorted(
        f"{edge.importer}:{edge.line} imports {edge.imported}"
        for edge in edges
        if PACKAGE not in (room(edge.importer), room(edge.imported))
        and room(edge.importer) != room(edge.imported)
        and FLOOR_OF.get(room(edge.imported), len(FLOORS)) >= FLOOR_OF.get(room(edge.importer), -1)
        and {room(edge.importer), room(edge.imported)} - set(FLOORS[FLOOR_OF.get(room(edge.importer), 0)])
    )


def writers(edges: set[Import]) -> list[str]:
    """Imports of writers by what answers questions."""
    forbidden = {f"{PACKAGE}.{name}" for name in WRITERS}
    return sorted(
        f"{edge.importer}:{edge.line} imports {edge.imported}"
        for edge in edges
        if room(edge.importer) in READERS and edge.imported in forbidden
    )


@pytest.fixture(scope="module")
def edges() -> set[Import]:
    return graph.imports()


def test_the_rooms_listed_are_those_on_disk() -> None:
    on_disk = {room(module) for module in graph.modules()} - {PACKAGE, "dbt_like_sql"}
    assert set(FLOOR_OF) == on_disk


def test_the_map_lists_the_rooms_in_this_order() -> None:
    text = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text()
    table = text.partition("| room | owns |")[2].partition("\n\n")[0]
    listed = [re.findall(r"`(\w+)(?:/|\.py)`", row.split("|")[1]) for row in table.splitlines()[2:]]
    assert [set(rooms) for rooms in listed if rooms] == [set(floor) for floor in FLOORS]


def test_a_room_imports_only_rooms_above_it(edges: set[Import]) -> None:
    assert upward(edges) == []


def test_what_answers_questions_imports_no_writer(edges: set[Import]) -> None:
    assert writers(edges) == []


def test_no_new_circle_of_modules(edges: set[Import]) -> None:
    circles = {tuple(module.removeprefix(f"{PACKAGE}.") for module in circle) for circle in graph.cycles(edges)}
    assert circles <= KNOWN_CIRCLES, circles - KNOWN_CIRCLES


def test_only_some_rooms_know_dagster() -> None:
    knowing = {room(module) for module in graph.modules() if "dagster" in graph.third_party(module)}
    assert knowing <= set(DAGSTER_ROOMS)


def test_importing_the_definitions_loads_nothing_heavy() -> None:
    program = f"import sys, code_index_assets.definitions; print(sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("chunking.parse", "from .. import serve"),
        ("chunking.parse", "from ..assets import chain"),
        ("sources.git.source", "import code_index_assets.definitions"),
        ("embedding.space", "from .. import operations"),
        ("quality.gate", "import resources.code_index"),
        ("index.reader", "import importlib\nimportlib.import_module('code_index_assets.cli.main')"),
        ("index.reader", "def later():\n    from ..search import engine"),
        ("sources.git.source", "__import__('schedules.jobs')"),
        ("storage.layout", "from ..records import run_log"),
        ("tables", "if True:\n    from .sources.git.source import GitSource"),
        ("search.engine", "from importlib import import_module\nimport_module('..cli', __package__)"),
    ],
)
def test_a_forged_upward_import_is_refused(module: str, line: str) -> None:
    name = f"{PACKAGE}.{module}"
    if name not in graph.modules():
        name = next(
            known
            for known in graph.modules()
            if room(known) == module.split(".", maxsplit=1)[0] and known.count(".") > 1
        )
    forged = graph.imports(extra={name: f"{graph.modules()[name].read_text()}\n{line}\n"})
    assert any(found.startswith(f"{name}:") for found in upward(forged))


@pytest.mark.parametrize("line", ["from ..index import publish", "from ..index.publish import publish"])
def test_a_forged_import_of_a_writer_is_refused(line: str) -> None:
    name = f"{PACKAGE}.search.engine"
    forged = graph.imports(extra={name: f"{graph.modules()[name].read_text()}\n{line}\n"})
    assert writers(forged)
