"""How frameworks write routes: forms of decorators and calls, by language.

What lives here: the forms, and reading one text. What does not: which files are read and what handlers mean
(`routes.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Modules whose import tells which framework a file speaks to: beginnings of what is imported.
FRAMEWORKS: dict[str, tuple[str, ...]] = {
    "fastapi": ("fastapi", "starlette"),
    "flask": ("flask", "quart"),
    "django": ("django", "rest_framework"),
    "aiohttp": ("aiohttp",),
    "express": ("express",),
    "fastify": ("fastify",),
    "koa": ("@koa/router", "koa-router"),
    "hono": ("hono",),
    "nest": ("@nestjs/",),
    "gin": ("github.com/gin-gonic/gin",),
    "chi": ("github.com/go-chi/chi",),
    "echo": ("github.com/labstack/echo",),
    "gorilla": ("github.com/gorilla/mux",),
    "fiber": ("github.com/gofiber/fiber",),
    "net/http": ("net/http",),
    "spring": ("org.springframework.",),
    "jax-rs": ("javax.ws.rs", "jakarta.ws.rs"),
}
LANGUAGES: dict[str, tuple[str, ...]] = {
    "python": ("fastapi", "flask", "django", "aiohttp"),
    "javascript": ("nest", "express", "fastify", "koa", "hono"),
    "typescript": ("nest", "express", "fastify", "koa", "hono"),
    "tsx": ("nest", "express", "fastify", "koa", "hono"),
    "go": ("gin", "chi", "echo", "gorilla", "fiber", "net/http"),
    "java": ("spring", "jax-rs"),
    "kotlin": ("spring", "jax-rs"),
}
_TEXT = r"""[rRuUbBfF]{0,2}(?P<quote>["'`])(?P<pattern>(?:(?!(?P=quote))[^\n\\]|\\.)*)(?P=quote)"""
_PYTHON_DECORATOR = re.compile(
    r"@(?P<on>[\w.]+)\.(?P<verb>route|get|post|put|delete|patch|head|options|websocket|api_route)\(\s*(?:path=|rule=)?"
    + _TEXT
)
_METHODS = re.compile(r"methods\s*=\s*[\[({]([^\])}]*)[\])}]")
_DJANGO = re.compile(r"(?<![\w.])(?:path|re_path|url)\(\s*" + _TEXT + r"\s*,\s*(?P<rest>[^\n]*)")
_DRF = re.compile(r"\b\w*[rR]outer\.register\(\s*" + _TEXT + r"\s*,\s*(?P<rest>[^\n]*)")
_AIOHTTP = re.compile(
    r"\b(?:router\.add_|web\.)(?P<verb>get|post|put|delete|patch|head|route)\(\s*" + _TEXT + r"\s*,\s*(?P<rest>[^\n]*)"
)
_JAVASCRIPT = re.compile(
    r"(?<![\w.$])(?P<on>[\w$]*(?:[aA]pp|[rR]outer|[rR]outes|[sS]erver|[aA]pi|fastify))"
    r"\.(?P<verb>get|post|put|delete|del|patch|head|options|all|use)\(\s*" + _TEXT + r"\s*,\s*(?P<rest>[^\n]*)"
)
_GO = re.compile(
    r"\.(?P<verb>GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS|Any|Get|Post|Put|Delete|Patch|Head|Options|Connect|Trace|Mount|Handle|HandleFunc)"
    r"\(\s*(?P<quote>[\"`])(?P<pattern>[^\"`\n]*)(?P=quote)\s*,\s*(?P<rest>[^\n]*)"
)
_SPRING = re.compile(r"@(?P<verb>Get|Post|Put|Delete|Patch|Request)Mapping\b(?:\((?P<arguments>.*)\))?", re.DOTALL)
_JAXRS_PATH = re.compile(r"@Path\(\s*(?:value\s*=\s*)?\"(?P<pattern>[^\"]*)\"")
_JAXRS_VERB = re.compile(r"@(GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS)\b")
_NEST = re.compile(
    r"@(?P<verb>Get|Post|Put|Delete|Patch|Head|Options|All|Controller)\(\s*(?:[\"'`](?P<pattern>[^\"'`]*)[\"'`])?"
)
_QUOTED = re.compile(r"\"([^\"\n]*)\"")
_REQUEST_METHOD = re.compile(r"RequestMethod\.(\w+)")
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_WRAPPED = re.compile(r"(?P<outer>[\w.$]+)\((?P<inner>.*)\)", re.DOTALL)
_PLAIN = re.compile(r"[&*]?[A-Za-z_$][\w.$]*")
_COMMENT = re.compile(r"^\s*(?://|#|\*|/\*|--)")
# What calls of these forms can look like: texts without any are not read.
HINTS: dict[str, str] = {
    "python": r"(?:path|url|register|add_\w+|web\.\w+)\(",
    "javascript": r"\.(?:get|post|put|delete|del|patch|head|options|all|use)\(",
    "go": r"\.(?:GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS|Any|Get|Post|Put|Delete|Patch|Head|Options|Mount|Handle\w*)\(",
}
HINTS["typescript"] = HINTS["tsx"] = HINTS["javascript"]


@dataclass(frozen=True)
class Written:
    """A route as it is written: `handler` is the expression's last name, "" for a function written in place."""

    methods: str
    pattern: str
    line: int  # from the first line of the text, from 0
    handler: str
    rest: str = ""


def decorated(language: str, decorators: tuple[str, ...], outer: tuple[str, ...]) -> Iterator[Written]:
    """Routes that the decorators of a definition make; `outer` are those of the class around it."""
    for decorator in decorators:
        if language == "python":
            match = _PYTHON_DECORATOR.match(decorator)
            if match and (match["pattern"].startswith("/") or match["pattern"] == ""):
                listed = _METHODS.search(decorator)
                verb = match["verb"]
                named = ",".join(re.findall(r"\w+", listed[1])) if listed else ""
                plain = {"route": "GET", "api_route": "GET", "websocket": "WS"}.get(verb, verb.upper())
                yield Written(named or plain, match["pattern"], 0, "")
        elif language in ("java", "kotlin"):
            yield from _spring(decorator, outer)
    if language in ("java", "kotlin"):
        verbs = [m[1] for d in decorators for m in [_JAXRS_VERB.match(d)] if m]
        paths = [m["pattern"] for d in decorators for m in [_JAXRS_PATH.match(d)] if m]
        bases = [m["pattern"] for d in outer for m in [_JAXRS_PATH.match(d)] if m]
        for verb in verbs:
            yield Written(verb, joined(bases[0] if bases else "", paths[0] if paths else ""), 0, "")
    if language in ("typescript", "javascript", "tsx"):
        bases = [m["pattern"] or "" for d in outer for m in [_NEST.match(d)] if m and m["verb"] == "Controller"]
        for match in filter(None, map(_NEST.match, decorators)):
            if match["verb"] != "Controller" and bases:
                yield Written(match["verb"].upper(), joined(bases[0], match["pattern"] or ""), 0, "")


def _spring(decorator: str, outer: tuple[str, ...]) -> Iterator[Written]:
    match = _SPRING.match(decorator)
    if not match:
        return
    arguments = match["arguments"] or ""
    patterns = _QUOTED.findall(
        re.sub(r"(?:produces|consumes|params|headers|name)\s*=\s*(?:\{[^}]*\}|\"[^\"]*\")", "", arguments)
    )
    methods = ",".join(_REQUEST_METHOD.findall(arguments)) or "ANY"
    verb = match["verb"].upper() if match["verb"] != "Request" else methods
    bases = [
        (_QUOTED.findall(m["arguments"] or "") or [""])[0]
        for m in filter(None, map(_SPRING.match, outer))
        if m["verb"] == "Request"
    ]
    for pattern in patterns or [""]:
        yield Written(verb, joined(bases[0] if bases else "", pattern), 0, "")


def called(language: str, text: str) -> Iterator[Written]:
    """Routes that calls in a text make."""
    forms = {"python": (_DJANGO, _DRF, _AIOHTTP), "go": (_GO,)}.get(language, (_JAVASCRIPT,))
    for form in forms:
        for match in form.finditer(text):
            start = text.rfind("\n", 0, match.start()) + 1
            if _COMMENT.match(text[start : match.start()] + " "):
                continue
            groups = match.groupdict()
            pattern, verb = match["pattern"], (groups.get("verb") or "").upper()
            if form is _JAVASCRIPT and not pattern.startswith(("/", "*")):
                continue  # `app.get("setting", …)`
            if form is _GO:
                method, _, rest = pattern.partition(" ")
                if method.isupper() and rest.startswith("/"):
                    verb, pattern = method, rest  # net/http: "GET /items/{id}"
                elif not pattern.startswith("/"):
                    continue
            verb = {"HANDLE": "ANY", "HANDLEFUNC": "ANY", "ALL": "ANY", "USE": "USE", "ROUTE": "ANY", "": "ANY"}.get(
                verb, verb
            )
            yield Written(verb, pattern, text.count("\n", 0, match.start()), _handler(match["rest"]), match["rest"])


def _handler(rest: str) -> str:
    """The name of the last argument; "" for a function written in place."""
    if re.search(r"\bfunc\s*\(|=>|\bfunction\b|\blambda\b", rest):
        return ""
    if included := re.match(r"include\(\s*[\"']([\w.]+)[\"']", rest):
        return included[1]
    depth = 0
    end = len(rest)
    for number, char in enumerate(rest):
        depth += (char in "([{") - (char in ")]}")
        if depth < 0:
            end = number
            break
    rest = re.sub(r"\.as_view\(.*$", "", rest[:end])
    depth, start = 0, 0
    parts = []
    for number, char in enumerate(rest):
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            parts.append(rest[start:number])
            start = number + 1
    parts = [part.strip() for part in [*parts, rest[start:]] if part.strip() and not re.match(r"\s*\w+\s*=[^=]", part)]
    if not parts:
        return ""
    last = parts[0] if ".as_view" in rest or "name=" in rest else parts[-1]
    wrapped = _WRAPPED.fullmatch(last)
    if wrapped:
        # `guarded(list)` runs list; of `wrap(&Thing{…})` the wrapper is all that has a name.
        last = wrapped["inner"] if _PLAIN.fullmatch(wrapped["inner"]) else wrapped["outer"]
    names = _NAME.findall(re.sub(r"[\"'`][^\"'`]*[\"'`]", "", last.rstrip("()")))
    return names[-1] if names else ""


def joined(base: str, pattern: str) -> str:
    """A pattern below that of the class around it."""
    if not base:
        return pattern or "/"
    return f"/{base.strip('/')}" + (f"/{pattern.strip('/')}" if pattern.strip("/") else "")
