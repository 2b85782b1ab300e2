"""Docs that are made from the code are current."""

from __future__ import annotations

import re
from pathlib import Path

import click

from code_index_assets.settings import Settings

ROOT = Path(__file__).parents[1]
SETTINGS = ROOT / "docs" / "settings.md"


def settings_page() -> str:
    lines = [
        "# Settings",
        "",
        "Environment variables; nothing else is read. Made from `code_index_assets/settings/`.",
        "",
    ]
    lines += ["| variable | default | what it does |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = (
            "nearest `.code-index/`" if name == "data" else "" if field.default in (None, ()) else f"`{field.default}`"
        )
        lines.append(f"| `CODE_INDEX_{name.upper()}` | {default} | {field.description} |")
    lines += [
        "| `CODE_INDEX_GIT_TOKEN_<HOST>` |  | Token for a code host, `GITHUB_COM` for github.com. |",
        "| `DAGSTER_HOME` | `dagster/` in the data folder | Dagster's home, where it is kept elsewhere. |",
    ]
    return "\n".join(lines).replace("| |", "|  |") + "\n"


def test_the_settings_page_is_current() -> None:
    """After a change: python tests/test_docs.py writes it anew."""
    assert SETTINGS.read_text() == settings_page()


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def _command_lines() -> list[tuple[str, str]]:
    """(file, command line) of each `code-index …` in code of the documentation."""
    found = []
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        text = file.read_text()
        pieces = re.findall(r"`((?:[A-Z_]+=\S+ )*code-index [^`]+)`", text)
        for block in re.findall(r"```(?:console|sh|bash)?\n(.*?)```", text, re.DOTALL):
            pieces += re.findall(r"^(?:\$ )?((?:[A-Z_]+=\S+ )*code-index .*)$", block, re.MULTILINE)
        found += [(file.name, piece) for piece in pieces]
    return found


def test_the_commands_of_the_documentation_exist_with_their_options() -> None:
    from code_index_assets.cli.main import COMMANDS, cli

    wrong = []
    lines = _command_lines()
    for file, line in lines:
        words = line.partition("code-index ")[2].partition("  #")[0].split()
        name = words[0]
        if not re.fullmatch(r"[a-z]+", name):
            continue
        command = cli.get_command(None, name) if name in COMMANDS else None  # type: ignore[arg-type]
        if isinstance(command, click.Group) and len(words) > 1:
            command = command.get_command(None, words[1])  # type: ignore[arg-type]
        options = {one for param in command.params for one in param.opts} | {"--help"} if command else set()
        for part in re.split(r" && | \| |; | or ", " ".join(words[1:]))[:1]:
            unquoted = re.sub(r"\"[^\"]*\"|'[^']*'", "", part)
            wrong += [(file, line, word) for word in re.findall(r"(?<!\S)--[a-z-]+", unquoted) if word not in options]
        wrong += [(file, line, name)] if command is None else []
    assert len(lines) > 40 and wrong == []


def test_decision_records_begin_with_the_decision() -> None:
    bodies = {file.name: file.read_text().partition("\n\n")[2] for file in sorted((ROOT / "docs" / "adr").glob("*.md"))}
    assert [name for name, body in bodies.items() if not body.startswith(("**Decision", "## Decision"))] == []


def test_lines_of_the_readme_fit_a_terminal() -> None:
    assert [line for line in (ROOT / "README.md").read_text().splitlines() if len(line) >= 120] == []


def test_links_of_the_documentation_lead_somewhere() -> None:
    files = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
    broken = [
        (file.name, target)
        for file in files
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", file.read_text())
        if not (file.parent / target).exists()
    ]
    assert broken == []


SYNTAX = (ROOT / "docs" / "search-syntax.md").read_text()


def _queries(section: str) -> list[str]:
    """The queries in the first column of a section's table."""
    text = SYNTAX.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return [query.replace("\\|", "|") for query in re.findall(r"^\| `(.+?)` \|", text, re.MULTILINE)]


def test_the_syntax_page_has_every_operator_of_the_parser_and_no_other() -> None:
    from code_index_assets.search.query import _OPERATORS

    named = set(re.findall(r"(?<![\w:])([a-z]+):(?=[^\s:/])", " ".join(re.findall(r"`([^`]+)`", SYNTAX))))
    also = set(re.findall(r"also `([a-z]+):`", SYNTAX))
    texts = {"name"}  # `name:value` in pasted text
    assert (named | also) - texts == set(_OPERATORS)


def test_queries_of_the_syntax_page_mean_what_it_says() -> None:
    from code_index_assets.search.query import parse

    assert len(_queries("Words")) == 4 and len(_queries("Filters")) == 9
    for query in _queries("Words"):
        asked = parse(query)
        assert asked.text and not (asked.rules or asked.exclude or asked.languages or asked.repositories), query
    required = _queries("Texts that have to be there")
    assert len(required) == 9
    for query in required:
        asked = parse(query if not query.startswith("-") else f"retry {query}")
        assert asked.rules or asked.exclude, query
    assert parse(required[0]).rules[0].patterns[0].source == "connection reset"
    assert parse(required[1]).rules[0].patterns[0].source == r"retr(y|ies)\("
    assert parse(required[2]).rules[0].patterns[0].word
    assert len(parse(required[3]).rules[0].patterns) == 2
    assert parse(f"retry {required[6]}").rules[0].excluded
    assert not parse(required[7]).rules[0].patterns[0].any_case and parse(required[8]).rules[0].patterns[0].any_case
    for query in _queries("Filters"):
        asked = parse(query)
        fields = (asked.repositories, asked.refs, asked.paths, asked.languages, asked.kinds, asked.roles, asked.symbols)
        assert any(fields) or asked.count, query
    for text in ("std::string", "http://a.b/c", "case:closed", "/usr/lib/"):
        assert not parse(f"{text} x").rules and f"`{text.partition('//')[0]}" in SYNTAX


def test_the_syntax_page_has_every_field_of_a_certificate() -> None:
    from dataclasses import fields

    from code_index_assets.search.answers import Absence

    assert [field.name for field in fields(Absence) if f"`{field.name}`" not in SYNTAX] == []


if __name__ == "__main__":
    SETTINGS.write_text(settings_page())
