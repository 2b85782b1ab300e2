"""Our definitions against universal-ctags' on the same files.

What lives here: running ctags, deciding which of its tags are definitions of kinds we keep, counting both ways. What
does not: the table (`parsing.py`).

ctags reads words, not syntax; some of its tags are no definitions. Left out before counting, by the syntax tree at the
tag's own place: a keyword or a use of a name; a word in a comment, a string, JSX text or a preprocessor condition; a name that an import brings in; a
variable or constant inside a function or lambda; a parameter or loop variable; data in an object literal. A test or function made by a macro
(`TEST(Suite, Case) {`), which ctags calls `TEST`, agrees with ours on the same line.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tree_sitter import Parser

from code_index_assets.chunking.parse import parse_file
from code_index_assets.chunking.plugins import plugin

NAMES = {
    "typescript": "TypeScript", "tsx": "TypeScript", "cpp": "C++", "csharp": "C#", "php": "PHP", "c": "C", "r": "R",
    "objc": "ObjectiveC", "ocaml": "OCaml", "commonlisp": "Lisp", "elisp": "EmacsLisp", "vhdl": "VHDL", "d": "D",
    "powershell": "PowerShell", "bash": "Sh", "cmake": "CMake", "cuda": "CUDA", "matlab": "MatLab", "proto": "Protobuf",
    "puppet": "PuppetManifest", "sql": "SQL", "ocaml_interface": "OCaml", "css": "CSS", "scss": "SCSS", "html": "HTML",
    "json": "JSON", "rst": "ReStructuredText", "arduino": "C++", "luau": "Lua",
}  # fmt: skip
# Kinds that are no definitions we keep, in every language or in one.
NOT_KEPT = frozenset(
    [
        "local",
        "parameter",
        "import",
        "include",
        "package",
        "packageName",
        "label",
        "heredoc",
        "unknown",
        "namespaceAlias",
        "using",
        "header",
        "anonMember",
        "receiver",
        "semimethod",
        "externvar",
        "typevar",
        "tparam",
        "script",
        "hashtag",
    ]
)
# A module that only qualifies names is none (Clojure, D, Elm, Haskell); nor are build switches, ports and generics, which
# are parameters, nets, registers, signals and processes inside one module, local variables, columns and vectors.
NOT_KEPT_IN = {
    "php": {"alias", "namespace"},
    "csharp": {"typedef"},
    "clojure": {"namespace"},
    "d": {"module", "version"},
    "elm": {"module"},
    "haskell": {"module"},
    "puppet": {"param"},
    "matlab": {"variable"},
    "verilog": {"port", "net", "register", "instance", "block"},
    "vhdl": {"port", "generic", "signal", "process", "label", "variable"},
    "r": {"functionVar", "nameattr", "vector", "list", "dataframe"},
    "ada": {"formal", "identifier", "autovar", "anon", "label"},
}
# Kinds of nodes in which a variable is a local one, where BODIES does not hold them.
LOCAL_IN = {
    "haxe": ("function_declaration", "function_expression"),
    "fortran": ("subroutine", "function", "program", "interface"),
    "d": ("function_body", "unittest_declaration", "block_statement"),
    "ada": ("subprogram_body", "task_body", "entry_body", "block_statement"),
    "powershell": ("script_block",),
    "vim": ("function_definition",),
    "ocaml": ("value_definition",),
    "r": ("arguments", "function_definition"),
}
# Where a name ends that ctags gives with what follows it, and where it begins after what qualifies it.
NAME_END = {"elm": re.compile(r"[ =({]"), "objc": re.compile(":"), "julia": re.compile("{")}
NAME_START = {"lua": re.compile(r".*[.:]"), "tcl": re.compile(r".*::(?=.)"), "vim": re.compile(r"^[a-z]:"),
              "fortran": re.compile(r"^(?:operator|assignment)\(?")}  # fmt: skip
VALUES = frozenset(
    ["globalVar", "constant", "variable", "property", "field", "member", "alias", "enumerator", "method"]
)
# Languages whose names are the same in any case, and those in which a macro's call defines what it is given.
CASELESS = frozenset(["ada", "fortran", "pascal", "vhdl", "powershell", "sql", "cmake"])
MACROS = frozenset(["c", "cpp", "cuda", "objc", "rust", "elixir"])
# Parts of names of syntax nodes: what is inside them is no definition, or a local one.
TEXTS = ("comment", "number", "string", "jsx_text", "regex", "char_literal", "template_substitution")
IMPORTS = ("import", "use_declaration", "require")
BODIES = (
    "function_body", "compound_statement", "statement_block", "lambda", "arrow_function", "function_expression",
    "anonymous_function", "closure", "block_body", "constructor_body", "body_statement",
)  # fmt: skip
LOCALS = (
    "parameter",
    "for_statement",
    "for_in_statement",
    "for_expression",
    "when_subject",
    "catch_clause",
    "type_arguments",
)
# Nodes that give a name, where ctags may have taken a use for one.
DECLARING = (
    "declar",
    "definition",
    "signature",
    "property",
    "field",
    "enum",
    "assignment",
    "pair",
    "member",
    "element",
    "binary_operator",
)
TYPES = ("class_body", "class_declaration", "object_literal", "declaration_list", "field_declaration_list", "enum_body")


@dataclass
class Comparison:
    """Names found by both, by ctags alone (by kind, with examples), by us alone (by kind); ctags' CPU seconds."""

    agreed: int = 0
    only_ctags: Counter[str] = field(default_factory=Counter)
    only_ours: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[str, str, str, int]] = field(default_factory=list)
    our_examples: list[tuple[str, str, str, int]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    by_kind: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def definitions(self) -> int:
        return self.agreed + sum(self.only_ctags.values())

    @property
    def agreement(self) -> float:
        return self.agreed / max(self.definitions, 1)

    def report(self, language: str, count: int = 6) -> str:
        some, ours = (
            random.Random(1).sample(found, min(count, len(found))) for found in (self.examples, self.our_examples)
        )
        return (
            f"{language}: {self.definitions:,} definitions of ctags; only ctags {dict(self.only_ctags.most_common(6))}; "
            f"only ours {dict(self.only_ours.most_common(6))}; left out {dict(self.left_out.most_common())}, "
            f"by kind {dict(self.by_kind.most_common())}\n   ctags: {some}\n   ours: {ours}"
        )


def compare(files, context, options, language):
    """Compares on files of one language."""
    result = Comparison()
    tags, result.seconds, result.by_kind = run(files, language)
    parser = Parser(plugin(language).language)
    for file in files:
        symbols = parse_file(file, options, context).symbols
        names = {_plain(row[2]) for row in symbols} | {_plain(row[2]).split(".")[-1] for row in symbols}
        if language in CASELESS:
            names |= {name.lower() for name in names}
        tests = {row[7]: row[5] for row in symbols}
        root = None
        seen = set()
        for tag in tags.get(file.path, ()):
            name = _plain(tag["name"])
            if name in seen:
                continue
            short = _plain(_short(tag["name"], language))
            if name in names or short in names or (language in CASELESS and short.lower() in names):
                seen.add(name)
                result.agreed += 1
                continue
            root = root or parser.parse(file.text.encode()).root_node
            made = language in MACROS and tests.get(tag["line"]) in ("test", "function")
            why = "macro" if made else _no_definition(root, file.text, tag, LOCAL_IN.get(language, ()))
            if why:
                result.left_out[why] += 1
                continue
            seen.add(name)
            result.only_ctags[tag["kind"]] += 1
            result.examples.append((tag["kind"], tag["name"], file.path, tag["line"]))
        theirs = {_plain(tag["name"]) for tag in tags.get(file.path, ())}
        theirs |= {_plain(_short(tag["name"], language)) for tag in tags.get(file.path, ())}
        ours = {_plain(row[2]): row[5] for row in symbols if _plain(row[2]) not in theirs}
        result.only_ours.update(ours.values())
        at = {_plain(row[2]): row[7] for row in symbols}
        result.our_examples += [(kind, name, file.path, at[name]) for name, kind in ours.items()]
    return result


def run(files, language):
    """Tags by file, the CPU seconds of ctags, and how many tags its kinds alone leave out."""
    found = defaultdict(list)
    by_kind = Counter()
    with tempfile.TemporaryDirectory() as folder:
        names = {}
        for number, file in enumerate(files):
            target = Path(folder) / f"{number}{Path(file.path).suffix}"
            target.write_text(file.text, "utf-8")
            names[str(target)] = file.path
        listing = Path(folder) / "list"
        listing.write_text("\n".join(names))
        command = ["ctags", "--output-format=json", "--fields=+Ksn", "-f", "-", "-L", str(listing)]
        command.append(f"--language-force={NAMES.get(language, language.capitalize())}")
        before = os.times()
        output = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True).stdout
        after = os.times()
        for line in filter(None, output.split("\n")):
            tag = json.loads(line)
            kind = tag.get("kind")
            if tag.get("_type") != "tag" or kind in NOT_KEPT or kind in NOT_KEPT_IN.get(language, ()):
                by_kind[kind] += 1
                continue
            if not tag["name"].startswith(("__anon", "<lambda>", "anonymousFunction", "/")):
                found[names[tag["path"]]].append(tag)
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return found, seconds, by_kind


