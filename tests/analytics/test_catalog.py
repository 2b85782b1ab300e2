"""The catalogue of two real repositories: what the marts say, partial builds, refusal, readers meanwhile."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pytest
from catalogs import ask, build
from chains import Chain, GitRepository

from code_index_assets.analytics.audit import AuditFailedError
from code_index_assets.analytics.catalog import build_catalog, catalog_is_stale
from code_index_assets.progress import Stages
from code_index_assets.settings import Settings

ROOT = Path(__file__).parents[2]
Two = tuple[Chain, GitRepository, GitRepository]


def everything(chain: Chain) -> dict[str, list[str]]:
    """Every row of every model that does not tell the time of the build or of the runs."""
    with duckdb.connect(str(chain.layout.catalog), read_only=True) as connection:
        keys = [row[0] for row in connection.execute("SELECT model FROM meta.models").fetchall()]
        skipped = {"marts.freshness", "marts.repository_overview"}
        return {
            key: sorted(repr(tuple(map(rounded, row))) for row in connection.execute(f"SELECT * FROM {key}").fetchall())
            for key in keys
            if key not in skipped
        }


def rounded(value: object) -> object:
    """Sums of floating-point numbers depend on their order."""
    return round(value, 6) if isinstance(value, float) and value < 1e6 else value


def test_the_marts_answer(two: Two) -> None:
    chain, _, _ = two
    result = build(chain)
    assert result.full
    assert [str(test) for test in result.tests if not test.passed] == []

    assert ask(chain, 'SELECT "partition", status, reason, files, example FROM marts.files_left_out ORDER BY 2, 3') == [
        ("shop", "refused", "credential_file", 1, ".env"),
        ("shop", "skipped", "binary", 1, "logo.png"),
        ("shop", "skipped", "empty", 1, "shop/__init__.py"),
    ]
    assert ask(
        chain, "SELECT path, commits, authors, rank FROM marts.hot_spots WHERE rank = 1 AND \"partition\" = 'shop'"
    ) == [("shop/cart.py", 3, 1, 1)]
    assert ask(
        chain, "SELECT \"partition\", package, files FROM marts.package_imports WHERE package = 'requests' ORDER BY 1"
    ) == [
        ("shop", "requests", 1),
        ("tools", "requests", 1),
    ]
    assert ask(
        chain, "SELECT DISTINCT from_folder, to_folder FROM marts.internal_dependencies WHERE from_folder = 'tests'"
    ) == [("tests", "shop")]
    assert ask(chain, "SELECT repositories, files, places FROM marts.identical_files") == [
        (2, 2, ["shop:shop/helper.py", "tools:tools/helper.py"])
    ]
    assert ask(chain, "SELECT copies, repositories, name FROM marts.identical_functions") == [(2, 2, "shared_helper")]
    assert ask(chain, "SELECT owner_name, files FROM marts.owned_code ORDER BY 1") == [
        ("(nobody)", 1),
        ("@everyone", 2),
        ("@lead", 3),
        ("@shop-team", 3),
    ]
    assert ask(
        chain,
        "SELECT tested_files, source_files, test_files, test_functions FROM marts.tests_by_module WHERE folder = 'shop'",
    ) == [(1, 3, 1, 1)]
    assert ask(chain, "SELECT DISTINCT does FROM (SELECT 'defines' AS does FROM marts.symbol_definitions WHERE name = 'price' "
                      "UNION ALL SELECT 'mentions' FROM marts.symbol_mentions WHERE name = 'price' AND path = 'shop/cart.py') ORDER BY 1") == [
        ("defines",), ("mentions",)
    ]  # fmt: skip
    assert ask(chain, 'SELECT "partition", state, publications, secrets FROM marts.repository_overview ORDER BY 1') == [
        ("shop", "fresh", 1, 0),
        ("tools", "fresh", 1, 0),
    ]
    (undocumented,) = ask(
        chain, "SELECT count(*) FROM marts.undocumented_public_api WHERE qualified_name LIKE '%price'"
    )
    assert undocumented == (1,)
    (depth,) = ask(chain, "SELECT max(depth) FROM marts.function_sizes") or [(None,)]
    assert depth[0] is None or depth[0] >= 16


def test_depth_is_the_deepest_indentation_below_the_first_line(two: Two) -> None:
    chain, _, _ = two
    build(chain)
    rows = ask(chain, "SELECT DISTINCT indent FROM chunks WHERE name = 'shared_helper'")
    assert rows == [(20,)]


def test_issue_names_stay_in_main(two: Two) -> None:
    chain, _, _ = two
    build(chain)
    names = {
        row[0] for row in ask(chain, "SELECT view_name FROM duckdb_views() WHERE schema_name = 'main' AND NOT internal")
    }
    assert names >= {
        "repositories", "files", "chunks", "symbols", "imports", "references_", "embeddings", "publications", "checks",
        "runs", "run_steps", "run_stages",
    }  # fmt: skip
    columns = {
        row[1] for row in ask(chain, "SELECT table_name, column_name FROM duckdb_columns() WHERE table_name = 'chunks'")
    }
    assert "text" not in columns


def test_a_partial_build_equals_a_full_one(two: Two) -> None:
    chain, shop, _ = two
    build(chain)
    shop.commit(
        {"shop/new.py": "def fresh(x):\n    return x\n", "shop/prices.py": None, "tests/test_cart.py": "import os\n"}
    )
    chain.index("shop")
    partial = build(chain)
    assert not partial.full
    assert {key for key, made in partial.models.items() if made.outcome == "partly"} >= {
        "marts.languages",
        "marts.hot_spots",
    }
    after = everything(chain)
    build(chain, full=True)
    assert after == everything(chain)
    assert ask(chain, "SELECT count(*) FROM files WHERE path = 'shop/prices.py'") == [(0,)]


def test_nothing_changed_builds_nothing_but_what_tells_the_time(two: Two) -> None:
    chain, _, _ = two
    build(chain)
    again = build(chain)
    made = {key for key, result in again.models.items() if result.outcome != "kept"}
    assert made == {"marts.freshness", "marts.repository_overview"}


def test_stale_until_built(two: Two) -> None:
    chain, shop, _ = two
    assert catalog_is_stale(chain.layout)
    build(chain)
    assert not catalog_is_stale(chain.layout)
    shop.commit({"more.py": "x = 1\n"})
    chain.index("shop")
    assert catalog_is_stale(chain.layout)
    build(chain)
    assert not catalog_is_stale(chain.layout)


def own_models(chain: Chain, folder: Path, files: dict[str, str]) -> Settings:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())
    return chain.settings.model_copy(update={"sql_models": folder})


FEW = """
/*
description: Large files.
grain: one file
materialized: table
owner: team:us
columns:
  path: file
tests:
  - expression: path <> 'shop/cart.py'
    name: no_cart
    severity: {severity}
*/
SELECT path FROM marts.hot_spots
"""


def test_own_models_are_built_and_can_warn(two: Two, tmp_path: Path) -> None:
    chain, _, _ = two
    chain.settings = own_models(chain, tmp_path / "own", {"ours/few.sql": FEW.format(severity="warn")})
    result = build(chain)
    assert [test.test.name for test in result.tests if not test.passed] == ["no_cart"]
    assert ask(chain, "SELECT count(*) FROM ours.few WHERE path = 'shop/cart.py'") == [(1,)]
    chain.settings = chain.settings.model_copy(update={"sql_models": None})
    build(chain)
    assert ask(chain, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'few'") == [(0,)]


def test_a_failing_test_keeps_the_last_catalogue_while_another_process_reads(two: Two, tmp_path: Path) -> None:
    chain, _, _ = two
    build(chain)
    before = chain.layout.catalog.read_bytes()
    script = (
        "import sys, duckdb, json, os, time\n"
        "path, stop = sys.argv[1:3]; reads = 0\n"
        "print('reading', flush=True)\n"
        "while not os.path.exists(stop):\n"
        "    with duckdb.connect(path, read_only=True) as c:\n"
        "        assert c.execute('SELECT count(*) FROM marts.languages').fetchone()[0] > 0\n"
        "    reads += 1\n"
        "print(json.dumps({'reads': reads}))\n"
    )
    stop = tmp_path / "stop"
    reader = subprocess.Popen(
        [sys.executable, "-c", script, str(chain.layout.catalog), str(stop)], stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None
    reader.stdout.readline()
    good = chain.settings
    chain.settings = own_models(chain, tmp_path / "own", {"ours/few.sql": FEW.format(severity="error")})
    with pytest.raises(AuditFailedError, match="no_cart") as refused:
        build(chain)
    assert "shop/cart.py" in str(refused.value)
    assert chain.layout.catalog.read_bytes() == before
    chain.settings = good
    build(chain)
    stop.touch()
    out, _ = reader.communicate(timeout=120)
    assert reader.returncode == 0
    assert json.loads(out)["reads"] > 0


def test_subset_builds_from_the_sources_as_they_are(two: Two) -> None:
    chain, shop, _ = two
    build(chain)
    shop.commit({"more.py": "x = 1\n"})
    chain.index("shop")
    result = build(chain, only={"marts.languages"})
    assert {key for key, made in result.models.items() if made.outcome != "kept"} == {
        "marts.languages",
        "marts.repository_overview",
    }
    assert ask(chain, "SELECT count(*) FROM files WHERE path = 'more.py'") == [(0,)]
    assert catalog_is_stale(chain.layout)


def test_a_removed_line_of_the_log_and_a_torn_one_do_not_stop_a_build(two: Two) -> None:
    chain, _, _ = two
    path = next(chain.layout.run_log.glob("*/*.jsonl"))
    with path.open("ab") as stream:
        stream.write(b'{"record": "step", "run_id": "torn')
    build(chain)
    assert ask(chain, "SELECT count(*) FROM run_steps WHERE run_id = 'torn'") == [(0,)]
    assert ask(chain, "SELECT count(*) FROM runs") == [(2,)]


def test_the_file_is_in_the_format_of_duckdb_1_5(two: Two) -> None:
    chain, _, _ = two
    build(chain)
    # Bytes 12 to 20 of a DuckDB file: the storage version. 1.5 reads 64 to 68; 2.0's own are higher.
    header = chain.layout.catalog.read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    assert 64 <= int.from_bytes(header[12:20], "little") <= 68


def test_all_questions_run_on_a_real_repository(two: Two) -> None:
    from code_index_assets.analytics.questions import read_questions

    chain, _, _ = two
    build(chain)
    questions = {q.title: ask(chain, q.sql) for q in read_questions(ROOT / "docs" / "questions.md")}
    assert len(questions) == 32
    answers = [rows for _, rows in sorted(questions.items(), key=lambda item: int(item[0].split(".")[0]))]
    assert [row[0] for row in answers[0]] == ["shop", "tools"]
    assert {row[2] for row in answers[1]} == {"credential_file", "binary", "empty"}
    assert answers[2][0][:3] == ("python", 2, 6)
    assert {row[0] for row in answers[3]} == {"shop", "tools"}
    assert {row[1] for row in answers[4]} >= {"python", "markdown"}
    assert answers[5][0][:3] == ("shop", "shop/cart.py", 3)
    assert answers[6] == answers[7] == []  # no function of ten lines
    assert any(row[0] == "shop" and row[1] == "python" and row[2] > row[3] for row in answers[8])
    assert [row[1] for row in answers[9]] == ["tools"]
    assert answers[10][0][:2] == (2, 2)
    assert answers[11][0][:3] == (2, 2, "shared_helper")
    assert answers[12][0][:4] == ("requests", "python", 2, 2)
    assert ("shop", "tests", "shop") in {row[:3] for row in answers[13]}
    assert answers[14] == []
    assert answers[15][0][0] in ("@lead", "@shop-team")
    assert answers[16] == []
    assert sum(row[3] for row in answers[17]) > 0
    assert {row[0] for row in answers[18]} >= {"chunks", "embeddings", "search_index"}
    assert answers[19][0][:2] == ("fresh", 2)
    assert answers[20] == []  # nothing here implements a Shape
    assert ("tools", "tools/run.py") not in {row[:2] for row in answers[21]}  # an entry point is no dead function
    assert answers[22] == [("shop", "Cart.add", "shop/cart.py", 11, "calls", "proven", "module member")]
    assert answers[23] == [
        ("shop", 1, "shop/cart.py", 10, "Cart.add", "proven"),
        ("shop", 2, "tests/test_cart.py", 4, "test_add", "inferred"),
    ]
    assert answers[24][0][:4] == ("shop", "shop/prices.py", 4, "price")
    assert {row[3] for row in answers[25]} == {
        "shop.helper.shared_helper",
        "tools.helper.shared_helper",
        "tools.run.main",
    }
    assert answers[26] == [("shop", 2, "shop/cart.py → shop/prices.py → shop/cart.py")]


def test_edges_follow_what_is_published_and_state_what_they_lack(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    from code_index_assets.analytics import load

    chain, shop, _ = two
    coverage = 'SELECT "partition", state, files, edges > 0 FROM marts.edge_coverage ORDER BY 1'
    # A repository too large to be waited for: the catalogue is published without its edges, then with them.
    shutil.rmtree(chain.layout.root / "edges")
    monkeypatch.setattr(load, "EDGES_SECONDS", 0.0)
    stages = Stages()
    build_catalog(chain.layout, chain.settings, stages)
    assert ask(chain, coverage) == [("shop", "made", 4, True), ("tools", "made", 2, True)]
    assert {"edges of shop", "edges of tools"} <= {stage.name for stage in stages.done}
    calls = "SELECT source, target, grade FROM edges WHERE kind = 'calls' AND \"partition\" = 'shop' ORDER BY path"
    assert ask(chain, calls) == [("Cart.add", "price", "proven"), ("test_add", "Cart.add", "inferred")]
    assert ask(chain, calls.replace("calls", "tests")) == [
        ("test_add", "Cart", "proven"),
        ("test_add", "Cart.add", "inferred"),
    ]
    assert ask(chain, "SELECT path, package, name, grade FROM edges WHERE name = 'get'") == [
        ("tools/run.py", "requests", "get", "proven")
    ]

    figures = build_catalog(chain.layout, chain.settings, Stages(), preview=True).edges
    assert figures is not None and figures.numbers["edges_calls"] == 3 and figures.numbers["edges_inferred"] == 1
    assert "| calls |" in figures.table() and '["tests"]' in figures.picture() and "-->|" in figures.picture()

    # One repository changes: its edges are made anew, the other's stay.
    shop.commit(
        {"shop/prices.py": "def price(item):\n    return total(item)\n\n\ndef total(item):\n    return item.get()\n"}
    )
    chain.index("shop")
    monkeypatch.undo()
    result = build(chain)
    assert result.models["marts.edge_coverage"].outcome == "partly"
    assert ask(chain, calls + ", line")[1:2] == [("price", "total", "proven")]
    homes = [path for path in (chain.layout.root / "edges").glob("*/*") if path.is_dir()]
    assert len(homes) == 2, "edges of an earlier commit are gone"

    off = Settings(data=chain.data, model="test", edges_seconds=0)
    build_catalog(chain.layout, off, Stages())
    assert ask(chain, coverage) == [("shop", "off", 4, False), ("tools", "off", 2, False)]
    assert ask(chain, "SELECT count(*) FROM edges") == [(0,)]


def test_edges_that_take_too_long_are_left_out_and_the_coverage_says_why(two: Two) -> None:
    chain, _, _ = two
    build_catalog(chain.layout, Settings(data=chain.data, model="test", edges_seconds=1e-9), Stages())
    assert ask(chain, "SELECT state, edges FROM marts.edge_coverage") == [("too_large", 0)] * 2


def test_who_implements_an_interface_and_what_nobody_mentions(two: Two) -> None:
    chain, shop, _ = two
    shop.commit(
        {
            "shop/shapes.py": "class Shape:\n    def area(self):\n        raise NotImplementedError\n",
            "shop/circle.py": "from shop.shapes import Shape\n\n\nclass Circle(Shape):\n    def area(self):\n"
            "        return 3 * scale()\n\n\ndef scale():\n    return 2\n\n\ndef forgotten():\n    return scale()\n",
            "geo/shape.go": "package geo\n\ntype Shape interface {\n\tArea() int\n\tName() string\n}\n",
            "geo/square.go": "package geo\n\ntype Square struct{ side int }\n\nfunc (s Square) Area() int { return s.side }\n",
            "geo/names.go": 'package geo\n\nfunc (s Square) Name() string { return "square" }\n\n'
            "type Half struct{}\n\nfunc (h Half) Area() int { return 1 }\n",
            "src/lib.rs": "pub trait Shape { fn area(&self) -> u32; }\npub struct Dot;\n"
            "impl Shape for Dot { fn area(&self) -> u32 { 0 } }\n",
        }
    )
    chain.index("shop")
    build(chain)
    found = ask(
        chain, "SELECT implementer, language, base_path, path, how FROM marts.implementations WHERE base = 'Shape'"
    )
    assert {(row[0], row[1], row[4]) for row in found} == {
        ("Circle", "python", "declared"),
        ("Square", "go", "method_set"),
        ("Dot", "rust", "declared"),
    }
    assert {row[2] for row in found if row[1] != "rust"} == {"shop/shapes.py", "geo/shape.go"}
    dead = {row[0] for row in ask(chain, "SELECT qualified_name FROM marts.unmentioned_public_functions")}
    assert "shop.circle.forgotten" in dead
    assert not dead & {"shop.circle.scale", "shop.circle.Circle.area"}
