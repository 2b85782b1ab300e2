"""The weekly compaction: removes unreferenced data, and nothing else."""

from __future__ import annotations

import os
import time

from chains import Chain, GitRepository

from code_index_assets.analytics.history import make_history
from code_index_assets.embedding.cache.vectors import VectorCache, vectors_lock
from code_index_assets.operations.retention import (
    compact_everything,
    compact_vectors,
    remove_unnamed,
    vector_keys,
)
from code_index_assets.operations.retire import retire_partition


def aged(chain: Chain) -> None:
    """Makes everything on the disk older than any retention."""
    for path in chain.data.rglob("*"):
        if path.exists():
            os.utime(path, (time.time() - 90 * 86_400,) * 2)


def versions(chain: Chain, repository: GitRepository, count: int) -> None:
    chain.register(str(repository.path), "one") if "one" not in chain.registry.names else None
    for number in range(count):
        repository.commit({"a.py": f"def version_{number}():\n    return 'text {number}'\n", "b.py": "b = 1\n"})
        chain.index("one")


def test_old_states_go_and_what_is_published_stays(chain: Chain, repository: GitRepository) -> None:
    versions(chain, repository, 4)
    before = chain.published()
    space = chain.snapshot().space
    homes = [chain.layout.artifact_home("chunks", "one"), chain.layout.artifact_home("embeddings", "one", space)]
    assert all(len([p for p in home.iterdir() if p.is_dir()]) == 4 for home in homes)
    aged(chain)
    options = chain.settings.model_copy(update={"keep_seconds": 0.0, "spare_vectors": 0.0})
    report = compact_everything(chain.layout, options)
    assert report["artifacts"] > 0
    assert chain.published() == before
    # The current publication and the one before it are kept, with what they were made from.
    assert all(len([p for p in home.iterdir() if p.is_dir()]) == 2 for home in homes)
    assert chain.index("one").success
    cached = VectorCache(chain.layout.vectors(space), chain.snapshot().manifest.dimension).keys()
    assert cached == vector_keys(chain.layout, space)


def test_vectors_to_spare_and_a_cache_in_use_are_left(chain: Chain, repository: GitRepository) -> None:
    versions(chain, repository, 3)
    space = chain.snapshot().space
    aged(chain)
    compact_everything(chain.layout, chain.settings.model_copy(update={"keep_seconds": 0.0}))
    cache = VectorCache(chain.layout.vectors(space), chain.snapshot().manifest.dimension)
    assert len(cache.keys() - vector_keys(chain.layout, space)) == 1
    with chain.layout.lock(vectors_lock(space), shared=True):
        assert compact_vectors(chain.layout, space, 0.0) == 0
    assert compact_vectors(chain.layout, space, 0.0) == 1
    repository.commit({"a.py": "def version_9():\n    return 9\n"})
    chain.index("one")


def test_what_an_unfinished_run_was_made_from_stays(chain: Chain, repository: GitRepository) -> None:
    """The chunks of a run that stopped there are compared with the files they came from by the next one."""
    versions(chain, repository, 1)
    repository.commit({"a.py": "x = 2\n"})
    chain.run("one", "repository", "file_hashes", "chunks")
    repository.commit({"a.py": "x = 3\n"})
    chain.run("one", "repository", "file_hashes")
    aged(chain)
    remove_unnamed(chain.layout)
    repository.commit({"a.py": "x = 4\n"})
    chain.index("one")


def test_retiring_leaves_nothing_of_a_partition_in_any_store(chain: Chain, repository: GitRepository) -> None:
    versions(chain, repository, 1)
    commit = chain.snapshot().receipts["one"].commit
    make_history(chain.layout, "one", commit, 10, repository.path)
    assert chain.layout.artifact_home("history", "one").is_dir()
    retire_partition(chain.layout, chain.settings, "one")
    # The index keeps replaced publications for a while, to go back to; `code-index purge` does not wait.
    kept = ("locks", "run_log", "dagster", "index")
    stores = [path for path in chain.data.iterdir() if path.is_dir() and path.name not in kept]
    assert [path for store in stores for path in store.rglob("one") if path.is_dir()] == []
    assert "one" not in chain.snapshot().receipts
