"""What is wrong with models is told with file and line, all at once; the shipped ones are right and documented."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from code_index_assets.analytics.graph import check_models, column_lineage, in_order, parents
from code_index_assets.analytics.model import load_models, refuse
from code_index_assets.analytics.owners import owned, parse_owners
from code_index_assets.analytics.sources import RAW_TYPES
from code_index_assets.errors import ConfigurationError

GOOD = """\
/*
description: Names.
grain: one name
materialized: table
owner: team:us
columns:
  path: file
*/
"""


def problems(folder: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))
    return [str(problem).removeprefix(f"{folder}/") for problem in check_models(load_models(folder))]


def test_the_shipped_models_have_no_problem() -> None:
    assert check_models(load_models()) == ()


def test_every_kind_of_problem_is_told_with_file_and_line_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        {
            "ours/syntax.sql": GOOD + "SELECT path FROM FROM raw.files\n",
            "ours/bracket.sql": GOOD + "SELECT path FROM raw.files WHERE (path = 'a'\n",
            "ours/unknown_table.sql": GOOD + "SELECT path\nFROM raw.nothing\n",
            "ours/unknown_column.sql": GOOD + "SELECT path,\n  nothing\nFROM raw.files\n",
            "ours/undeclared.sql": GOOD + "SELECT path, size FROM raw.files\n",
            "ours/missing.sql": GOOD.replace("  path: file", "  path: file\n  gone: never")
            + "SELECT path FROM raw.files\n",
            "ours/undocumented.sql": GOOD.replace("path: file", "path:") + "SELECT path FROM raw.files\n",
            "ours/not_yaml.sql": "/*\ndescription: [a\n*/\nSELECT 1\n",
            "ours/no_header.sql": "SELECT 1\n",
            "ours/no_select.sql": GOOD + "DROP TABLE raw.files\n",
            "ours/circle_a.sql": GOOD + "SELECT path FROM ours.circle_b\n",
            "ours/circle_b.sql": GOOD + "SELECT path FROM ours.circle_a\n",
            "ours/files_left_out.sql": GOOD + "SELECT path FROM raw.files\n",
            "ours/bad_test.sql": GOOD.replace("*/", "tests:\n  - expression: nothing > 1\n*/")
            + "SELECT path FROM raw.files\n",
            "ours/bad_kind.sql": GOOD.replace("*/", "tests:\n  - uniqe: [path]\n*/") + "SELECT path FROM raw.files\n",
            "ours/reads_files.sql": GOOD + "SELECT content AS path FROM read_text('/etc/hostname')\n",
        },
    )
    text = "\n".join(found)
    for expected in (
        "ours/syntax.sql:9: Parser Error: syntax error",
        "ours/bracket.sql:9: SQL:",
        "ours/unknown_table.sql:10: there is no table or model raw.nothing",
        'ours/unknown_column.sql:10: Binder Error: Referenced column "nothing" not found',
        "ours/undeclared.sql:9: column 'size' is neither declared nor documented",
        "ours/missing.sql:8: the header declares 'gone', the query has no such column",
        "ours/undocumented.sql:7: column 'path' is not documented",
        "ours/not_yaml.sql:3: the header is not YAML",
        "ours/no_header.sql:1: there is no header",
        "ours/no_select.sql:1: a model is exactly one SELECT",
        "ours/circle_a.sql:9: a cycle: ours.circle_a → ours.circle_b → ours.circle_a",
        "ours/files_left_out.sql:1: the name 'files_left_out' is taken by dbt_like_sql/marts/files_left_out.sql",
        "ours/bad_test.sql:9: test expression_nothing_1: Binder Error",
        "ours/bad_kind.sql:9: test: a test is one of unique",
        "ours/reads_files.sql:9: Permission Error",
    ):
        assert expected in text, f"{expected}\nnot in\n{text}"
    assert len(found) == 15
    with pytest.raises(ConfigurationError, match="15 problems in the SQL models; the catalogue stays"):
        refuse(check_models(load_models(tmp_path)))


def test_order_follows_what_models_read() -> None:
    models = load_models().models
    order = [model.key for model in in_order(models)]
    assert sorted(order) == sorted(models)
    for model in models.values():
        for parent in parents(model, models):
            assert parent not in models or order.index(parent) < order.index(model.key)


def test_column_lineage_goes_through_expressions_and_common_table_expressions() -> None:
    models = load_models().models
    types = {**RAW_TYPES, **{key: dict.fromkeys(model.columns, "VARCHAR") for key, model in models.items()}}
    found = column_lineage(models["marts.repository_overview"], models, types)
    assert found["secrets"] == [("marts.secrets_found", "findings")]
    assert set(found["coverage"]) == {("staging.stg_repositories", "kept"), ("staging.stg_repositories", "files")}
    assert column_lineage(models["staging.stg_files"], models, types)["path"] == [("raw.files", "path")]


@pytest.mark.parametrize(
    ("rules", "path", "owners"),
    [
        ("* @all\n*.py @py", "a/b.py", ["@py"]),
        ("*.py @py\n* @all", "a/b.py", ["@all"]),
        ("/docs/ @docs", "docs/a/b.md", ["@docs"]),
        ("/docs/ @docs", "x/docs/b.md", None),
        ("docs/ @docs", "x/docs/b.md", ["@docs"]),
        ("docs/* @docs", "docs/b.md", ["@docs"]),
        ("docs/* @docs", "docs/a/b.md", None),
        ("**/logs @ops", "a/logs/x.txt", ["@ops"]),
        ("* @all\n/secret", "secret", []),
        ("a\\ b.txt @x", "a b.txt", ["@x"]),
        ("* @a # comment\n# * @b", "z", ["@a"]),
        ("[Section]\n* @a", "z", ["@a"]),
    ],
)
def test_owners_as_github_reads_them(rules: str, path: str, owners: list[str] | None) -> None:
    found = dict(owned(parse_owners(rules), [path]))
    assert (list(found[path].owners) if path in found else None) == owners


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from(["*.py", "/a/", "b", "a/*", "**/c"]), min_size=1, max_size=5),
    st.sampled_from(["a/b/c", "a/x.py", "b"]),
)
def test_the_last_rule_that_matches_decides(patterns: list[str], path: str) -> None:
    rules = parse_owners("\n".join(f"{pattern} @{number}" for number, pattern in enumerate(patterns)))
    found = dict(owned(rules, [path]))
    matching = [rule for rule in rules if rule.matches(path)]
    assert (found.get(path)) == (matching[-1] if matching else None)
