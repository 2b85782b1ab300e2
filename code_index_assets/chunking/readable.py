"""Which languages' definitions are read, and in which a mark at its end is part of a name.

What lives here: two lists, without tree-sitter, for rooms that only answer questions. What does not: how definitions
are found (`plugins.py`). A test holds the lists to the queries; docs/parsing.md shows the first.
"""

from __future__ import annotations

from collections.abc import Iterable


def _names(*lines: str) -> frozenset[str]:
    return frozenset(" ".join(lines).split())


# Languages with a query of their own or of the language they extend.
QUERIED = _names(
    "ada arduino bash c capnp clojure cmake commonlisp cpp csharp cuda dart elisp elixir elm erlang fsharp",
    "gdscript glsl go graphql groovy haskell hlsl java javascript julia kotlin lua luau nim objc ocaml",
    "ocaml_interface pascal perl php prisma proto python r racket ruby rust scala scheme sql swift tsx typescript",
    "verilog zig",
)
# Languages read by the names that their grammars give to definitions, each with a test.
GENERIC = _names(
    "actionscript apex bsl d fish fortran gleam hack haxe matlab odin pony powershell puppet solidity squirrel",
    "starlark tcl v vhdl vim",
)
# Documents, data and configuration, whose structure is read: sections, keys, targets, blocks, elements, stages.
STRUCTURED = _names(
    "blade css dockerfile hcl html ipynb json less make markdown rst scss svelte terraform toml vue yaml",
)
# Files that define nothing by a name.
WITHOUT = _names(
    "astro bibtex csv diff dtd embeddedtemplate gitattributes gitignore gomod gosum gotemplate haml handlebars",
    "heex ini jinja latex mermaid org po properties pug pymanifest re2c requirements ruby_lock slim text tsv twig",
    "typst xml yarn_lock asciidoc",
)
READ = QUERIED | GENERIC | STRUCTURED

# In these `save!` is another name than `save`, and uses are recorded with the mark.
MARKED_NAMES = _names(
    "clojure commonlisp elisp elixir fennel janet julia racket ruby scheme",
)


def not_read(languages: Iterable[str]) -> list[str]:
    """Those of some languages of code whose definitions are not read, in their order."""
    return [name for name in languages if name and name not in READ and name not in WITHOUT]
