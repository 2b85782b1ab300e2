"""Facts of Go files."""

from __future__ import annotations

import re
from typing import Any

from .model import Builder

CONTAINERS = frozenset({"slice_type", "array_type", "implicit_length_array_type", "map_type"})
VERSION = re.compile(r"v\d+$")
LITERALS = {"interpreted_string_literal": "string", "raw_string_literal": "string", "int_literal": "int",
            "float_literal": "float64", "rune_literal": "rune", "true": "bool", "false": "bool"}  # fmt: skip


class GoFacts(Builder):
    """Walks a Go tree."""

    def visit(self, node: Any) -> int:
        """Reads a node; returns the number of its expression, or -1."""
        if node is None:
            return -1
        handler = HANDLERS.get(node.type)
        if handler is not None:
            number = handler(self, node)
            return -1 if number is None else number
        literal = LITERALS.get(node.type)
        if literal:
            return self.add("l", literal)
        number = -1
        for child in node.named_children:
            number = self.visit(child)
        return number

    # -- expressions ---------------------------------------------------------------------------------------------------

    def identifier(self, node: Any) -> int:
        return self.name(node)

    def type_identifier(self, node: Any) -> int:
        return self.name(node, "type")

    def selector(self, node: Any) -> int:
        base = self.visit(node.child_by_field_name("operand"))
        return self.member(node.child_by_field_name("field"), base)

    def qualified(self, node: Any) -> int:
        base = self.name(node.child_by_field_name("package"))
        return self.member(node.child_by_field_name("name"), base, "type")

    def call(self, node: Any) -> int:
        function = node.child_by_field_name("function")
        number = self.visit(function)
        self.called(number)
        arguments = node.child_by_field_name("arguments")
        values = [self.visit(child) for child in arguments.named_children if child.type != "comment"]
        if function.type == "identifier" and values:
            word = self.text(function)
            if word in ("new", "make"):
                return self.add("inst", values[0])
            if word == "append":
                return values[0]
        return self.add("c", number, values)

    def conversion(self, node: Any) -> int:
        number = self.visit(node.child_by_field_name("type"))
        self.visit(node.child_by_field_name("operand"))
        return self.add("inst", number)

    def assertion(self, node: Any) -> int:
        self.visit(node.child_by_field_name("operand"))
        return self.add("inst", self.visit(node.child_by_field_name("type")))

    def index(self, node: Any) -> int:
        base = self.visit(node.child_by_field_name("operand"))
        inner = [self.visit(child) for child in node.named_children[1:]]
        return self.add("g", base, inner)

    def slice(self, node: Any) -> int:
        base = self.visit(node.child_by_field_name("operand"))
        for child in node.named_children[1:]:
            self.visit(child)
        return base

    def unary(self, node: Any) -> int:
        number = self.visit(node.child_by_field_name("operand"))
        operator = node.child_by_field_name("operator")
        return self.add("e", number) if operator is not None and operator.type == "<-" else number

    def binary(self, node: Any) -> int:
        number = self.visit(node.child_by_field_name("left"))
        self.visit(node.child_by_field_name("right"))
        return number if number >= 0 and self.expressions[number][0] == "l" else -1

    def composite(self, node: Any) -> int:
        kind = node.child_by_field_name("type")
        number = self.add("inst", self.visit(kind))
        self.literal(node.child_by_field_name("body"), number, kind.type in CONTAINERS)
        return number

    def literal(self, node: Any, number: int, contained: bool) -> None:
        """The elements of a composite literal whose type is an expression: fields by name, or elements."""
        inner = self.add("e", number) if contained else -1
        for child in node.named_children:
            if child.type == "keyed_element":
                parts = [p for p in child.named_children if p.type == "literal_element"]
                if len(parts) < 2:
                    continue
                key = parts[0].named_children[0] if parts[0].named_children else None
                if key is not None and key.type == "identifier" and not contained:
                    self.member(key, number, "write")
                else:
                    self.element(parts[0], -1)
                self.element(parts[1], inner)
            else:
                self.element(child, inner)

    def element(self, node: Any, number: int) -> None:
        inner = node.named_children[0] if node.type == "literal_element" and node.named_children else node
        if inner.type == "literal_value":
            self.literal(inner, number, False)
        else:
            self.visit(inner)

    def list_(self, node: Any) -> int:
        numbers = [self.visit(child) for child in node.named_children]
        return numbers[0] if len(numbers) == 1 else self.add("t", numbers)

    def function_literal(self, node: Any) -> int:
        definition = self.define("", "function", node, node)
        self.callable(node, definition)
        return self.add("f", definition)

    # -- types ---------------------------------------------------------------------------------------------------------

    def container(self, node: Any) -> int:
        field = "value" if node.type in ("map_type", "channel_type") else "element"
        key = node.child_by_field_name("key")
        key_number = self.visit(key) if key is not None else -1
        if node.child_by_field_name("length") is not None:
            self.visit(node.child_by_field_name("length"))
        inner = self.add("inst", self.visit(node.child_by_field_name(field)))
        literal = self.add("l", node.type.removesuffix("_type"))
        return self.add("g", literal, [inner, self.add("inst", key_number)])

    def generic(self, node: Any) -> int:
        number = self.visit(node.child_by_field_name("type"))
        return self.add("g", number, [self.visit(c) for c in node.child_by_field_name("type_arguments").named_children])

    def function_type(self, node: Any) -> int:
        before = self.open("function", node)
        self.parameters(node.child_by_field_name("parameters"), -1)
        number = self.results(node.child_by_field_name("result"))
        self.scope = before
        return self.add("fnt", number, [])

    def struct_type(self, node: Any) -> int:
        definition = self.define("", "struct", node, node)
        self.members(node, definition)
        return self.add("d", definition)

    def members(self, node: Any, definition: int) -> None:
        """Fields of a struct or methods of an interface."""
        before = self.open("class", node, definition)
        fields = node.named_children
        if node.type == "struct_type" and fields:
            fields = fields[0].named_children
        for child in fields:
            if child.type == "field_declaration":
                names = child.children_by_field_name("name")
                type_node = child.child_by_field_name("type")
                number = self.visit(type_node)
                for name in names:
                    self.define(self.text(name), "field", name, child, type=number)
                if not names:
                    self.definitions[definition].bases.append(number)
                    inner = type_node
                    while inner.type in ("pointer_type", "qualified_type", "generic_type"):
                        named = inner.child_by_field_name("name") or inner.child_by_field_name("type")
                        inner = named or inner.named_children[0]
                    self.define(self.text(inner), "field", inner, child, type=number, flags=["embedded"])
            elif child.type in ("method_elem", "method_spec"):
                name = child.child_by_field_name("name")
                made = self.define(self.text(name), "method", name, child, flags=["abstract"])
                self.callable(child, made)
            elif child.type in ("type_elem", "constraint_elem", "interface_type_name"):
                for inner in child.named_children:
                    self.definitions[definition].bases.append(self.visit(inner))
            elif child.type != "comment":
                self.visit(child)
        self.scope = before

    # -- definitions ---------------------------------------------------------------------------------------------------

    def package(self, node: Any) -> int:
        self.facts.package = self.text(node.named_children[0])
        return -1

    def imports(self, node: Any) -> int:
        path = self.text(node.child_by_field_name("path")).strip('"`')
        name = node.child_by_field_name("name")
        if name is not None and name.type == "dot":
            self.scopes[0].stars.append(path)
        elif name is None or name.type == "package_identifier":
            parts = [part for part in path.split("/") if not VERSION.match(part)] or [path]
            local = self.text(name) if name is not None else parts[-1].removeprefix("go-").split(".")[0]
            self.define(local, "import", node, target=[path, "*"], flags=[] if name is not None else ["by path"])
        return -1

    def type_spec(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        inner = node.child_by_field_name("type")
        kind = {"struct_type": "struct", "interface_type": "interface"}.get(inner.type, "type")
        definition = self.define(self.text(name), kind, name, node)
        before = self.scope
        parameters = node.child_by_field_name("type_parameters")
        if parameters is not None:
            self.open("block", node)
            self.type_parameters(parameters)
        if kind == "type":
            self.definitions[definition].value = self.visit(inner)
            if node.type == "type_alias":
                self.definitions[definition].flags.append("alias")
        else:
            self.members(inner, definition)
        self.scope = before
        return -1

    def type_parameters(self, node: Any) -> None:
        for child in node.named_children:
            bound = self.visit(child.child_by_field_name("type"))
            for name in child.children_by_field_name("name"):
                self.define(self.text(name), "type_parameter", name, value=bound)

    def function(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        receiver = node.child_by_field_name("receiver")
        holder = ""
        if receiver is not None and receiver.named_children:
            inner = receiver.named_children[0].child_by_field_name("type")
            while inner is not None and inner.type in ("pointer_type", "generic_type", "parenthesized_type"):
                inner = inner.child_by_field_name("type") or inner.named_children[0]
            holder = self.text(inner) if inner is not None else ""
        definition = self.define(
            self.text(name), "method" if receiver is not None else "function", name, node, holder=holder
        )
        self.callable(node, definition)
        return -1

    def callable(self, node: Any, definition: int) -> None:
        before = self.open("function", node, definition)
        parameters = node.child_by_field_name("type_parameters")
        if parameters is not None:
            self.type_parameters(parameters)
        receiver = node.child_by_field_name("receiver")
        if receiver is not None:
            self.receiver_parameters(receiver)
            self.parameters(receiver, -1)
        self.parameters(node.child_by_field_name("parameters"), definition)
        self.definitions[definition].type = self.results(node.child_by_field_name("result"))
        body = node.child_by_field_name("body")
        if body is not None:
            self.body(body)
        self.scope = before

    def receiver_parameters(self, node: Any) -> None:
        """Type parameters that a generic receiver names: `func (s *Set[T])`."""
        for child in node.named_children:
            inner = child.child_by_field_name("type")
            while inner is not None and inner.type == "pointer_type":
                inner = inner.named_children[0]
            if inner is not None and inner.type == "generic_type":
                for argument in inner.child_by_field_name("type_arguments").named_children:
                    self.define(self.text(argument), "type_parameter", argument)

    def parameters(self, node: Any, definition: int) -> None:
        for child in node.named_children if node is not None else ():
            if child.type not in ("parameter_declaration", "variadic_parameter_declaration"):
                continue
            number = self.visit(child.child_by_field_name("type"))
            value = -1
            if child.type == "variadic_parameter_declaration":
                value = self.add("g", self.add("l", "slice"), [self.add("inst", number)])
                number = -1
            for name in child.children_by_field_name("name"):
                made = self.define(self.text(name), "parameter", name, type=number, value=value)
                if definition >= 0:
                    self.definitions[definition].parameters.append(made)

    def results(self, node: Any) -> int:
        if node is None:
            return -1
        if node.type != "parameter_list":
            return self.visit(node)
        numbers = []
        for child in node.named_children:
            number = self.visit(child.child_by_field_name("type"))
            names = child.children_by_field_name("name")
            for name in names:
                self.define(self.text(name), "parameter", name, type=number)
            numbers.extend([self.add("inst", number)] * max(len(names), 1))
        return numbers[0] if len(numbers) == 1 else self.add("t", numbers)

    def block(self, node: Any) -> int:
        before = self.open("block", node)
        self.body(node)
        self.scope = before
        return -1

    def bind(self, left: list[Any], right: Any, new: bool) -> None:
        """`a, b := c, d`, or of a call with several results."""
        numbers = [self.visit(child) for child in right.named_children] if right is not None else []
        if len(numbers) == 1 and len(left) > 1:
            only = numbers[0]
            several = only >= 0 and self.expressions[only][0] in ("c",)
            numbers = [self.add("k", only, n) if several else (only if n == 0 else -1) for n in range(len(left))]
        for number, target in enumerate(left):
            value = numbers[number] if number < len(numbers) else -1
            self.bind_one(target, value, new)

    def bind_one(self, target: Any, value: int, new: bool) -> None:
        if target.type == "identifier":
            name = self.text(target)
            if new and name != "_" and (self.scope, name) not in self.bound:
                self.define(name, "variable", target, value=value)
            elif name != "_":
                self.name(target, "write")
            return
        number = self.visit(target)
        if number >= 0 and self.expressions[number][0] == "a":
            expression = self.expressions[number]
            self.expressions[number] = (*expression[:5], "write", *expression[6:])

    def short(self, node: Any) -> int:
        self.bind(node.child_by_field_name("left").named_children, node.child_by_field_name("right"), True)
        return -1

    def assignment(self, node: Any) -> int:
        self.bind(node.child_by_field_name("left").named_children, node.child_by_field_name("right"), False)
        return -1

    def range(self, node: Any) -> int:
        source = self.visit(node.child_by_field_name("right"))
        left = node.child_by_field_name("left")
        new = any(child.type == ":=" for child in node.children)
        targets = left.named_children if left is not None else []
        for number, target in enumerate(targets):
            value = self.add("e", source) if number == 1 or len(targets) == 1 else -1
            if number == 0:
                value = self.add("ix", source)
            self.bind_one(target, value, new)
        return -1

    def receive(self, node: Any) -> int:
        right = self.visit(node.child_by_field_name("right"))
        left = node.child_by_field_name("left")
        for number, target in enumerate(left.named_children if left is not None else ()):
            self.bind_one(target, right if number == 0 else -1, any(c.type == ":=" for c in node.children))
        return -1

    def variable(self, node: Any) -> int:
        number = self.visit(node.child_by_field_name("type"))
        value = node.child_by_field_name("value")
        names = node.children_by_field_name("name")
        values = [self.visit(child) for child in value.named_children] if value is not None else []
        kind = "constant" if node.type == "const_spec" else "variable"
        for at, name in enumerate(n for n in names if n.type == "identifier"):
            if len(values) == 1 and len(names) > 1:
                given = self.add("k", values[0], at)
            else:
                given = values[at] if at < len(values) else -1
            self.define(self.text(name), kind, name, node, type=number, value=given)
        return -1

    def type_switch(self, node: Any) -> int:
        before = self.open("block", node)
        self.visit(node.child_by_field_name("initializer"))
        value = self.visit(node.child_by_field_name("value"))
        alias = node.child_by_field_name("alias")
        for child in node.named_children:
            if child.type not in ("type_case", "default_case"):
                continue
            inner = self.open("block", child)
            types = child.children_by_field_name("type")
            numbers = [self.visit(kind) for kind in types]
            if alias is not None and alias.named_children:
                name = alias.named_children[0]
                self.define(self.text(name), "variable", name, type=numbers[0] if len(numbers) == 1 else -1,
                            value=value)  # fmt: skip
            starts = {kind.start_byte for kind in types}
            for statement in child.named_children:
                if statement.start_byte not in starts:
                    self.visit(statement)
            self.scope = inner
        self.scope = before
        return -1

    def nothing(self, node: Any) -> int:
        return -1


_G = GoFacts
HANDLERS: dict[str, Any] = {
    "identifier": _G.identifier, "type_identifier": _G.type_identifier, "selector_expression": _G.selector,
    "qualified_type": _G.qualified, "call_expression": _G.call, "type_conversion_expression": _G.conversion,
    "type_assertion_expression": _G.assertion, "index_expression": _G.index, "slice_expression": _G.slice,
    "unary_expression": _G.unary, "binary_expression": _G.binary, "composite_literal": _G.composite,
    "expression_list": _G.list_, "func_literal": _G.function_literal, "slice_type": _G.container,
    "array_type": _G.container, "implicit_length_array_type": _G.container, "map_type": _G.container,
    "channel_type": _G.container, "generic_type": _G.generic, "function_type": _G.function_type,
    "struct_type": _G.struct_type, "interface_type": _G.struct_type, "package_clause": _G.package,
    "import_spec": _G.imports, "type_spec": _G.type_spec, "type_alias": _G.type_spec,
    "function_declaration": _G.function, "method_declaration": _G.function, "block": _G.block,
    "if_statement": _G.block, "for_statement": _G.block, "expression_switch_statement": _G.block,
    "expression_case": _G.block, "default_case": _G.block, "communication_case": _G.block,
    "short_var_declaration": _G.short, "assignment_statement": _G.assignment, "range_clause": _G.range,
    "receive_statement": _G.receive, "var_spec": _G.variable, "const_spec": _G.variable,
    "type_switch_statement": _G.type_switch, "comment": _G.nothing, "field_identifier": _G.nothing,
    "label_name": _G.nothing,
}  # fmt: skip
