"""Which language a file is in: by name, extension, shebang, and, where an extension is shared, by content.

What lives here: the decision. What does not: the tables (`languages.toml`) and what a file is for (`roles.py`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from functools import lru_cache
from importlib import resources

_HEAD_CHARS = 16_384


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    raw = tomllib.loads(resources.files(__package__).joinpath("languages.toml").read_text("utf-8"))
    extensions, names, shebangs = (
        {key: language for language, keys in raw[table].items() for key in keys}
        for table in ("extensions", "names", "shebangs")
    )
    return extensions, names, shebangs


@lru_cache(maxsize=1)
def language_names() -> frozenset[str]:
    """Every language that a file can be in."""
    return frozenset(language for table in _tables() for language in table.values())


# Other names of languages: what people type, and what Linguist calls them.
OTHER_NAMES = {
    "golang": "go", "c#": "csharp", "c-sharp": "csharp", "f#": "fsharp", "shell": "bash", "node": "javascript",
    "nodejs": "javascript", "ecmascript": "javascript", "objective-c": "objc", "objectivec": "objc", "c++": "cpp",
    "docker": "dockerfile", "makefile": "make", "protobuf": "proto", "protocol-buffer": "proto", "plaintext": "text",
    "restructuredtext": "rst", "lisp": "commonlisp", "common-lisp": "commonlisp", "delphi": "pascal", "viml": "vim",
    "vimscript": "vim", "vim-script": "vim", "emacs-lisp": "elisp", "html+erb": "embeddedtemplate",
    "html+php": "php", "html+django": "jinja", "jsx": "javascript", "cperl": "perl", "sh": "bash", "zsh": "bash",
    "c-mode": "c", "js2": "javascript", "js": "javascript", "objective-c++": "objc", "batchfile": "batch",
}  # fmt: skip


def language_named(name: str) -> str | None:
    """The language that a name means, by our name, another one, or a file ending; None if it means none we know."""
    plain = name.strip().strip("\"'").lower().replace(" ", "-").replace("_", "-")
    if plain in language_names():
        return plain
    joined = plain.replace("-", "")
    return OTHER_NAMES.get(plain) or (joined if joined in language_names() else None) or language_of_path(f"x.{plain}")


def language_of_path(path: str) -> str | None:
    """Language by the file's name alone, or None."""
    extensions, names, _ = _tables()
    name = path.rpartition("/")[2]
    if name in names:
        return names[name]
    stem, dot, extension = name.rpartition(".")
    if not dot:
        return None
    language = extensions.get(extension) or extensions.get(extension.lower())
    if language is None and re.match(r"(?i)(docker|container)file\b", name):
        return "dockerfile"
    if language == "text" and re.match(r"(?i)requirements|constraints", stem):
        return "requirements"
    return language


# A modeline of Vim or Emacs is in the first or last lines; Linguist reads them before the file's name.
_MODELINES = 5
_VIM = re.compile(r"(?:^|\s)(?:vim?|ex):\s*(?:set?\s[^\n]*?|[^\n]*?[:\s])?(?:ft|filetype|syntax)=([\w+#-]+)")
_EMACS = re.compile(r"-\*-\s*(?:[^\n]*?\bmode\s*:\s*([\w+#-]+)|([\w+#-]+)\s*)(?:;[^\n]*)?-\*-", re.IGNORECASE)
_NIX_SHELL = re.compile(r"^#!\s*nix-shell\b[^\n]*\s-i\s+(\S+)", re.MULTILINE)
# A shell script that replaces itself by another interpreter, reading the same file.
_POLYGLOT = re.compile(
    r"^[^\n#]{0,20}\bexec['\"]*\s+(?:/usr/bin/env\s+)?(?:\S*/)?([a-z]+)[\d.]*\b[^\n]*[\"']?\$0", re.MULTILINE
)


def language_of(path: str, text: str) -> str | None:
    """Language by modeline, name and content, or None if it is not recognised."""
    return _by_modeline(text) or _by_name_and_content(path, text)


def _by_modeline(text: str) -> str | None:
    if "vim:" not in text and "-*-" not in text and "vi:" not in text and "ex:" not in text:
        return None
    head = text[:_HEAD_CHARS].split("\n", _MODELINES)[:_MODELINES]
    tail = text[-_HEAD_CHARS:].rsplit("\n", _MODELINES + 1)[-_MODELINES - 1 :]
    for line in (*head, *tail):
        for match in (_VIM.search(line[:500]), _EMACS.search(line[:500])):
            name = next((part for part in match.groups() if part), "") if match else ""
            language = language_named(name) if name and name.lower() not in ("conf", "text", "mode") else None
            if language:
                return language
    return None


def _by_name_and_content(path: str, text: str) -> str | None:
    name = path.rpartition("/")[2]
    known = language_of_path(path)
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    decide = _SHARED.get(extension)
    if decide is not None:
        return decide(text[:_HEAD_CHARS], known)
    if known is not None:
        return known
    if text.startswith("#!"):
        return _by_shebang(text)
    if text.startswith("<?xml"):
        return "xml"
    if name.lower().startswith(("dockerfile", "makefile")):
        return "dockerfile" if name[0] in "dD" else "make"
    return None


def _by_shebang(text: str) -> str | None:
    words = text.partition("\n")[0][2:].split()
    if not words:
        return None
    program = words[0].rpartition("/")[2]
    head = text[:_HEAD_CHARS]
    second = _NIX_SHELL.search(head) if "nix-shell" in words[0] or "nix-shell" in words else None
    polyglot = _POLYGLOT.search("\n".join(head.split("\n", 6)[1:6])) if program in ("sh", "bash", "dash") else None
    for match in (second, polyglot):
        if match and _shebang_language(match[1]):
            return _shebang_language(match[1])
    if program == "env":
        rest = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        program = rest[0].rpartition("/")[2] if rest else ""
    return _shebang_language(program)


