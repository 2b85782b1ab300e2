"""The suite in a process beside the run: the same results, and none lost with the process."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest

from code_index_assets.quality import suite_process
from code_index_assets.quality.permit import CheckResult
from code_index_assets.quality.profile import PROFILE_SCHEMA
from code_index_assets.quality.suite import Expectation, expectations, run_suite
from code_index_assets.settings import load_settings


@pytest.fixture(scope="module")
def beside() -> Iterator[suite_process.SuiteProcess]:
    process = suite_process.SuiteProcess()
    yield process
    process.close()


def asked() -> tuple[tuple[Expectation, ...], pl.DataFrame, pl.DataFrame]:
    rows = pl.DataFrame({name: [None, None] for name in PROFILE_SCHEMA}, schema=PROFILE_SCHEMA)
    rows = rows.with_columns(chunk_id=pl.Series(["one", "one"]), size=pl.Series([5, 10**7]))
    suite = expectations(load_settings(), 256)
    counts = sorted({str(one.arguments["column"]) for one in suite if one.subject == "repository"})
    return suite, rows, pl.DataFrame({name: [0.0] for name in counts})


def judged(results: list[CheckResult]) -> dict[str, bool]:
    return {result.name: result.passed for result in results}


def test_the_process_gives_the_results_of_this_process(beside: suite_process.SuiteProcess) -> None:
    suite, rows, repository = asked()
    here = run_suite(suite, rows, repository)
    assert beside.run(suite, rows, repository) == here
    assert judged(here)["chunk_ids_unique"] is False and judged(here)["no_orphan_vectors"] is True


def test_with_the_process_gone_the_suite_runs_here(
    beside: suite_process.SuiteProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite, rows, repository = asked()
    monkeypatch.setattr(suite_process, "_started", [beside])
    assert suite_process.run_suite_beside(suite, rows, repository) == run_suite(suite, rows, repository)
    assert suite_process._started == [beside]
    beside._process.kill()
    beside._process.wait()
    assert suite_process.run_suite_beside(suite, rows, repository) == run_suite(suite, rows, repository)
    assert suite_process._started == []