def _plain(name):
    return name.replace(" ", "").strip("`")


def _short(name, language):
    """A name of ctags without what qualifies it and what follows it."""
    if language in NAME_END:
        name = NAME_END[language].split(name, maxsplit=1)[0]
    if language in NAME_START:
        name = NAME_START[language].sub("", name)
    return name.replace("::", ".").rpartition(".")[2] or name


def _value(pair):
    """The kind of a property's value."""
    value = pair.parent.child_by_field_name("value")
    return value.type if value is not None else ""


def _no_definition(root, text, tag, local_in=()):
    """Why a tag is no definition that we keep, or None."""
    lines = text.split("\n")
    line = lines[tag["line"] - 1] if tag["line"] <= len(lines) else ""
    column = line.find(tag["name"])
    if column < 0:
        return "not on its line"
    at = (tag["line"] - 1, len(line[:column].encode()))
    node = root.descendant_for_point_range(at, at)
    if node is None or not node.is_named:
        return "keyword"
    if node.parent is None:
        return "use"
    if line.lstrip().startswith("(define-library"):  # its name is a list: `(srfi 9)`
        return "library"
    if node.parent.type.startswith("tag"):  # a tag of a polymorphic variant
        return "use"
    value = tag["kind"] in VALUES
    if value and not any(part in node.parent.type for part in DECLARING):
        return "use"
    if (tag["kind"] == "class" and "class" not in line) or (
        node.parent.type == "pair" and "function" not in _value(node)
    ):
        return "data"
    while node is not None and node.parent is not None:
        kind = node.type
        if any(part in kind for part in TEXTS) and "interpolation" not in kind:
            return "text"
        if kind.startswith(IMPORTS):
            return "import"
        if value and any(part in kind for part in TYPES):
            return None
        if value and (kind in local_in or any(part in kind for part in (*BODIES, *LOCALS))):
            return "local"
        node = node.parent
    return None
