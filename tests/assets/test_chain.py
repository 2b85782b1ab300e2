"""The chain through Dagster: from a repository to a publication, again and incrementally."""

from __future__ import annotations

from collections.abc import Callable

from chains import DagsterChain, GitRepository, failure

SMALL: dict[str, str | bytes] = {
    "src/app.py": 'def greet(name):\n    """Says hello."""\n    return f"hello {name}"\n\n\nclass Engine:\n    def start(self):\n        return greet("engine")\n',
    "src/other.py": "def unrelated():\n    return 42\n",
    "README.md": "# Title\n\nWhat this is.\n",
    "image.png": b"\x89PNG\x00\x00\x00binary",
}


def test_a_repository_becomes_searchable(chain: DagsterChain, repository: GitRepository) -> None:
    commit = repository.commit(SMALL)
    chain.register(repository.path, "small")

    result = chain.index("small")

    files = chain.facts(result, "file_hashes")
    assert (files["files"], files["kept"], files["left_out"]) == (4, 3, {"binary": 1})
    points = chain.published()
    assert {str(p["path"]) for p in points.values()} == {"src/app.py", "src/other.py", "README.md"}
    receipt = chain.snapshot().receipts["small"]
    assert receipt.commit == commit
    assert receipt.coverage["kept"] == 3
    assert set(result.checks) == {"chunks_sound", "vectors_sound", "files_covered", "no_secrets", "plausible"}
    assert all(result.checks.values())


def test_an_unchanged_repository_reuses_everything(chain: DagsterChain, repository: GitRepository) -> None:
    repository.commit(SMALL)
    chain.register(repository.path, "small")
    chain.index("small")
    first = chain.snapshot().manifest.name

    again = chain.index("small")

    for asset in ("repository", "file_hashes", "chunks", "embeddings", "index_quality", "search_index"):
        assert chain.facts(again, asset)["outcome"] == "reused", asset
    assert chain.snapshot().manifest.name == first


def test_what_plays_another_role_is_published_again(
    chain: DagsterChain, repository: GitRepository, make_chain: Callable[..., DagsterChain]
) -> None:
    repository.commit(SMALL)
    chain.register(repository.path, "small")
    chain.index("small")

    repository.commit({".gitattributes": "src/other.py linguist-documentation\n"})
    result = chain.index("small")

    assert chain.facts(result, "embeddings")["computed"] == 1, ".gitattributes alone"
    assert {str(p["path"]): p["role"] for p in chain.published().values() if str(p["path"]).startswith("src/")} == {
        "src/app.py": "source",
        "src/other.py": "docs",
    }
    scratch = make_chain("scratch")
    scratch.register(repository.path, "small")
    scratch.index("small")
    assert scratch.published() == chain.published()


def test_a_change_costs_only_itself(chain: DagsterChain, repository: GitRepository) -> None:
    repository.commit(SMALL)
    chain.register(repository.path, "small")
    chain.index("small")

    repository.commit({"src/other.py": "def unrelated():\n    return 43\n"})
    result = chain.index("small")

    assert chain.facts(result, "file_hashes")["changes"]["changed"] == 1
    assert chain.facts(result, "chunks")["parsed_files"] == 1
    assert chain.facts(result, "embeddings")["computed"] == 1
    published = chain.facts(result, "search_index")
    assert (published["written"], published["removed"]) == (1, 1)
    assert any("return 43" in str(p["text"]) for p in chain.published().values())


def test_a_rename_and_a_copy_embed_nothing(chain: DagsterChain, repository: GitRepository) -> None:
    repository.commit(SMALL)
    chain.register(repository.path, "small")
    chain.index("small")

    repository.commit({"src/other.py": None, "lib/moved.py": SMALL["src/other.py"], "copy/app.py": SMALL["src/app.py"]})
    result = chain.index("small")

    assert chain.facts(result, "embeddings")["computed"] == 0
    paths = {str(p["path"]) for p in chain.published().values()}
    assert {"lib/moved.py", "copy/app.py"} <= paths
    assert "src/other.py" not in paths


def test_steps_materialized_one_by_one_give_the_same(
    chain: DagsterChain, repository: GitRepository, make_chain: Callable[..., DagsterChain]
) -> None:
    repository.commit(SMALL)
    chain.register(repository.path, "small")
    chain.index("small")
    single = make_chain("single")
    single.register(repository.path, "small")

    for asset in ("repository", "file_hashes", "chunks", "embeddings", "index_quality", "search_index"):
        result = single.run("small", asset)
        assert result.success, failure(result)

    assert single.published() == chain.published()


def test_an_unregistered_partition_is_a_clear_failure(chain: DagsterChain) -> None:
    chain.instance.add_dynamic_partitions("repositories", ["nobody/nothing"])
    result = chain.run("nobody/nothing")
    assert not result.success
    assert "no repository is named 'nobody/nothing'" in failure(result)


def test_nothing_kept_is_said_with_the_reasons(chain: DagsterChain, repository: GitRepository) -> None:
    repository.commit({"a.png": b"\x89PNG\x00\x00"})
    chain.register(repository.path, "pictures")
    result = chain.run("pictures")
    assert not result.success
    assert "1 binary" in failure(result)
