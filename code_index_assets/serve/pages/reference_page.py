"""The reference of the HTTP API at /docs: made from the OpenAPI description, with nothing loaded from elsewhere.

What lives here: that page. What does not: the description (`serve/http/models.py` and the routes).
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from ... import errors
from ..http.problems import STATUSES
from .html import Safe, tag
from .page_layout import page


def reference_page(openapi: dict[str, Any], base: str) -> str:
    """The page; `base` is the address in the examples."""
    operations = [
        (method, path, operation) for path, methods in openapi["paths"].items() for method, operation in methods.items()
    ]
    contents = [
        tag("li", tag("a", tag("code", f"{method.upper()} {path}"), href=f"#{operation['operationId']}"))
        for method, path, operation in operations
    ]
    intro = tag(
        "p", "JSON over HTTP. The whole description: ", tag("a", "openapi.json", href="/openapi.json"),
        ". Errors are application/problem+json and say what to do. With tokens set, send ",
        tag("code", "Authorization: Bearer <token>"), ".",
    )  # fmt: skip
    schemas = openapi.get("components", {}).get("schemas", {})
    return page(
        "API", tag("h1", "HTTP API"), intro, tag("ul", *contents, class_="contents"),
        *(_operation(method, path, operation, schemas, base) for method, path, operation in operations),
        _errors(),
    )  # fmt: skip


def _operation(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any], base: str) -> Safe:
    rows = [
        tag("tr", tag("td", tag("code", one["name"]), " *" if one.get("required") else None),
            tag("td", _type(one["schema"])), tag("td", one.get("description", "")))
        for one in operation.get("parameters", [])
    ]  # fmt: skip
    body = _example(operation.get("requestBody"), schemas)
    answer = next(
        (
            _example(operation["responses"].get(code), schemas)
            for code in ("200", "202")
            if code in operation["responses"]
        ),
        None,
    )
    parts: list[Safe | None] = [
        tag("h2", tag("span", method.upper(), class_=f"method {method}"), " ", tag("code", path)),
        tag("p", operation.get("description") or operation.get("summary", "")),
        tag("div", tag("table", *rows, class_="parameters"), class_="scroll", tabindex="0") if rows else None,
        tag("pre", tag("code", _curl(method, path, operation, body, base)), tabindex="0"),
        tag("details", tag("summary", "Answer"), tag("pre", tag("code", _pretty(answer)), tabindex="0"))
        if answer else None,
    ]  # fmt: skip
    return tag("section", *parts, id=operation["operationId"], class_="operation")


def _pretty(body: Any) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False)


def _type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"] if one.get("type") != "null")
    kind = str(schema.get("type", ""))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if kind == "array":
        return f"{_type(schema.get('items', {}))}, repeatable"
    bounds = [f"{sign} {schema[name]}" for name, sign in (("minimum", "≥"), ("maximum", "≤")) if name in schema]
    default = [f"default {schema['default']}"] if schema.get("default") not in (None, [], "") else []
    return ", ".join([kind, *bounds, *default])


def _example(content: dict[str, Any] | None, schemas: dict[str, Any]) -> Any:
    schema = ((content or {}).get("content", {}).get("application/json") or {}).get("schema", {})
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    examples = schemas.get(name, {}).get("examples") or schema.get("examples")
    return examples[0] if examples else None


def _curl(method: str, path: str, operation: dict[str, Any], body: Any, base: str) -> str:
    address = path.replace("{repository}", "gin-gonic/gin").replace("{path}", "gin.go")
    fields = {
        one["name"]: (one.get("schema", {}).get("examples") or one.get("examples") or ["…"])[0]
        for one in operation.get("parameters", [])
        if one.get("required") and one["in"] == "query"
    }
    query = f"?{urlencode(fields)}" if fields else ""
    if body is None:
        return f"curl '{base}{address}{query}'"
    data = json.dumps(body, ensure_ascii=False)
    return f"curl '{base}{address}' \\\n  -H 'Content-Type: application/json' \\\n  -d '{data}'"


def _errors() -> Safe:
    rows = [
        tag("tr", tag("td", tag("code", kind.__name__), id=kind.__name__), tag("td", status),
            tag("td", (kind.__doc__ or "").split("\n")[0]), tag("td", "ask again" if kind.retryable else ""))
        for kind, status in STATUSES
        if kind.__module__ == errors.__name__
    ]  # fmt: skip
    head = tag(
        "tr", *(tag("th", heading, scope="col") for heading in ("error", "status", "what it means", "ask again?"))
    )
    heading = tag("p", "“No match” is no error: it is an answer with ", tag("code", 'outcome: "no_match"'), ".")
    return tag(
        "section",
        tag("h2", "Errors"),
        heading,
        tag("div", tag("table", head, *rows), class_="scroll", tabindex="0"),
        id="errors",
    )
