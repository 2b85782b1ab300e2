"""What a run page shows: numbers that Dagster plots, and links that lead on."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from chains import Chain, GitRepository

from code_index_assets.assets.metadata import check_metadata, links_of, numbers_of, observed_number
from code_index_assets.chain.judge import CheckGroup
from code_index_assets.chain.run import StepResult
from code_index_assets.quality.permit import CheckResult
from code_index_assets.serve.http.app import create_app
from code_index_assets.settings import Settings
from code_index_assets.sources.forge import commit_page

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("https://github.com/a/b.git", f"https://github.com/a/b/commit/{COMMIT}"),
        ("git@gitlab.example.org:a/b.git", f"https://gitlab.example.org/a/b/-/commit/{COMMIT}"),
        ("https://bitbucket.org/a/b", f"https://bitbucket.org/a/b/commits/{COMMIT}"),
        ("https://codeberg.org/a/b", f"https://codeberg.org/a/b/commit/{COMMIT}"),
        ("https://git.example.org/a/b", None),
        ("/srv/code/a", None),
    ],
)
def test_the_page_of_a_commit(location: str, expected: str | None) -> None:
    assert commit_page(location, COMMIT) == expected
    assert commit_page(location, f"{COMMIT}+dirty") is None


def test_links_lead_to_the_commit_the_repository_and_what_was_left_out() -> None:
    step: Any = SimpleNamespace(key="a/b@v1", settings=Settings.model_construct(public_url="https://code.example.org/"))
    first = StepResult(None, "built", COMMIT, {"location": "https://github.com/a/b"})
    assert {name: str(link.value) for name, link in links_of(step, first).items()} == {
        "repository_page": "https://code.example.org/?repo=a%2Fb&ref=v1",
        "host_page": "https://github.com/a/b",
        "commit_page": f"https://github.com/a/b/commit/{COMMIT}",
    }
    second = links_of(step, StepResult(None, "built", COMMIT, {"left_out": {"binary": 1}}))
    assert second["left_out_page"].value == "https://code.example.org/left-out?repo=a%2Fb&ref=v1"


def test_an_expectation_is_one_number() -> None:
    seen: list[dict[str, Any]] = [
        {"value": 0.25, "unexpected_count": 0},
        {"unexpected_count": 3},
        {"observed_value": 7},
        {"value": True},
        {},
    ]
    results = [CheckResult(f"c{n}", "warn", n != 1, observed=observed) for n, observed in enumerate(seen)]
    assert [observed_number(result) for result in results] == [0.25, 3, 7, None, None]
    metadata = check_metadata(CheckGroup("plausible", tuple(results)))
    assert (metadata["c0"], metadata["c1"], metadata["failed_expectations"]) == (0.25, 3, 1)
    table = str(metadata["expectations"].value).splitlines()
    assert table[2].startswith("| c1 |") and " NO " in table[2], "what failed comes first"


def test_a_run_has_its_numbers_and_the_page_it_links_to_lists_the_files(
    chain: Chain, repository: GitRepository
) -> None:
    repository.commit({"a.py": "def f():\n    return 1\n", "b.png": b"\x89PNG\x00", "c.py": "def broken(:\n"})
    chain.register(repository.path, "small")
    run = chain.index("small")
    files = run.materialized["file_hashes"]
    assert (files["coverage_percent"], files["left_out_files"], files["secrets_found"]) == (66.67, 1, 0)
    assert files["left_out_page"].endswith("/left-out?repo=small")
    assert run.materialized["chunks"]["parse_problems"] == 1
    assert run.materialized["embeddings"]["cache_hit_percent"] == 0.0
    assert run.materialized["search_index"]["coverage_percent"] == 66.67
    assert isinstance(files["seconds: write"], float)
    every = {name: kind for facts in run.materialized.values() for name, kind in facts.items()}
    assert {"repository_page", "left_out_page"} <= set(every)
    with TestClient(create_app(chain.settings), base_url="http://127.0.0.1") as client:
        text = client.get("/left-out", params={"repo": "small"}).text
        assert "b.png" in text and "binary" in text and "a.py" not in text
        assert client.get("/left-out", params={"repo": "nothing"}).status_code == 404
    assert numbers_of(
        {"vectors": 4, "computed": 1, "reuse_rate": 0.75, "usage": {"price_usd": 0.1234567, "model": "m"}}
    ) == {
        "cache_hit_percent": 75.0,
        "provider_price_usd": 0.123457,
    }


def test_the_value_of_every_expectation_is_in_the_verdict(chain: Chain, repository: GitRepository) -> None:
    repository.commit({"a.py": "def f():\n    return 1\n"})
    chain.register(repository.path, "small")
    chain.index("small")
    from code_index_assets.chain.judge import CHECK_GROUPS, check_groups
    from code_index_assets.quality.gate import read_verdict

    artifact = chain.store.require("quality", "small", chain.snapshot().space)
    metadata = {group.name: check_metadata(group) for group in check_groups(read_verdict(artifact))}
    missing = [
        name
        for group, names in CHECK_GROUPS.items()
        for name in names
        if not isinstance(metadata[group].get(name), int | float)
    ]
    assert missing == []
    assert isinstance(dg.MetadataValue.float(float(metadata["plausible"]["code_still_there"])), dg.FloatMetadataValue)
