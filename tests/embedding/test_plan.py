"""Planning: the numbers are those of the run that follows, and planning itself has no consequences."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from chains import Chain, GitRepository
from click.testing import CliRunner
from embedding_server import KEY, EmbeddingServer

from code_index_assets.chain.chunk import chunk_files
from code_index_assets.chain.embed import embed_chunks
from code_index_assets.chain.observe import observe_repository
from code_index_assets.chain.plan import plan_partition
from code_index_assets.chain.run import ChainRun, StepResult
from code_index_assets.chain.select import hash_files
from code_index_assets.cli.main import cli
from code_index_assets.progress import Stages
from code_index_assets.records.run_log import RunLog

FILES = {f"m{n}.py": f"def compute_{n}(first, second):\n    return first + second * {n}\n" for n in range(12)}


def embed(chain: Chain, run_id: str = "run") -> StepResult:
    context = ChainRun("r", run_id, chain.layout, chain.settings, Stages())
    for step in (observe_repository, hash_files, chunk_files, embed_chunks):
        result = step(context)
    RunLog(chain.layout).stages(run_id, "r", "embeddings", context.stages.done)
    return result


def test_a_plan_is_what_the_run_then_does(chain: Chain, repository: GitRepository) -> None:
    repository.commit(FILES | {"copy/m0.py": FILES["m0.py"]})
    chain.register(f"file://{repository.path}", "r")
    plan = plan_partition("r", chain.settings, chain.layout)
    assert (plan.chunks, plan.texts, plan.known, plan.to_embed) == (13, 12, 0, 12)
    assert plan.seconds is None and plan.price_usd is None
    assert not (chain.data / "embeddings").exists() and not (chain.data / "vectors").exists()
    result = embed(chain)
    assert result.info["computed"] == plan.to_embed
    repository.commit({"m3.py": "def other():\n    return 3\n"})
    plan = plan_partition("r", chain.settings, chain.layout)
    assert (plan.known, plan.to_embed) == (11, 1)
    assert plan.seconds is not None and "measured" in plan.seconds_by
    assert plan.commit == repository.git("rev-parse", "HEAD").strip()
    assert not list((chain.data / "pins").glob("plan-*"))


def test_a_provider_is_planned_by_what_it_counted(
    monkeypatch: pytest.MonkeyPatch, make_chain: Callable[..., Chain], repository: GitRepository
) -> None:
    monkeypatch.setenv("VOYAGE_API_KEY", KEY)
    server = EmbeddingServer("voyage")
    chain = make_chain("voyage", model="voyage", embedding_url=server.url, embedding_dimension="64")
    repository.commit(FILES)
    chain.register(f"file://{repository.path}", "r")
    first = plan_partition("r", chain.settings, chain.layout)
    assert server.arrivals == []
    assert first.price_usd == pytest.approx(first.tokens * 0.18 / 1e6)
    assert "estimated" in first.tokens_by
    embed(chain)
    repository.commit({"more.py": FILES["m1.py"].replace("compute_1", "further")})
    before = len(server.paid)
    second = plan_partition("r", chain.settings, chain.layout)
    assert "counted in earlier runs" in second.tokens_by
    embed(chain, "second")
    assert second.tokens == pytest.approx(sum(map(server.tokens, server.paid[before:])), abs=3)
    server.close()


def test_planning_a_place_registers_and_keeps_nothing(
    chain: Chain, repository: GitRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit(FILES)
    monkeypatch.setenv("CODE_INDEX_DATA", str(chain.data))
    monkeypatch.setenv("CODE_INDEX_MODEL", "test")
    done = CliRunner().invoke(cli, ["plan", str(repository.path), "--json"], standalone_mode=False)
    assert done.exception is None
    told = json.loads(done.output)
    assert told["plans"][0]["to_embed"] == told["total"]["to_embed"] == 12
    assert told["plans"][0]["prices"]["voyage:voyage-code-3"] > 0
    assert chain.registry.entries == ()
    assert not (chain.data / "chunks").exists()
    assert not [path for path in (chain.data / "tmp").iterdir() if path.is_dir()]
    shown = CliRunner().invoke(cli, ["plan", str(repository.path)], standalone_mode=False)
    assert "12 files → 12 chunks" in shown.output and "price   none" in shown.output
