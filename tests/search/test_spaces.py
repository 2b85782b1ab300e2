"""A new model beside the old: its index is built from the stored chunks, compared, switched to, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from chains import Chain, GitRepository
from click.testing import CliRunner, Result
from embedding_server import EmbeddingServer
from steps_alone import run as run_steps

from code_index_assets.cli.main import cli
from code_index_assets.embedding.loading import space_of
from code_index_assets.errors import ConfigurationError, NotIndexedError, SpaceMismatchError
from code_index_assets.index.published import PublishedIndex
from code_index_assets.search.engine import SearchRequest
from code_index_assets.search.service import open_engine
from code_index_assets.settings import Settings


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    server = EmbeddingServer("openai", dimension=48, key=None)
    yield server
    server.close()


class Beside:
    """A data folder with two repositories, and settings of two models for it."""

    def __init__(self, chain: Chain, folder: Path, server: EmbeddingServer) -> None:
        self.chain, self.layout = chain, chain.layout
        self.repositories = {name: GitRepository(folder / name) for name in ("one", "two")}
        for name, repository in self.repositories.items():
            repository.commit(
                {
                    f"{name}{n}.py": f'def {name}_{n}():\n    """Adds up what {name} needs for part number {n}."""\n    return {n}\n'
                    for n in range(5)
                }
            )
            chain.register(f"file://{repository.path}", name)
        self.old = Settings.model_validate({"data": chain.data, "model": "test"})
        self.new = Settings.model_validate({"data": chain.data, "model": "openai:other", "embedding_url": server.url})
        self.auto = Settings.model_validate({"data": chain.data})
        self.runs = 0

    def index(self, settings: Settings, *names: str) -> None:
        for name in names:
            self.runs += 1
            run_steps(settings, name, f"run{self.runs}")

    def space(self, settings: Settings) -> str:
        return space_of(settings, self.layout).id

    def searched(self) -> str:
        """The space a search without any setting is answered in; its semantic lane must have run."""
        answer = open_engine(self.auto, self.layout).search(SearchRequest("what one needs"))
        assert answer.lanes["semantic"].state == "ran"
        return answer.space


@pytest.fixture
def beside(chain: Chain, tmp_path: Path, server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch) -> Beside:
    monkeypatch.setenv("CODE_INDEX_DATA", str(chain.data))
    return Beside(chain, tmp_path, server)


def call(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), standalone_mode=False)


def test_the_old_space_serves_until_it_is_switched(beside: Beside, server: EmbeddingServer) -> None:
    beside.index(beside.old, "one", "two")
    old, new = beside.space(beside.old), beside.space(beside.new)
    engine = open_engine(beside.auto, beside.layout)
    assert engine.search(SearchRequest("what one needs")).space == old
    chunks = {path: path.stat().st_mtime_ns for path in (beside.chain.data / "chunks").rglob("*.parquet")}

    beside.index(beside.new, "one")
    assert chunks == {path: path.stat().st_mtime_ns for path in (beside.chain.data / "chunks").rglob("*.parquet")}
    assert beside.searched() == old
    tried = call("search", "--space", new, "--json", "what one needs")
    assert json.loads(tried.output)["space"] == new
    refused = call("use", new)
    assert isinstance(refused.exception, NotIndexedError) and "two" in str(refused.exception)
    assert beside.searched() == old

    beside.index(beside.new, "two")
    assert [row["state"] for row in json.loads(call("spaces", "--json").output)["spaces"]] == ["serving", "beside"]
    assert call("use", "openai:other").exception is None
    assert beside.searched() == new
    assert engine.search(SearchRequest("what one needs")).space == new  # a running server follows

    # Runs without a model set follow the switch.
    beside.repositories["one"].commit({"fresh.py": "def fresh():\n    return 'fresh'\n"})
    paid = len(server.paid)
    beside.index(beside.auto, "one")
    assert len(server.paid) == paid + 1
    assert beside.searched() == new

    late = call("use", "--back")
    assert isinstance(late.exception, NotIndexedError) and "older commit" in str(late.exception)
    assert call("use", "--back", "--partly").exception is None
    assert beside.searched() == old == PublishedIndex(beside.layout).serving

    assert "searches use" in str(call("spaces", "--remove", old).exception)
    removed = call("spaces", "--remove", new)
    assert removed.exception is None and new not in removed.output
    assert beside.searched() == old
    assert not beside.layout.index(new).exists() and beside.layout.vectors(new).exists()
    paid = len(server.paid)
    beside.index(beside.new, "two")
    assert len(server.paid) == paid  # what was paid for is still there


def test_two_spaces_are_compared(beside: Beside) -> None:
    beside.index(beside.old, "one", "two")
    beside.index(beside.new, "one")
    old, new = beside.space(beside.old), beside.space(beside.new)
    result = json.loads(call("compare", new, "--json", "--lane", "semantic").output)
    assert result["repositories"] == ["one"] and result["only_in_one"] == ["two"]
    assert result["questions"] >= 4
    assert [score["space"] for score in result["scores"]] == [old, new]
    assert all(score["mrr"] > 0 and score["found"] > 0 for score in result["scores"])
    assert 0 <= result["overlap"] <= 1 and 0 <= result["same_first"] <= 1
    with_itself = call("compare", old, old).exception
    assert isinstance(with_itself, ConfigurationError) and "itself" in str(with_itself)
    assert "MRR" in call("compare", new).output


def test_a_model_that_is_set_says_the_space_and_fails_loudly_where_nothing_is_published(beside: Beside) -> None:
    beside.index(beside.old, "one")
    with pytest.raises(SpaceMismatchError, match="CODE_INDEX_MODEL"):
        open_engine(beside.new, beside.layout).search(SearchRequest("anything"))
    beside.index(beside.new, "one")
    assert open_engine(beside.new, beside.layout).search(SearchRequest("anything")).space == beside.space(beside.new)
    assert beside.searched() == beside.space(beside.old)


def test_names_are_looked_up_in_the_space_that_serves(beside: Beside) -> None:
    beside.index(beside.old, "one", "two")
    beside.repositories["one"].commit({"only_new.py": "def only_in_the_new_space():\n    return 1\n"})
    beside.index(beside.new, "one", "two")
    # Published later, in a space that does not serve: neither searches nor names answer from it.
    # What serves is behind the commit that was seen: nothing found there proves nothing.
    assert call("symbol", "only_in_the_new_space").return_value == 5
    assert call("use", "openai:other").exception is None
    assert call("symbol", "only_in_the_new_space").return_value == 0
