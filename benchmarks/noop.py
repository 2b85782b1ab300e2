"""What it costs when nothing happens: sensor ticks and the nightly schedule with thousands of repositories.

    python -m benchmarks.noop [--repositories 5000] [--due 0.01]

(A run of the chain without changes is measured by `benchmarks.incremental`.)
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import dagster as dg

from benchmarks.chain_steps import register, run, synthetic
from code_index_assets.index.manifest import PublicationStore
from code_index_assets.index.published import PublishedIndex
from code_index_assets.settings import Settings
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.layout import Layout
from code_index_assets.triggers.heads import Polled, save_heads
from resources.code_index import CodeIndexResource
from schedules.nightly import nightly_rebuild
from schedules.sensors import catalog_follows, inbox_events, repository_polls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repositories", type=int, default=5000)
    parser.add_argument("--due", type=float, default=0.01)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, dg.instance_for_test() as instance:
        settings = Settings.model_validate({"data": Path(folder) / "data", "model": "static"})
        fill(settings, Path(folder), options.repositories, options.due)
        resources = {"code_index": CodeIndexResource(overrides={"data": str(settings.data), "model": "static"})}
        now = str(time.time())

        def sensor(definition: Callable, cursor: str | None = None) -> Callable[[], object]:
            return lambda: definition(dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources))

        def nightly() -> object:
            return nightly_rebuild(
                dg.build_schedule_context(
                    instance=instance, scheduled_execution_time=datetime(2030, 1, 1), resources=resources
                )
            )

        measure("sensor inbox_events, no event", sensor(inbox_events))
        measure("sensor repository_polls, not time yet", sensor(repository_polls, now))
        measure("sensor catalog_follows", sensor(catalog_follows))
        due = measure(f"schedule nightly_rebuild, {options.due:.0%} due", nightly)
        print(f"{len(due)} of {options.repositories} due")


def fill(settings: Settings, root: Path, count: int, due: float) -> None:
    """One real repository, and receipts, heads and registry entries of as many as asked, made after it."""
    from dataclasses import replace

    layout = Layout(settings.data).create()
    register(settings, synthetic(root / "real", 5), "real")
    run(settings, "real", "real")
    store = PublicationStore(layout, PublishedIndex(layout).spaces[0])
    base = store.current()
    names = [f"group/repository{number:05d}" for number in range(count)]
    receipts = {name: replace(base.receipts["real"], key=name, repository=name) for name in names}
    store.move(base, replace(store.successor(base, base.dimension), receipts=receipts))
    commit = base.receipts["real"].commit
    moved = set(names[:: max(1, round(1 / due))])
    heads = {name: Polled({name: "f" * 40 if name in moved else commit}) for name in names}
    save_heads(layout, heads)
    lines = [f'[[repository]]\nname = "{name}"\nurl = "https://git.example.org/{name}"\n' for name in names]
    settings.registry_file.write_text("\n".join(lines))
    assert len(Registry.load(settings.registry_file, layout).entries) == count


def measure(name: str, call: Callable[[], object], times: int = 5) -> object:
    walls, processor = [], []
    for _ in range(times):
        wall, used = time.perf_counter(), time.process_time()
        result = call()
        walls.append(time.perf_counter() - wall)
        processor.append(time.process_time() - used)
    print(f"{name:<44} {statistics.median(walls):7.3f} s   CPU {statistics.median(processor):7.3f} s", flush=True)
    return result


if __name__ == "__main__":
    main()
