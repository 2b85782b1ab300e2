"""The surface of the definitions: a snapshot, and what importing them must not load."""

from __future__ import annotations

import json
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import dagster as dg
import pytest

from code_index_assets.code_location import build_defs
from code_index_assets.errors import ConfigurationError

SNAPSHOT = Path(__file__).with_name("definitions.json")
ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "great_expectations", "sentence_transformers", "transformers", "qdrant_client", "voyageai", "pandas",
         "onnxruntime")  # fmt: skip


def surface() -> dict[str, object]:
    """Assets, checks, jobs, schedules and sensors as plain values."""
    defs = build_defs()
    graph = defs.resolve_asset_graph()
    assets = {}
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        assets[key.to_user_string()] = {
            "deps": sorted(parent.to_user_string() for parent in node.parent_keys),
            "group": node.group_name,
            "kinds": sorted(node.kinds),
            "owners": sorted(node.owners),
            "partitioned": node.partitions_def.name
            if isinstance(node.partitions_def, dg.DynamicPartitionsDefinition)
            else None,
            "runs_per_backfill": node.backfill_policy.max_partitions_per_run if node.backfill_policy else None,
            "pools": sorted(node.pools or ()),
            "columns": [c.name for c in schema.columns]
            if (schema := node.metadata.get("dagster/column_schema"))
            else [],
            "described": bool(node.description),
            "checks": sorted(
                f"{c.name}{' (blocking)' if graph.get_check_spec(c).blocking else ''}" for c in node.check_keys
            ),
        }
    return {
        "assets": assets,
        "jobs": sorted(job.name for job in defs.jobs or ()),
        "schedules": sorted(schedule.name for schedule in defs.schedules or ()),
        "sensors": sorted(sensor.name for sensor in defs.sensors or ()),
        "executor": getattr(defs.executor, "name", None),
    }


def test_the_surface_is_the_snapshot() -> None:
    """After a wanted change: python tests/assets/test_definitions.py writes the snapshot anew."""
    assert surface() == json.loads(SNAPSHOT.read_text())


def test_no_circle_of_groups_and_the_chain_alone_in_its_group() -> None:
    """The group graph of the UI draws one arrow for each pair of groups: a circle hides which comes first."""
    graph = build_defs().resolve_asset_graph()
    group = {key: graph.get(key).group_name for key in graph.get_all_asset_keys()}
    before: dict[str, set[str]] = {}
    for key, name in group.items():
        before.setdefault(name, set()).update(group[parent] for parent in graph.get(key).parent_keys)
    for name, parents in before.items():
        parents.discard(name)
    order = list(TopologicalSorter(before).static_order())  # raises CycleError
    assert order[0] == "code_index" and order[-1] == "catalog"
    chain = {key.to_user_string() for key, name in group.items() if name == "code_index"}
    assert chain == {"repository", "file_hashes", "chunks", "embeddings", "index_quality", "search_index"}
    catalog = {key.to_user_string() for key in graph.get(dg.AssetKey("catalog")).parent_keys}
    inner = {
        parent.to_user_string()
        for key in group
        if key != dg.AssetKey("catalog")
        for parent in graph.get(key).parent_keys
    }
    assert catalog and not catalog & inner and all(name.startswith("marts/") for name in catalog)


def test_everything_has_a_description() -> None:
    defs = build_defs()
    described = {
        one.name: one.description for one in (*(defs.jobs or ()), *(defs.schedules or ()), *(defs.sensors or ()))
    }
    assert [name for name, description in described.items() if not description] == []


def test_definitions_are_loadable() -> None:
    dg.Definitions.validate_loadable(build_defs())


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(' '.join(sorted(m.partition('.')[0] for m in sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_importing_the_definitions_loads_nothing_heavy() -> None:
    assert not loaded_by("import code_index_assets.definitions") & set(HEAVY)


def test_searching_needs_neither_dagster_nor_anything_heavy() -> None:
    code = "import code_index_assets.cli.search, code_index_assets.search.service, code_index_assets.search.render"
    assert not loaded_by(code) & {*HEAVY, "dagster", "polars", "duckdb"}


def test_rooms_do_not_know_dagster() -> None:
    rooms = ("sources", "chunking", "embedding", "quality", "index", "search", "serve", "analytics")
    for room in rooms:
        for path in (ROOT / "code_index_assets" / room).rglob("*.py"):
            text = path.read_text()
            assert "import dagster" not in text, path
            assert "from dagster" not in text, path


def test_top_level_packages_are_ours() -> None:
    import resources
    import schedules

    assert Path(resources.__file__).is_relative_to(ROOT)
    assert Path(schedules.__file__).is_relative_to(ROOT)


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(surface(), indent=1, sort_keys=True) + "\n")


@pytest.mark.parametrize(
    ("name", "value"),
    [("CODE_INDEX_PORT", "abc"), ("CODE_INDEX_NIGHTLY_CRON", "nonsense"), ("CODE_INDEX_TIMEZONE", "Nowhere/Else")],
)
def test_the_code_location_loads_with_a_setting_that_cannot_be_used_and_names_it(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from schedules.timing import load_timing

    monkeypatch.setenv(name, value)
    timing = load_timing()
    assert name in timing.problem and name in timing.described("Rebuilds.")
    assert timing.nightly == "0 3 * * *" or timing.nightly.count(" ") == 4
    with pytest.raises(ConfigurationError, match=name):
        timing.check()