def _shebang_language(program: str) -> str | None:
    shebangs = _tables()[2]
    return shebangs.get(program) or shebangs.get(re.sub(r"[\d.]+$", "", program))


# -- extensions that several languages share ------------------------------------------------------------------

_OBJC = re.compile(r"^\s*(@(interface|implementation|protocol|class|property|end|import|synthesize)\b|#import\s)", re.M)
_CPP = re.compile(
    r"^\s*(template\s*<|namespace\s+\w|namespace\s*\{|using\s+(namespace\s+)?[\w:]+|class\s+\w+[^;]*[{:]|"
    r"(public|private|protected)\s*:|#\s*include\s*<(string|vector|map|memory|utility|iostream|algorithm|functional|cstd\w+|"
    r"type_traits|atomic|mutex|thread|array|optional|variant)>|constexpr\s|static_assert\s*\(|virtual\s)|"
    r"\bstd::\w|\boperator\s*[=<>+*\[(]|\bnullptr\b|\w+::\w+\s*\(",
    re.M,
)
_TYPESCRIPT_XML = re.compile(r"\A\s*(<\?xml|<!DOCTYPE TS)")


def _header(text: str, known: str | None) -> str | None:
    if _OBJC.search(text):
        return "objc"
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)
    # What stands under `#ifdef __cplusplus` alone (extern "C") makes a C header no C++ header.
    code = re.sub(r"#\s*if(def)?\s+(defined\s*\(?)?__cplusplus.*?#\s*endif", "", code, flags=re.S)
    return "cpp" if _CPP.search(code) else "c"


def _dot_m(text: str, known: str | None) -> str | None:
    if _OBJC.search(text) or re.search(r"^\s*(#include|#define|//|/\*)", text, re.M):
        return "objc"
    return "matlab" if re.search(r"^\s*(%|function\b|classdef\b|end\s*$|clear\b|close all)", text, re.M) else "objc"


def _dot_pl(text: str, known: str | None) -> str | None:
    if text.startswith("#!"):
        return _by_shebang(text) or "perl"
    if re.search(r"^[^#\n]*:-", text, re.M) and not re.search(r"\b(use strict|my \$|sub \w)", text):
        return "prolog"
    return "perl"


def _dot_ts(text: str, known: str | None) -> str | None:
    return "xml" if _TYPESCRIPT_XML.match(text) else "typescript"


def _dot_pp(text: str, known: str | None) -> str | None:
    if re.search(r"(?i)^\s*(unit|program|library|interface|uses)\s+\w+\s*[;,]", text, re.M):
        return "pascal"
    return "puppet"


def _dot_v(text: str, known: str | None) -> str | None:
    if re.search(r"^\s*(Require|Theorem|Lemma|Proof|Inductive|Definition)\b", text, re.M):
        return "coq"
    if re.search(r"^\s*(fn |import \w|pub fn |struct \w+ \{|module \w+$)", text, re.M) and "endmodule" not in text:
        return "v"
    return "verilog"


def _dot_t(text: str, known: str | None) -> str | None:
    if text.startswith("#!"):
        return _by_shebang(text) or "perl"
    return "perl" if re.search(r"\b(use (strict|warnings|Test|lib)|my [$@%])", text) else None


def _dot_inc(text: str, known: str | None) -> str | None:
    if "<?php" in text:
        return "php"
    return "cpp" if _CPP.search(text) else ("c" if re.search(r"^\s*#\s*(include|define|if)", text, re.M) else None)


def _dot_cls(text: str, known: str | None) -> str | None:
    if "\\ProvidesClass" in text or "\\NeedsTeXFormat" in text:
        return "latex"
    return "apex" if re.search(r"(?i)\b(public|private|global)\b.*\b(class|interface|enum)\b", text) else None


def _dot_d(text: str, known: str | None) -> str | None:
    return "make" if re.match(r"\A[^\n]*\.o\s*:", text) else "d"


def _dot_r(text: str, known: str | None) -> str | None:
    return "rebol" if re.match(r"(?i)\A\s*REBOL", text) else "r"


def _dot_fs(text: str, known: str | None) -> str | None:
    return "glsl" if re.search(r"^\s*(#version|precision|uniform|varying|void main\()", text, re.M) else "fsharp"


def _dot_vs(text: str, known: str | None) -> str | None:
    return "glsl" if re.search(r"^\s*(#version|attribute|uniform|varying|void main\()", text, re.M) else None


def _dot_ll(text: str, known: str | None) -> str | None:
    return "lex" if re.search(r"^%%\s*$", text, re.M) else "llvm"


def _dot_tmpl(text: str, known: str | None) -> str | None:
    return "gotemplate" if "{{" in text else ("php" if "<?php" in text else None)


_SHARED: dict[str, Callable[[str, str | None], str | None]] = {
    "h": _header, "m": _dot_m, "pl": _dot_pl, "ts": _dot_ts, "pp": _dot_pp, "v": _dot_v, "t": _dot_t, "inc": _dot_inc,
    "cls": _dot_cls, "d": _dot_d, "r": _dot_r, "fs": _dot_fs, "vs": _dot_vs, "ll": _dot_ll, "tmpl": _dot_tmpl,
    "tpl": _dot_tmpl,
}  # fmt: skip
