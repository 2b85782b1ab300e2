"""The code graph of a few files, parsed as the index parses them."""

from __future__ import annotations

from functools import cache

from code_index_assets.chunking.code_facts.model import FileFacts
from code_index_assets.chunking.context import project_context
from code_index_assets.chunking.languages import FACTS
from code_index_assets.chunking.single import ChunkOptions, SourceFile, parse_file
from code_index_assets.graph.references import References
from code_index_assets.graph.repository import Place, Repository

LANGUAGES = {
    "py": "python", "ts": "typescript", "js": "javascript", "go": "go", "java": "java", "c": "c", "h": "cpp", "cc": "cpp",
}  # fmt: skip


def graph_of(files: dict[str, str]) -> References:
    """The graph of some files, by path."""
    context = project_context(files, files.get)
    languages: dict[str, str] = {}
    facts: dict[str, FileFacts] = {}
    for path, text in files.items():
        language = LANGUAGES.get(path.rpartition(".")[2])
        if language is None:
            continue
        parsed = parse_file(SourceFile(path, "blob", language, text), ChunkOptions(), context)
        assert parsed.code_facts, (path, parsed.diagnostics)
        _, read_as, names, stored = parsed.code_facts[0]
        languages[path] = read_as
        facts[path] = FileFacts.from_json(path, read_as, stored)
        assert names == facts[path].names()

    @cache
    def resolve(path: str, module: str) -> str | None:
        rules = FACTS[languages[path]]
        return rules.resolve(path, module, context) if rules.resolve is not None else None

    return References(Repository(facts, facts.get, resolve))


def place(graph: References, path: str, name: str, line: int | None = None) -> Place:
    """The one definition of a name in a file."""
    (found,) = graph.places(name, path, line)
    return found


def uses(graph: References, path: str, name: str, line: int | None = None) -> dict[str, str]:
    """Grade by `path:line` of the uses of a definition."""
    return {f"{use.path}:{use.line}": use.grade for use in graph.answer(name, path, line).references}


def candidates(graph: References, path: str, name: str, line: int | None = None) -> list[str]:
    """`path:line` of the lines that write a name and whose target is not known."""
    return [f"{use.path}:{use.line}" for use in graph.answer(name, path, line).candidates]


def callers(graph: References, path: str, name: str, line: int | None = None) -> set[str]:
    """Names of the definitions that call one."""
    return {caller.name for caller in graph.answer(name, path, line).callers}
