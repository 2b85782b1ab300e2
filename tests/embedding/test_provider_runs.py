"""Whole runs with a provider: what is bought is kept, counted and never bought twice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from chains import Chain, DagsterChain, GitRepository, failure
from embedding_server import KEY, EmbeddingServer

from code_index_assets.assets.partitions import add_partitions
from code_index_assets.chain.chunk import chunk_files
from code_index_assets.chain.embed import embed_chunks
from code_index_assets.chain.modes import EmbeddingStream, chunk_in_mode
from code_index_assets.chain.observe import observe_repository
from code_index_assets.chain.run import ChainRun, StepResult
from code_index_assets.chain.select import hash_files
from code_index_assets.embedding.loading import document_embedder
from code_index_assets.errors import BudgetError, ConfigurationError, EmbeddingError
from code_index_assets.progress import Stages
from code_index_assets.records.run_log import RunLog

ROOT = Path(__file__).parents[2]
FILES = {
    f"m{n}.py": f'def compute_{n}(first, second):\n    """Adds {n} to what is there."""\n    return first + second * {n}\n'
    for n in range(30)
}


@pytest.fixture
def voyage(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddingServer]:
    monkeypatch.setenv("VOYAGE_API_KEY", KEY)
    server = EmbeddingServer("voyage")
    yield server
    server.close()


@pytest.fixture
def bought(
    voyage: EmbeddingServer, make_chain: Callable[..., Chain], repository: GitRepository
) -> Callable[..., Chain]:
    """A chain that embeds with the server, on a repository of thirty files."""
    repository.commit(FILES)

    def make(name: str = "data", **options: str) -> Chain:
        options = {"model": "voyage", "embedding_url": voyage.url, "embedding_dimension": "64"} | options
        chain = make_chain(name, **options)
        chain.register(f"file://{repository.path}", "r")
        return chain

    return make


def embed(chain: Chain, run_id: str = "run") -> StepResult:
    """The steps up to the embeddings, without Dagster."""
    context = ChainRun("r", run_id, chain.layout, chain.settings, Stages())
    for step in (observe_repository, hash_files, chunk_files, embed_chunks):
        result = step(context)
    return result


def test_a_run_records_what_it_used_and_the_next_one_uses_nothing(
    voyage: EmbeddingServer, bought: Callable[..., Chain], repository: GitRepository
) -> None:
    chain = bought()
    result = embed(chain)
    usage = RunLog(chain.layout).of_run("run", "usage")
    used = sum(map(voyage.tokens, voyage.paid))
    assert sum(record["tokens"] for record in usage) == used
    assert sum(record["price_usd"] for record in usage) == pytest.approx(used * 0.18 / 1e6)
    assert {(r["partition"], r["model"]) for r in usage} == {("r", "voyage-code-3")}
    plan = result.info["plan"]
    assert result.info["usage"]["tokens"] == used
    assert plan["texts"] == len(voyage.paid) == result.info["computed"]
    assert plan["price_usd"] == pytest.approx(plan["tokens"] * 0.18 / 1e6, abs=1e-6)
    before = len(voyage.paid)
    repository.commit({"m0.py": "def changed():\n    return 0\n"})
    again = embed(chain, "again")
    assert len(voyage.paid) == before + 1 == before + again.info["computed"]
    assert max(Counter(voyage.paid).values()) == 1


def test_the_key_is_in_no_file_and_no_event(
    voyage: EmbeddingServer, bought: Callable[..., Chain], repository: GitRepository
) -> None:
    chain = bought()
    embed(chain)
    voyage.key = "another"
    repository.commit({"new.py": "def unseen():\n    return 1\n"})
    with dg.instance_for_test() as instance:
        through_dagster = DagsterChain(chain.data, chain.options, instance=instance)
        add_partitions(instance, ["r"])
        run = through_dagster.run("r", "repository", "file_hashes", "chunks", "embeddings")
        events = [str(record) for record in instance.all_logs(run.run_id)]
    assert not run.success
    assert "does not accept the key" in failure(run)
    for path in chain.data.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path
    assert events and not any(KEY in event for event in events)


def test_a_refused_text_stops_the_run_with_a_list_and_keeps_the_rest(
    voyage: EmbeddingServer, bought: Callable[..., Chain], repository: GitRepository
) -> None:
    repository.commit({"bad.py": "# POISON\ndef bad():\n    return 1\n"})
    chain = bought()
    with pytest.raises(EmbeddingError) as caught:
        embed(chain)
    assert "refuses 1 of r's chunks: bad.py:1-3" in caught.value.message
    assert 'exclude = ["bad.py"]' in caught.value.remedy
    assert not (chain.data / "embeddings").exists()
    paid = len(voyage.paid)
    assert paid == 30
    repository.commit({"bad.py": "def good():\n    return 1\n"})
    assert embed(chain, "again").outcome == "built"
    assert len(voyage.paid) == paid + 1


def test_a_budget_stops_the_run_before_it_spends(voyage: EmbeddingServer, bought: Callable[..., Chain]) -> None:
    chain = bought(budget_tokens="100")
    assert chain.settings.indexing_mode == "auto"
    with pytest.raises(BudgetError, match="may use 100 tokens"):
        embed(chain)
    assert voyage.paid == []
    with pytest.raises(ConfigurationError, match="no known price"):
        embed(bought("other", budget_usd="1", model="voyage:unknown"))


def test_a_budget_counts_what_the_run_used_before_it_failed(
    voyage: EmbeddingServer, bought: Callable[..., Chain], repository: GitRepository
) -> None:
    embed(bought("first"), "run")
    used = sum(map(voyage.tokens, voyage.paid))
    chain = bought("second", budget_tokens=str(int(used * 1.4)))
    embed(chain, "run")
    repository.commit(
        {f"more{n}.py": f"def more_{n}():\n    return {n} + first * 7 + second * {n}\n" for n in range(30)}
    )
    with pytest.raises(BudgetError, match=f"has used {used:,}"):
        embed(chain, "run")
    assert embed(chain, "another run").outcome == "built"


def test_a_provider_is_asked_while_files_are_parsed_and_nothing_is_asked_twice(
    voyage: EmbeddingServer,
    bought: Callable[..., Chain],
    repository: GitRepository,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stop = EmbeddingStream.stop

    def stop_after_the_first_answer(stream: EmbeddingStream) -> None:
        # Small files are parsed before the model is loaded: here parsing lasts until a first answer has come.
        deadline = time.monotonic() + 120
        while not stream.vectors.ahead and stream.failure is None and time.monotonic() < deadline:
            time.sleep(0.01)
        stop(stream)

    monkeypatch.setattr(EmbeddingStream, "stop", stop_after_the_first_answer)
    repository.commit({f"more{n}.py": f"def more_{n}():\n    return {n} + first * 7\n" for n in range(300)})
    chain = bought(embedding_in_flight="4")
    ahead = []
    run = ChainRun("r", "run", chain.layout, chain.settings, Stages())
    for step in (observe_repository, hash_files, chunk_in_mode, embed_chunks):
        run.begin(Stages())
        result = step(run)
        ahead += [stage for stage in run.stages.done if stage.name == "embed ahead"]
    assert ahead and ahead[0].items
    assert result.info["computed"] == 330 == len(voyage.paid) == len(set(voyage.paid))
    assert sum(r["tokens"] for r in RunLog(chain.layout).of_run("run", "usage")) == sum(map(voyage.tokens, voyage.paid))


def test_an_interrupted_embedder_hands_on_what_is_under_way(
    voyage: EmbeddingServer, bought: Callable[..., Chain]
) -> None:
    chain = bought()
    embedder = document_embedder(chain.settings, chain.layout)
    embedder._inputs = 2  # type: ignore[attr-defined]
    voyage.delay = 0.1
    done = []
    for part in embedder.embed_each([f"text {n}" for n in range(400)]):
        done += part.rows
        embedder.interrupt()
    assert len(done) == len(voyage.paid) < 100


@pytest.mark.timeout(120)
def test_a_killed_run_pays_again_at_most_for_the_requests_in_flight(
    voyage: EmbeddingServer, bought: Callable[..., Chain]
) -> None:
    chain = bought()
    voyage.most_inputs, voyage.delay = 2, 0.4
    command = [
        sys.executable,
        str(ROOT / "tests" / "support" / "embed_process.py"),
        str(chain.data),
        "r",
        "voyage",
        voyage.url,
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    victim = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while len(voyage.paid) < 12 and time.monotonic() < deadline:
        time.sleep(0.01)
    victim.kill()
    victim.communicate()
    killed_after = len(voyage.paid)
    assert 12 <= killed_after < 30
    voyage.delay = 0.0
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    twice = sum(count - 1 for count in Counter(voyage.paid).values())
    # Three requests of two texts can be in flight.
    assert twice <= 3 * 2
    assert len(set(voyage.paid)) == 30
