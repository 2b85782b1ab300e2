"""Facts of C and C++ files."""

from __future__ import annotations

from typing import Any

from .model import Builder

LITERALS = {"string_literal": "char", "raw_string_literal": "char", "concatenated_string": "char",
            "char_literal": "char", "number_literal": "int", "true": "bool", "false": "bool",
            "null": "null"}  # fmt: skip
TYPES = {"class_specifier": "class", "struct_specifier": "struct", "union_specifier": "union", "enum_specifier": "enum"}
# Where `class x;` announces a type rather than naming one.
ANNOUNCING = frozenset({"translation_unit", "declaration_list", "template_declaration", "field_declaration_list"})
FIXTURES = frozenset({"TEST_F", "TEST_P", "TYPED_TEST", "TYPED_TEST_P"})
TESTS = FIXTURES | {"TEST", "BENCHMARK_F"}
DECLARATORS = frozenset({"pointer_declarator", "reference_declarator", "array_declarator", "parenthesized_declarator",
                         "attributed_declarator", "init_declarator", "variadic_declarator"})  # fmt: skip


class CFacts(Builder):
    """Walks a C or C++ tree."""

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
        for child in node.named_children:
            self.visit(child)
        return -1

    # -- expressions ---------------------------------------------------------------------------------------------------

    def identifier(self, node: Any) -> int:
        return self.name(node)

    def type_identifier(self, node: Any) -> int:
        return self.name(node, "type")

    def qualified(self, node: Any) -> int:
        """`a::b::c`: names from the left, members of what stands before them."""
        scope, name = node.child_by_field_name("scope"), node.child_by_field_name("name")
        number = self.scope_name(scope, -1) if scope is not None else -2
        while name is not None and name.type == "qualified_identifier":
            number = self.scope_name(name.child_by_field_name("scope"), number)
            name = name.child_by_field_name("name")
        if name is None:
            return -1
        given: list[int] = []
        if name.type in ("template_type", "template_function", "template_method"):
            given = self.template_arguments(name)
            name = name.child_by_field_name("name")
        if name.type in ("destructor_name", "operator_name", "operator_cast", "dependent_name"):
            return -1
        role = "type" if name.type == "type_identifier" else "read"
        number = self.name(name, role) if number == -2 else self.member(name, number, role)
        return self.add("g", number, given) if given else number

    def scope_name(self, node: Any, before: int) -> int:
        if node is None:
            return before
        given: list[int] = []
        if node.type == "template_type":
            given = self.template_arguments(node)
            node = node.child_by_field_name("name")
        number = self.name(node, "scope") if before < 0 else self.member(node, before, "scope")
        return self.add("g", number, given) if given else number

    def template(self, node: Any) -> int:
        given = self.template_arguments(node)
        name = node.child_by_field_name("name")
        number = self.visit(name)
        if name.type == "identifier" and self.text(name).endswith("_cast") and given:
            return self.add("cast", given[0])
        return self.add("g", number, given)

    def template_arguments(self, node: Any) -> list[int]:
        arguments = node.child_by_field_name("arguments")
        return [self.visit(child) for child in arguments.named_children] if arguments is not None else []

    def field(self, node: Any) -> int:
        base = self.visit(node.child_by_field_name("argument"))
        name = node.child_by_field_name("field")
        if name.type == "template_method":
            self.template_arguments(name)
            name = name.child_by_field_name("name")
        if name.type == "qualified_identifier":
            return self.qualified(name)
        return self.member(name, base) if name.type == "field_identifier" else -1

    def call(self, node: Any) -> int:
        function = node.child_by_field_name("function")
        number = self.visit(function)
        if number >= 0 and self.expressions[number][0] == "cast":
            self.arguments(node.child_by_field_name("arguments"))
            return self.add("inst", self.expressions[number][1])
        inner = number
        if inner >= 0 and self.expressions[inner][0] == "g":
            inner = self.expressions[inner][1]
        self.called(inner)
        return self.add("c", number, self.arguments(node.child_by_field_name("arguments")))

    def arguments(self, node: Any) -> list[int]:
        return [self.visit(c) for c in node.named_children if c.type != "comment"] if node is not None else []

    def new(self, node: Any) -> int:
        number = self.visit(node.child_by_field_name("type"))
        self.called(number, "new")
        self.arguments(node.child_by_field_name("arguments"))
        self.visit(node.child_by_field_name("placement"))
        return self.add("inst", number)

    def compound_literal(self, node: Any) -> int:
        number = self.add("inst", self.visit(node.child_by_field_name("type")))
        self.initializers(node.child_by_field_name("value"), number)
        return number

    def cast(self, node: Any) -> int:
        number = self.visit(node.child_by_field_name("type"))
        self.visit(node.child_by_field_name("value"))
        return self.add("inst", number)

    def passed(self, node: Any) -> int:
        number = -1
        for child in node.named_children:
            number = self.visit(child)
        return number

    def subscript(self, node: Any) -> int:
        base = self.visit(node.child_by_field_name("argument"))
        for child in node.named_children[1:]:
            self.visit(child)
        return self.add("i", base)

    def conditional(self, node: Any) -> int:
        self.visit(node.child_by_field_name("condition"))
        return self.union([self.visit(node.child_by_field_name("consequence")),
                           self.visit(node.child_by_field_name("alternative"))])  # fmt: skip

    def assignment(self, node: Any) -> int:
        number = self.visit(node.child_by_field_name("left"))
        self.visit(node.child_by_field_name("right"))
        if number >= 0 and self.expressions[number][0] in ("n", "a"):
            expression = self.expressions[number]
            self.expressions[number] = (*expression[:5], "write", *expression[6:])
        return number

    def binary(self, node: Any) -> int:
        number = self.visit(node.child_by_field_name("left"))
        self.visit(node.child_by_field_name("right"))
        operator = node.child_by_field_name("operator")
        return number if operator is not None and operator.type in ("+", "-") else -1

    def this(self, node: Any) -> int:
        return self.add("this", self.scope)

    def lambda_(self, node: Any) -> int:
        before = self.open("function", node)
        self.visit(node.child_by_field_name("captures"))
        declarator = node.child_by_field_name("declarator")
        if declarator is not None:
            self.parameters(declarator.child_by_field_name("parameters"), -1)
        self.visit(node.child_by_field_name("body"))
        self.scope = before
        return -1

    def initializers(self, node: Any, number: int) -> None:
        """`{.a = 1}`: fields of the type."""
        for child in node.named_children:
            if child.type == "initializer_pair":
                for designator in child.children_by_field_name("designator"):
                    if designator.type == "field_designator" and number >= 0:
                        self.member(designator.named_children[0], number, "write")
                    elif designator.type != "field_designator":
                        self.visit(designator)
                value = child.child_by_field_name("value")
                self.visit(value) if value is None or value.type != "initializer_list" else self.initializers(value, -1)
            elif child.type == "initializer_list":
                self.initializers(child, number)
            else:
                self.visit(child)

    def sizeof(self, node: Any) -> int:
        self.body(node)
        return self.add("l", "int")

    # -- types ---------------------------------------------------------------------------------------------------------

    def primitive(self, node: Any) -> int:
        return self.add("l", self.text(node).split()[-1])

    def specifier(self, node: Any) -> int:
        """`struct x`, with or without a body."""
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if body is None:
            if name is None:
                return -1
            if node.parent is not None and node.parent.type in ANNOUNCING and name.type == "type_identifier":
                self.define(self.text(name), TYPES[node.type], name, flags=["forward"])
                return -1
            return self.visit(name) if name.type != "type_identifier" else self.name(name, "tag")
        holder = ""
        if name is not None and name.type == "qualified_identifier":
            holder = self.text(name.child_by_field_name("scope"))
            name = name.child_by_field_name("name")
        if name is not None and name.type == "template_type":
            self.template_arguments(name)
            name = name.child_by_field_name("name")
        kind = TYPES[node.type]
        definition = self.define(self.text(name) if name is not None else "", kind, name or node, node, holder=holder)
        if kind == "enum":
            self.enumerators(node, body, definition)
            return self.add("d", definition)
        for child in node.named_children:
            if child.type == "base_class_clause":
                for base in child.named_children:
                    number = self.visit(base)
                    if number >= 0:
                        self.definitions[definition].bases.append(number)
        before = self.open("class", node, definition)
        self.body(body)
        self.scope = before
        return self.add("d", definition)

    def enumerators(self, node: Any, body: Any, definition: int) -> None:
        scoped = any(child.type in ("class", "struct") for child in node.children)
        before = self.scope
        if scoped:
            self.open("class", node, definition)
        for child in body.named_children:
            if child.type == "enumerator":
                name = child.child_by_field_name("name")
                self.define(self.text(name), "enum_member", name, value=self.add("inst", self.add("d", definition)))
                self.visit(child.child_by_field_name("value"))
        self.scope = before

    def type_definition(self, node: Any) -> int:
        number = self.visit(node.child_by_field_name("type"))
        for declarator in node.children_by_field_name("declarator"):
            name, function = self.declared(declarator)
            if name is None:
                continue
            self.define(self.text(name), "type", name, node,
                        value=self.add("fnt", number, []) if function is not None else number)  # fmt: skip
            if function is not None:
                self.signature(function)
        return -1

    def alias(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        number = self.visit(node.child_by_field_name("type"))
        self.define(self.text(name), "type", name, node, value=number)
        return -1

    def type_descriptor(self, node: Any) -> int:
        number = self.visit(node.child_by_field_name("type"))
        declarator = node.child_by_field_name("declarator")
        if declarator is not None:
            self.abstract(declarator)
        return number

    def abstract(self, node: Any) -> None:
        for child in node.named_children:
            if child.type == "parameter_list":
                self.signature(node)
            else:
                self.abstract(child)

    # -- definitions ---------------------------------------------------------------------------------------------------

    def declared(self, node: Any) -> tuple[Any, Any]:
        """The node of the name inside of a declarator, and the function declarator directly around it."""
        function = None
        while node is not None:
            if node.type == "function_declarator":
                function = node
                node = node.child_by_field_name("declarator")
            elif node.type in DECLARATORS:
                if node.type == "array_declarator":
                    self.visit(node.child_by_field_name("size"))
                node = node.child_by_field_name("declarator") or (
                    node.named_children[0] if node.named_children else None
                )
            else:
                break
        return node, function

    def is_pointer(self, declarator: Any) -> bool:
        """Whether a function declarator declares a pointer to a function: `(*name)(…)`."""
        inner = declarator.child_by_field_name("declarator")
        return inner is not None and inner.type == "parenthesized_declarator"

    def signature(self, function: Any) -> None:
        before = self.open("function", function)
        self.parameters(function.child_by_field_name("parameters") or next(
            (c for c in function.named_children if c.type == "parameter_list"), None), -1)  # fmt: skip
        self.scope = before

    def namespace(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        definition = -1
        if name is not None:
            last = name.named_children[-1] if name.type == "nested_namespace_specifier" else name
            definition = self.define(self.text(last), "namespace", last, node)
        before = self.open("namespace", node, definition)
        self.body(node.child_by_field_name("body"))
        self.scope = before
        return -1

    def holder_of(self, name: Any) -> tuple[Any, str]:
        """The last name of `A::B::c` and the name before it."""
        holder = ""
        while name is not None and name.type == "qualified_identifier":
            scope = name.child_by_field_name("scope")
            if scope is not None:
                if scope.type == "template_type":
                    scope = scope.child_by_field_name("name")
                self.name(scope, "scope")
                holder = self.text(scope)
            name = name.child_by_field_name("name")
        return name, holder

    def function(self, node: Any) -> int:
        declarator = node.child_by_field_name("declarator")
        name, function = self.declared(declarator)
        if name is None or function is None:
            self.body(node)
            return -1
        if node.child_by_field_name("type") is None and name.type == "identifier" and self.text(name) in TESTS:
            return self.test(node, name, function)
        number = self.visit(node.child_by_field_name("type"))
        definition = self.function_definition(node, name, function, number, True)
        before = self.scope
        self.open("function", node, definition)
        self.parameters(function.child_by_field_name("parameters"), definition)
        for child in function.named_children:
            if child.type == "trailing_return_type":
                self.definitions[definition].type = self.passed(child)
        for child in node.named_children:
            if child.type == "field_initializer_list":
                for inner in child.named_children:
                    self.field_initializer(inner)
        self.visit(node.child_by_field_name("body"))
        self.scope = before
        return -1

    def field_initializer(self, node: Any) -> None:
        if not node.named_children:
            return
        first = node.named_children[0]
        if first.type == "field_identifier":
            self.name(first, "write")
        else:
            self.visit(first)
        for child in node.named_children[1:]:
            self.arguments(child)

    def test(self, node: Any, name: Any, function: Any) -> int:
        """`TEST_F(Fixture, Name) { … }`: the body is that of a method of the fixture."""
        words = []
        for child in function.child_by_field_name("parameters").named_children:
            words.append(child)
        self.name(name, "call")
        holder = self.text(words[0]) if words and self.text(name) in FIXTURES else ""
        if holder:
            self.visit(words[0])
        title = self.text(words[1]) if len(words) > 1 else self.text(name)
        definition = self.define(title, "function", name, node, holder=holder, flags=["test", "static"])
        before = self.open("function", node, definition)
        self.visit(node.child_by_field_name("body"))
        self.scope = before
        return -1

    def function_definition(self, node: Any, name: Any, function: Any, number: int, body: bool) -> int:
        name, holder = self.holder_of(name)
        in_class = self.scopes[self.scope].kind == "class"
        text = self.text(name) if name is not None else ""
        owner = holder
        if in_class and self.scopes[self.scope].definition >= 0:
            owner = self.definitions[self.scopes[self.scope].definition].name
        kind = "method" if owner else "function"
        if name is not None and (name.type == "destructor_name" or (owner and text == owner)):
            kind = "constructor"
        flags = [self.text(child) for child in node.named_children if child.type == "storage_class_specifier"]
        if not body:
            flags.append("declared")
        return self.define(text, kind, name or function, node, type=number, holder=holder, flags=flags)

    def parameters(self, node: Any, definition: int) -> None:
        for child in node.named_children if node is not None else ():
            if child.type in ("variadic_parameter", "..."):
                if definition >= 0:
                    self.definitions[definition].flags.append("variadic")
                continue
            if child.type not in ("parameter_declaration", "optional_parameter_declaration",
                                  "variadic_parameter_declaration"):  # fmt: skip
                continue
            number = self.visit(child.child_by_field_name("type"))
            default = child.child_by_field_name("default_value")
            self.visit(default)
            declarator = child.child_by_field_name("declarator")
            name, function = self.declared(declarator) if declarator is not None else (None, None)
            if function is not None:
                self.signature(function)
            if definition < 0 and name is None:
                continue
            if name is None and self.text(child) == "void":
                continue
            is_name = name is not None and name.type in ("identifier", "field_identifier")
            made = self.define(self.text(name) if is_name else "", "parameter", name if is_name else child,
                               type=number, flags=["default"] if default is not None else [])  # fmt: skip
            if definition >= 0:
                self.definitions[definition].parameters.append(made)

    def declaration(self, node: Any) -> int:
        """Variables, fields and prototypes."""
        kind_node = node.child_by_field_name("type")
        declarators = node.children_by_field_name("declarator")
        if not declarators and kind_node is not None and kind_node.type in TYPES:
            inner = kind_node.child_by_field_name("name")
            if kind_node.child_by_field_name("body") is None and inner is not None and inner.type == "type_identifier":
                self.define(self.text(inner), TYPES[kind_node.type], inner, flags=["forward"])
                return -1
        number = self.visit(kind_node)
        auto = kind_node is not None and kind_node.type == "placeholder_type_specifier"
        in_class = self.scopes[self.scope].kind == "class"
        local = self.local()
        if not declarators and in_class and number >= 0 and self.expressions[number][0] == "d":
            inner = self.definitions[self.expressions[number][1]]
            if not inner.name:  # an anonymous union: its members are members of what is around it
                self.definitions[self.scopes[self.scope].definition].bases.append(number)
        for declarator in declarators:
            name, function = self.declared(declarator)
            if name is None:
                continue
            if function is not None and not self.is_pointer(function) and not (local and self.looks_made(function)):
                made = self.function_definition(node, name, function, number, False)
                before = self.open("function", function, made)
                self.parameters(function.child_by_field_name("parameters"), made)
                self.scope = before
                continue
            if function is not None:
                if self.is_pointer(function):
                    self.signature(function)
                else:
                    self.body(function.child_by_field_name("parameters"))
            value = self.initial(declarator, number)
            if node.type == "declaration" and node.child_by_field_name("value") is not None:
                value = self.visit(node.child_by_field_name("value"))
            name, holder = self.holder_of(name)
            if name is None or name.type not in ("identifier", "field_identifier", "type_identifier"):
                continue
            flags = [self.text(child) for child in node.named_children if child.type == "storage_class_specifier"]
            type_number = self.add("fnt", number, []) if function is not None and self.is_pointer(function) else number
            self.define(self.text(name), "field" if in_class else "variable", name, node,
                        type=-1 if auto else type_number, value=value, holder=holder, flags=flags)  # fmt: skip
        for default in node.children_by_field_name("default_value"):
            self.visit(default)
        return -1

    def local(self) -> bool:
        scope = self.scope
        while scope >= 0:
            if self.scopes[scope].kind == "function":
                return True
            if self.scopes[scope].kind in ("class", "namespace"):
                return False
            scope = self.scopes[scope].parent
        return False

    def looks_made(self, function: Any) -> bool:
        """Whether `T x(a, b)` inside of a function makes an object: its parameters have no names."""
        parameters = function.child_by_field_name("parameters")
        children = parameters.named_children if parameters is not None else []
        return bool(children) and all(
            c.type == "parameter_declaration" and c.child_by_field_name("declarator") is None
            and c.child_by_field_name("type") is not None and c.child_by_field_name("type").type == "type_identifier"
            for c in children
        )  # fmt: skip

    def initial(self, declarator: Any, number: int) -> int:
        if declarator.type != "init_declarator":
            return -1
        value = declarator.child_by_field_name("value")
        if value is None:
            return -1
        if value.type == "initializer_list":
            self.initializers(value, self.add("inst", number) if number >= 0 else -1)
            return -1
        if value.type == "argument_list":
            self.arguments(value)
            return -1
        return self.visit(value)

    def range(self, node: Any) -> int:
        before = self.open("block", node)
        source = self.add("e", self.visit(node.child_by_field_name("right")))
        kind_node = node.child_by_field_name("type")
        number = self.visit(kind_node)
        if kind_node is not None and kind_node.type == "placeholder_type_specifier":
            number = -1
        name, _ = self.declared(node.child_by_field_name("declarator"))
        if name is not None and name.type == "identifier":
            self.define(self.text(name), "variable", name, type=number, value=source)
        self.visit(node.child_by_field_name("body"))
        self.scope = before
        return -1

    def block(self, node: Any) -> int:
        before = self.open("block", node)
        self.body(node)
        self.scope = before
        return -1

    def template_declaration(self, node: Any) -> int:
        before = self.scope
        for child in node.named_children:
            if child.type == "template_parameter_list":
                # Parameters are bound beside what the template makes: a scope of their own would hide it.
                for parameter in child.named_children:
                    name = next((c for c in parameter.named_children if c.type == "type_identifier"), None)
                    if name is not None and "type_parameter" in parameter.type:
                        self.define(self.text(name), "type_parameter", name)
                    else:
                        self.visit(parameter)
            else:
                self.visit(child)
        self.scope = before
        return -1

    def using(self, node: Any) -> int:
        inner = node.named_children[0] if node.named_children else None
        if inner is None:
            return -1
        number = self.visit(inner)
        if any(child.type == "namespace" for child in node.children):
            self.scopes[self.scope].stars.append(self.text(inner))
        elif inner.type == "qualified_identifier":
            name = inner
            while name.type == "qualified_identifier":
                name = name.child_by_field_name("name")
            self.define(self.text(name), "using", name, value=number)
        return -1

    # -- preprocessor --------------------------------------------------------------------------------------------------

    def include(self, node: Any) -> int:
        path = node.child_by_field_name("path")
        if path is not None and path.type in ("string_literal", "system_lib_string"):
            self.scopes[0].stars.append(self.text(path).strip('"<>'))
        return -1

    def macro(self, node: Any) -> int:
        name = node.child_by_field_name("name")
        self.define(self.text(name), "macro", name, node, scope=0)
        return -1

    def condition(self, node: Any) -> int:
        """`#ifdef X`: reads X; the directive is no scope."""
        name = node.child_by_field_name("name")
        for child in node.named_children:
            if name is not None and child.start_byte == name.start_byte:
                self.name(child, "read")
            else:
                self.visit(child)
        return -1

    def nothing(self, node: Any) -> int:
        return -1


_C = CFacts
HANDLERS: dict[str, Any] = {
    "identifier": _C.identifier, "type_identifier": _C.type_identifier, "namespace_identifier": _C.identifier,
    "qualified_identifier": _C.qualified, "template_type": _C.template, "template_function": _C.template,
    "field_expression": _C.field, "call_expression": _C.call, "new_expression": _C.new, "cast_expression": _C.cast,
    "compound_literal_expression": _C.compound_literal, "parenthesized_expression": _C.passed,
    "pointer_expression": _C.passed, "subscript_expression": _C.subscript,
    "conditional_expression": _C.conditional, "assignment_expression": _C.assignment, "binary_expression": _C.binary,
    "this": _C.this, "lambda_expression": _C.lambda_, "sizeof_expression": _C.sizeof, "primitive_type": _C.primitive,
    "sized_type_specifier": _C.primitive, **dict.fromkeys(TYPES, _C.specifier),
    "type_definition": _C.type_definition, "alias_declaration": _C.alias, "type_descriptor": _C.type_descriptor,
    "namespace_definition": _C.namespace, "function_definition": _C.function, "declaration": _C.declaration,
    "field_declaration": _C.declaration, "for_range_loop": _C.range, "compound_statement": _C.block,
    "for_statement": _C.block, "if_statement": _C.block, "while_statement": _C.block, "catch_clause": _C.block,
    "template_declaration": _C.template_declaration, "using_declaration": _C.using, "preproc_include": _C.include,
    "preproc_def": _C.macro, "preproc_function_def": _C.macro, "preproc_ifdef": _C.condition,
    "field_identifier": _C.nothing, "statement_identifier": _C.nothing, "comment": _C.nothing,
    "preproc_arg": _C.nothing, "placeholder_type_specifier": _C.nothing, "attribute_specifier": _C.nothing,
}  # fmt: skip
