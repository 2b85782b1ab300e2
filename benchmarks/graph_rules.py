"""What each rule of name resolution contributes: precision, recall and mean F1 with one rule left out at a time.

    python -m benchmarks.graph_rules EVALUATION DATA [--language python] [--rule NAME]

EVALUATION is a folder with queries.jsonl.gz, files.jsonl.gz and score.py (questions about definitions with gold from
compilers); DATA a data folder in which its repositories are indexed under their names at the commits of repos.json.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from code_index_assets.graph.languages import c, go, java, python, typescript
from code_index_assets.graph.references import References
from code_index_assets.graph.resolver import UNKNOWN, Resolver
from code_index_assets.index.precise import published_receipt
from code_index_assets.search.graphs import graph_of
from code_index_assets.storage.layout import Layout


@dataclass(frozen=True)
class Rule:
    """A rule, the languages that it bears on ("" all), and how it is left out: attributes of classes replaced."""

    name: str
    languages: tuple[str, ...]
    owner: type
    attribute: str
    without: Any


def _nothing(*_: Any, **__: Any) -> Any:
    return ()


def _none(*_: Any, **__: Any) -> None:
    return None


RULES = (
    Rule("types of receivers", (), Resolver, "resolve_member", lambda *_: UNKNOWN),
    Rule("the only member of a name", (), References, "guessed", _none),
    Rule("callers of overridden methods", (), References, "overridden", lambda *_: set()),
    Rule("members of base types", (), Resolver, "_found_bases", lambda *_: ((), False)),
    Rule("types that functions return", (), Resolver, "returned", _nothing),
    Rule("elements of containers", (), Resolver, "elements", _nothing),
    Rule("other names by import", (), References, "names_of", lambda _s, _r, name, _w: {name}),
    Rule("`super`", ("python",), Resolver, "super_member", _none),
    Rule("star imports", ("python",), python.PythonResolver, "star", _none),
    Rule("fixtures of pytest", ("python",), python.PythonResolver, "fixture", _none),
    Rule("what `with` binds", ("python",), python.PythonResolver, "entered", _nothing),
    Rule("doubt about bindings", ("python",), python.PythonResolver, "doubt", lambda *_: ""),
    Rule("doubt about members", ("python",), python.PythonResolver, "doubt_of_member", lambda *_: ""),
    Rule("modules of the library", ("python",), python.PythonResolver, "module_file",
         lambda self, path, module: self.repository.resolve(path, module)),
    Rule("callbacks", ("typescript",), typescript.TypeScriptResolver, "given_to_callback", _nothing),
    Rule("choice of overloads", ("java",), java.JavaResolver, "choose", lambda _s, places, _f, _n: places),
    Rule("types of arguments", ("java",), java.JavaResolver, "score", lambda *_a, **_k: 0),
    Rule("type arguments", ("java",), java.JavaResolver, "replaced", lambda _s, value, _b: value),
    Rule("types of arguments", ("c", "cpp"), c.CResolver, "score", lambda *_a, **_k: 0),
    Rule("prototypes tied to definitions", ("c", "cpp"), c.CResolver, "canonical", lambda _s, place: place),
    Rule("embedding and methods by receiver", ("go",), go.GoResolver, "own_member", Resolver.own_member),
)  # fmt: skip


@contextmanager
def left_out(rule: Rule) -> Iterator[None]:
    """A rule left out: in its class, and in classes below it that have their own."""
    owners = [rule.owner, *(k for k in _below(rule.owner) if rule.attribute in vars(k))] if rule.without else []
    before = [(owner, vars(owner).get(rule.attribute)) for owner in owners]
    for owner in owners:
        setattr(owner, rule.attribute, rule.without)
    try:
        yield
    finally:
        for owner, value in before:
            if value is None:
                delattr(owner, rule.attribute)
            else:
                setattr(owner, rule.attribute, value)


def _below(owner: type) -> list[type]:
    found: list[type] = []
    for inner in owner.__subclasses__():
        found += [inner, *_below(inner)]
    return found


class Evaluation:
    """The questions and their gold, over repositories that are indexed."""

    def __init__(self, folder: Path, data: Path, language: str) -> None:
        spec = importlib.util.spec_from_file_location("score", folder / "score.py")
        assert spec is not None and spec.loader is not None
        self.score = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.score)
        self.layout = Layout(data)
        rows = self.score.rows(folder / "queries.jsonl.gz")
        self.queries = [query for query in rows if not language or query["lang"] == language]
        self.scope: dict[str, dict[str, Any]] = defaultdict(dict)
        for row in self.score.rows(folder / "files.jsonl.gz"):
            self.scope[row["repo"]][row["path"]] = row.get("skipped", [])

    def measure(self, languages: tuple[str, ...]) -> str:
        """One row of the table: of the questions in some languages, all without any."""
        made: dict[str, References] = {}
        lines: list[tuple[int, int, int]] = []
        zeros = right = 0
        graded: dict[str, list[int]] = defaultdict(list)
        traced = [0, 0]
        for query in self.queries:
            if languages and query["lang"] not in languages:
                continue
            if query["repo"] not in made:
                graph = graph_of(self.layout, published_receipt(self.layout, query["repo"], None))
                made[query["repo"]] = References(graph.references.repository)
            answer = made[query["repo"]].answer(query["name"], query["path"], query["line"])
            shown = {"refs": [{"path": u.path, "line": u.line, "confidence": u.grade} for u in answer.references]}
            *counts, grades = self.score.judge_lines(query, shown, self.scope[query["repo"]], False, 0)
            for grade, fine in grades:
                graded[grade].append(fine)
            if query["zero"]:
                zeros, right = zeros + 1, right + (counts[1] == 0)
            else:
                lines.append((counts[0], counts[1], counts[2]))
            if query.get("traced_callers"):
                got = {(caller.path, self.score.last(caller.name)) for caller in answer.callers}
                rows = [c for c in query["traced_callers"] if not c.get("indirect")]
                wanted = {(row["path"], self.score.last(row["name"])) for row in rows}
                traced = [traced[0] + len(got & wanted), traced[1] + len(wanted)]
        precision, recall, _ = self.score.prf(lines)
        mean = sum(map(self.score.one_f1, lines)) / max(len(lines), 1)
        proven = graded["proven"]
        return (
            f"{precision:.3f} | {recall:.3f} | {mean:.3f} | {sum(proven) / max(len(proven), 1):.3f} ({len(proven):,}) | "
            f"{right} of {zeros} | {f'{traced[0] / traced[1]:.3f}' if traced[1] else '–'}"
        )


def main(arguments: list[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("evaluation", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--language", default="")
    parser.add_argument("--rule", default="")
    given = parser.parse_args(arguments)
    evaluation = Evaluation(given.evaluation, given.data, given.language)
    say: Callable[[str], None] = lambda line: print(line, flush=True)  # noqa: E731
    say(
        "| without | languages | line precision | recall | mean F1 | proven precision | without use: right | run-time |"
    )
    say("|---|---|---|---|---|---|---|---|")
    for languages in dict.fromkeys(((), *(rule.languages for rule in RULES))):
        say(f"| nothing | {', '.join(languages) or 'all'} | {evaluation.measure(languages)} |")
    for rule in RULES:
        if given.rule in rule.name:
            with left_out(rule):
                say(f"| {rule.name} | {', '.join(rule.languages) or 'all'} | {evaluation.measure(rule.languages)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
