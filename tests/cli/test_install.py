"""`code-index install`: entries, guidance and sub-agents for clients, and every other character kept."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_index_assets.cli.agents import jsonc, toml_table

MINE = {
    ".config/Code/User/mcp.json": '{\n\t// mine\n\t"servers": {\n\t\t"other": { "command": "x" }, // keep me\n\t},\n\t"inputs": [],\n}\n',
    ".codex/config.toml": '# mine\nmodel = "m"\n\n[mcp_servers.other]\ncommand = "x"\n\n# about it\n[tui]\ntheme = "dark"\n',
    ".claude.json": '{"numStartups": 3, "mcpServers": {"other": {"command": "x"}}, "projects": {}}',
    ".claude/CLAUDE.md": "# My rules\n\nBe kind.\n",
    ".cursor/mcp.json": '{\r\n    "mcpServers": {\r\n        "other": {"command": "x"}\r\n    }\r\n}\r\n',
    ".config/opencode/opencode.jsonc": '{\n  "mcp": {\n    "servers": { "other": { "type": "local", "command": ["x"] } }\n  }\n}\n',
}


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    home = tmp_path / "home"
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    for name, text in MINE.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(text.encode())
    return home


def texts(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_client_gets_the_entry_and_loses_nothing(run: Any, home: Path, data: Path) -> None:
    before = texts(home)
    code, out, _ = run("install", "all", "--dry-run")
    assert code == 0 and "would change" in out and texts(home) == before, "a dry run writes nothing"
    assert run("install", "all")[0] == 0
    env = {"CODE_INDEX_DATA": str(data)}
    claude = json.loads((home / ".claude.json").read_text())
    assert claude["mcpServers"]["code-index"]["env"] == env and claude["mcpServers"]["other"] == {"command": "x"}
    assert claude["numStartups"] == 3
    codex = tomllib.loads((home / ".codex/config.toml").read_text())
    assert codex["mcp_servers"]["code-index"]["args"] == ["mcp"] and codex["tui"] == {"theme": "dark"}
    vscode = (home / ".config/Code/User/mcp.json").read_text()
    assert '"other": { "command": "x" }, // keep me' in vscode and "// mine" in vscode
    assert jsonc.get(vscode, ("servers", "code-index", "type")) == "stdio"
    opencode = jsonc.get((home / ".config/opencode/opencode.jsonc").read_text(), ("mcp", "servers", "code-index"))
    assert opencode["command"][1:] == ["mcp"] and "enabled" not in opencode, "its second form has no such field"
    assert not (home / ".config/opencode/opencode.json").exists(), "the file that is there is the one that is read"
    assert (
        "\r\n" in (home / ".cursor/mcp.json").read_bytes().decode()
        and b"\n\n" not in (home / ".cursor/mcp.json").read_bytes()
    )
    guidance = (home / ".claude/CLAUDE.md").read_text()
    assert guidance.startswith("# My rules\n\nBe kind.\n") and "Do not use it" in guidance and "grep" in guidance
    agent = tomllib.loads((home / ".codex/agents/code-index.toml").read_text())
    assert agent["name"] == "code-index" and agent["developer_instructions"]
    written = texts(home)
    code, out, _ = run("install", "all")
    assert code == 0 and "everything was there already" in out and texts(home) == written, (
        "a second time changes nothing"
    )
    assert run("install", "all", "--undo")[0] == 0
    assert texts(home) == before, "taking it back gives the files as they were"
    assert run("install", "all", "--undo")[0] == 1, "nothing is there"


def test_a_file_that_cannot_be_read_is_named_and_no_file_is_touched(run: Any, home: Path, data: Path) -> None:
    (home / ".codex/config.toml").write_text("[broken\n")
    before = texts(home)
    code, out, err = run("install", "claude", "codex")
    assert code == 2 and "config.toml cannot be edited" in err and "line 1" in err and texts(home) == before
    (home / ".claude.json").write_text('{"mcpServers": [}')
    code, out, _ = run("install", "claude", "--json")
    assert code == 2 and "line 1, column 17" in json.loads(out)["error"]["message"]
    (home / ".claude.json").write_text('{"mcpServers": 3}')
    assert "mcpServers is no object" in run("install", "claude")[2]
    (home / ".cursor/agents").mkdir()
    (home / ".cursor/agents/code-index.md").write_text("mine\n")
    before = texts(home)
    assert "was not written by" in run("install", "cursor")[2] and texts(home) == before
    assert run("install", "cursor", "--undo")[0] == 1 and texts(home) == before, "nor taken out"


def test_a_project_is_given_what_others_can_use_too(
    run: Any, home: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.setenv("CODE_INDEX_DATA", str(project / ".code-index"))
    (project / "AGENTS.md").write_text("Rules.\n")
    assert run("install", "all", "--scope", "project", "--project", str(project))[0] == 0
    entry = json.loads((project / ".mcp.json").read_text())["mcpServers"]["code-index"]
    assert entry == {"type": "stdio", "command": "code-index", "args": ["mcp"]}, "no path of this machine"
    assert (project / "AGENTS.md").read_text().count("code-index: begin") == 1, "two clients read it, it is there once"
    assert "alwaysApply: true" in (project / ".cursor/rules/code-index.mdc").read_text()
    assert 'applyTo: "**"' in (project / ".github/instructions/code-index.instructions.md").read_text()
    assert run("install", "all", "--scope", "project", "--project", str(project), "--undo")[0] == 0
    assert texts(project) == {"AGENTS.md": b"Rules.\n"}


def test_links_and_rights_stay_and_sub_agents_that_would_not_see_it_are_named(run: Any, home: Path, data: Path) -> None:
    dotfiles = home / "dotfiles.json"
    os.replace(home / ".claude.json", dotfiles)
    (home / ".claude.json").symlink_to(dotfiles)
    dotfiles.chmod(0o600)
    (home / ".claude/agents").mkdir()
    (home / ".claude/agents/reviewer.md").write_text("---\nname: reviewer\ntools: Read, Grep\n---\nReview.\n")
    code, out, _ = run("install", "claude")
    assert code == 0 and "reviewer.md lists its tools" in out and "mcp__code-index" in out
    assert (home / ".claude.json").is_symlink() and "code-index" in dotfiles.read_text()
    assert stat.S_IMODE(dotfiles.stat().st_mode) == 0o600
    assert not list(home.glob(".*.json.*")), "no half-written file stays"


def test_without_clients_those_that_are_there(
    run: Any, home: Path, data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, out, _ = run("install", "--dry-run", "--json")
    assert {file["client"] for file in json.loads(out)["files"]} == {"claude", "codex", "cursor", "vscode", "opencode"}
    monkeypatch.setenv("HOME", str(tmp_path / "empty"))
    monkeypatch.chdir(tmp_path)
    code, _, err = run("install")
    assert code == 2 and "no client was found" in err


# -- laws of the edits -------------------------------------------------------------------------------------------------

SPACES = st.sampled_from(["", " ", "\n", "\n  ", " // note\n  ", " /* note */ "])
SCALARS = st.sampled_from(['"a"', "1", "true", "null", '"}{,"', '"// no"', "[1, 2,]", "{}", '{"deep": {"x": 1}}'])


@st.composite
def objects(draw: st.DrawFn) -> str:
    keys = draw(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=4, unique=True))
    rows = [f'{draw(SPACES)}"{key}"{draw(SPACES)}:{draw(SPACES)}{draw(SCALARS)}{draw(SPACES)}' for key in keys]
    return "{" + ",".join(rows) + draw(st.sampled_from(["", ",", ", // end\n"])) + draw(SPACES) + "}"


@given(objects())
def test_setting_adds_one_member_and_removing_it_leaves_the_rest(text: str) -> None:
    before = jsonc.read(text).plain
    made = jsonc.set_member(text, ("zz", "new"), {"command": "x", "args": ["mcp"]})
    assert jsonc.read(made).plain == {**before, "zz": {"new": {"command": "x", "args": ["mcp"]}}}
    assert jsonc.set_member(made, ("zz", "new"), {"command": "x", "args": ["mcp"]}) == made
    back = jsonc.remove_member(made, ("zz", "new"))
    assert jsonc.read(back).plain == before
    assert back.count("note") == text.count("note") and back.count("// end") == text.count("// end"), "comments stay"
    for key in before:
        assert jsonc.read(jsonc.remove_member(text, (key,))).plain == {k: v for k, v in before.items() if k != key}


@pytest.mark.parametrize(
    "text",
    [
        '[mcp_servers."code-index"]\ncommand = "old"\n[mcp_servers.code-index.env]\nA = "1"\n\n# next\n[other]\nx = 1\n',
        '[other]\nx = """\n[mcp_servers.code-index]\n"""\n',
        "x = 1\n[[list]]\ny = 1\n[[list]]\ny = 2",
    ],
)
def test_a_table_is_set_and_removed_by_its_header(text: str) -> None:
    table = {"command": "new", "env": {"A": "2"}}
    before = toml_table.load(text)
    made = toml_table.set_table(text, ("mcp_servers", "code-index"), table)
    others = {key: value for key, value in before.items() if key != "mcp_servers"}
    assert toml_table.load(made) == {**others, "mcp_servers": {"code-index": table}} and ("# next" in made) == (
        "# next" in text
    )
    assert toml_table.load(toml_table.remove_table(made, ("mcp_servers", "code-index"))) == others


def test_a_table_in_another_form_is_refused() -> None:
    with pytest.raises(jsonc.MalformedError, match="cannot be edited in place"):
        toml_table.set_table(
            'mcp_servers = { code-index = { command = "x" } }\n', ("mcp_servers", "code-index"), {"command": "y"}
        )
