"""Understanding a query: its operators, its form, the names and paths in it.

What lives here: parsing. What does not: resolving repositories and refs (`engine.py`), lanes, ranking.

    words "a phrase" /a.*regex/ -without repo:owner/name ref:v1 path:src/** lang:go kind:function symbol:Name

`\\"` inside a phrase is a quotation mark. `name::other` is a name, and `-xvf` and `-1` are words. What has no word at
all (`=>`) is looked for as a phrase.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from ..chunking.words import STOP_WORDS, find_words, split_identifier
from ..errors import QueryError
from ..index.exact.pattern import Pattern, TextRule
from .text_rules import RuleBuilder
from .vocabulary import is_language, kinds, languages, roles

Form = Literal["symbol", "path", "natural", "mixed", "empty"]
Length = Literal["short", "long", "other"]
MAX_CHARS = 4000
# Text that is pasted (an issue, a traceback, a chat) rather than typed: with a line break, or longer than one types.
MAX_TEXT = 65_536
TYPED_CHARS = 400
# Names of a pasted text that the symbol lane looks up, the first ones: title and first frames name what it is about.
TEXT_NAMES = 12
# From so many words that are no stop words a query asks for a place rather than for a function.
LONG_WORDS = 5

_TOKEN = re.compile(
    r"(?P<not>-)?(?<![^\s-])/(?P<regex>(?:\\.|[^/\\\n])+)/(?!\S)|"
    r'(?P<minus>-)?(?:(?P<operator>[a-z]+):(?=[^\s:]))?(?:"(?P<quoted>(?:\\"|[^"])*)"(?!\w)|(?P<bare>\S+))'
)
_OPERATORS = {
    "repo": "repositories",
    "repository": "repositories",
    "ref": "refs",
    "branch": "refs",
    "path": "paths",
    "file": "paths",
    "lang": "languages",
    "language": "languages",
    "kind": "kinds",
    "symbol": "symbols",
    "role": "roles",
    "word": "whole",
    "case": "case",
    "count": "count",
}
# Operators that have these values alone: `case:closed` is text.
_VALUES = {"case": re.compile("yes|no"), "count": re.compile(r"all|\d{1,6}")}
# Other words of the query beside which a phrase or an exclusion that leaves nothing may be dropped.
RELAXED_WORDS = 3
_SEPARATOR = re.compile(r"::|->|\.|#|/")
# Marks that end a name in Ruby, Elixir, Julia, Lisp (`complete?`, `save!`, `name=`), and a sentence elsewhere.
_ENDING_MARKS = "?!="
_QUOTES = "`'\"(),;&"
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_PATH = re.compile(r"[\w.@+-]+(?:/[\w.@+-]+)+/?|[\w-]+\.[A-Za-z][A-Za-z0-9]{0,4}")
# Endings that make `name.ext` a file rather than `object.member`.
_ENDINGS_TEXT = """py pyi js jsx ts tsx mjs cjs vue svelte go rs rb java kt kts scala c h cc cpp cxx hpp hh cs php swift
m mm lua pl sh bash zsh sql md rst txt json yaml yml toml xml html css scss proto cfg ini gradle cmake lock mod sum tf
dart ex exs erl hs clj ml r jl zig nim"""
_ENDINGS = frozenset(_ENDINGS_TEXT.split())


@dataclass(frozen=True)
class Name:
    """A name asked for: its last part, what qualifies it (may be empty), and whether it was only guessed.

    `spelled` is the name as it was written where that may be a name by itself: `complete?`, `set-x!`, `string->list`.
    """

    name: str
    qualifier: tuple[str, ...] = ()
    guessed: bool = False
    spelled: str = ""

    @property
    def spellings(self) -> tuple[str, ...]:
        """What a definition may be called, the likeliest first."""
        return tuple(dict.fromkeys(name for name in (self.spelled, self.name) if name))

    def fits(self, name: str) -> bool:
        """Whether a definition of this name is meant, any case, with or without a mark at its end."""
        lower = name.lower()
        return any(lower in (one.lower(), bare_name(one).lower()) for one in self.spellings) or (
            bare_name(lower) == self.name.lower()
        )


@dataclass(frozen=True)
class Query:
    """A parsed query. `text` is what is left for the lexical and semantic lanes; `names` what the symbol lane asks."""

    raw: str
    text: str
    form: Form
    names: tuple[Name, ...] = ()
    path: str = ""
    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    all_words: frozenset[str] = field(default_factory=frozenset)  # lower case
    rules: tuple[TextRule, ...] = ()  # phrases, regular expressions, whole words
    count: str = ""  # "all", or a number of hits; "" if not given
    loose_words: int = 0  # words outside of phrases

    @property
    def is_exact(self) -> bool:
        """Whether nothing is asked for but texts that have to be there, word for word."""
        return self.loose_words <= 0 and any(not rule.excluded for rule in self.rules)

    @property
    def length(self) -> Length:
        """A question that tells much, a few plain words, or neither (a name, a path, words with names)."""
        if len(self.words) >= LONG_WORDS:
            return "long"
        return "short" if self.form == "natural" and len(self.words) > 1 else "other"


def is_pasted(raw: str) -> bool:
    """Whether a text was pasted: then quotes, `-flag` and `name:value` in it are words."""
    return "\n" in raw.strip() or len(raw) > TYPED_CHARS


def parse(raw: str, *, as_text: bool = False) -> Query:
    """Parses a query; a pasted text, and with `as_text` any, has words and names but no operators.

    Raises QueryError if it is empty, too long, or excludes what cannot be excluded.
    """
    if as_text or is_pasted(raw):
        return _parse_text(raw)
    if len(raw) > MAX_CHARS:
        raise QueryError(f"the query has {len(raw):,} characters", remedy=f"ask in {MAX_CHARS:,} or fewer")
    given: dict[str, list[str]] = {}
    tokens: list[str] = []
    rules = RuleBuilder()
    for match in _TOKEN.finditer(raw):
        if match["regex"] is not None:
            rules.add(Pattern(match["regex"].replace("\\/", "/")), excluded=bool(match["not"]))
        else:
            _take(match, given, tokens, rules)
    text = " ".join(tokens)
    rules.any_case = "yes" not in given.pop("case", ())
    count = (given.pop("count", None) or [""])[-1]
    given.pop("whole", None)
    operators = {name: tuple(values) for name, values in given.items()}
    operators["languages"] = languages(operators.get("languages", ()))
    operators["kinds"] = kinds(operators.get("kinds", ()))
    operators["roles"] = roles(operators.get("roles", ()))
    bare = [token for token in tokens if token]
    all_words = frozenset(part.lower() for token in bare for part in find_words(token))
    if bare and not all_words and not rules.rules:
        operators["phrases"] = (text,)
        rules.add(Pattern(text, literal=True))
    if not bare and not operators.get("symbols") and all(rule.excluded for rule in rules.rules):
        raise QueryError(
            "the query has no words to search for", remedy='give words, a name or a path: `code-index search "retry"`'
        )
    form, names, path = _understand(bare)
    explicit = tuple(name_of(symbol) for symbol in operators.get("symbols", ()))
    words = tuple(word for word in find_words(text.lower()) if word not in STOP_WORDS)
    literal = (pattern for rule in rules.rules for pattern in rule.patterns if pattern.literal and not rule.excluded)
    quoted = sum(len(find_words(pattern.source)) for pattern in literal)
    return Query(
        raw, text, form if bare else "symbol" if explicit else "empty", explicit + names, path, words,
        all_words=all_words, rules=rules.built(), count=count, loose_words=len(find_words(text)) - quoted,
        **operators,
    )  # fmt: skip


def _parse_text(raw: str) -> Query:
    """The words, names and path of a text. Raises QueryError."""
    if len(raw) > MAX_TEXT:
        raise QueryError(f"the text has {len(raw):,} characters", remedy=f"give {MAX_TEXT:,} or fewer")
    tokens = raw.split()
    all_words = frozenset(part.lower() for token in tokens for part in find_words(token))
    if not all_words:
        raise QueryError(
            "the text has no words to search for", remedy='give words, a name or a path: `code-index search "retry"`'
        )
    paths = (found for token in tokens if (found := token.strip(f"{_QUOTES}<>[]{{}}:")) and _is_path(found))
    path = next(paths, "").strip("/")
    names: dict[Name, None] = {}
    for token in tokens:
        word = token.strip(f"{_QUOTES}<>[]{{}}:")
        called, bracket, _ = word.partition("(")
        word = f"{called}()" if bracket else word  # `raise ValueError("negative` names ValueError
        if len(names) < TEXT_NAMES and word.strip("/") != path and looks_like_code(word):
            names.setdefault(name_of(word))
    words = tuple(word for word in find_words(raw.lower()) if word not in STOP_WORDS)
    form: Form = "mixed" if names or path else "natural"
    return Query(raw, raw, form, tuple(names), path, words, all_words=all_words)


def _take(match: re.Match[str], given: dict[str, list[str]], tokens: list[str], rules: RuleBuilder) -> None:
    operator, quoted, bare = match["operator"], match["quoted"], match["bare"]
    value = quoted.replace('\\"', '"') if quoted is not None else bare
    field_name = _OPERATORS.get(operator or "")
    if operator in _VALUES and not _VALUES[operator].fullmatch(value):
        field_name = None
    if not operator and quoted is None and not match["minus"] and rules.is_alternative(value):
        return
    if operator and not field_name:
        # `std::string`, `http://…`: not an operator of ours.
        value, operator = f"{operator}:{value}", None
    if match["minus"]:
        if field_name:
            raise QueryError(
                f"-{operator}: is not understood",
                remedy='only words and texts can be excluded: -word, -"a text", -/regex/',
            )
        if value and (value[0].isalpha() or value[0] == "_") and (quoted is not None or not _is_flag(value)):
            given.setdefault("exclude", []).append(value)
            return
        value = f"-{value}"
    if field_name:
        values = [value] if quoted is not None else split_list(value)
        given.setdefault(field_name, []).extend(part for part in values if part)
        if field_name == "whole":
            rules.add(Pattern(value, literal=True, word=True))
            tokens.append(value)
        return
    if quoted is not None and value.strip():
        given.setdefault("phrases", []).append(value)
        rules.add(Pattern(value, literal=True))
    elif rules.is_pending:
        rules.add(Pattern(value, literal=True))
    if value.strip():
        tokens.append(value)


def split_list(value: str) -> list[str]:
    """The parts of `a,b`; a comma inside braces or brackets belongs to a pattern: `*.{ts,tsx}` is one part."""
    parts, depth, start = [], 0, 0
    for i, char in enumerate(value):
        depth = max(depth + (char in "{[") - (char in "}]"), 0)
        if char == "," and not depth:
            parts.append(value[start:i])
            start = i + 1
    return [*parts, value[start:]] if not depth else value.split(",")


def _is_flag(word: str) -> bool:
    """Whether `-word` is an option of a command line, as in `tar -xvf` or `gcc -O2`, rather than a word to exclude.

    Options are letters that make no word: one or two that name no language, consonants alone, a capital with digits.
    """
    lower = word.lower()
    if len(word) == 1 or (word[0].isupper() and any(c.isdigit() for c in word)):
        return True
    if not lower.isascii() or not lower.isalpha() or (len(word) > 2 and set(lower) & set("aeiouy")):
        return False
    return not is_language(lower)


def _understand(tokens: list[str]) -> tuple[Form, tuple[Name, ...], str]:
    """The form of what was asked, the names in it, and the path in it."""
    if not tokens:
        return "empty", (), ""
    path = next((token for token in tokens if _is_path(token)), "")
    if path and len(tokens) == 1:
        return "path", (), path.strip("/")
    names = tuple(name_of(token) for token in tokens if token != path and looks_like_code(token))
    if len(tokens) == 1:
        only = name_of(tokens[0])
        if names:
            return "symbol", names, path
        return "natural", (Name(only.name, guessed=True, spelled=only.spelled),) if only.name else (), path
    if names and len(names) == len(tokens):
        return "symbol", names, path.strip("/")
    return ("mixed" if names or path else "natural"), names + _joined(tokens), path.strip("/")


def _joined(tokens: list[str]) -> tuple[Name, ...]:
    """The names a few plain words would make when written as one identifier."""
    lowered = (word for token in tokens for word in find_words(token.lower()))
    words = [word for token_word in lowered for word in token_word.split("_") if word and word not in STOP_WORDS]
    if not 2 <= len(words) <= 4:
        return tuple(Name(word, guessed=True) for word in words if len(words) == 1)
    return (Name("_".join(words), guessed=True), Name("".join(words), guessed=True))


def looks_like_code(token: str) -> bool:
    """Whether a token can only be a name in code: qualified, called, snake, camel, or a constant."""
    bare = token.strip("`'\"(),;?!&*")
    if not bare or not _IDENTIFIER.match(bare):
        return False
    if token.rstrip("`'\",;?!").endswith(("()", "(")) or re.search(r"\w(?:::|->|#)\w", bare):
        return True
    if re.fullmatch(r"\w+(?:\.\w+)+", bare):
        return True
    if not re.fullmatch(r"\w+", bare):
        return False
    inner = bare.strip("_")
    return "_" in bare or (len(split_identifier(inner)) > 1 and not inner.islower() and not inner.isupper())


def _is_path(token: str) -> bool:
    bare = token.strip("`'\"(),;")
    if not _PATH.fullmatch(bare):
        return False
    if "/" in bare:
        return True
    return bare.rsplit(".", 1)[1].lower() in _ENDINGS


def name_of(token: str) -> Name:
    """The name that a token asks for, with what qualifies it."""
    bare = token.strip(f"{_QUOTES}?!*").removesuffix("()").split("(", 1)[0]
    marked = token.lstrip(f"{_QUOTES}?!*").rstrip(_QUOTES)
    parts = [part for part in _SEPARATOR.split(bare) if part]
    if not parts:
        return Name(bare)
    spelled = ""
    if marked[-1:] in _ENDING_MARKS and bare_name(marked) == bare:
        # A question of several marks (`really??`) is no name; one mark may belong to it.
        spelled = f"{parts[-1]}{marked[-1]}" if len(marked) == len(bare) + 1 else ""
    elif "-" in bare or ("/" in bare and len(parts) > 1):
        spelled = bare
    return Name(bare_name(parts[-1]) or parts[-1], tuple(parts[:-1]), spelled=spelled)


def bare_name(name: str) -> str:
    """A name without the marks at its end that belong to it in some languages."""
    return name.rstrip(_ENDING_MARKS)
