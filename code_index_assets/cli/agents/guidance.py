"""What the guidance tells agents: when to use the index, and when not.

What lives here: that text, and the block or file it stands in. What does not: where it is written (`clients.py`).
"""

from __future__ import annotations

import json
import re

BEGIN = "<!-- code-index: begin (written by `code-index install`, removed by `code-index install --undo`) -->"
END = "<!-- code-index: end -->"
_BLOCK = re.compile(r"(?:\r?\n)*<!-- code-index: begin\b.*?<!-- code-index: end -->(?:\r?\n)?", re.DOTALL)
MARK = "code-index: written by `code-index install`"

GUIDANCE = """\
## Code Index

The MCP server `code-index` answers from an index of this code (and of other repositories) at a known commit.

Use it
- when you do not know where something is: `context` with the task, issue, stack trace or error text, in one call
- before you change a definition: `code_graph` with callers, impact, tests-for (each edge has a grade: proven, inferred)
- for a repository that you do not know: `overview` (map, outline, routes, entry-points)
- for code that is not checked out here: `search_code`, `find_symbol`, `read_code`

Do not use it
- for a string or a name whose spelling and folder you know: grep is quicker and sees your edits
- for a file whose path you know: read the file
- for lines that you have changed since the last `index_codebase`: the index has the commit that its answers name

Sub-agents: say in their task that `code-index` is there, and give them these rules.
"""

AGENT_NAME = "code-index"
AGENT_DESCRIPTION = (
    "Finds where something is done, who calls it and which tests reach it, across indexed repositories. Use it for "
    "questions that would take many searches; not for a known string (grep)."
)
AGENT_TEXT = """\
Answer from the MCP server `code-index`: `context` with the task first; then `code_graph` for callers, impact and tests;
`read_code` for lines that you rely on. Grep for a string whose spelling is known. Change no file.

Reply with places (repository, path, lines, commit), one line of reason each, and what you could not find. Say which
edges are inferred or textual.
"""


def with_block(text: str) -> str:
    """A Markdown text with the guidance block: in its place if it has one, else at its end."""
    newline = "\r\n" if "\r\n" in text else "\n"
    block = newline.join([BEGIN, *GUIDANCE.rstrip("\n").split("\n"), END])
    match = _BLOCK.search(text)
    if match:
        lead = text[match.start() : text.index("<!--", match.start())]
        return text[: match.start()] + lead + block + newline + text[match.end() :]
    gap = "" if not text.strip() else newline if text.endswith(("\n", "\r")) else newline * 2
    return text + gap + block + newline


def without_block(text: str) -> str:
    """A Markdown text without the guidance block."""
    match = _BLOCK.search(text)
    if not match:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    before, after = text[: match.start()], text[match.end() :]
    return before + (newline if before else "") + after


def rule_file(front: dict[str, object]) -> str:
    """A file of guidance with front matter."""
    return f"{_front(front)}<!-- {MARK} -->\n{GUIDANCE}"


def agent_file(front: dict[str, object]) -> str:
    """The sub-agent's definition in Markdown."""
    return f"{_front(front)}<!-- {MARK} -->\n{AGENT_TEXT}"


def agent_toml() -> str:
    """The sub-agent's definition in TOML."""
    fields = {"name": AGENT_NAME, "description": AGENT_DESCRIPTION}
    lines = [f"{key} = {json.dumps(value)}" for key, value in fields.items()]
    return "\n".join(
        [f"# {MARK}", *lines, 'sandbox_mode = "read-only"', f'developer_instructions = """\n{AGENT_TEXT}"""', ""]
    )


def _front(fields: dict[str, object]) -> str:
    lines = []
    for key, value in fields.items():
        if isinstance(value, dict):
            lines += [f"{key}:", *(f"  {name}: {json.dumps(one)}" for name, one in value.items())]
        else:
            lines.append(f"{key}: {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(["---", *lines, "---", ""])
