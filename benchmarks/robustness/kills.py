"""Kill -9 at random moments of every operation that writes: nothing is lost, and what comes after equals a fresh build.

    python -m benchmarks.robustness.kills [--kills 200] [--seed 1] [--round 10]

A kill is at a random change of the file system below the data folder. After each, what is published is compared with its
receipts, point by point; after a round of kills the same operations run through, and ids, payloads and vectors must equal
those of a data folder made from nothing. Prints a line a round.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from code_index_assets.embedding.loading import space_of
from code_index_assets.errors import CodeIndexError
from code_index_assets.index.backends.choice import make_backend
from code_index_assets.index.manifest import PublicationStore
from code_index_assets.index.rebuild import index_damage
from code_index_assets.index.verify import verify
from code_index_assets.settings import Settings
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.layout import Layout

from .kill_worker import run_steps

ROOT = Path(__file__).parents[2]
# How often each is chosen, and the key it works on. Commands that load Dagster take ten times as long.
OPERATIONS = {"index": 40, "publish": 40, "rollback": 15, "prune": 15, "catalogue": 15, "remove": 4, "purge": 3}
KEYS = ("killed", "other")


class World:
    """Two repositories and a data folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "data"
        self.settings = Settings.model_validate({"data": self.data, "model": "test", "shard_points": 100})
        self.layout = Layout(self.data).create()
        self.commits = 0
        for key in KEYS:
            (home / key).mkdir()
            self.git(key, "init", "-q", "-b", "main")
            for number in range(120):
                (home / key / f"m{number}.py").write_text(f"def f{number}():\n    return {number}\n")
            self.commit(key)
            self.register(self.layout, key)
            run_steps(self.settings, key)

    def git(self, key: str, *arguments: str) -> None:
        options = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *options, *arguments], cwd=self.home / key, check=True, capture_output=True)

    def commit(self, key: str) -> None:
        self.commits += 1
        folder = self.home / key
        (folder / f"m{self.commits % 7}.py").write_text(f"def g():\n    return {self.commits}\n")
        (folder / f"new{self.commits}.py").write_text(f"x{self.commits} = {self.commits}\n")
        self.git(key, "add", "-A")
        self.git(key, "commit", "-q", "-m", "change")

    def register(self, layout: Layout, key: str) -> None:
        registry = Registry.load(layout.root / "repositories.toml", layout)
        if key not in registry.names:
            registry.add(f"file://{self.home / key}", name=key)

    def operate(self, operation: str, key: str, fatal: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "benchmarks.robustness.kill_worker", self.data, operation, key, str(fatal)]
        return subprocess.run(
            [str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False,
            env=os.environ | {"DAGSTER_HOME": ""},
        )  # fmt: skip

    def published(self, data: Path | None = None) -> dict[str, Any]:
        """Ids with payloads and vectors of everything published."""
        layout = Layout(data or self.data)
        settings = self.settings.model_copy(update={"data": layout.root})
        space = space_of(settings, layout)
        manifest = PublicationStore(layout, space.id).current()
        assert manifest is not None
        backend = make_backend(layout, settings, space.id, space.dimension)
        view = backend.view(manifest)
        found: dict[str, Any] = {}
        for key, receipt in manifest.receipts.items():
            for shard in receipt.shards:
                ids = list(view.ids(shard, key))
                vectors = view.vectors(shard, ids)
                found |= {hit.id: (hit.payload, vectors[hit.id].tobytes()) for hit in view.get(shard, ids)}
        view.close()
        return found

    def problems(self) -> list[str]:
        """What is not as its receipts say, right after a kill."""
        store = PublicationStore(self.layout, space_of(self.settings, self.layout).id)
        manifest = store.current()
        if manifest is None:
            return ["nothing is published"]
        backend = make_backend(self.layout, self.settings, store.space, manifest.dimension)
        found = list(index_damage(backend, store, manifest).values())
        for key in manifest.receipts:
            found += verify(key, backend, self.layout, store.space, deep=True)
        return found

    def finish(self) -> None:
        """The same again, undisturbed."""
        self.layout.remove_leftovers()
        for key in KEYS:
            self.register(self.layout, key)
            run_steps(self.settings, key)

    def scratch(self) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=self.home) as folder:
            settings = self.settings.model_copy(update={"data": Path(folder)})
            layout = Layout(Path(folder)).create()
            (layout.root / "repositories.toml").write_bytes((self.data / "repositories.toml").read_bytes())
            for key in KEYS:
                run_steps(settings, key)
            return self.published(Path(folder))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--round", type=int, default=10)
    parser.add_argument("--operations", nargs="*", default=list(OPERATIONS))
    options = parser.parse_args()
    chance = random.Random(options.seed)
    kills: Counter[str] = Counter()
    wrong: list[str] = []
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="code-index-kills-") as folder:
        world = World(Path(folder))
        # How many changes an operation has: learnt from those that ended before their fatal one.
        lengths = dict.fromkeys(OPERATIONS, 120)
        rounds = 0
        while kills.total() < options.kills:
            rounds += 1
            for _ in range(options.round):
                operation = chance.choices(options.operations, [OPERATIONS[name] for name in options.operations])[0]
                key = chance.choice(KEYS)
                if operation in ("index", "publish"):
                    world.commit(key)
                fatal = chance.randint(1, lengths[operation])
                done = world.operate(operation, key, fatal)
                if done.returncode == -signal.SIGKILL:
                    kills[operation] += 1
                elif done.returncode == 0:
                    lengths[operation] = max(3, int(done.stdout.split()[-1]))
                elif "NotIndexedError" not in done.stderr and "no repository is named" not in done.stderr:
                    wrong.append(f"{operation} {key}: {done.stderr.strip()[-600:]}")
                try:
                    found = world.problems()
                except CodeIndexError as error:
                    found = [str(error)]
                wrong += [f"after {operation} {key} at {fatal}: {problem}" for problem in found]
            for name in KEYS:  # a removal that was cut off goes on
                if (world.data / "removals" / f"{name}.json").exists():
                    done = world.operate("remove", name, 0)
                    if done.returncode:
                        wrong.append(f"remove {name} again: {done.stderr.strip()[-600:]}")
            world.finish()
            same = world.published() == world.scratch()
            if not same:
                wrong.append(f"round {rounds}: the index is not that of a fresh build")
            told = ", ".join(f"{name} {count}" for name, count in sorted(kills.items()))
            print(
                f"round {rounds}: {kills.total()} kills ({told}), {'equal to' if same else 'NOT'} a fresh build, "
                f"{len(wrong)} faults, {time.perf_counter() - started:,.0f} s",
                flush=True,
            )
            for fault in wrong[-3:]:
                print(f"    {fault}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
