"""Access to tree-sitter grammars: the one place that knows which package a grammar comes from.

What lives here: `language(name)`, the names available, the versions that go into fingerprints. What does not: queries
and language facts (`plugins.py`, `languages/`).
"""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language

PACK = "tree_sitter_language_pack"

# Grammars that replace the pack's: module and function. The pack's Kotlin leaves errors in 6.0 % of okhttp's files and
# has no field names; this one 1.0 %.
REPLACED = {"kotlin": ("tree_sitter_kotlin", "language")}

# The pack ships these three as packages of their own.
SEPARATE = {
    "csharp": ("tree_sitter_c_sharp", "language"),
    "yaml": ("tree_sitter_yaml", "language"),
    "embeddedtemplate": ("tree_sitter_embedded_template", "language"),
}

# Grammars of the pack that are not used, and why: such files come as lines, and say so.
REFUSED = {"cobol": "its scanner never ends on some texts, out of reach of any time limit"}

# Names other tools use for a grammar we have under another.
ALIASES = {
    "c_sharp": "csharp",
    "c#": "csharp",
    "c++": "cpp",
    "shell": "bash",
    "sh": "bash",
    "zsh": "bash",
    "jsx": "javascript",
    "makefile": "make",
    "dotenv": "properties",
    "protobuf": "proto",
    "restructuredtext": "rst",
    "jsonc": "json",
    "json5": "json",
    "golang": "go",
    "objective-c": "objc",
    "emacs-lisp": "elisp",
    "docker": "dockerfile",
    "less": "scss",
    "erb": "embeddedtemplate",
    "hcl": "terraform",
}


class GrammarMissingError(LookupError):
    """No grammar of that name is installed, or it cannot be loaded."""


def canonical(name: str) -> str:
    """The name the grammar has here: lower case, aliases resolved."""
    low = name.lower()
    return ALIASES.get(low, low)


@cache
def language(name: str) -> Language:
    """The grammar of a language. Raises GrammarMissingError with the reason."""
    from tree_sitter import Language

    name = canonical(name)
    if name in REFUSED:
        raise GrammarMissingError(f"the grammar for {name!r} is not used: {REFUSED[name]}")
    package, function = REPLACED.get(name) or SEPARATE.get(name) or (f"{PACK}.bindings.{name}", "language")
    try:
        module = importlib.import_module(package)
        return Language(getattr(module, function)())
    except (ImportError, AttributeError, ValueError, TypeError, OSError) as error:
        raise GrammarMissingError(f"no grammar for {name!r}: {error}") from error


@cache
def available() -> tuple[str, ...]:
    """Names of all installed grammars, sorted; nothing is loaded."""
    spec = importlib.util.find_spec(PACK)
    names = set(REPLACED) | set(SEPARATE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        names.update(file.name.split(".", 1)[0] for file in Path(folder).glob("bindings/*.so"))
        names.update(file.name.split(".", 1)[0] for file in Path(folder).glob("bindings/*.pyd"))
    return tuple(sorted(names - set(REFUSED)))


def versions() -> dict[str, str]:
    """Versions of the packages parsing depends on."""
    from importlib import metadata  # a parser process needs no versions

    packages = ["tree-sitter", "tree-sitter-language-pack"]
    packages += sorted({module.replace("_", "-") for module, _ in (*REPLACED.values(), *SEPARATE.values())})
    installed = {}
    for package in packages:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            installed[package] = "missing"
    return installed
