"""Contexts and overviews at the command line: text, JSON, exit codes, batches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from code_index_assets.search.token_count import count_tokens


def test_a_context_as_text_and_as_json(run: Any, indexed: Any) -> None:
    code, out, _ = run("context", "charges", "cards", "--tokens", "600", "--repo", "shop")
    assert code == 0 and "gateway.py:" in out and "def charge(self, card)" in out and "of 600 tokens" in out
    code, out, _ = run("context", "charges cards", "--json")
    answer = json.loads(out)
    assert code == 0 and answer["outcome"] == "found" and answer["tokens"] <= answer["max_tokens"] == 8000
    span = answer["spans"][0]
    assert span["path"] == "gateway.py" and len(span["commit"]) == 40 and span["why"]
    code, out, _ = run("context", "add", "load", "to", "order", "--tokens", "500")
    assert "shop@HEAD" in out and "depot@HEAD" in out and count_tokens(out) <= 500, (
        "of several repositories, with commits"
    )
    code, out, _ = run("context", "zzyzx_unheard", "--json", "--repo", "nowhere")
    assert code == 1 and json.loads(out)["spans"] == [] and json.loads(out)["outcome"] == "not_indexed"
    assert run("context")[0] == 2 and run("context", "x", "--tokens", "3")[0] == 2


def test_a_batch_answers_each_line(run: Any, indexed: Any, tmp_path: Path) -> None:
    batch = tmp_path / "tasks.jsonl"
    lines = [
        json.dumps({"id": "a", "task": "charges cards", "repo": "shop", "tokens": 700}),
        "no json",
        json.dumps({"id": "c"}),
        json.dumps({"id": "d", "task": "x", "tokens": "many"}),
        json.dumps({"id": "e", "task": "x", "repo": [1]}),
    ]
    batch.write_text("\n".join(lines))
    code, out, _ = run("context", "--batch", str(batch))
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 2 and [answer["id"] for answer in answers] == ["a", 2, "c", "d", "e"]
    assert answers[0]["spans"] and answers[0]["max_tokens"] == 700
    assert all(answer["error"]["message"] and answer["spans"] == [] for answer in answers[1:])


@pytest.mark.parametrize(
    ("arguments", "items", "found"),
    [
        (("map", "shop", "--tokens", "700"), "files", True),
        (("outline", "gateway.py", "--repo", "shop"), "definitions", True),
        (("routes", "shop"), "entrances", False),
        (("entry-points",), "entrances", False),
    ],
)
def test_overviews_have_json_text_and_exit_codes(
    run: Any, indexed: Any, arguments: tuple[str, ...], items: str, found: bool
) -> None:
    code, out, _ = run(*arguments, "--json")
    answer = json.loads(out)
    assert code == (0 if found else 1) and bool(answer[items]) is found and answer["repositories"]
    assert answer["outcome"] == ("found" if found else "no_match")
    code, out, _ = run(*arguments)
    assert code == (0 if found else 1) and out.strip()


def test_overviews_of_what_is_not_there(run: Any, indexed: Any) -> None:
    for arguments in (("map", "nowhere"), ("outline", "no.py", "--repo", "shop"), ("routes", "nowhere")):
        code, out, _ = run(*arguments, "--json")
        assert code == 1 and json.loads(out)["error"]["remedy"]
    assert run("outline", "gateway.py")[0] == 2, "a path is of some repository"
