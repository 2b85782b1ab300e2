"""Facts of Java files."""

from __future__ import annotations

from typing import Any

from .model import Builder

LITERALS = {"string_literal": "String", "text_block": "String", "decimal_integer_literal": "int",
            "hex_integer_literal": "int", "decimal_floating_point_literal": "double", "true": "boolean",
            "false": "boolean", "character_literal": "char", "integral_type": "int", "floating_point_type": "double",
            "boolean_type": "boolean", "void_type": "void", "null_literal": "null"}  # fmt: skip
CLASSES = {"class_declaration": "class", "interface_declaration": "interface", "enum_declaration": "enum",
           "record_declaration": "record", "annotation_type_declaration": "annotation"}  # fmt: skip


class JavaFacts(Builder):
    """Walks a Java tree."""

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
            return self.add("l", self.text(node) if node.type.endswith("_type") else literal)
        for child in node.named_children:
            self.visit(child)
        return -1

    # -- expressions ---------------------------------------------------------------------------------------------------

    def identifier(self, node: Any) -> int:
        return self.name(node)

    def type_identifier(self, node: Any) -> int:
        return self.name(node, "type")

    def scoped(self, node: Any) -> int:
        scope = node.child_by_field_name("scope")
        parts = node.named_children
        base = self.visit(scope if scope is not None else parts[0])
        return self.member(parts[-1], base, "type" if node.type == "scoped_type_identifier" else "read")

    def field_access(self, node: Any) -> int:
        inner, field = node.child_by_field_name("object"), node.child_by_field_name("field")
        if field.type == "this":
            return self.add("inst", self.visit(inner))
        base = self.add("super", self.scope) if inner.type == "super" else self.visit(inner)
        return self.member(field, base)

    def invocation(self, node: Any) -> int:
        inner, name = node.child_by_field_name("object"), node.child_by_field_name("name")
        if inner is None:
            number = self.name(name, "call")
        else:
            base = self.add("super", self.scope) if inner.type == "super" else self.visit(inner)
            number = self.member(name, base, "call")
        return self.add("c", number, self.arguments(node.child_by_field_name("arguments"), number))

    def arguments(self, node: Any, callee: int) -> list[int]:
        numbers = []
        for at, child in enumerate(c for c in node.named_children if "comment" not in c.type):
            numbers.append(
                self.lambda_(child, (callee, at)) if child.type == "lambda_expression" else self.visit(child)
            )
        return numbers

    def explicit_constructor(self, node: Any) -> int:
        self.visit(node.child_by_field_name("object"))
        self.arguments(node.child_by_field_name("arguments"), -1)
        return -1

    def creation(self, node: Any) -> int:
        kind = node.child_by_field_name("type")
        number = self.visit(kind)
        self.called(number if number < 0 or self.expressions[number][0] != "g" else self.expressions[number][1], "new")
        arguments = self.arguments(node.child_by_field_name("arguments"), -1)
        made = self.add("new", number, arguments)
        for child in node.named_children:
            if child.type == "class_body":
                definition = self.define("", "class", node, node, bases=[number])
                before = self.open("class", child, definition)
                self.body(child)
                self.scope = before
                return self.add("obj", definition)
        return made

    def array_creation(self, node: Any) -> int:
        number = self.add("inst", self.visit(node.child_by_field_name("type")))
        for child in node.named_children[1:]:
            self.visit(child)
        return self.add("g", self.add("l", "[]"), [number])

    def array_access(self, node: Any) -> int:
        base = self.visit(node.child_by_field_name("array"))
        self.visit(node.child_by_field_name("index"))
        return self.add("e", base)

    def cast(self, node: Any) -> int:
        number = self.visit(node.child_by_field_name("type"))
        self.visit(node.child_by_field_name("value"))
        return self.add("inst", number)

    def passed(self, node: Any) -> int:
        number = -1
        for child in node.named_children:
            number = self.visit(child)
        return number

    def ternary(self, node: Any) -> int:
        self.visit(node.child_by_field_name("condition"))
        return self.union([self.visit(node.child_by_field_name("consequence")),
                           self.visit(node.child_by_field_name("alternative"))])  # fmt: skip

    def binary(self, node: Any) -> int:
        operator = node.child_by_field_name("operator")
        left = self.visit(node.child_by_field_name("left"))
        right = self.visit(node.child_by_field_name("right"))
        sign = operator.type if operator is not None else ""
        if sign in ("==", "!=", "<", ">", "<=", ">=", "&&", "||"):
            return self.add("l", "boolean")
        kinds = [self.expressions[n][1] for n in (left, right) if n >= 0 and self.expressions[n][0] == "l"]
        return self.add("l", "String" if "String" in kinds else kinds[0]) if kinds else -1

    def instance_of(self, node: Any) -> int:
        self.visit(node.child_by_field_name("left"))
        right, name = node.child_by_field_name("right"), node.child_by_field_name("name")
        number = self.visit(right) if right is not None else self.visit(node.child_by_field_name("pattern"))
        if name is not None:
            self.define(self.text(name), "variable", name, type=number, scope=self.function_scope())
        return self.add("l", "boolean")

    def type_pattern(self, node: Any) -> int:
        children = node.named_children
        number = self.visit(children[0])
        if len(children) > 1 and children[-1].type == "identifier":
            self.define(self.text(children[-1]), "variable", children[-1], type=number)
        return number

    def function_scope(self) -> int:
        scope = self.scope
        while self.scopes[scope].kind == "block":
            scope = self.scopes[scope].parent
        return scope

    def method_reference(self, node: Any) -> int:
        children = node.named_children
        base = self.add("super", self.scope) if children[0].type == "super" else self.visit(children[0])
        if len(children) > 1 and children[-1].type == "identifier":
            return self.member(children[-1], base, "ref")
        return -1

    def class_literal(self, node: Any) -> int:
        number = self.visit(node.named_children[0])
        return self.add("g", self.add("l", "Class"), [self.add("inst", number)])

    def this(self, node: Any) -> int:
        scope = self.scope
        while scope >= 0 and self.scopes[scope].kind != "class":
            scope = self.scopes[scope].parent
        return self.add("this", scope) if scope >= 0 else -1

    def lambda_(self, node: Any, context: tuple[int, int] = (-1, 0)) -> int:
        definition = self.define("", "function", node, node)
        before = self.open("function", node, definition)
        parameters = node.child_by_field_name("parameters")
        names = [parameters] if parameters.type == "identifier" else parameters.named_children
        for at, child in enumerate(names):
            if child.type == "identifier":
                self.define(self.text(child), "parameter", child, value=self.add("cb", *context, at))
            else:
                self.parameter(child, -1)
        self.definitions[definition].value = self.visit(node.child_by_field_name("body"))
        self.scope = before
        return self.add("f", definition)

    def assignment(self, node: Any) -> int:
        number = self.visit(node.child_by_field_name("left"))
        value = self.visit(node.child_by_field_name("right"))
        if number >= 0 and self.expressions[number][0] in ("n", "a"):
            expression = self.expressions[number]
            self.expressions[number] = (*expression[:5], "write", *expression[6:])
        return value

    def generic(self, node: Any) -> int:
        children = node.named_children
        number = self.visit(children[0])
        given = []
        for child in children[1].named_children if len(children) > 1 else ():
            if child.type == "wildcard":
                given.append(self.passed(child))
            else:
                given.append(self.visit(child))
        return self.add("g", number, given) if given else number

    def array_type(self, node: Any) -> int:
        number = self.add("inst", self.visit(node.child_by_field_name("element")))
        return self.add("g", self.add("l", "[]"), [number])

    def annotation(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        number = self.name(name, "type") if name.type == "identifier" else self.visit(name)
        arguments = node.child_by_field_name("arguments")
        for child in arguments.named_children if arguments is not None else ():
            if child.type == "element_value_pair":
                self.member(child.child_by_field_name("key"), self.add("inst", number), "call")
                self.visit(child.child_by_field_name("value"))
            else:
                self.visit(child)
        return -1

    # -- definitions ---------------------------------------------------------------------------------------------------

    def package(self, node: Any) -> int:
        self.facts.package = self.text(node.named_children[-1])
        return -1

    def imports(self, node: Any) -> int:
        name = next((c for c in node.named_children if c.type in ("scoped_identifier", "identifier")), None)
        if name is None:
            return -1
        text = self.text(name)
        static = any(child.type == "static" for child in node.children)
        if any(child.type == "asterisk" for child in node.named_children):
            self.scopes[0].stars.append(("static " if static else "") + text)
            return -1
        last = name.child_by_field_name("name") or name
        self.define(self.text(last), "import", last, target=[text, "static" if static else ""])
        row, column = last.start_point
        self.add("m", self.text(last), row + 1, column, 0, "import", ("static " if static else "") + text)
        outer = name.child_by_field_name("scope")
        if static and outer is not None and outer.type == "scoped_identifier":
            inner = outer.child_by_field_name("name")
            row, column = inner.start_point
            self.add("m", self.text(inner), row + 1, column, 0, "import", self.text(outer))
        return -1

    def class_(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        definition = self.define(self.text(name), CLASSES[node.type], name, node, flags=self.modifiers(node))
        before = self.open("class", node, definition)
        self.type_parameters(node)
        for child in node.named_children:
            if child.type in ("superclass", "super_interfaces", "extends_interfaces"):
                for inner in child.named_children:
                    for base in inner.named_children if inner.type in ("type_list", "interface_type_list") else [inner]:
                        self.definitions[definition].bases.append(self.visit(base))
        if node.type == "record_declaration":
            for child in node.child_by_field_name("parameters").named_children:
                made = self.parameter(child, -1)
                if made >= 0:
                    self.definitions[made].kind = "field"
                    part = self.definitions[made]
                    inner = child.child_by_field_name("name")
                    self.define(part.name, "method", inner, type=part.type, flags=["accessor"])
        self.body(node.child_by_field_name("body"))
        self.scope = before
        return -1

    def modifiers(self, node: Any) -> list[str]:
        found: list[str] = []
        for child in node.children:
            if child.type == "modifiers":
                self.body(child)
                found = [inner.type for inner in child.children if not inner.is_named]
        return found

    def type_parameters(self, node: Any) -> None:
        parameters = node.child_by_field_name("type_parameters")
        for child in parameters.named_children if parameters is not None else ():
            name = next((c for c in child.named_children if c.type in ("type_identifier", "identifier")), None)
            if name is None:
                continue
            bounds = [self.passed(c) for c in child.named_children if c.type == "type_bound"]
            self.define(self.text(name), "type_parameter", name, value=bounds[0] if bounds else -1)

    def constant(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        holder = self.scopes[self.scope].definition
        made = self.define(self.text(name), "enum_member", name, node, flags=[f"of {holder}"])
        self.definitions[made].value = self.add("this", self.scope)
        arguments = node.child_by_field_name("arguments")
        if arguments is not None:
            self.arguments(arguments, -1)
        body = node.child_by_field_name("body")
        if body is not None:
            definition = self.define("", "class", name, node, bases=[self.add("d", holder)])
            before = self.open("class", body, definition)
            self.body(body)
            self.scope = before
        return -1

    def method(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        flags = self.modifiers(node)
        kind = "method" if node.type in ("method_declaration", "annotation_type_element_declaration") else "constructor"
        definition = self.define(self.text(name), kind, name, node, flags=flags)
        before = self.open("function", node, definition)
        self.type_parameters(node)
        kind_node = node.child_by_field_name("type")
        made = self.definitions[definition]
        made.type = self.visit(kind_node) if kind_node is not None else -1
        parameters = node.child_by_field_name("parameters")
        for child in parameters.named_children if parameters is not None else ():
            self.parameter(child, definition)
        for child in node.named_children:
            if child.type == "throws":
                self.body(child)
        self.visit(node.child_by_field_name("body"))
        self.visit(node.child_by_field_name("value"))
        self.scope = before
        return -1

    def parameter(self, node: Any, definition: int) -> int:
        if node.type not in ("formal_parameter", "spread_parameter", "catch_formal_parameter"):
            return -1
        self.modifiers(node)
        name, kind = node.child_by_field_name("name"), node.child_by_field_name("type")
        value = -1
        if node.type == "spread_parameter":
            parts = [c for c in node.named_children if c.type != "modifiers"]
            kind, name = parts[0], parts[-1].child_by_field_name("name") or parts[-1]
            value = self.add("g", self.add("l", "[]"), [self.add("inst", self.visit(kind))])
            number = -1
            if definition >= 0:
                self.definitions[definition].flags.append("variadic")
        else:
            number = self.visit(kind)
            if node.child_by_field_name("dimensions") is not None:
                value = self.add("g", self.add("l", "[]"), [self.add("inst", number)])
                number = -1
        if name is None:
            return -1
        made = self.define(self.text(name), "parameter", name, type=number, value=value)
        if definition >= 0:
            self.definitions[definition].parameters.append(made)
        return made

    def fields(self, node: Any) -> int:
        self.modifiers(node)
        kind = node.child_by_field_name("type")
        inferred = kind.type == "type_identifier" and self.text(kind) == "var"
        number = -1 if inferred else self.visit(kind)
        what = "field" if node.type in ("field_declaration", "constant_declaration") else "variable"
        for child in node.children_by_field_name("declarator"):
            name, value_node = child.child_by_field_name("name"), child.child_by_field_name("value")
            made = self.define(self.text(name), what, name, child, type=number)
            if value_node is not None and value_node.type == "lambda_expression":
                self.lambda_(value_node)
            else:
                value = self.visit(value_node)
                if number < 0:
                    self.definitions[made].value = value
            if child.child_by_field_name("dimensions") is not None:
                self.definitions[made].type = -1
                self.definitions[made].value = self.add("g", self.add("l", "[]"), [self.add("inst", number)])
        return -1

    def for_each(self, node: Any) -> int:
        before = self.open("block", node)
        kind = node.child_by_field_name("type")
        value = self.add("e", self.visit(node.child_by_field_name("value")))
        inferred = self.text(kind) == "var"
        number = -1 if inferred else self.visit(kind)
        name = node.child_by_field_name("name")
        self.define(self.text(name), "variable", name, type=number, value=value)
        self.visit(node.child_by_field_name("body"))
        self.scope = before
        return -1

    def resource(self, node: Any) -> int:
        kind, name = node.child_by_field_name("type"), node.child_by_field_name("name")
        if kind is None or name is None:
            return self.body(node)
        inferred = self.text(kind) == "var"
        number = -1 if inferred else self.visit(kind)
        value = self.visit(node.child_by_field_name("value"))
        self.define(self.text(name), "variable", name, type=number, value=value)
        return -1

    def catch(self, node: Any) -> int:
        before = self.open("block", node)
        for child in node.named_children:
            if child.type == "catch_formal_parameter":
                kinds = next((c for c in child.named_children if c.type == "catch_type"), None)
                number = self.union([self.visit(c) for c in kinds.named_children]) if kinds is not None else -1
                name = child.child_by_field_name("name")
                self.define(self.text(name), "variable", name, type=number)
            else:
                self.visit(child)
        self.scope = before
        return -1

    def block(self, node: Any) -> int:
        before = self.open("block", node)
        self.body(node)
        self.scope = before
        return -1

    def label(self, node: Any) -> int:
        for child in node.named_children[1:]:
            self.visit(child)
        return -1

    def nothing(self, node: Any) -> int:
        return -1


_J = JavaFacts
HANDLERS: dict[str, Any] = {
    "identifier": _J.identifier, "type_identifier": _J.type_identifier, "scoped_identifier": _J.scoped,
    "scoped_type_identifier": _J.scoped, "field_access": _J.field_access, "method_invocation": _J.invocation,
    "explicit_constructor_invocation": _J.explicit_constructor, "object_creation_expression": _J.creation,
    "array_creation_expression": _J.array_creation, "array_access": _J.array_access, "cast_expression": _J.cast,
    "parenthesized_expression": _J.passed, "ternary_expression": _J.ternary, "binary_expression": _J.binary,
    "instanceof_expression": _J.instance_of, "type_pattern": _J.type_pattern, "method_reference": _J.method_reference,
    "class_literal": _J.class_literal, "this": _J.this, "lambda_expression": _J.lambda_,
    "assignment_expression": _J.assignment, "generic_type": _J.generic, "array_type": _J.array_type,
    "annotated_type": _J.passed, "annotation": _J.annotation, "marker_annotation": _J.annotation,
    "package_declaration": _J.package, "import_declaration": _J.imports, **dict.fromkeys(CLASSES, _J.class_),
    "enum_constant": _J.constant, "method_declaration": _J.method, "constructor_declaration": _J.method,
    "compact_constructor_declaration": _J.method, "annotation_type_element_declaration": _J.method,
    "field_declaration": _J.fields, "constant_declaration": _J.fields, "local_variable_declaration": _J.fields,
    "enhanced_for_statement": _J.for_each, "resource": _J.resource, "catch_clause": _J.catch, "block": _J.block,
    "constructor_body": _J.block, "for_statement": _J.block, "try_with_resources_statement": _J.block,
    "switch_block_statement_group": _J.block, "labeled_statement": _J.label, "break_statement": _J.nothing,
    "continue_statement": _J.nothing, "line_comment": _J.nothing, "block_comment": _J.nothing,
}  # fmt: skip
