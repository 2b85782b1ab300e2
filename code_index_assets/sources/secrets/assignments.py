"""Values given to names that say secret, in whatever spelling: `name = value` of every kind of file.

What lives here: the recogniser. It finds a name (RE2, one linear pass), reads what follows it (quotes, brackets, types,
`=`, `:`, `=>`, a call, an attribute, an element, a block) up to the value, and gives the span of every value that is
judged a secret. Where quotes are escaped it reads the unescaped views of the surroundings (`spelling.py`), so no
form needs a second, escaped one. What does not: which names count (`names.py`), what a value must look like
(`values.py`), forms of providers (`scan.py`), commands (`commands.py`).
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass

import re2

from .columns import SEPARATORS, columns
from .names import Family, family_of, strong_uuid
from .spelling import is_spelled, layers
from .values import basic_credentials, is_key, is_password, is_random, is_uuid_key

_WORD = (
    r"pass(?:wor[dt]|wd|phrase|code)|passw\b|[a-z_.-]*pass\b|pwd|secret|token|credential|creds\b|_key|-key|[a-z]key|\.key"
    r"|securestring|authorization|bearer|auth\b|cookie|senha|contrasena|kennwort|mdp\b|psk\b|\bpw\b|masterauth"
    r"|motdepasse"
)
# A name, what may close it, and what leads to a value; or a scheme. What cannot lead to a value is not given to Python.
NAMES = re2.compile(
    (
        r"(?i)\b(?:bearer|basic)[ \t]+"
        # The last name in the head of a table.
        rf"|[,;|\t][ \t\"'`*]{{0,3}}[\w.-]{{0,24}}(?:{_WORD})[\w.-]{{0,24}}[\"'`*]{{0,2}}[ \t]*\r?\n"
        rf"|(?:{_WORD})[\w.-]{{0,24}}"
        r"(?:[\\\"'`\])]|&quot;|&\#3[49];)*"
        r"(?:[ \t]*[=:,(<>?|]"
        r"|[ \t]*/>|;[\w\"]|\t|\s{0,9}\}|\s{1,3}values\b"
        r"|[ \t]+(?:[\w:.-]+[ \t]*=|\{|is[ \t]|As[ \t]|->|[\"'])"
        r"|\{[\"']"
        r"|[nr][ \\t\\\\]"
        r"|%3[ad]"
        r"|\r?\n[ \t]*[\"']?(?:value|default)|[ \t]*\r?\n[ \t]*</?\w+>"
        r"|[ \t]*\\{1,8}[\"'])"
    ).encode()
)
_NAME_CHARS = (string.ascii_letters + string.digits + "_.$-").encode()
_LEFT, _LINE, _AFTER = 60, 400, 1_600
_WORD_AT = re.compile(rb"[\w$-]{1,120}(?:\.[\w$-]{1,60}){0,8}")
_LEAD = re.compile(
    rb"""
    (?P<close>["'`]?[\])]{0,2})
    (?:[ \t]*:[ \t]*(?:&'?|\*)?[A-Za-z_][\w:<>\[\]?.&']{0,40}  # name: Type =
        (?:[ ][\w<>\[\]?.&']{1,30}){0,2}(?=[ \t]+=|=[ \t]*["'`])
      |[ \t]+As[ \t]+(?:New[ \t]+)?\w+(?=[ \t]*=))?
    (?:[ \t]*(?P<sep>:=|=>|->|\?\?=?|\?=|\|\|=?|\+=|===?|=|<-|:{2,3}(?=[ \t])|:(?!:)|,|\(|\{(?=["']))
      |(?P<is>[ \t]+(?:is[ \t]+)?(?=["'`]))
      |(?P<bar>[ \t]*\|[ \t]*(?=\S)))
    \*{0,2}[ \t]*
    (?:![\w!]+[ \t]+|&\w+[ \t]+(?=["']))?  # YAML's tags and anchors
    """,
    re.VERBOSE,
)
_QUOTED = re.compile(
    rb"""
    (?:(?:[rbufL@$]{1,2}|new\s+\w{1,20}\s*\(\s*|&|[A-Za-z_][\w.:]{0,40}\(\s*)(?=["'`]))?
    (?:\"{3}(?P<t>[^"\n]{4,4096})\"{3}
      |"(?P<d>(?:[^"\\\n]|\\.){4,4096})"
      |'(?P<s>(?:[^'\\\n]|\\.|''){4,4096})'
      |`(?P<b>[^`\n]{4,4096})`)
    """,
    re.VERBOSE,
)
_LIST = re.compile(rb"\s*[\[{(]\s*(?=[\"'])")
_SHORT_ITEM = re.compile(rb"(?:\"[^\"\n]{0,3}\"|'[^'\n]{0,3}')\s*,\s*")  # too short for a secret: a user's name
_NEXT_ITEM = re.compile(rb"\s*,\s*")
_BLANK = re.compile(rb"\s*")
_OTHERWISE = re.compile(rb"\s*(?:,|\|\||\?\?|or)\s*")
_CELL = re.compile(rb"`?(?P<value>[^\s|`]{4,512})`?[ \t]*\|")
_LINE_BEFORE = re.compile(
    rb"""
    ^[ \t\xef\xbb\xbf]*
    (?:(?:\#|;|//|--|\*|rem)[ \t]*)?
    (?:[-*+][ \t]+)?
    (?:(?:export|set|setx|env|declare[ ]-x|local|readonly|ENV|ARG|LABEL|spring|-D|--?)[ \t]*)?
    ["']?\Z
    """,
    re.IGNORECASE | re.VERBOSE,
)
_TO_END = re.compile(rb"[^\r\n]{4,512}")
_INLINE = re.compile(rb"[^\s\"'`<>,;|&\\]{4,512}")
_BLOCK = re.compile(rb"[|>][+-]?\d?[+-]?[ \t]*(?:#[^\n]*)?\r?\n")
_INDENTED = re.compile(rb"(?P<indent>[ \t]+)(?:-[ \t]+)?(?P<value>[^\r\n]+)\r?\n?")
_NEXT_LINE = re.compile(rb"\r?\n(?P<indent>[ \t]*)(?P<item>-[ \t]+)?(?P<value>[^\s:#][^\r\n]*)")
_BELOW = re.compile(rb"[^\s:]+(?=[ \t\r\n]|\Z)")
_REST_EMPTY = re.compile(rb"[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)")
_COMMENT = re.compile(rb"\s+(?:[#;]|//)")
# Further attributes of an element, then its text.
_ATTRIBUTES = rb"(?:[ \t]+[\w:.-]+[ \t]*=[ \t]*\"[^\"<>\n]{0,80}\")*[ \t]*>"
_ELEMENT = re.compile(_ATTRIBUTES + rb"\s*(?:<!\[CDATA\[)?(?P<value>[^<>\r\n]{4,2048}?)(?:\]\]>)?\s*</")
# After a name that is a value itself: {"name": "DB_PASSWORD", "value": "…"}, <add key="…" value="…"/>.
_PAIR = re2.compile(
    rb"(?i)[\"']?(?:\s*,)?\s*"
    rb"(?:[\"']?[\w:.-]{1,24}[\"']?\s*[:=]\s*[\"']?[\w .-]{0,40}[\"']?\s*,?\s*){0,2}?"
    rb"[\"']?\b(?:\w{0,16}value|default|content|val)[\"']?\s*[:=]\s*"
)
_VALUE_BELOW = re.compile(rb"\r?\n[ \t]*[\"']?(?:\w{0,16}value|default)\b", re.IGNORECASE)
# <key>…</key><string>…</string>, and <setting name="…"><value>…</value>.
_PLIST = re.compile(rb"</\w+>\s*<(?:string|value|data)>\s*(?P<value>[^<>\r\n]{4,2048}?)\s*</")
_NESTED = re.compile(
    rb"[\"']" + _ATTRIBUTES + rb"\s*<(?:value|string|data)>\s*(?P<value>[^<>\r\n]{4,2048}?)\s*</", re.IGNORECASE
)
# The value stands before its name: <add value="…" key="…"/>, {"value": "…", "name": "…"}.
_BESIDE = re.compile(
    rb"""
    (?:<[^<>]*\b\w{0,16}value[ \t]*=[ \t]*"(?P<value>[^"<>]{4,1024})"[^<>]*\b(?:key|name)[ \t]*=[ \t]*
      |["']\w{0,16}value["']\s*:\s*(?P<q>["'])(?P<json>(?:[^"'\\\n]|\\.){4,1024})(?P=q)\s*,\s*["']\w{0,16}(?:key|name)["']\s*:\s*
    )["']\Z
    """,
    re.IGNORECASE | re.VERBOSE,
)
_TERRAFORM = re.compile(rb"[\"']?\s*\{(?:[^{}]{0,400}?)\bdefault\s*=\s*(?=\")")
_SCHEME = re.compile(
    rb"(?:bearer|basic|token|apikey|api-key|key|digest|negotiate|aws|sso-key|oauth|bot|splunk|genieKey)[ \t]+"
    rb"(?:token=)?[\"']?",
    re.IGNORECASE,
)
_BARE = re.compile(rb"[A-Za-z0-9+/_=.~-]{12,2000}")
_AUTH = re.compile(rb"auth|identitytoken", re.IGNORECASE)
_LOGIN = re.compile(rb"(?:auth|identitytoken)\\*[\"']?\s*[:=]\s*\\*[\"']?([A-Za-z0-9+/=_-]{8,900})", re.IGNORECASE)


@dataclass(frozen=True)
class Assigned:
    """A secret value in the whole text (bytes), and the rule that stands for its kind of name."""

    start: int
    end: int
    rule: str


_RULES: dict[Family, str] = {
    "password": "assigned-password",
    "key": "assigned-secret",
    "authorization": "authorization-header",
}
LOGIN = "registry-login"
RULES = (*_RULES.values(), LOGIN)


def assigned(raw: bytes, *, config: bool = False) -> Iterator[Assigned]:
    """Every secret value given to a name. `config` files take signs of every kind in values without quotes."""
    spelled_until = -1
    for match in NAMES.finditer(raw):
        start, end = match.span()
        if raw[end - 1] in b" \t":
            scheme = raw[start : start + 7].lower()
            if scheme.startswith((b"basic", b"bearer")):
                yield from _bare_authorization(raw, end, scheme)
                continue
        start = _name_at(raw, start, end)
        yield from _login(raw, start, end)
        for low, high, rule in _read(raw, start, config):
            yield Assigned(low, high, rule)
        if start < spelled_until:
            continue
        low = max(0, start - _LEFT)
        low = max(low, raw.rfind(b"\n", low, start) + 1)
        near = min(len(raw), end + 260)
        if is_spelled(raw, low, near):
            high = spelled_until = min(len(raw), end + _AFTER)
            for view in layers(raw, low, high):
                for inner in NAMES.finditer(view.text):
                    for low, high, rule in _read(view.text, _name_at(view.text, *inner.span()), config):
                        yield Assigned(*view.span(low, high), rule)
            spelled_until -= _AFTER // 4


def _name_at(text: bytes, start: int, end: int) -> int:
    """Where the name in a match of `NAMES` begins: a separator of columns may stand before it."""
    if text[start] not in SEPARATORS:
        return start
    return end - len(text[start + 1 : end].lstrip(b" \t\"'`*"))


def _read(text: bytes, start: int, config: bool) -> Iterator[tuple[int, int, str]]:
    """The values of the name around `text[start]`: (start, end, rule)."""
    before = text[max(0, start - _LEFT) : start]
    first = start - len(before) + len(before.rstrip(_NAME_CHARS))
    while first < start and text[first] in b".-":
        first += 1
    named = _WORD_AT.match(text, first)
    if named is None:
        return
    name, last = named[0], named.end()
    while name.endswith((b"-", b".", b"$")):
        name, last = name[:-1], last - 1
    family = family_of(name)
    if family is None or text[max(0, first - 2) : first] == b"::":  # the last part of a type's name
        return
    rows = _values(text, first, last, family, config)
    for number, (begin, end, quoted) in enumerate(rows):
        low, high = _trimmed(text, begin, end, quoted)
        # auth=("user", "…"): the second of a pair is a password.
        family_here: Family = "password" if family == "authorization" and number and quoted else family
        if high > low and _judged(name, family_here, text[low:high], quoted=quoted):
            yield low, high, _RULES[family]


def _trimmed(text: bytes, low: int, high: int, quoted: bool) -> tuple[int, int]:
    """A value without its authorization scheme, and without blanks around it."""
    while high > low and text[high - 1 : high].isspace():
        high -= 1
    scheme = _SCHEME.match(text, low, high)
    return (scheme.end() if scheme else low), high


def _judged(name: bytes, family: Family, value: bytes, *, quoted: bool) -> bool:
    if family == "password":
        return is_password(value, quoted=quoted) or (len(value) >= 16 and is_key(value, quoted=quoted))
    if family == "authorization":
        return basic_credentials(value) or (len(value) >= 16 and is_key(value, quoted=quoted))
    return (
        is_key(value, quoted=quoted)
        or (strong_uuid(name) and is_uuid_key(value))
        or (quoted and len(value) >= 10 and is_password(value, quoted=True))
    )


# -- from a name to its values ---------------------------------------------------------------------------------


def _values(text: bytes, first: int, last: int, family: Family, config: bool) -> Iterator[tuple[int, int, bool]]:
    """(start, end, quoted) of what may be the values of the name `text[first:last]`."""
    before = text[max(0, first - 1) : first]
    if before == b"<" or text[last : last + 1] in b">":
        element = _ELEMENT.match(text, last)
        if element:
            yield *element.span("value"), True
            return
    if before in b"\"'>" or text[last : last + 1] in b"\"'<,":
        yield from _paired(text, last)
        beside = _BESIDE.search(text, max(0, first - 400), first) if before in {b'"', b"'"} else None
        if beside:
            yield *beside.span("value" if beside["value"] else "json"), True
    elif _VALUE_BELOW.match(text, last):
        yield from _paired(text, last)
    for low, high in columns(text, first, last):
        yield low, high, True
    lead = _LEAD.match(text, last)
    if lead is None:
        return
    at = lead.end()
    if lead["sep"] != b"," or _is_argument(text, first, at):
        yield from _quoted_at(text, at, lead)
    if lead["bar"]:
        cell = _CELL.match(text, at)
        if cell:
            yield *cell.span("value"), False
    # arn:…:secret:NAME is an address.
    address = before == b":" and lead["sep"] == b":" and at == last + 1
    if lead["sep"] in {b":", b"=", b":=", b"?="} and not lead["close"].endswith(b")") and not address:
        yield from _plain(text, first, at, lead, config)


def _is_argument(text: bytes, first: int, at: int) -> bool:
    """Whether a name and the value after its comma are a pair of arguments, not two of a list of names."""
    before = text[max(0, first - 40) : first].rstrip(b"\"'`").rstrip()[-1:]
    if before in {b"(", b"{"}:
        return True
    quoted = _QUOTED.match(text, at)
    closed = {b",": b")", b"[": b"]"}.get(before)  # ["Authorization", "…"] is a pair, a longer list is none
    return closed is not None and quoted is not None and text[quoted.end() : quoted.end() + 1] == closed


def _paired(text: bytes, last: int) -> Iterator[tuple[int, int, bool]]:
    """Values beside a name that is a value itself."""
    after = text[last : last + 1]
    for pattern in (_PLIST, _ELEMENT, _NESTED):
        match = pattern.match(text, last + (after in b"\"'" and pattern is not _NESTED))
        if match:
            yield *match.span("value"), True
            return
    for pattern in (_PAIR, _TERRAFORM):
        match = pattern.match(text, last, min(len(text), last + 500))
        if match:
            quoted = _QUOTED.match(text, match.end())
            if quoted:
                yield _inside(quoted)
            else:
                plain = _INLINE.match(text, match.end())
                if plain and pattern is _PAIR:
                    yield *plain.span(), False
            return


def _inside(match: re.Match[bytes]) -> tuple[int, int, bool]:
    group = match.lastgroup or "d"
    return *match.span(group), True


def _quoted_at(text: bytes, at: int, lead: re.Match[bytes]) -> Iterator[tuple[int, int, bool]]:
    """A quoted value (also on the next line), or a list of them."""
    blank = _BLANK.match(text, at)
    at = blank.end() if blank else at
    if lead["sep"] == b"(" and lead["close"]:
        return
    quoted = _QUOTED.match(text, at)
    if quoted is not None:
        yield _inside(quoted)
        # A default: getenv("DB_PASSWORD", "…"), ENV.fetch("X") { "…" }, os.environ.get("X") or "…"
        other = _OTHERWISE.match(text, quoted.end())
        second = _QUOTED.match(text, other.end()) if other else None
        if second:
            yield _inside(second)
        return
    opened = _LIST.match(text, at)
    if opened is None or lead["sep"] in {b"(", b","}:
        return
    at = opened.end()
    short = _SHORT_ITEM.match(text, at)
    if short:
        yield short.start(), short.start(), True  # counted, and no value
        at = short.end()
    for _ in range(32):
        quoted = _QUOTED.match(text, at)
        comma = _NEXT_ITEM.match(text, quoted.end()) if quoted else None
        if quoted is None:
            return
        yield _inside(quoted)
        if comma is None:
            return
        at = comma.end()


def _plain(text: bytes, first: int, at: int, lead: re.Match[bytes], config: bool) -> Iterator[tuple[int, int, bool]]:
    """A value without quotes: of a line, of a block below, or inside a longer line."""
    if lead["sep"] == b":":
        block = _BLOCK.match(text, at)
        if block:
            yield from _block(text, first, block.end())
            return
        below = _NEXT_LINE.match(text, at)
        if below:
            yield from _below(text, first, at)
            return
    if text[at : at + 1] in b"\"'`\r\n":
        return
    quote = text[max(0, first - 1) : first]
    if quote and quote in b"\"'`":  # putenv("NAME=…")
        whole = re.compile(rb"[^\s\\" + quote + rb"]{4,512}(?=" + quote + rb")").match(text, at)
        if whole:
            yield *whole.span(), True
            return
    line = text.rfind(b"\n", max(0, first - _LINE), first) + 1
    own_line = _LINE_BEFORE.match(text[line:first]) is not None
    if own_line and config:
        rest = _TO_END.match(text, at)
        if rest:
            value = _COMMENT.split(rest[0])[0].rstrip()
            if lead["sep"] == b":":
                value = value.rstrip(b",")
            yield at, at + len(value), False
            if lead["sep"] == b"=" and re.search(rb"[ \t&;]", value):
                yield from _inline(text, at)
            return
    yield from _inline(text, at)


def _inline(text: bytes, at: int) -> Iterator[tuple[int, int, bool]]:
    scheme = _SCHEME.match(text, at)
    inline = _INLINE.match(text, scheme.end() if scheme else at)
    if inline is None:
        return
    low, high = inline.span()
    value = inline[0].rstrip(b")]}.:")
    if text[high : high + 1] in {b"\\"} or b"(" in value or b"[" in value or b"{" in value:
        return
    if value:
        yield low, low + len(value), False


def _indent(text: bytes, first: int) -> int:
    line = text[text.rfind(b"\n", max(0, first - _LINE), first) + 1 : first]
    return len(line) - len(line.lstrip(b" \t"))


def _block(text: bytes, first: int, at: int) -> Iterator[tuple[int, int, bool]]:
    """The lines of a YAML block scalar below a name."""
    outer = _indent(text, first)
    for _ in range(40):
        match = _INDENTED.match(text, at)
        if match is None or len(match["indent"]) <= outer:
            return
        yield *match.span("value"), True
        at = match.end()


def _below(text: bytes, first: int, at: int) -> Iterator[tuple[int, int, bool]]:
    """A value on the line below its name, or the items of a YAML list."""
    outer = _indent(text, first)
    for number in range(40):
        match = _NEXT_LINE.match(text, at)
        if match is None or len(match["indent"]) + bool(match["item"]) <= outer or (number and not match["item"]):
            return
        low, high = match.span("value")
        quoted = _QUOTED.match(text, low)
        plain = _BELOW.match(text, low)
        if quoted:
            yield _inside(quoted)
        elif plain and _REST_EMPTY.match(text[plain.end() : high + 2]):
            yield *plain.span(), False
        at = high


# -- without a name --------------------------------------------------------------------------------------------


def _bare_authorization(raw: bytes, at: int, scheme: bytes) -> Iterator[Assigned]:
    """`Bearer …` and `Basic …` where no header's name stands before."""
    match = _BARE.match(raw, at)
    if match is None:
        return
    value = match[0].rstrip(b".")
    if scheme.startswith(b"basic"):
        credentials = basic_credentials(value)
    else:
        credentials = len(value) >= 20 and is_key(value, quoted=True) and is_random(value)
    if credentials:
        yield Assigned(at, at + len(value), _RULES["authorization"])


def _login(raw: bytes, start: int, end: int) -> Iterator[Assigned]:
    """`"auth": "…"` of a registry: base64 of a user and a password."""
    match = _LOGIN.search(raw, start, end + 900) if _AUTH.search(raw, start, end) else None
    if match is not None and match.start() < end and basic_credentials(match[1]):
        yield Assigned(*match.span(1), LOGIN)
