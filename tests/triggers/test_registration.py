"""Partitions added in Dagster's UI: a registry entry, or nothing left behind."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import pytest
from chains import DagsterChain, GitRepository, failure
from click.testing import CliRunner

from code_index_assets.assets.instance import open_instance
from code_index_assets.assets.partitions import REPOSITORIES
from code_index_assets.cli.main import cli
from code_index_assets.operations.doctor.dagster import check_partitions
from code_index_assets.records.failures import failed_partitions
from code_index_assets.triggers.inbox import Inbox
from resources.code_index import CodeIndexResource
from schedules import registration


@pytest.fixture
def chain(dagster_chain: DagsterChain) -> DagsterChain:
    return dagster_chain


def partitions(chain: DagsterChain) -> list[str]:
    return list(chain.instance.get_dynamic_partitions(REPOSITORIES))


def resource(chain: DagsterChain) -> CodeIndexResource:
    return CodeIndexResource(overrides={"data": str(chain.data), "model": "test", **chain.options})


def tick(chain: DagsterChain, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=chain.instance, cursor=cursor, resources={"code_index": resource(chain)})
    result = registration.partitions_added(context)
    assert isinstance(result, dg.SensorResult)
    return result


def decide(chain: DagsterChain, request: dg.RunRequest) -> bool:
    done = registration.register_partition.execute_in_process(
        run_config=request.run_config,
        instance=chain.instance,
        resources={"code_index": resource(chain)},
        raise_on_error=False,
    )
    return bool(done.success)


def add(chain: DagsterChain, key: str) -> None:
    chain.instance.add_dynamic_partitions(REPOSITORIES, [key])


def events(chain: DagsterChain) -> list[str]:
    return [event.key for event in Inbox(chain.layout).pending(10)[0]]


@pytest.mark.parametrize("spelling", ["url", "path"])
def test_a_place_becomes_an_entry_a_partition_of_its_name_and_a_run(
    chain: DagsterChain, repository: GitRepository, spelling: str
) -> None:
    repository.commit({"a.py": "x = 1\n"})
    key = repository.path.as_uri() if spelling == "url" else str(repository.path)
    add(chain, key)
    first = tick(chain)
    [request] = first.run_requests or []
    assert not tick(chain, first.cursor).run_requests, "asked once"
    assert decide(chain, request)
    [entry] = chain.registry.entries
    assert partitions(chain) == [entry.name] == events(chain)
    assert not tick(chain, first.cursor).run_requests
    add(chain, key)  # once more: it is known, and only leads to its run again
    [request] = tick(chain).run_requests or []
    assert decide(chain, request)
    assert (partitions(chain), chain.registry.names) == ([entry.name], [entry.name])


def test_a_run_started_on_it_at_once_ends_well_and_the_other_partition_is_indexed(
    chain: DagsterChain, repository: GitRepository
) -> None:
    repository.commit({"a.py": "x = 1\n"})
    key = repository.path.as_uri()
    add(chain, key)
    result = chain.run(key)
    assert result.success, failure(result)
    assert result.materialized == {}
    [name] = partitions(chain)
    assert events(chain) == [name] == chain.registry.names
    assert chain.index(name).success


@pytest.mark.parametrize(
    "key", ["file:///nowhere/at/all.git", "/nowhere/at/all", "nobody/nothing", "ftp://x/y", "a|b", "x@"]
)
@pytest.mark.parametrize("how", ["sensor", "run"])
def test_what_cannot_be_is_refused_and_leaves_nothing(chain: DagsterChain, key: str, how: str) -> None:
    add(chain, key)
    if how == "sensor":
        [request] = tick(chain).run_requests or []
        assert not decide(chain, request)
    else:
        assert not chain.run(key).success
    assert (partitions(chain), chain.registry.names, events(chain), failed_partitions(chain.layout)) == ([], [], [], [])
    assert not chain.layout.keys("repository")


def test_a_name_is_looked_up_where_the_setting_says(chain: DagsterChain, tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "host" / "acme" / "shop")
    repository.commit({"a.py": "x = 1\n"})
    chain.options["register_host"] = (tmp_path / "host").as_uri()
    add(chain, "acme/shop")
    [request] = tick(chain).run_requests or []
    assert decide(chain, request)
    assert (partitions(chain), chain.registry.names) == (["acme/shop"], ["acme/shop"])
    assert events(chain) == [], "the partition is the same: the run that a person starts on it indexes it"
    assert chain.index("acme/shop").success


def test_what_left_the_registry_but_is_stored_is_not_refused(chain: DagsterChain, repository: GitRepository) -> None:
    repository.commit({"a.py": "x = 1\n"})
    chain.register(repository.path, "one")
    chain.index("one")
    chain.registry.remove("one")
    assert not tick(chain).run_requests
    assert partitions(chain) == ["one"]


STRAYS = ["https://example.org/a/b.git", "git@example.org:a/b.git", "a,b", "nobody/nothing"]


@pytest.mark.parametrize("how", ["remove", "prune", "doctor"])
def test_every_way_out_takes_stray_partitions(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from code_index_assets.settings import load_settings
    from code_index_assets.storage.layout import Layout

    monkeypatch.setenv("CODE_INDEX_DATA", str(tmp_path / "data"))
    layout = Layout(tmp_path / "data").create()
    with open_instance(layout) as instance:
        instance.add_dynamic_partitions(REPOSITORIES, STRAYS)
    os.environ.pop("DAGSTER_HOME", None)
    found = [finding.what for finding in check_partitions(layout, load_settings())]
    assert len(found) == len(STRAYS)
    runner = CliRunner()
    commands = {
        "remove": [["remove", key] for key in STRAYS],
        "prune": [["prune", "--retired"]],
        "doctor": [["repair", "dagster"]],
    }
    for command in commands[how]:
        result = runner.invoke(cli, command)
        assert result.exit_code == 0, (command, result.output)
    assert list(check_partitions(layout, load_settings())) == []
    with open_instance(layout) as instance:
        assert list(instance.get_dynamic_partitions(REPOSITORIES)) == []
