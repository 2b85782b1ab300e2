"""kill -9 in every stage, then an ordinary run: the same result as undisturbed, and nothing flushed is embedded again."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from chains import Chain, GitRepository

SUPPORT = Path(__file__).parents[1] / "support"
CODE = {f"pkg/m{i}.py": f"def function_{i}(a, b):\n    return a * {i} + b\n" for i in range(600)}

# Runs the chain and kills its own process at the given point.
VICTIM = """
import os, signal, sys
sys.path.insert(0, {support!r})
from pathlib import Path
from chains import Chain

def die():
    os.kill(os.getpid(), signal.SIGKILL)

point = {point!r}
from code_index_assets.storage.artifacts import ArtifactWriter
from code_index_assets.embedding.cache.vectors import VectorCache
from code_index_assets.index.manifest import PublicationStore
write, put, move = ArtifactWriter.write, VectorCache.put, PublicationStore.move
puts = 0

def killing_write(self, table, bucket, frame):
    part = write(self, table, bucket, frame)
    if table == point:
        die()
    return part

def killing_put(self, keys, vectors):
    global puts
    put(self, keys, vectors)
    puts += 1
    with open({flushed!r}, "a") as log:
        log.write("x" * len(keys))
    if point == "flush" and puts == 2:
        die()

def killing_move(self, expected, new):
    if point == "before pointer":
        die()
    moved = move(self, expected, new)
    if point == "after pointer":
        die()
    return moved

ArtifactWriter.write, VectorCache.put, PublicationStore.move = killing_write, killing_put, killing_move
Chain(Path({data!r})).run("code")
"""

POINTS = ("entries", "files", "chunks", "flush", "embeddings", "profile", "before pointer", "after pointer")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[GitRepository, dict[str, dict[str, object]]]:
    """A repository, and what a run that nothing disturbs publishes of it."""
    home = tmp_path_factory.mktemp("undisturbed")
    repository = GitRepository(home / "work")
    repository.commit(CODE)
    chain = Chain(home / "data")
    chain.index(chain.register(repository.path, "code"))
    return repository, chain.published()


# Some seconds each: those that differ most run always, all of them with `make test-slow`.
ALWAYS = {"chunks", "flush", "profile", "before pointer", "after pointer"}


@pytest.mark.parametrize(
    "point", [pytest.param(point, marks=() if point in ALWAYS else pytest.mark.slow) for point in POINTS]
)
def test_a_killed_run_is_finished_by_the_next(
    chain: Chain, undisturbed: tuple[GitRepository, dict[str, dict[str, object]]], point: str
) -> None:
    repository, expected = undisturbed
    chain.register(repository.path, "code")
    flushed = chain.data.parent / "flushed"
    script = VICTIM.format(support=str(SUPPORT), point=point, data=str(chain.data), flushed=str(flushed))

    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False, cwd=SUPPORT.parents[1])
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]

    result = chain.index("code")
    computed = chain.facts(result, "embeddings")["computed"]
    kept = flushed.stat().st_size if flushed.exists() else 0
    assert computed == (600 - kept if point in ("entries", "files", "chunks", "flush", "embeddings") else 0)
    assert point in ("entries", "files", "chunks") or kept > 0
    assert chain.published() == expected
    assert chain.layout.remove_leftovers() >= 0
    assert not list((chain.data / "tmp").iterdir())
