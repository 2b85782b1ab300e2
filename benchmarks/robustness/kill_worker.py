"""One operation in a process of its own, killed (`SIGKILL`) at the n-th change of the file system below the data folder.

With n = 0 it runs through. Prints how many changes there were. Arguments: data folder, operation, key, n.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from code_index_assets.chain.run import ChainRun
from code_index_assets.progress import Stages
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

WATCHED = {"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "open"}


class Killer:
    """Counts changes from `armed` on, and ends the process at the fatal one."""

    def __init__(self, data: Path, fatal: int) -> None:
        self.data, self.fatal, self.count, self.armed = str(data), fatal, 0, False

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.armed or event not in WATCHED or (event == "open" and not _writes(arguments)):
            return
        if not any(str(argument).startswith(self.data) for argument in arguments[:2]):
            return
        self.count += 1
        if self.count == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)


def _writes(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def run_steps(settings: Settings, key: str, before_last: Callable[[], None] = lambda: None) -> None:
    """The chain of a partition without Dagster, under the partition's lock as the assets do."""
    from code_index_assets.chain.chunk import chunk_files
    from code_index_assets.chain.embed import embed_chunks
    from code_index_assets.chain.judge import judge_partition
    from code_index_assets.chain.observe import observe_repository
    from code_index_assets.chain.publish import publish_partition
    from code_index_assets.chain.select import hash_files

    context = ChainRun(key, f"kill-{os.getpid()}", Layout(settings.data).create(), settings, Stages())
    with context.layout.lock(f"partition-{key}", timeout=60):
        observe_repository(context)
        hash_files(context)
        chunk_files(context)
        embed_chunks(context)
        judge_partition(context)
        before_last()
        publish_partition(context)


def prune(settings: Settings) -> None:
    from code_index_assets.cli.upkeep import prune_index
    from code_index_assets.index.generations import Retention
    from code_index_assets.operations.retention import remove_unnamed

    layout = Layout(settings.data)
    layout.remove_leftovers()
    prune_index(layout, settings, Retention(2, 0.0))
    remove_unnamed(layout)


def roll_back(settings: Settings, key: str) -> None:
    from code_index_assets.embedding.loading import space_of
    from code_index_assets.index.backends.choice import make_backend
    from code_index_assets.index.maintenance import rollback
    from code_index_assets.quality.gate import verdict_on
    from code_index_assets.quality.permit import issue_permit
    from code_index_assets.storage.artifacts import ArtifactStore

    layout = Layout(settings.data)
    space = space_of(settings, layout)
    store = ArtifactStore(layout)
    rollback(
        key,
        lambda receipt: issue_permit(
            verdict_on(store, key, space.id, receipt.subject), key=key, suite=receipt.suite
        ),
        make_backend(layout, settings, space.id, space.dimension),
        layout,
        space.id,
    )  # fmt: skip


def main() -> None:
    data, operation, key, fatal = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    settings = Settings.model_validate({"data": data, "model": "test", "shard_points": 100})
    killer = Killer(data, fatal)
    sys.addaudithook(killer)

    def arm() -> None:
        killer.armed = True

    if operation != "publish":
        arm()
    if operation == "index":
        run_steps(settings, key)
    elif operation == "publish":
        run_steps(settings, key, arm)
    elif operation == "prune":
        prune(settings)
    elif operation == "rollback":
        roll_back(settings, key)
    elif operation == "catalogue":
        from code_index_assets.analytics.catalog import build_catalog

        build_catalog(Layout(data), settings, Stages(), full=fatal % 2 == 0)
    else:  # a command: "remove", "purge"
        os.environ |= {"CODE_INDEX_DATA": str(data), "CODE_INDEX_MODEL": "test", "CODE_INDEX_SHARD_POINTS": "100"}
        from code_index_assets.cli.main import cli

        more = ["m0.py", "--yes"] if operation == "purge" else []
        cli.main([operation, key, *more], standalone_mode=False)
    print(killer.count)


if __name__ == "__main__":
    main()
