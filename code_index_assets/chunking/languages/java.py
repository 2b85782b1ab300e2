"""Java and Kotlin: packages, annotations of Spring, JPA and JUnit, build modules, coroutines, extensions."""

from __future__ import annotations

import re

from ..context import ProjectContext
from ..facts import CALLABLE_KINDS, Definition, LanguageFacts, Outline, visibility_by_words, words
from ..soft_words import known_words, misread

MAPPING = re.compile(r"@(Get|Post|Put|Patch|Delete|Request)Mapping\b(.*)", re.S)
QUOTED = re.compile(r"\"([^\"]*)\"")
VERB = re.compile(r"RequestMethod\.(\w+)")
STEREOTYPES = {
    "Component": "component", "Service": "service", "Repository": "repository", "Controller": "controller",
    "RestController": "controller", "Configuration": "configuration", "SpringBootApplication": "application",
    "Bean": "bean", "Entity": "model", "Table": "model", "Embeddable": "model", "MappedSuperclass": "model",
    "Test": "test", "ParameterizedTest": "test", "RepeatedTest": "test", "TestFactory": "test",
    "Composable": "component",
    "BeforeEach": "fixture", "AfterEach": "fixture", "BeforeAll": "fixture", "AfterAll": "fixture", "Before": "fixture",
    "After": "fixture", "BeforeClass": "fixture", "AfterClass": "fixture", "Benchmark": "benchmark",
    "Deprecated": "deprecated", "Scheduled": "scheduled", "EventListener": "listener", "HiltViewModel": "component",
}  # fmt: skip
ASSOCIATIONS = {
    "OneToMany": "one_to_many",
    "ManyToOne": "many_to_one",
    "OneToOne": "one_to_one",
    "ManyToMany": "many_to_many",
}
MODIFIERS = re.compile(
    r"\b(abstract|static|final|sealed|synchronized|native|default|suspend|inline|operator|infix|tailrec|override|open|data|"
    r"inner|companion|value|annotation|expect|actual|const|lateinit)\b"
)
NOTED = {
    "abstract",
    "static",
    "sealed",
    "suspend",
    "data",
    "inline",
    "operator",
    "companion",
    "override",
    "open",
    "expect",
    "actual",
}
NAME = re.compile(r"@(?:[a-z]\w*:)?(?:[\w]+\.)*(\w+)")


def resolve(path: str, module: str, context: ProjectContext) -> str | None:
    """The file of an imported class, or of the class around an imported member."""
    parts = module.split(".")
    for length in (len(parts), len(parts) - 1, len(parts) - 2):
        if length < 1:
            break
        tail = "/".join(parts[:length])
        for extension in (".java", ".kt"):
            target = context.by_suffix(tail + extension, path)
            if target:
                return target
    return None


def finish(outline: Outline, context: ProjectContext) -> None:
    """Adds what Java and Kotlin need beyond the query."""
    build = context.owner("builds", outline.path)
    for definition in outline.definitions:
        prefix = outline.raw[definition.start : definition.name_start].decode("utf-8", "replace")
        for decorator in definition.decorators:
            prefix = prefix.replace(decorator, "")
            _annotated(definition, decorator)
        words = MODIFIERS.findall(prefix)
        definition.facts += [word for word in dict.fromkeys(words) if word in NOTED]
        if build is not None and definition.parent is None:
            definition.facts.append(f"build={build[1]}")
        _kinds(outline, definition, prefix, words)
    _class_routes(outline)


def _annotated(definition: Definition, decorator: str) -> None:
    name = NAME.match(decorator)
    if name is None:
        return
    if (fact := STEREOTYPES.get(name[1])) and fact not in definition.facts:
        definition.facts.append(fact)
    if association := ASSOCIATIONS.get(name[1]):
        definition.facts.append(f"association={association}:{definition.name}")
    if mapping := MAPPING.match(decorator):
        verb = VERB.search(mapping[2])
        method = mapping[1].upper() if mapping[1] != "Request" else (verb[1] if verb else "ANY")
        definition.facts += [f"route={method} {url}" for url in (QUOTED.findall(mapping[2]) or [""])]


def _kinds(outline: Outline, definition: Definition, prefix: str, words: list[str]) -> None:
    if outline.plugin.name == "java":
        if definition.kind == "field" and "static" in words and "final" in words:
            definition.kind = "constant"
        return
    if definition.kind == "class":
        if re.search(r"\binterface\b", prefix):
            definition.kind = "interface"
        elif re.search(r"\benum\b", prefix):
            definition.kind = "enum"
    elif definition.kind == "property" and "const" in words:
        definition.kind = "constant"
    if definition.scope:
        definition.facts.append(f"extension={definition.scope}")


def _class_routes(outline: Outline) -> None:
    """A mapping on a controller class is in front of those on its methods."""
    for definition in outline.definitions:
        parent = definition.parent
        if (
            definition.kind not in CALLABLE_KINDS
            or parent is None
            or not any(f.startswith("route=") for f in parent.facts)
        ):
            continue
        base = next(f for f in parent.facts if f.startswith("route=")).partition(" ")[2].rstrip("/")
        definition.facts = [
            f"{fact.partition(' ')[0]} {base}{fact.partition(' ')[2]}" if fact.startswith("route=") else fact
            for fact in definition.facts
        ]


LANGUAGES = {
    "java": LanguageFacts(
        keywords=words(
            "String Object int long boolean void char byte short float double var this super true false", "null"
        ),
        resolve=resolve,
        visibility=visibility_by_words("package", "public"),
        finish=finish,
    ),
    "kotlin": LanguageFacts(
        renames={"object": "Companion"},
        blank=known_words,
        misread=misread,
        body_kinds=frozenset({"class_body", "enum_class_body", "function_body", "block", "getter", "setter"}),
        keywords=words("this super it true false null val var fun"),
        resolve=resolve,
        visibility=visibility_by_words("public"),
        finish=finish,
    ),
}
