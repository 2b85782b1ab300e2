"""The YAML comment header of a model, checked key by key, every problem with its line.

What lives here: header text to the fields of `Model`. What does not: the SQL below it (`model.py`).
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from .declarations import ModelTest, Problem

REQUIRED = ("description", "grain", "materialized", "owner", "columns")
OPTIONAL = ("tests", "partitioned_by", "exposed_as")
# libyaml's parser where PyYAML was built with it: ten times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TESTS = ("unique", "not_null", "accepted_values", "relationships", "expression", "row_count")


def parse_header(text: str, first_line: int, shown: str, problems: list[Problem]) -> dict[str, Any] | None:
    """Fields of `Model` from a header that starts on `first_line`; None (and problems) if it cannot be used."""
    return _Header(shown, first_line, problems).parse(text)


class _Header:
    def __init__(self, shown: str, first_line: int, problems: list[Problem]) -> None:
        self.shown, self.first_line, self.problems = shown, first_line, problems

    def parse(self, text: str) -> dict[str, Any] | None:
        before = len(self.problems)
        try:
            root = yaml.compose(text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self.problem(mark.line if mark else 0, f"the header is not YAML: {error.problem or error.context}")
            return None
        except yaml.YAMLError as error:
            self.problem(0, f"the header is not YAML: {error}")
            return None
        if not isinstance(root, yaml.MappingNode):
            self.problem(0, "the header is not YAML keys and values")
            return None
        nodes: dict[str, yaml.Node] = {}
        for key, value in root.value:
            if key.value not in (*REQUIRED, *OPTIONAL):
                self.problem(
                    key.start_mark.line, f"unknown key {key.value!r}; known are {', '.join(REQUIRED + OPTIONAL)}"
                )
            nodes[key.value] = value
        for name in REQUIRED:
            if name not in nodes:
                self.problem(0, f"the header lacks {name!r}")
        fields: dict[str, Any] = {
            name: self._text(nodes[name], name) for name in ("description", "grain", "owner") if name in nodes
        }
        for name in ("partitioned_by", "exposed_as"):
            fields[name] = self._text(nodes[name], name) if name in nodes else None
        if "materialized" in nodes:
            fields["materialized"] = self._text(nodes["materialized"], "materialized")
            if fields["materialized"] not in ("view", "table"):
                self.problem(nodes["materialized"].start_mark.line, "materialized is view or table")
        if "columns" in nodes:
            fields["columns"], fields["column_lines"] = self._columns(nodes["columns"])
        if "tests" in nodes:
            fields["tests"] = self._tests(nodes["tests"], fields.get("columns", {}))
        partition = fields["partitioned_by"]
        if partition and partition not in fields.get("columns", {}):
            self.problem(nodes["partitioned_by"].start_mark.line, f"partitioned_by names no column: {partition}")
        return fields if len(self.problems) == before else None

    def problem(self, line: int, message: str) -> None:
        self.problems.append(Problem(self.shown, self.first_line + line, message))

    def _text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not str(node.value).strip():
            self.problem(node.start_mark.line, f"{what} must be a text")
            return ""
        return " ".join(str(node.value).split())

    def _columns(self, node: yaml.Node) -> tuple[dict[str, str], dict[str, int]]:
        columns: dict[str, str] = {}
        lines: dict[str, int] = {}
        if not isinstance(node, yaml.MappingNode):
            self.problem(node.start_mark.line, "columns must map each column to what it means")
            return columns, lines
        for key, value in node.value:
            if key.value in columns:
                self.problem(key.start_mark.line, f"column {key.value!r} is declared twice")
            if not isinstance(value, yaml.ScalarNode) or not str(value.value).strip():
                self.problem(key.start_mark.line, f"column {key.value!r} is not documented")
                continue
            columns[key.value] = " ".join(str(value.value).split())
            lines[key.value] = self.first_line + key.start_mark.line
        return columns, lines

    def _tests(self, node: yaml.Node, columns: dict[str, str]) -> tuple[ModelTest, ...]:
        if not isinstance(node, yaml.SequenceNode):
            self.problem(node.start_mark.line, "tests must be a list")
            return ()
        tests: list[ModelTest] = []
        for item in node.value:
            test = self._test(item, columns)
            if test is None:
                continue
            if any(test.name == other.name for other in tests):
                self.problem(item.start_mark.line, f"two tests are named {test.name!r}: give one a `name`")
                continue
            tests.append(test)
        return tuple(tests)

    def _test(self, node: yaml.Node, columns: dict[str, str]) -> ModelTest | None:
        line = node.start_mark.line
        try:
            body = yaml.safe_load(yaml.serialize(node))
            kind = next((name for name in TESTS if name in body), None)
            if kind is None or not isinstance(body, dict):
                raise ValueError(f"a test is one of {', '.join(TESTS)}")
            extra = set(body) - {kind, "severity", "name"}
            if extra:
                raise ValueError(f"unknown key {sorted(extra)[0]!r} of a test")
            severity = body.get("severity", "error")
            if severity not in ("warn", "error"):
                raise ValueError("severity is warn or error")
            test = _made(kind, body[kind], severity, self.first_line + line)
        except (ValueError, TypeError, KeyError) as error:
            what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            self.problem(line, f"test: {what}")
            return None
        unknown = [column for column in test.columns if column not in columns]
        if unknown:
            self.problem(line, f"test: {', '.join(unknown)} is no column of this model")
            return None
        name = re.sub(r"[^A-Za-z0-9]+", "_", str(body.get("name") or test.name)).strip("_")[:80]
        return ModelTest(**{**vars(test), "name": name})


def _made(kind: Any, value: Any, severity: Any, line: int) -> ModelTest:
    if kind in ("unique", "not_null"):
        columns = _names(value)
        return ModelTest(f"{kind}_{'_'.join(columns)}", kind, severity, columns, line=line)
    if kind == "accepted_values":
        columns = _names(value["column"])
        if not isinstance(value["values"], list) or not value["values"]:
            raise ValueError("accepted_values needs a list of values")
        return ModelTest(
            f"accepted_values_{columns[0]}", kind, severity, columns, values=tuple(value["values"]), line=line
        )
    if kind == "relationships":
        columns = _names(value["columns"])
        others = _names(value.get("to_columns", list(columns)))
        if len(others) != len(columns):
            raise ValueError("relationships needs as many to_columns as columns")
        name = f"relationships_{'_'.join(columns)}_{value['to']}"
        return ModelTest(name, kind, severity, columns, to=str(value["to"]), to_columns=others, line=line)
    if kind == "expression":
        if not isinstance(value, str):
            raise ValueError("expression must be a text")
        return ModelTest(f"expression_{value}", kind, severity, expression=value, line=line)
    low, high = value.get("min"), value.get("max")
    if set(value) - {"min", "max"} or (low is None and high is None):
        raise ValueError("row_count needs min, max or both")
    return ModelTest("row_count", kind, severity, minimum=low, maximum=high, line=line)


def _names(value: Any) -> tuple[str, ...]:
    names = tuple(value) if isinstance(value, list) else (value,)
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError("columns must be named")
    return names
