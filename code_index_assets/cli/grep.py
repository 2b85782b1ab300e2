"""The `grep` command: every line that has a text or matches a regular expression."""

from __future__ import annotations

import json
from pathlib import Path

import click

from . import completion
from .search import Fields, answered, laid, opened
from .terminal import use_color
from .tree import asked_tree, tree_options

# Lines that one request to a server may ask for: more are answered by this process.
_MOST_OF_SERVER = 10_000


@click.command("grep")
@click.argument("pattern")
@click.option("-F", "--fixed-strings", "literal", is_flag=True, help="PATTERN is a text, not a regular expression.")
@click.option("-i", "--ignore-case", "any_case", is_flag=True, help="Letters match in any case.")
@click.option("-w", "--word", is_flag=True, help="Whole words only.")
@click.option("-U", "--multiline", "over_lines", is_flag=True, help="A match may go over several lines.")
@click.option("--count", is_flag=True, help="Only how many lines match.")
@click.option("--repo", multiple=True, shell_complete=completion.repositories, help="Only in this repository.")
@click.option("--ref", multiple=True, shell_complete=completion.refs, help="At this ref instead of the default one.")
@click.option("--path", multiple=True, help="Only paths that match: a glob, a folder or a whole path.")
@click.option("--language", multiple=True, shell_complete=completion.languages, help="Only files of this language.")
@click.option("--role", multiple=True, help="Only files of this role: source, test, docs, …")
@click.option("--limit", type=click.IntRange(1), help="Lines at most; default: all.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@tree_options
def grep_command(
    pattern: str, literal: bool, any_case: bool, word: bool, over_lines: bool, count: bool, repo: tuple[str, ...],
    ref: tuple[str, ...], path: tuple[str, ...], language: tuple[str, ...], role: tuple[str, ...], limit: int | None,
    as_json: bool, worktree: Path | None, published: bool,
) -> int:  # fmt: skip
    """Every indexed line that matches PATTERN, a regular expression in RE2's syntax; the case counts."""
    settings, layout, server = opened()
    over = asked_tree(settings, layout, worktree, published, repo, ref)
    asked = 0 if count else limit
    fields: Fields = {
        "pattern": pattern, "literal": literal, "any_case": any_case, "word": word, "multiline": over_lines,
        "repo": repo, "ref": ref, "path": path, "language": language, "role": role,
        "limit": _MOST_OF_SERVER if asked is None else asked,
    }  # fmt: skip

    def shown(answer: Fields, color: bool) -> tuple[str, int]:
        from ..search.render_exact import render_grep

        if as_json:
            return json.dumps(answer, ensure_ascii=False), exit_of(answer)
        return render_grep(answer, count=count, color=color), exit_of(answer)

    def remote(form: Fields) -> tuple[str, int]:
        assert server is not None
        answer = json.loads(server.get("/v1/grep", fields).text)
        del form  # the server's text is for its page: lines are laid out here
        if asked is None and answer["next_cursor"]:
            return local()
        return shown(answer, use_color())

    def local() -> tuple[str, int]:
        from ..index.exact.pattern import Pattern
        from ..search.answer_fields import to_json
        from ..search.grep import GrepRequest, grep
        from ..search.service import open_engine

        request = GrepRequest(
            Pattern(pattern, literal, any_case, word, over_lines), asked,
            repositories=repo, refs=ref, paths=path, languages=language, roles=role,
        )  # fmt: skip
        return shown(to_json(grep(laid(open_engine(settings, layout), over), request)), use_color())

    return answered(as_json, {"matches": []}, remote if server and over is None else None, local)


def exit_of(answer: Fields) -> int:
    """0 found, 1 certified as not there, 5 not fully looked at."""
    if not answer["complete"]:
        return 5
    if answer["total"]:
        return 0
    return 1 if (answer.get("absence") or {}).get("certified") else 5
