"""What the benchmarks of triggers share: synthetic repositories, the chain's steps timed in a warm process."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from code_index_assets.chain.chunk import chunk_files
from code_index_assets.chain.embed import embed_chunks
from code_index_assets.chain.judge import judge_partition
from code_index_assets.chain.observe import observe_repository
from code_index_assets.chain.publish import publish_partition
from code_index_assets.chain.run import ChainRun
from code_index_assets.chain.select import hash_files
from code_index_assets.progress import Stages
from code_index_assets.settings import Settings
from code_index_assets.sources.registry import Registry
from code_index_assets.storage.layout import Layout

STEPS = {
    "repository": observe_repository,
    "file_hashes": hash_files,
    "chunks": chunk_files,
    "embeddings": embed_chunks,
    "index_quality": lambda step: judge_partition(step)[0],
    "search_index": publish_partition,
}


def git(folder: Path, *arguments: str, stdin: bytes | None = None) -> str:
    identity = {"GIT_AUTHOR_NAME": "B", "GIT_AUTHOR_EMAIL": "b@example.org", "GIT_COMMITTER_NAME": "B",
                "GIT_COMMITTER_EMAIL": "b@example.org", "GIT_CONFIG_GLOBAL": "/dev/null"}  # fmt: skip
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], input=stdin, capture_output=True, check=True, env=os.environ | identity
    )
    return done.stdout.decode().strip()


def synthetic(folder: Path, files: int) -> Path:
    """A repository of so many Python files of about 40 lines in folders of 100, one commit."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for number in range(files):
        write(folder, number, 0)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def write(folder: Path, number: int, version: int) -> None:
    path = folder / f"pkg{number // 100:04d}" / f"module{number:06d}.py"
    path.parent.mkdir(exist_ok=True)
    functions = "\n\n".join(
        f'def compute_{number}_{part}(first, second):\n    """Adds what {number} needs for part {part}."""\n'
        f"    total = first * {number} + second\n    for item in range(total):\n        total += item % {part + 2}\n"
        f"    return total + {version if part == 0 else 0}\n"
        for part in range(5)
    )
    path.write_text(f"import os\nimport sys\n\n\n{functions}\n")


def run(settings: Settings, key: str, name: str) -> tuple[dict[str, float], dict[str, dict[str, object]]]:
    """One run of the chain: wall seconds by step, and facts by step."""
    seconds: dict[str, float] = {}
    facts: dict[str, dict[str, object]] = {}
    for asset, step in STEPS.items():
        context = ChainRun(key, name, Layout(settings.data).create(), settings, Stages())
        started = time.perf_counter()
        result = step(context)
        seconds[asset] = time.perf_counter() - started
        stages = {stage.name: round(stage.seconds, 3) for stage in context.stages.done}
        facts[asset] = {"outcome": result.outcome, **result.info, "stages": stages}
    return seconds, facts


def register(settings: Settings, place: Path, name: str) -> None:
    Registry.load(settings.registry_file, Layout(settings.data).create()).add(str(place), name=name)
