"""The code graph at the command line: batches of definitions, and questions over calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def test_a_batch_answers_one_line_a_line(run: Any, indexed: Any, tmp_path: Path) -> None:
    batch = tmp_path / "batch.jsonl"
    lines = [
        json.dumps({"id": "by place", "repository": "shop", "path": "cart.go", "line": 4, "name": "AddItem"}),
        "not json",
        json.dumps({"id": 2, "repository": "shop"}),
        json.dumps({"id": 3, "repository": "nowhere", "name": "x"}),
        json.dumps({"id": 4, "repository": "shop", "name": "no_such_name"}),
        json.dumps({"id": 5, "repository": "shop", "name": "charge", "line": "four"}),
    ]
    batch.write_text("\n".join(lines) + "\n")
    code, out, _ = run("references", "--batch", str(batch))
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 2 and len(answers) == len(lines), "a line that cannot be answered does not stop the others"
    first = answers[0]
    assert first["id"] == "by place" and first["complete"] is True
    assert [(made["path"], made["line"], made["kind"]) for made in first["definitions"]] == [("cart.go", 4, "function")]
    assert first["references"] == [] and first["candidates"] == [] and first["callers"] == []
    assert first["repositories"][0]["repository"] == "shop"
    assert "is not JSON" in answers[1]["error"]["message"] and answers[1]["id"] == 2
    assert 'no "name"' in answers[2]["error"]["message"] and answers[2]["complete"] is False
    assert answers[3]["outcome"] == "not_indexed"
    assert answers[4]["outcome"] == "no_match" and answers[4]["definitions"] == []
    assert "not a line number" in answers[5]["error"]["message"]


def test_questions_say_what_was_looked_at(run: Any, indexed: Any) -> None:
    code, out, _ = run("callers", "Gateway.charge", "--repo", "shop", "--json")
    answer = json.loads(out)
    assert code == 1 and answer["outcome"] == "no_match" and answer["complete"] is True
    assert [made["name"] for made in answer["definitions"]] == ["charge"] and answer["files"] > 100
    code, out, _ = run("callers", "no_such_name")
    assert code == 1 and "no definition of that name is indexed" in out
    code, out, _ = run("unused", "--repo", "shop")
    assert code == 0 and "part_7  parts/part_7.py:1" in out and "other repositories may use it" in out


def test_questions_that_cannot_be_asked(run: Any, indexed: Any) -> None:
    assert run("impact")[0] == 2
    code, out, _ = run("impact", "charge", "--depth", "0", "--json")
    assert code == 2 and json.loads(out)["edges"] == []
    assert run("callers", "charge", "--repo", "nowhere")[0] == 1
    assert run("references")[0] == 2
