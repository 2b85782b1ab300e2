"""Callers and impact across registered repositories, by version where one is pinned."""

from __future__ import annotations

from pathlib import Path

from chains import Chain, GitRepository

from code_index_assets.search.graph_questions import GraphRequest, ask_graph
from code_index_assets.search.service import open_engine
from code_index_assets.search.uses import UsesRequest, find_uses


def test_who_uses_a_function_in_the_whole_organisation(chain: Chain, tmp_path: Path) -> None:
    library, app, old = (GitRepository(tmp_path / name) for name in ("library", "app", "old"))
    library.commit(
        {"pyproject.toml": '[project]\nname = "lib"\n', "lib/__init__.py": "def low(): pass\ndef mid(): low()\n"}
    )
    library.git("tag", "v1.0")
    library.commit({"lib/extra.py": "x = 1\n"})
    app.commit({"app.py": "import lib\n\ndef use():\n    lib.mid()\n\ndef top():\n    use()\n"})
    old.commit({"requirements.txt": "lib==1.0\n", "o.py": "from lib import mid\n\ndef legacy():\n    mid()\n"})
    chain.register(library.path, "library", refs=("main", "v1.0"))
    chain.register(app.path, "app")
    chain.register(old.path, "old")
    for key in ("library", "library@v1.0", "app", "old"):
        chain.index(key)
    engine = open_engine(chain.settings, chain.layout)

    def asked(question: str, symbol: str, **fields: object) -> list[tuple[str, str, int, str]]:
        request = GraphRequest(question, symbol, repositories=("library",), **fields)  # type: ignore[arg-type]
        return [(edge.repository, edge.name, edge.depth, edge.grade) for edge in ask_graph(engine, request).edges]

    assert asked("callers", "mid") == []
    assert asked("callers", "mid", everywhere=True) == [("app", "use", 1, "proven")]
    assert asked("impact", "low", everywhere=True) == [
        ("library", "mid", 1, "proven"), ("app", "use", 2, "proven"), ("app", "top", 3, "proven"),
    ]  # fmt: skip
    # What is pinned to a version that is indexed uses that version.
    assert asked("callers", "mid", everywhere=True, ref="v1.0")[-1] == ("old", "legacy", 1, "proven")

    uses = find_uses(engine, UsesRequest("mid", "library", everywhere=True))
    assert [(use.repository, use.path, use.line) for use in uses.references] == [("app", "app.py", 4)]
    assert [caller.name for caller in uses.callers] == ["use"]
