"""Facts of TypeScript and JavaScript files.

A module has a second scope for what it exports under a name: `export { a as b }`, `export default`, `export * from`.
"""

from __future__ import annotations

from typing import Any

from .model import Builder

EXPORTS = 1
LITERALS = {"string": "string", "template_string": "string", "number": "number", "true": "boolean", "false": "boolean",
            "regex": "RegExp", "null": "null", "undefined": "undefined"}  # fmt: skip
FUNCTIONS = frozenset({"arrow_function", "function_expression", "function", "generator_function"})
MODIFIERS = frozenset({"static", "abstract", "get", "set", "async", "readonly", "private", "protected", "override"})


class TypeScriptFacts(Builder):
    """Walks a TypeScript or JavaScript tree."""

    def __init__(self, path: str, language: str, raw: bytes) -> None:
        super().__init__(path, language, raw)
        self.returns: list[list[int]] = []
        self.types = 0  # above 0: inside of a type
        self.exported = False

    def read(self, root: Any) -> None:
        """Reads a whole file."""
        self.open("module", root)
        self.open("exports", root)
        self.scope = 0
        self.body(root)

    def visit(self, node: Any) -> int:
        """Reads a node; returns the number of its expression, or -1."""
        if node is None:
            return -1
        handler = HANDLERS.get(node.type)
        if handler is not None:
            number = handler(self, node)
            return -1 if number is None else number
        literal = LITERALS.get(node.type)
        for child in node.named_children:
            self.visit(child)
        return self.add("l", literal) if literal else -1

    # -- names ---------------------------------------------------------------------------------------------------------

    def identifier(self, node: Any) -> int:
        return self.name(node, "type" if self.types else "read")

    def type_identifier(self, node: Any) -> int:
        return self.name(node, "type")

    def member_expression(self, node: Any) -> int:
        base = self.visit(node.child_by_field_name("object"))
        return self.member(node.child_by_field_name("property"), base)

    def subscript(self, node: Any) -> int:
        base = self.visit(node.child_by_field_name("object"))
        index = node.child_by_field_name("index")
        if index is not None and index.type == "string" and index.named_child_count == 1:
            return self.member(index.named_children[0], base)
        self.visit(index)
        return self.add("i", base)

    def nested_type(self, node: Any) -> int:
        base_node = node.child_by_field_name("module") or node.child_by_field_name("object") or node.named_children[0]
        types, self.types = self.types, 0
        base = self.visit(base_node)
        self.types = types
        name = node.child_by_field_name("name") or node.child_by_field_name("property") or node.named_children[-1]
        return self.member(name, base, "type" if node.type == "nested_type_identifier" else "read")

    def this(self, node: Any) -> int:
        scope = self.scope
        while scope >= 0:
            here = self.scopes[scope]
            if here.kind == "class":
                return self.add("this", scope)
            scope = here.parent
        return -1

    def super_(self, node: Any) -> int:
        return self.add("super", self.scope)

    def call(self, node: Any) -> int:
        function = node.child_by_field_name("function")
        arguments = node.child_by_field_name("arguments")
        if function.type == "import":
            return self.dynamic_import(arguments)
        if function.type == "identifier" and self.text(function) == "require":
            found = self.dynamic_import(arguments)
            if found >= 0:
                return found
        number = self.visit(function)
        self.called(number)
        self.visit(node.child_by_field_name("type_arguments"))
        if arguments is None or arguments.type == "template_string":
            self.visit(arguments)
            return self.add("c", number, [])
        return self.add("c", number, self.arguments(arguments, number))

    def dynamic_import(self, arguments: Any) -> int:
        first = arguments.named_children[0] if arguments is not None and arguments.named_children else None
        if first is None or first.type != "string" or not first.named_children:
            self.visit(arguments)
            return -1
        return self.add("mod", self.text(first.named_children[0]))

    def arguments(self, node: Any, callee: int) -> list[int]:
        numbers = []
        for number, child in enumerate(c for c in node.named_children if c.type != "comment"):
            if child.type in FUNCTIONS:
                numbers.append(self.function_value(child, (callee, number)))
            else:
                numbers.append(self.visit(child))
        return numbers

    def new(self, node: Any) -> int:
        number = self.visit(node.child_by_field_name("constructor"))
        self.called(number, "new")
        type_arguments = node.child_by_field_name("type_arguments")
        given = [self.visit(child) for child in type_arguments.named_children] if type_arguments is not None else []
        arguments = node.child_by_field_name("arguments")
        if arguments is not None:
            self.arguments(arguments, number)
        return self.add("new", self.add("g", number, given) if given else number)

    def cast(self, node: Any) -> int:
        children = node.named_children
        value = self.visit(children[0])
        if len(children) < 2:
            return value
        given = self.typed(children[1])
        known = given >= 0 and self.expressions[given][0] != "l"
        return self.add("inst", given) if known and node.type == "as_expression" else value

    def type_assertion(self, node: Any) -> int:
        given = self.typed(node.named_children[0].named_children[0])
        self.visit(node.named_children[-1])
        return self.add("inst", given)

    def passed(self, node: Any) -> int:
        number = -1
        for child in node.named_children:
            number = self.visit(child)
        return number

    def either(self, node: Any) -> int:
        if node.type == "ternary_expression":
            self.visit(node.child_by_field_name("condition"))
            return self.union([self.visit(node.child_by_field_name("consequence")),
                               self.visit(node.child_by_field_name("alternative"))])  # fmt: skip
        operator = node.child_by_field_name("operator")
        left = self.visit(node.child_by_field_name("left"))
        right = node.child_by_field_name("right")
        if operator is not None and operator.type == "instanceof":
            number = self.visit(right)
            target = node.child_by_field_name("left")
            if target.type == "identifier" and self.scope > 0:
                self.define(self.text(target), "narrowed", target, type=number)
            return self.add("l", "boolean")
        number = self.visit(right)
        if operator is not None and operator.type in ("||", "??", "&&"):
            return self.union([left, number])
        return -1

    def await_(self, node: Any) -> int:
        return self.add("w", self.passed(node))

    def array(self, node: Any) -> int:
        numbers = [self.visit(child) for child in node.named_children]
        return self.add("t", numbers) if 0 < len(numbers) <= 8 else self.add("l", "Array")

    def object_(self, node: Any) -> int:
        """An object literal: its members are bound in a scope, so that what is read from it is found."""
        holder = self.define("", "object", node, node)
        before = self.open("class", node, holder)
        for child in node.named_children:
            if child.type == "pair":
                key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
                self.visit(key) if key.type == "computed_property_name" else None
                number = self.visit(value)
                if key.type in ("property_identifier", "string"):
                    kind = "method" if value.type in FUNCTIONS else "field"
                    self.define(self.plain(key), kind, key, child, value=number, flags=["member"])
            elif child.type == "shorthand_property_identifier":
                scope, self.scope = self.scope, before
                number = self.name(child)
                self.scope = scope
                self.define(self.text(child), "field", child, value=number, flags=["member", "shorthand"])
            elif child.type == "method_definition":
                self.method(child)
            elif child.type == "spread_element":
                self.definitions[holder].bases.append(self.passed(child))
            else:
                self.visit(child)
        self.scope = before
        return self.add("obj", holder)

    def plain(self, node: Any) -> str:
        """The text of a property's name, without quotes."""
        return self.text(node).strip("\"'`")

    # -- types ---------------------------------------------------------------------------------------------------------

    def typed(self, node: Any) -> int:
        """A type; of an annotation, what it wraps."""
        if node is None:
            return -1
        self.types += 1
        try:
            return self.visit(node)
        finally:
            self.types -= 1

    def annotation(self, node: Any) -> int:
        return self.typed(node.named_children[-1]) if node.named_children else -1

    def generic(self, node: Any) -> int:
        base = self.visit(node.child_by_field_name("name") or node.named_children[0])
        arguments = node.child_by_field_name("type_arguments")
        children = arguments.named_children if arguments is not None else ()
        return self.add("g", base, [self.typed(child) for child in children])

    def array_type(self, node: Any) -> int:
        return self.add("g", self.add("l", "Array"), [self.add("inst", self.passed(node))])

    def tuple_type(self, node: Any) -> int:
        return self.add("t", [self.add("inst", self.visit(child)) for child in node.named_children])

    def union_type(self, node: Any) -> int:
        return self.union([self.visit(child) for child in node.named_children])

    def conditional_type(self, node: Any) -> int:
        before = self.open("block", node)
        self.visit(node.child_by_field_name("left"))
        self.visit(node.child_by_field_name("right"))
        found = [
            self.visit(node.child_by_field_name("consequence")),
            self.visit(node.child_by_field_name("alternative")),
        ]
        self.scope = before
        return self.union(found)

    def infer(self, node: Any) -> int:
        name = node.named_children[0]
        self.define(self.text(name), "type_parameter", name)
        for child in node.named_children[1:]:
            self.visit(child)
        return -1

    def type_query(self, node: Any) -> int:
        types, self.types = self.types, 0
        number = self.passed(node)
        self.types = types
        return self.add("typeof", number)

    def predefined(self, node: Any) -> int:
        return self.add("l", self.text(node))

    def function_type(self, node: Any) -> int:
        before = self.open("function", node)
        self.type_parameters(node)
        holder = self.define("", "signature", node)
        self.parameters(node.child_by_field_name("parameters"), holder)
        returned = node.child_by_field_name("return_type")
        number = self.typed(returned if returned is not None else node.named_children[-1])
        self.scope = before
        given = [self.definitions[p].type for p in self.definitions[holder].parameters]
        return self.add("fnt", number, given)

    def object_type(self, node: Any) -> int:
        holder = self.define("", "object", node, node)
        self.members(node, holder)
        return self.add("obj", holder)

    def mapped(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        if name is not None:
            self.define(self.text(name), "type_parameter", name)
        for child in node.named_children:
            if name is None or child.start_byte != name.start_byte:
                self.visit(child)
        return -1

    def predicate(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        if name is not None and name.type == "identifier":
            self.name(name)
        self.typed(node.child_by_field_name("type"))
        return self.add("l", "boolean")

    def lookup_type(self, node: Any) -> int:
        children = node.named_children
        base = self.visit(children[0])
        for child in children[1:]:
            if child.type == "literal_type" and child.named_children and child.named_children[0].type == "string":
                inner = child.named_children[0]
                if inner.named_children:
                    return self.member(inner.named_children[0], self.add("inst", base), "type")
            self.visit(child)
        return -1

    def type_parameters(self, node: Any) -> None:
        parameters = node.child_by_field_name("type_parameters")
        for child in parameters.named_children if parameters is not None else ():
            if child.type != "type_parameter":
                continue
            name = child.child_by_field_name("name") or child.named_children[0]
            bound = child.child_by_field_name("constraint")
            number = self.typed(bound.named_children[0]) if bound is not None and bound.named_children else -1
            self.define(self.text(name), "type_parameter", name, value=number)
            self.typed(child.child_by_field_name("value"))

    # -- definitions ---------------------------------------------------------------------------------------------------

    def flags(self, node: Any) -> list[str]:
        found = [child.type for child in node.children if child.type in MODIFIERS]
        if self.exported:
            found.append("export")
        self.exported = False
        return found

    def function(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        if name is None:
            return self.function_value(node)
        flags = self.flags(node)
        if node.type == "function_signature":
            flags.append("signature")
        definition = self.define(self.text(name), "function", name, node, flags=flags)
        self.callable(node, definition)
        return -1

    def callable(self, node: Any, definition: int, context: tuple[int, int] | None = None) -> None:
        """Parameters, result and body of a function."""
        before = self.open("function", node, definition)
        types, self.types = self.types, 0
        self.type_parameters(node)
        parameters = node.child_by_field_name("parameters") or node.child_by_field_name("parameter")
        if parameters is not None:
            self.parameters(parameters, definition, context)
        returned = node.child_by_field_name("return_type")
        made = self.definitions[definition]
        if returned is not None:
            made.type = self.visit(returned)
        body = node.child_by_field_name("body")
        if body is not None:
            self.returns.append([])
            value = self.visit(body)
            found = self.returns.pop()
            made.value = value if body.type != "statement_block" else self.union(found[:6])
        self.types = types
        self.scope = before

    def function_value(self, node: Any, context: tuple[int, int] | None = None) -> int:
        name = node.child_by_field_name("name")
        definition = self.define("", "function", node, node)
        before = self.scope
        if name is not None:
            self.open("block", node)
            self.define(self.text(name), "function", name, node, value=-1)
        self.callable(node, definition, context)
        self.scope = before
        return self.add("f", definition)

    def parameters(self, node: Any, definition: int, context: tuple[int, int] | None = None) -> None:
        if node.type == "identifier":
            value = self.add("cb", *context, 0) if context is not None else -1
            self.definitions[definition].parameters.append(self.define(self.text(node), "parameter", node, value=value))
            return
        for number, child in enumerate(c for c in node.named_children if c.type != "comment"):
            pattern = child.child_by_field_name("pattern") or child.child_by_field_name("left") or child
            annotation = child.child_by_field_name("type")
            type_number = self.visit(annotation) if annotation is not None else -1
            default = child.child_by_field_name("value") or child.child_by_field_name("right")
            value = self.visit(default) if default is not None else -1
            if context is not None and type_number < 0:
                value = self.add("cb", *context, number)
            if pattern.type in ("rest_pattern",):
                pattern = pattern.named_children[0]
            if pattern.type in ("identifier", "this"):
                made = self.define(self.text(pattern), "parameter", pattern, type=type_number, value=value)
                self.definitions[definition].parameters.append(made)
                self.parameter_property(child, pattern, type_number)
            else:
                source = self.add("inst", type_number) if type_number >= 0 else value
                self.bind(pattern, source, "parameter", self.scope)
                self.definitions[definition].parameters.append(self.define("", "parameter", pattern, type=type_number))

    def parameter_property(self, node: Any, name: Any, type_number: int) -> None:
        """`constructor(private x: X)` makes x a field."""
        if any(child.type in ("accessibility_modifier", "readonly", "override_modifier") for child in node.children):
            holder = self.scopes[self.scope].parent
            if holder >= 0 and self.scopes[holder].kind == "class":
                self.define(self.text(name), "field", name, scope=holder, type=type_number)

    def declared(self, node: Any) -> int:
        """`const`, `let`, `var`."""
        exported = self.exported
        self.exported = False
        for child in node.named_children:
            if child.type == "variable_declarator":
                self.variable(child, exported, node.type == "variable_declaration")
        return -1

    def variable(self, node: Any, exported: bool, hoisted: bool) -> None:
        name, annotation = node.child_by_field_name("name"), node.child_by_field_name("type")
        type_number = self.visit(annotation) if annotation is not None else -1
        value_node = node.child_by_field_name("value")
        scope = self.function_scope() if hoisted else self.scope
        if name.type == "identifier" and value_node is not None and value_node.type in FUNCTIONS:
            made = self.define(self.text(name), "function", name, node, scope=scope, flags=["export"] * exported)
            if type_number >= 0:
                self.definitions[made].flags.append("typed")
                self.definitions[made].bases = [type_number]
            self.callable(value_node, made)
            return
        value = self.visit(value_node) if value_node is not None else -1
        if name.type == "identifier":
            self.define(self.text(name), "variable", name, node, scope=scope, type=type_number, value=value,
                        flags=["export"] * exported)  # fmt: skip
        else:
            self.bind(name, self.add("inst", type_number) if type_number >= 0 else value, "variable", scope, exported)

    def function_scope(self) -> int:
        scope = self.scope
        while self.scopes[scope].kind == "block" and self.scopes[scope].parent >= 0:
            scope = self.scopes[scope].parent
        return scope

    def bind(self, node: Any, value: int, kind: str, scope: int, exported: bool = False) -> None:
        """A pattern that binds names."""
        flags = ["export"] * exported
        what = node.type
        if what in ("identifier", "shorthand_property_identifier_pattern"):
            if what != "identifier":
                value = self.member(node, value) if value >= 0 else -1
            self.define(self.text(node), kind, node, scope=scope, value=value, flags=flags)
        elif what == "object_pattern":
            for child in node.named_children:
                if child.type == "pair_pattern":
                    key = child.child_by_field_name("key")
                    inner = self.member(key, value) if value >= 0 and key.type == "property_identifier" else -1
                    if key.type == "computed_property_name":
                        self.visit(key)
                    self.bind(child.child_by_field_name("value"), inner, kind, scope, exported)
                elif child.type == "object_assignment_pattern":
                    self.visit(child.child_by_field_name("right"))
                    self.bind(child.child_by_field_name("left"), value, kind, scope, exported)
                else:
                    self.bind(child, value if child.type != "rest_pattern" else -1, kind, scope, exported)
        elif what == "array_pattern":
            for number, child in enumerate(node.named_children):
                self.bind(child, self.add("k", value, number) if value >= 0 else -1, kind, scope, exported)
        elif what in ("assignment_pattern", "object_assignment_pattern"):
            self.visit(node.child_by_field_name("right"))
            self.bind(node.child_by_field_name("left"), value, kind, scope, exported)
        elif what == "rest_pattern":
            for child in node.named_children:
                self.bind(child, -1, kind, scope, exported)
        else:
            self.visit(node)

    def class_(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        flags = self.flags(node)
        if name is None or node.type == "class":
            definition = self.define(self.text(name) if name is not None else "", "class", name or node, node)
        else:
            definition = self.define(self.text(name), "class", name, node, flags=flags)
        before = self.open("class", node, definition)
        self.type_parameters(node)
        bases = self.definitions[definition].bases
        for child in node.named_children:
            if child.type == "class_heritage":
                for clause in child.named_children:
                    bases.extend(self.heritage(clause))
        self.class_body(node.child_by_field_name("body"))
        self.scope = before
        return self.add("n", self.text(name), 0, 0, self.scope, "hidden") if name is not None else -1

    def heritage(self, clause: Any) -> list[int]:
        found = []
        if clause.type == "implements_clause":
            return [self.typed(child) for child in clause.named_children]
        if clause.type != "extends_clause":
            return [self.visit(clause)]
        for child in clause.named_children:
            if child.type == "type_arguments":
                self.visit(child)
            else:
                found.append(self.visit(child))
        return found

    def class_body(self, node: Any) -> None:
        for child in node.named_children:
            if child.type in ("method_definition", "abstract_method_signature", "method_signature"):
                self.method(child)
            elif child.type in ("public_field_definition", "field_definition"):
                self.field(child)
            else:
                self.visit(child)

    def method(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        if name.type == "computed_property_name":
            self.visit(name)
        self.exported = False
        flags = self.flags(node)
        if "get" in flags or "set" in flags:
            flags.append("property")
        kind = "constructor" if self.text(name) == "constructor" else "method"
        definition = self.define(self.plain(name), kind, name, node, flags=[*flags, "member"])
        self.callable(node, definition)
        return -1

    def field(self, node: Any) -> int:
        name = node.child_by_field_name("name") or node.child_by_field_name("property")
        annotation = node.child_by_field_name("type")
        type_number = self.visit(annotation) if annotation is not None else -1
        value_node = node.child_by_field_name("value")
        value = self.visit(value_node) if value_node is not None else -1
        self.exported = False
        kind = "method" if value_node is not None and value_node.type in FUNCTIONS else "field"
        flags = [*self.flags(node), "member"]
        made = self.define(self.plain(name), kind, name, node, type=type_number, value=value, flags=flags)
        if kind == "method" and value >= 0:
            inner = self.definitions[self.expressions[value][1]]
            self.definitions[made].type, self.definitions[made].value = inner.type, inner.value
            self.scopes[inner.own].definition = made
            self.definitions[made].parameters = inner.parameters
        return -1

    def interface(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        definition = self.define(self.text(name), "interface", name, node, flags=self.flags(node))
        before = self.open("block", node)
        self.scopes[self.scope].definition = definition
        self.type_parameters(node)
        for child in node.named_children:
            if child.type in ("extends_type_clause", "extends_clause"):
                self.definitions[definition].bases += [self.typed(base) for base in child.named_children]
        self.members(node.child_by_field_name("body"), definition)
        self.scope = before
        return -1

    def members(self, node: Any, definition: int) -> None:
        """The body of an interface or of an object type."""
        before = self.open("class", node, definition)
        types, self.types = self.types, 0
        for child in node.named_children:
            if child.type == "property_signature":
                name, annotation = child.child_by_field_name("name"), child.child_by_field_name("type")
                type_number = self.visit(annotation) if annotation is not None else -1
                self.define(self.plain(name), "field", name, child, type=type_number, flags=["member"])
            elif child.type == "method_signature":
                self.method(child)
            elif child.type == "call_signature":
                made = self.define("()", "method", child, child)
                self.callable(child, made)
            elif child.type == "index_signature":
                inner = self.open("block", child)
                self.body(child)
                self.scope = inner
            else:
                self.visit(child)
        self.types = types
        self.scope = before

    def alias(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        definition = self.define(self.text(name), "type", name, node, flags=self.flags(node))
        before = self.open("block", node)
        self.scopes[self.scope].definition = definition
        self.type_parameters(node)
        self.definitions[definition].value = self.typed(node.child_by_field_name("value"))
        self.scope = before
        return -1

    def enum(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        definition = self.define(self.text(name), "enum", name, node, flags=self.flags(node))
        before = self.open("class", node, definition)
        for child in node.child_by_field_name("body").named_children:
            key = child.child_by_field_name("name") or child
            self.define(self.plain(key), "enum_member", key, flags=["member"])
            self.visit(child.child_by_field_name("value"))
        self.scope = before
        return -1

    def namespace(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        flags = self.flags(node)
        if name is None or name.type == "string":
            self.body(node)
            return -1
        definition = self.define(self.text(name), "namespace", name, node, flags=flags)
        before = self.open("class", node, definition)
        self.visit(node.child_by_field_name("body"))
        self.scope = before
        return -1

    def block(self, node: Any) -> int:
        if self.scopes[self.scope].kind == "class":
            return self.body(node)
        before = self.open("block", node)
        self.body(node)
        self.scope = before
        return -1

    def for_in(self, node: Any) -> int:
        before = self.open("block", node)
        source = self.visit(node.child_by_field_name("right"))
        left = node.child_by_field_name("left")
        if node.child_by_field_name("kind") is not None:
            keys = any(child.type == "in" for child in node.children)
            self.bind(left, -1 if keys else self.add("e", source), "variable", self.scope)
        else:
            self.visit(left)
        self.visit(node.child_by_field_name("body"))
        self.scope = before
        return -1

    def catch(self, node: Any) -> int:
        before = self.open("block", node)
        parameter = node.child_by_field_name("parameter")
        if parameter is not None:
            self.bind(parameter, -1, "variable", self.scope)
        self.visit(node.child_by_field_name("type"))
        self.visit(node.child_by_field_name("body"))
        self.scope = before
        return -1

    def assignment(self, node: Any) -> int:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        value = self.visit(right)
        number = self.visit(left)
        if number >= 0 and self.expressions[number][0] in ("n", "a"):
            expression = self.expressions[number]
            self.expressions[number] = (*expression[:5], "write", *expression[6:])
            self.assigned_member(left, expression, value)
        return value

    def assigned_member(self, left: Any, expression: tuple[Any, ...], value: int) -> None:
        """`exports.a = …`, `module.exports = …` and `this.a = …`."""
        text = self.text(left)
        if expression[0] != "a":
            return
        if text == "module.exports":
            self.define("default", "variable", left, scope=EXPORTS, value=value)
        elif text.startswith(("exports.", "module.exports.")):
            self.define(expression[1], "variable", left.child_by_field_name("property"), scope=EXPORTS, value=value)
        elif expression[6] >= 0 and self.expressions[expression[6]][0] == "this":
            holder = self.expressions[expression[6]][1]
            if (holder, expression[1]) not in self.bound:
                self.define(expression[1], "field", left.child_by_field_name("property"), scope=holder, value=value,
                            flags=["member"])  # fmt: skip

    def return_(self, node: Any) -> int:
        for child in node.named_children:
            number = self.visit(child)
            if self.returns:
                self.returns[-1].append(number)
        return -1

    # -- imports and exports -------------------------------------------------------------------------------------------

    def source(self, node: Any) -> str:
        text = node.child_by_field_name("source")
        return self.text(text).strip("\"'`") if text is not None else ""

    def import_(self, node: Any) -> int:
        module = self.source(node)
        for clause in node.named_children:
            if clause.type == "import_require_clause":
                name = clause.named_children[0]
                self.define(self.text(name), "import", name, target=[self.source(clause), "*"])
            for child in clause.named_children if clause.type == "import_clause" else ():
                if child.type == "identifier":
                    self.define(self.text(child), "import", child, target=[module, "default"])
                    row, column = child.start_point
                    self.add("m", "default", row + 1, column, 0, "import", module)
                elif child.type == "namespace_import":
                    name = child.named_children[0]
                    self.define(self.text(name), "import", name, target=[module, "*"])
                elif child.type == "named_imports":
                    for item in child.named_children:
                        self.specifier(item, module, 0)
        return -1

    def specifier(self, item: Any, module: str, scope: int) -> None:
        name = item.child_by_field_name("name")
        if name is None:
            return
        alias = item.child_by_field_name("alias") or name
        self.define(self.plain(alias), "import", alias, target=[module, self.plain(name)], scope=scope)
        row, column = name.start_point
        self.add("m", self.plain(name), row + 1, column, scope, "import", module)

    def export(self, node: Any) -> int:
        module = self.source(node)
        declaration = node.child_by_field_name("declaration")
        default = any(child.type == "default" for child in node.children)
        if declaration is not None:
            self.exported = not default
            first = len(self.definitions)
            self.visit(declaration)
            self.exported = False
            name = declaration.child_by_field_name("name")
            if default and name is not None:
                self.define("default", "import", name, target=["", self.text(name)], scope=EXPORTS)
            elif default and first < len(self.definitions):
                self.definitions[first].name = "default"
                self.definitions[first].scope = EXPORTS
            return -1
        for child in node.named_children:
            if child.type == "export_clause":
                for item in child.named_children:
                    if module:
                        self.specifier(item, module, EXPORTS)
                    else:
                        self.local_export(item)
            elif child.type == "namespace_export":
                name = child.named_children[0]
                self.define(self.plain(name), "import", name, target=[module, "*"], scope=EXPORTS)
            elif child.type == "string" and module:
                if not any(c.type in ("export_clause", "namespace_export") for c in node.named_children):
                    self.scopes[EXPORTS].stars.append(module)
            elif child.type == "identifier":
                self.name(child, "import" if default else "read")
                self.define("default", "import", child, target=["", self.text(child)], scope=EXPORTS)
            else:
                value = self.visit(child)
                if default:
                    self.define("default", "variable", child, scope=EXPORTS, value=value)
        return -1

    def local_export(self, item: Any) -> None:
        name = item.child_by_field_name("name")
        if name is None:
            return
        alias = item.child_by_field_name("alias") or name
        self.name(name, "import")
        self.define(self.plain(alias), "import", alias, target=["", self.text(name)], scope=EXPORTS)

    def nothing(self, node: Any) -> int:
        return -1


_T = TypeScriptFacts
HANDLERS: dict[str, Any] = {
    "identifier": _T.identifier, "type_identifier": _T.type_identifier, "shorthand_property_identifier": _T.identifier,
    "member_expression": _T.member_expression, "subscript_expression": _T.subscript,
    "nested_type_identifier": _T.nested_type, "nested_identifier": _T.nested_type, "this": _T.this, "super": _T.super_,
    "call_expression": _T.call, "new_expression": _T.new, "as_expression": _T.cast, "satisfies_expression": _T.cast,
    "type_assertion": _T.type_assertion, "parenthesized_expression": _T.passed, "non_null_expression": _T.passed,
    "parenthesized_type": _T.passed, "readonly_type": _T.passed, "ternary_expression": _T.either,
    "binary_expression": _T.either, "await_expression": _T.await_, "array": _T.array, "object": _T.object_,
    "type_annotation": _T.annotation, "generic_type": _T.generic, "array_type": _T.array_type,
    "tuple_type": _T.tuple_type, "union_type": _T.union_type, "intersection_type": _T.union_type,
    "conditional_type": _T.conditional_type, "infer_type": _T.infer, "type_query": _T.type_query,
    "predefined_type": _T.predefined, "function_type": _T.function_type, "constructor_type": _T.function_type,
    "object_type": _T.object_type, "mapped_type_clause": _T.mapped, "type_predicate": _T.predicate,
    "lookup_type": _T.lookup_type, "function_declaration": _T.function, "generator_function_declaration": _T.function,
    "function_signature": _T.function, "arrow_function": _T.function_value, "function_expression": _T.function_value,
    "generator_function": _T.function_value, "lexical_declaration": _T.declared, "variable_declaration": _T.declared,
    "class_declaration": _T.class_, "abstract_class_declaration": _T.class_, "class": _T.class_,
    "interface_declaration": _T.interface, "type_alias_declaration": _T.alias, "enum_declaration": _T.enum,
    "internal_module": _T.namespace, "module": _T.namespace, "statement_block": _T.block, "for_in_statement": _T.for_in,
    "for_statement": _T.block, "catch_clause": _T.catch, "assignment_expression": _T.assignment,
    "return_statement": _T.return_, "import_statement": _T.import_, "export_statement": _T.export,
    "comment": _T.nothing, "property_identifier": _T.nothing, "statement_identifier": _T.nothing,
    "type_parameters": _T.nothing, "literal_type": _T.passed,
}  # fmt: skip
