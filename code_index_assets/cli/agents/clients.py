"""Where each client reads its MCP servers, its guidance and its sub-agents.

What lives here: one description a client and scope. What does not: editing the files (`jsonc.py`, `toml_table.py`,
`guidance.py`), writing them (`changes.py`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .guidance import AGENT_DESCRIPTION, AGENT_NAME, agent_file, agent_toml, rule_file

Scope = Literal["user", "project"]
SERVER = "code-index"


@dataclass(frozen=True)
class Entry:
    """A member of a JSON file, or a table of a TOML file, that makes a client start the server."""

    file: Path
    path: tuple[str, ...]
    value: dict[str, Any]


@dataclass(frozen=True)
class OwnFile:
    """A file that is ours alone."""

    file: Path
    text: str


@dataclass(frozen=True)
class Client:
    """What one client reads in one scope."""

    name: str
    title: str
    entry: Entry
    block: Path | None = None  # a Markdown file of the user's that gets a block
    own: tuple[OwnFile, ...] = ()
    agents: Path | None = None  # sub-agents that may list their tools
    note: str = ""


@dataclass(frozen=True)
class Place:
    """Whose files are written: the user's home, or a project; and how the server is started."""

    scope: Scope
    home: Path
    project: Path
    command: str
    data: str  # CODE_INDEX_DATA; "" where the server finds the folder by itself
    environment: Mapping[str, str]


def _claude(place: Place) -> Client:
    own = place.environment.get("CLAUDE_CONFIG_DIR")
    folder = Path(own) if own else place.home / ".claude"
    config = (folder if own else place.home) / ".claude.json"
    base = folder if place.scope == "user" else place.project / ".claude"
    agent = agent_file(
        {"name": AGENT_NAME, "description": AGENT_DESCRIPTION, "disallowedTools": "Write, Edit, NotebookEdit"}
    )
    return Client(
        "claude", "Claude Code",
        Entry(config if place.scope == "user" else place.project / ".mcp.json", ("mcpServers", SERVER),
              {"type": "stdio", "command": place.command, "args": ["mcp"], **_env(place, "env")}),
        block=folder / "CLAUDE.md" if place.scope == "user" else place.project / "CLAUDE.md",
        own=(OwnFile(base / "agents" / "code-index.md", agent),),
        agents=base / "agents",
    )  # fmt: skip


def _codex(place: Place) -> Client:
    own = place.environment.get("CODEX_HOME")
    base = (Path(own) if own else place.home / ".codex") if place.scope == "user" else place.project / ".codex"
    return Client(
        "codex", "Codex",
        Entry(base / "config.toml", ("mcp_servers", SERVER),
              {"command": place.command, "args": ["mcp"], **_env(place, "env"), "tool_timeout_sec": 120}),
        block=base / "AGENTS.md" if place.scope == "user" else place.project / "AGENTS.md",
        own=(OwnFile(base / "agents" / "code-index.toml", agent_toml()),),
        note="Codex reads .codex/config.toml only in projects that it trusts" if place.scope == "project" else "",
    )  # fmt: skip


def _cursor(place: Place) -> Client:
    base = (place.home if place.scope == "user" else place.project) / ".cursor"
    rule = rule_file({"description": "When to use the code index, and when grep", "alwaysApply": True})
    agent = agent_file({"name": AGENT_NAME, "description": AGENT_DESCRIPTION})
    rules = (OwnFile(base / "rules" / "code-index.mdc", rule),) if place.scope == "project" else ()
    return Client(
        "cursor", "Cursor",
        Entry(base / "mcp.json", ("mcpServers", SERVER),
              {"type": "stdio", "command": place.command, "args": ["mcp"], **_env(place, "env")}),
        own=(*rules, OwnFile(base / "agents" / "code-index.md", agent)),
        note="Cursor keeps rules of a user in its settings, not in a file: use --scope project for the guidance"
        if place.scope == "user" else "",
    )  # fmt: skip


def _vscode(place: Place) -> Client:
    rule = rule_file({"description": "When to use the code index, and when grep", "applyTo": "**"})
    agent = agent_file({"name": AGENT_NAME, "description": AGENT_DESCRIPTION})
    if place.scope == "user":
        folder = _vscode_user(place)
        entry, own = (
            folder / "mcp.json",
            (
                OwnFile(folder / "prompts" / "code-index.instructions.md", rule),
                OwnFile(folder / "prompts" / "code-index.agent.md", agent),
            ),
        )
    else:
        github = place.project / ".github"
        entry, own = (
            place.project / ".vscode" / "mcp.json",
            (
                OwnFile(github / "instructions" / "code-index.instructions.md", rule),
                OwnFile(github / "agents" / "code-index.agent.md", agent),
            ),
        )
    value = {"type": "stdio", "command": place.command, "args": ["mcp"], **_env(place, "env")}
    return Client("vscode", "VS Code", Entry(entry, ("servers", SERVER), value), own=own)


def _vscode_user(place: Place) -> Path:
    if sys.platform == "darwin":
        return place.home / "Library" / "Application Support" / "Code" / "User"
    config = place.environment.get("XDG_CONFIG_HOME")
    return (Path(config) if config else place.home / ".config") / "Code" / "User"


def _opencode(place: Place) -> Client:
    config = place.environment.get("XDG_CONFIG_HOME")
    user = (Path(config) if config else place.home / ".config") / "opencode"
    base = user if place.scope == "user" else place.project
    below = user if place.scope == "user" else place.project / ".opencode"
    candidates = [folder / name for folder in (base, below) for name in ("opencode.jsonc", "opencode.json")]
    file = next((path for path in candidates if path.exists()), base / "opencode.json")
    value = {"type": "local", "command": [place.command, "mcp"], **_env(place, "environment"), "enabled": True}
    agent = agent_file({"description": AGENT_DESCRIPTION, "mode": "subagent", "permission": {"edit": "deny"}})
    return Client(
        "opencode", "OpenCode", Entry(file, ("mcp", SERVER), value),
        block=base / "AGENTS.md",
        own=(OwnFile(below / "agents" / "code-index.md", agent),),
    )  # fmt: skip


CLIENTS = {"claude": _claude, "codex": _codex, "cursor": _cursor, "vscode": _vscode, "opencode": _opencode}


def clients_of(names: tuple[str, ...], place: Place) -> list[Client]:
    """The clients of some names."""
    return [CLIENTS[name](place) for name in names]


def detected(place: Place) -> tuple[str, ...]:
    """The clients that this user, or this project, has files of."""
    home, project = place.home, place.project
    signs = {
        "claude": [home / ".claude", home / ".claude.json", project / ".claude", project / ".mcp.json",
                   project / "CLAUDE.md"],
        "codex": [Path(place.environment.get("CODEX_HOME") or home / ".codex"), project / ".codex"],
        "cursor": [home / ".cursor", project / ".cursor"],
        "vscode": [_vscode_user(place), project / ".vscode"],
        "opencode": [home / ".config" / "opencode", project / ".opencode", project / "opencode.json",
                     project / "opencode.jsonc"],
    }  # fmt: skip
    return tuple(name for name, paths in signs.items() if any(os.path.lexists(path) for path in paths))


def _env(place: Place, name: str) -> dict[str, dict[str, str]]:
    return {name: {"CODE_INDEX_DATA": place.data}} if place.data else {}
