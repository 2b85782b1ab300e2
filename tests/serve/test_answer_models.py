"""The fields of answers are declared once: what is added to a dataclass of `search/answers.py` is in every front end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError
from served import Shop

from code_index_assets.search import answers
from code_index_assets.search.answer_fields import IF_SET, INTERNAL, described, public_fields, to_json
from code_index_assets.search.outcome import SearchOutcome
from code_index_assets.serve.http import models as http_models
from code_index_assets.serve.mcp import models as mcp_models
from code_index_assets.serve.schema import Shapes, optional

# Adds one line to `search/answers.py` as it is imported, then asks over the command line, HTTP and MCP.
ADD_A_FIELD = """
import contextlib, importlib.util, io, json, sys
NAME = "code_index_assets.search.answers"
spec = importlib.util.find_spec(NAME)
source = open(spec.origin).read()
line = "    also_in: tuple[str, ...] = field("
assert source.count(line) == 1
added = '    novelty: str = field(default="quite new", metadata=described("How new it is."))\\n'
module = importlib.util.module_from_spec(spec)
sys.modules[NAME] = module
exec(compile(source.replace(line, added + line), spec.origin, "exec"), module.__dict__)

import anyio
from fastapi.testclient import TestClient
from mcp import Client
from code_index_assets.cli.main import cli
from code_index_assets.search.service import open_engine
from code_index_assets.serve.http.app import create_app
from code_index_assets.serve.mcp.server import build_server
from code_index_assets.settings import load_settings
from code_index_assets.storage.layout import Layout

settings = load_settings()
layout = Layout(settings.data)
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    cli.main(["search", "cart", "--json"], standalone_mode=False)
client = TestClient(create_app(settings, layout))
schema = client.get("/openapi.json").json()["components"]["schemas"]["HitModel"]

async def ask():
    server = build_server(settings, layout, open_engine(settings, layout), "http")
    async with Client(server) as session:
        tools = (await session.list_tools()).tools
        reply = await session.call_tool("search_code", {"query": "cart"})
        return tools, reply.structured_content

tools, reply = anyio.run(ask)
search = next(tool for tool in tools if tool.name == "search_code")
json.dump({
    "cli": json.loads(printed.getvalue())["hits"][0],
    "http": client.get("/v1/search", params={"q": "cart"}).json()["hits"][0],
    "openapi": schema["properties"],
    "mcp": reply["hits"][0],
    "mcp_schema": search.output_schema["$defs"]["SearchHit"]["properties"],
}, sys.stdout)
"""


def test_a_field_added_in_one_place_reaches_every_front_end(shop: Shop) -> None:
    environment = os.environ | {"CODE_INDEX_DATA": str(shop.layout.root), "CODE_INDEX_USE_SERVER": "false"}
    done = subprocess.run([sys.executable, "-c", ADD_A_FIELD], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert {front: shown[front]["novelty"] for front in ("cli", "http", "mcp")} == {
        "cli": "quite new", "http": "quite new", "mcp": "quite new",
    }  # fmt: skip
    for schema in ("openapi", "mcp_schema"):
        assert shown[schema]["novelty"]["description"] == "How new it is."


@pytest.mark.parametrize(
    ("model", "http", "mcp"),
    [
        (answers.SearchAnswer, http_models.SearchResponse, mcp_models.SEARCH),
        (answers.Definitions, http_models.SymbolsResponse, mcp_models.SYMBOLS),
        (answers.References, http_models.ReferencesResponse, mcp_models.REFERENCES),
        (answers.FileText, http_models.FileResponse, mcp_models.CODE),
        (answers.RepositoryPage, http_models.RepositoriesResponse, mcp_models.REPOSITORIES),
    ],
)
def test_schemas_have_the_fields_of_the_dataclass(model: Any, http: Any, mcp: Any) -> None:
    names = {one.name for one in public_fields(model)}
    assert set(http.model_fields) == names
    assert set(mcp.names) <= names and set(mcp.names.values()) <= set(mcp.model.model_fields)


@dataclass(frozen=True)
class Part:
    lines: tuple[tuple[int, int], ...]
    note: str = field(default="", metadata=IF_SET)


@dataclass(frozen=True)
class Whole:
    """A whole."""

    parts: tuple[Part, ...]
    outcome: SearchOutcome
    share: float = field(metadata=described("In [0, 1].", ge=0, le=1))
    secret: object = field(metadata=INTERNAL)
    where: str | None = None


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


WHOLE = Whole((Part(((1, 2),)), Part((), "empty")), SearchOutcome.FOUND, 0.5, object())


def test_json_leaves_internal_and_empty_fields_out() -> None:
    assert json.loads(json.dumps(to_json(WHOLE))) == {
        "parts": [{"lines": [[1, 2]]}, {"lines": [], "note": "empty"}],
        "outcome": "found",
        "share": 0.5,
        "where": None,
    }


def test_a_schema_says_what_the_json_has() -> None:
    shapes = Shapes(Strict)
    shapes.add(Part, "Part")
    model = shapes.add(Whole, "Whole").model
    model.model_validate(to_json(WHOLE))
    schema = model.model_json_schema()
    assert set(schema["required"]) == {"parts", "outcome", "share", "where"}
    assert (
        schema["properties"]["share"] | {"maximum": 1, "minimum": 0, "description": "In [0, 1]."}
        == (schema["properties"]["share"])
    )
    assert schema["properties"]["outcome"]["enum"] == [str(one) for one in SearchOutcome]
    with pytest.raises(ValidationError):
        model.model_validate(to_json(WHOLE) | {"share": 2})


def test_a_lean_schema_has_the_differences_it_names() -> None:
    shapes = Shapes(Strict, lean=True)
    part = shapes.add(Part, "Part", renamed={"lines": "spans"})
    whole = shapes.add(Whole, "Whole", without={"share"}, changed={"more": optional(int, "More.")}, first=("more",))
    row = whole.row(WHOLE, parts=[part.row(one) for one in WHOLE.parts], more=3)
    assert row.model_dump(mode="json", exclude_none=True) == {
        "more": 3,
        "parts": [{"spans": [[1, 2]]}, {"note": "empty"}],
        "outcome": "found",
    }
    assert next(iter(whole.model.model_fields)) == "more"


def test_a_difference_of_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="Part has no field colour"):
        Shapes(Strict).add(Part, "Part", without={"colour"})
