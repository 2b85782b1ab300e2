"""Secrets in names of files, folders, symbols, branches and tags reach nothing stored, logged or answered."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from chains import DagsterChain, GitRepository
from stored import everything_in

# Built here, so that this file itself holds no secret.
FILE, FOLDER, SYMBOL, BRANCH, TAG = (
    "ghp_" + body
    for body in (
        "q7Xw2LmP9zRtYvB4nKc8HsJd3FgA6eWu1TiO",
        "t5Yk2NmQ8xWvZ7rLb4PsJd9Hc3FgA6eUu1Ri",
        "Zb3Nn8Qw5Er7Ty1Ui9Op2As4Df6Gh0Jk3LzX",
        "Mc7Vb2Nq9Wx4Et6Ry8Uz1Io3Pa5Sd0Fg7HjK",
        "Lw4Ke9Jr2Ht7Gy5Fu1Di8So6Ap3Zq0Xc2VbN",
    )
)
FILES = {
    f"dump-{FILE}.py": "def dumped():\n    return 1\n",
    f"keys-{FOLDER}/inside.py": "def inside():\n    return 2\n",
    "app.py": f"def {SYMBOL}():\n    return 'a marker that stays'\n\n\nclass Kept:\n    pass\n",
}


@pytest.mark.parametrize(
    "source",
    ["git", pytest.param("worktree", marks=pytest.mark.slow), pytest.param("folder", marks=pytest.mark.slow)],
)
def test_secrets_in_names_are_found_nowhere(
    source: str, dagster_chain: DagsterChain, repository: GitRepository, caplog: pytest.LogCaptureFixture
) -> None:
    from code_index_assets.analytics.catalog import build_catalog
    from code_index_assets.analytics.query import Limits, run_query
    from code_index_assets.progress import Stages

    caplog.set_level(logging.DEBUG)
    chain = dagster_chain
    place: Path = repository.path
    if source == "folder":
        place = repository.path.parent / "plain"
        for name, text in FILES.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)
    else:
        repository.commit(FILES)
        repository.git("branch", f"deploy/{BRANCH}")
        repository.git("tag", f"v1-{TAG}")
    if source == "worktree":
        (place / f"new-{FILE}.py").write_text("def fresh():\n    return 3\n")
    options = (
        {"worktree": True}
        if source == "worktree"
        else {"refs": ["main", "deploy/*", "v1-*"]}
        if source == "git"
        else {}
    )
    chain.register(place, "named", **options)
    result = chain.index(chain.registry.get("named").keys[0])
    build_catalog(chain.layout, chain.settings, Stages())

    rows: list[object] = []
    for table in ("files", "chunks", "symbols", "raw.churn", "raw.files"):
        with run_query(chain.layout, f"SELECT * FROM {table}", Limits()) as (_, answer):
            rows += list(answer)
    answers = repr(chain.published()) + json.dumps(rows, default=str) + caplog.text
    stored = everything_in(chain.data) + everything_in(Path(chain.instance.root_directory)) + answers.encode()
    for name, secret in {"file": FILE, "folder": FOLDER, "symbol": SYMBOL, "branch": BRANCH, "tag": TAG}.items():
        assert secret.encode() not in stored, name
    assert "a marker that stays" in answers
    assert chain.facts(result, "file_hashes")["left_out"]["secret_in_name"] == (3 if source == "worktree" else 2)
