"""The chain's steps without Dagster: for tests of interleavings and kills, where each run is many small pieces.

As a script it runs the whole chain of a partition in a process of its own and kills it (`SIGKILL`) at the n-th change
of the file system below the data folder; with n = 0 it runs through and prints how many changes there were.
Arguments: data folder, key, n.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from code_index_assets.chain.run import ChainRun, StepResult
from code_index_assets.progress import Stages
from code_index_assets.settings import Settings
from code_index_assets.storage.layout import Layout

WATCHED = {"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "open"}


def settings_of(data: Path, **options: str) -> Settings:
    return Settings.model_validate({"data": data, "model": "test", **options})


def step(settings: Settings, key: str, run_id: str, number: int) -> StepResult:
    """Runs the step of that number (0 to 5) of a run, under the partition's lock as the assets do."""
    from code_index_assets.chain.chunk import chunk_files
    from code_index_assets.chain.embed import embed_chunks
    from code_index_assets.chain.judge import judge_partition
    from code_index_assets.chain.observe import observe_repository
    from code_index_assets.chain.publish import publish_partition
    from code_index_assets.chain.select import hash_files

    context = ChainRun(key, run_id, Layout(settings.data).create(), settings, Stages())
    steps = (
        observe_repository,
        hash_files,
        chunk_files,
        embed_chunks,
        lambda step: judge_partition(step)[0],
        publish_partition,
    )
    with context.layout.lock(f"partition-{key}", timeout=60):
        return steps[number](context)


def run(settings: Settings, key: str, run_id: str) -> list[StepResult]:
    return [step(settings, key, run_id, number) for number in range(6)]


def main() -> None:
    data, key, fatal = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    count = 0

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if event not in WATCHED or (event == "open" and not _writes(arguments)):
            return
        if not any(str(argument).startswith(str(data)) for argument in arguments[:2]):
            return
        count += 1
        if count == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    run(settings_of(data), key, f"killed-{fatal}")
    print(count)


def _writes(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


if __name__ == "__main__":
    main()
