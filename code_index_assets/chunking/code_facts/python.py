"""Facts of Python files."""

from __future__ import annotations

import re
from typing import Any

from .model import Builder

DOTTED = re.compile(rb"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
LITERALS = {
    "string": "str", "concatenated_string": "str", "integer": "int", "float": "float", "true": "bool", "false": "bool",
    "list": "list", "dictionary": "dict", "set": "set", "list_comprehension": "list",
    "dictionary_comprehension": "dict", "set_comprehension": "set", "none": "None", "comparison_operator": "bool",
    "not_operator": "bool",
}  # fmt: skip
COMPREHENSIONS = frozenset(
    {"list_comprehension", "dictionary_comprehension", "set_comprehension", "generator_expression"}
)
REPLACING = frozenset({"setattr", "patch", "object"})
PATTERNS = frozenset(
    {"case_pattern", "list_pattern", "tuple_pattern", "dict_pattern", "union_pattern", "keyword_pattern"}
)
WORDS = re.compile(rb"[A-Za-z_]\w*")


class PythonFacts(Builder):
    """Walks a Python tree."""

    def __init__(self, path: str, language: str, raw: bytes) -> None:
        super().__init__(path, language, raw)
        self.returns: list[list[int]] = []
        self.yields: list[list[int]] = []
        self.outer: list[dict[str, int]] = []  # names declared global or nonlocal

    def visit(self, node: Any) -> int:
        """Reads a node; returns the number of its expression, or -1."""
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
        return self.name(node)

    def attribute(self, node: Any) -> int:
        base = self.visit(node.child_by_field_name("object"))
        return self.member(node.child_by_field_name("attribute"), base)

    def dotted(self, node: Any) -> int:
        number = -1
        for child in node.named_children:
            number = self.name(child) if number < 0 else self.member(child, number)
        return number

    def call(self, node: Any) -> int:
        function = node.child_by_field_name("function")
        arguments = node.child_by_field_name("arguments")
        if function.type == "identifier" and self.text(function) == "super":
            self.visit(arguments)
            return self.add("super", self.scope)
        number = self.visit(function)
        self.called(number)
        if arguments.type == "generator_expression":
            values = [self.visit(arguments)]
        else:
            values = []
            for child in arguments.named_children:
                if child.type == "keyword_argument":
                    self.visit(child.child_by_field_name("value"))
                elif child.type != "comment":
                    values.append(self.visit(child))
        if number >= 0 and function.type in ("identifier", "attribute"):
            word = self.text(function).rpartition(".")[2]
            if word == "cast" and len(values) == 2:
                return self.add("inst", values[0])
            if word == "isinstance" and len(values) == 2:
                self.narrowed(arguments, values[1])
            if word in REPLACING:
                self.replaced([c for c in arguments.named_children if c.type != "comment"], values)
        return self.add("c", number, values)

    def replaced(self, arguments: list[Any], values: list[int]) -> None:
        """`setattr(x, "name", …)`, `patch("module.name")`: a member that may be another one from here on."""
        texts = [self.plain(argument) for argument in arguments[:2]]
        if len(texts) == 2 and texts[1] and not texts[0]:
            self.add("a", texts[1], 0, 0, self.scope, "write", values[0])
        elif texts and texts[0]:
            self.add("a", texts[0].rpartition(".")[2], 0, 0, self.scope, "write", -1)

    def plain(self, node: Any) -> str:
        """The content of a text that is a name, or several with dots between; "" of anything else."""
        parts = [child for child in node.named_children if child.type == "string_content"]
        if node.type != "string" or len(parts) != 1:
            return ""
        text = self.raw[parts[0].start_byte : parts[0].end_byte]
        return text.decode("utf-8", "replace") if DOTTED.fullmatch(text) else ""

    def narrowed(self, arguments: Any, type_number: int) -> None:
        """`isinstance(x, T)`: x may be a T, of a name in this function."""
        first = arguments.named_children[0]
        if first.type == "identifier" and self.scopes[self.scope].kind != "module":
            self.define(self.text(first), "narrowed", first, type=type_number)

    def subscript(self, node: Any) -> int:
        base = self.visit(node.child_by_field_name("value"))
        values = [self.visit(child) for child in node.named_children[1:]]
        return self.add("g", base, values)

    def lambda_(self, node: Any) -> int:
        before = self.open("function", node)
        parameters = node.child_by_field_name("parameters")
        if parameters is not None:
            self.parameters(parameters, -1)
        self.visit(node.child_by_field_name("body"))
        self.scope = before
        return -1

    def comprehension(self, node: Any) -> int:
        before = self.open("block", node)
        clauses = [child for child in node.named_children if child.type in ("for_in_clause", "if_clause")]
        for clause in clauses:
            self.visit(clause)
        element = -1
        for child in node.named_children:
            if child.type not in ("for_in_clause", "if_clause"):
                element = self.visit(child)
        self.scope = before
        literal = self.add("l", LITERALS.get(node.type, "Iterator"))
        return self.add("g", literal, [element])

    def for_in(self, node: Any) -> None:
        source = self.visit(node.child_by_field_name("right"))
        self.bind(node.child_by_field_name("left"), self.add("e", source), scope=self.scope)

    def for_(self, node: Any) -> None:
        source = self.visit(node.child_by_field_name("right"))
        self.bind(node.child_by_field_name("left"), self.add("e", source))
        self.visit(node.child_by_field_name("body"))
        other = node.child_by_field_name("alternative")
        if other is not None:
            self.visit(other)

    def either(self, node: Any) -> int:
        """`a or b`, `a if t else b`: one of them."""
        numbers = [self.visit(child) for child in node.named_children]
        if node.type == "conditional_expression":
            del numbers[1:2]
        return self.union(numbers)

    def binary(self, node: Any) -> int:
        left = self.visit(node.child_by_field_name("left"))
        right = self.visit(node.child_by_field_name("right"))
        operator = node.child_by_field_name("operator")
        if operator is not None and operator.type == "|":
            return self.union([left, right])
        return left if left >= 0 and self.expressions[left][0] in ("l", "g") else -1

    def parenthesized(self, node: Any) -> int:
        number = -1
        for child in node.named_children:
            number = self.visit(child)
        return number

    def await_(self, node: Any) -> int:
        return self.add("w", self.visit(node.named_children[0]))

    def tuple_(self, node: Any) -> int:
        return self.add("t", [self.visit(child) for child in node.named_children])

    def list_(self, node: Any) -> int:
        numbers = [self.visit(child) for child in node.named_children]
        return self.add("g", self.add("l", "list"), [self.union(numbers[:5])])

    def dictionary(self, node: Any) -> int:
        values = []
        for child in node.named_children:
            if child.type == "pair":
                self.visit(child.child_by_field_name("key"))
                values.append(self.visit(child.child_by_field_name("value")))
            else:
                self.visit(child)
        return self.add("g", self.add("l", "dict"), [-1, self.union(values[:5])])

    def type_(self, node: Any) -> int:
        return self.annotation(node.named_children[0]) if node.named_children else -1

    def annotation(self, node: Any) -> int:
        """A type: names within strings are read too."""
        if node.type == "string":
            return self.quoted(node)
        if node.type in ("subscript", "generic_type"):
            children = node.named_children
            base = self.visit(children[0])
            text = self.text(children[0])
            if text.rpartition(".")[2] == "Literal":
                return self.add("l", "str")
            inside = children[1:]
            if inside and inside[0].type == "type_parameter":
                inside = inside[0].named_children
            return self.add("g", base, [self.annotation(child) for child in inside])
        if node.type in ("binary_operator", "union_type"):
            return self.union([self.annotation(child) for child in node.named_children])
        if node.type == "list":
            for child in node.named_children:
                self.annotation(child)
            return -1
        if node.type in ("type", "member_type", "parenthesized_expression") and len(node.named_children) == 1:
            return self.annotation(node.named_children[0])
        return self.visit(node)

    def quoted(self, node: Any) -> int:
        numbers = []
        for part in node.named_children:
            if part.type != "string_content":
                continue
            row, column = part.start_point
            text = self.raw[part.start_byte : part.end_byte]
            for match in DOTTED.finditer(text):
                number, at = -1, match.start()
                for word in match.group().split(b"."):
                    place = (word.decode("utf-8", "replace"), row + 1, column + at, self.scope, "type")
                    number = self.add("n", *place) if number < 0 else self.add("a", *place, number)
                    at += len(word) + 1
                numbers.append(number)
        return self.union(numbers)

    # -- bindings ------------------------------------------------------------------------------------------------------

    def function_scope(self) -> int:
        """The scope that assignments bind in."""
        scope = self.scope
        while self.scopes[scope].kind == "block":
            scope = self.scopes[scope].parent
        return scope

    def bind(self, node: Any, value: int, type_number: int = -1, scope: int | None = None) -> None:
        """An assignment target."""
        kind = node.type
        if kind == "identifier":
            name = self.text(node)
            into = self.function_scope() if scope is None else scope
            if self.outer and name in self.outer[-1]:
                into = self.outer[-1][name]
            if (into, name) in self.bound:
                self.name(node, "write")
            what = "field" if self.scopes[into].kind == "class" else "variable"
            self.define(name, what, node, scope=into, type=type_number, value=value)
        elif kind == "attribute":
            base = self.visit(node.child_by_field_name("object"))
            member = node.child_by_field_name("attribute")
            self.member(member, base, "write")
            if base >= 0 and self.expressions[base][0] == "n":
                self.own_field(member, self.expressions[base][1], value, type_number)
        elif kind in ("pattern_list", "tuple_pattern", "list_pattern", "tuple", "list", "expression_list"):
            for number, child in enumerate(node.named_children):
                self.bind(child, self.add("k", value, number) if value >= 0 else -1, scope=scope)
        elif kind in (
            "list_splat_pattern",
            "as_pattern_target",
            "parenthesized_expression",
            "dictionary_splat_pattern",
        ):
            for child in node.named_children:
                self.bind(child, value if kind == "as_pattern_target" else -1, scope=scope)
        else:
            self.visit(node)

    def own_field(self, member: Any, receiver: str, value: int, type_number: int) -> None:
        """`self.x = …` in a method binds x in the class."""
        scope = self.function_scope()
        definition = self.scopes[scope].definition
        if definition < 0:
            return
        method = self.definitions[definition]
        holder = method.scope
        if self.scopes[holder].kind == "class" and method.parameters:
            first = self.definitions[method.parameters[0]]
            if first.name == receiver:
                name = self.text(member)
                self.define(name, "field", member, scope=holder, type=type_number, value=value, flags=["instance"])

    def assignment(self, node: Any) -> int:
        right = node.child_by_field_name("right")
        annotation = node.child_by_field_name("type")
        type_number = self.visit(annotation) if annotation is not None else -1
        value = self.visit(right) if right is not None else -1
        left = node.child_by_field_name("left")
        if node.type == "augmented_assignment" and left.type == "identifier":
            self.name(left, "write")
        elif node.type == "augmented_assignment":
            self.visit(left)
        else:
            self.bind(left, value, type_number)
            if left.type == "identifier" and self.text(left) == "__all__" and right is not None:
                names = [self.plain(child) for child in right.named_children if child.type != "comment"]
                if right.type in ("list", "tuple") and all(names):
                    self.definitions[-1].target = names
        return value

    def named(self, node: Any) -> int:
        value = self.visit(node.child_by_field_name("value"))
        self.bind(node.child_by_field_name("name"), value)
        return value

    def with_item(self, node: Any) -> None:
        value = node.child_by_field_name("value")
        if value is not None and value.type == "as_pattern":
            self.as_pattern(value, "y")
        elif value is not None:
            self.visit(value)

    def as_pattern(self, node: Any, operator: str = "") -> int:
        children = node.named_children
        number = self.visit(children[0])
        alias = node.child_by_field_name("alias")
        if alias is not None:
            for child in alias.named_children or [alias]:
                self.bind(child, self.add(operator, number) if operator else number)
        return number

    def pattern(self, node: Any) -> int:
        """What follows `case`: names in it are bound, but for those with dots and those of classes."""
        kind, children = node.type, node.named_children
        if kind == "dotted_name":
            if len(children) > 1:
                return self.dotted(node)
            if self.text(node) != "_":
                self.bind(children[0], -1)
            return -1
        if kind == "class_pattern":
            type_number = self.add("inst", self.dotted(children[0]))
            for child in children[1:]:
                self.pattern(child)
            return type_number
        if kind == "as_pattern":
            value = self.pattern(children[0])
            self.bind(children[-1], value)
            return value
        if kind == "splat_pattern":
            for child in children:
                if self.text(child) != "_":
                    self.bind(child, -1)
            return -1
        if kind in PATTERNS:
            numbers = [self.pattern(child) for child in children[kind == "keyword_pattern" :]]
            return numbers[0] if kind == "case_pattern" and len(numbers) == 1 else -1
        return self.visit(node)

    def except_(self, node: Any) -> None:
        for child in node.named_children:
            if child.type == "as_pattern":
                kinds = self.visit(child.named_children[0])
                alias = child.child_by_field_name("alias")
                for target in alias.named_children if alias is not None else ():
                    self.bind(target, self.add("inst", kinds))
            else:
                self.visit(child)

    def global_(self, node: Any) -> None:
        for child in node.named_children:
            name = self.text(child)
            if self.outer:
                into = 0
                scope = self.scopes[self.function_scope()].parent
                while node.type == "nonlocal_statement" and scope > 0:
                    if (scope, name) in self.bound:
                        into = scope
                        break
                    scope = self.scopes[scope].parent
                self.outer[-1][name] = into
            self.name(child)

    # -- definitions ---------------------------------------------------------------------------------------------------

    def decorated(self, node: Any) -> int:
        words, numbers = [], []
        for child in node.named_children:
            if child.type == "decorator":
                numbers.append(self.visit(child.named_children[0]))
                inner = child.named_children[0]
                if inner.type == "call":
                    inner = inner.child_by_field_name("function")
                words.append(self.text(inner))
        definition = node.child_by_field_name("definition")
        if definition.type == "class_definition":
            self.class_(definition, words)
        else:
            self.function(definition, words, numbers)
        return -1

    def function(self, node: Any, decorators: Any = (), decorations: Any = ()) -> int:
        name = node.child_by_field_name("name")
        in_class = self.scopes[self.scope].kind == "class"
        short = {word.rpartition(".")[2] for word in decorators}
        flags = sorted(short & {"staticmethod", "classmethod", "overload", "fixture", "contextmanager",
                                "asynccontextmanager", "setter", "deleter", "abstractmethod"})  # fmt: skip
        if short & {"property", "cached_property", "setter", "getter"}:
            flags.append("property")
        around = self.scope
        self.type_parameters(node)
        returned = node.child_by_field_name("return_type")
        type_number = self.visit(returned) if returned is not None else -1
        if node.children and node.children[0].type == "async":
            flags.append("async")
        definition = self.define(
            self.text(name), "method" if in_class else "function", name, node, type=type_number, flags=flags,
            scope=around,
        )  # fmt: skip
        plain = {"property", "staticmethod", "classmethod", "overload", "abstractmethod", "contextmanager", "setter",
                 "wraps", "override", "fixture", "cached_property", "parametrize", "final", "deleter"}  # fmt: skip
        if decorations and short - plain:
            self.definitions[definition].flags.append("decorated")
            self.definitions[definition].bases = [number for number in decorations if number >= 0]
        parameters = node.child_by_field_name("parameters")
        values = self.defaults(parameters)
        self.open("function", node, definition)
        self.outer.append({})
        self.returns.append([])
        self.yields.append([])
        self.parameters(parameters, definition, values)
        self.body(node.child_by_field_name("body"))
        self.outer.pop()
        made = self.definitions[definition]
        yielded = self.yields.pop()
        returned_values = self.returns.pop()
        if yielded:
            made.flags.append("generator")
            made.value = self.union(yielded)
        else:
            made.value = self.union(returned_values[:6])
        self.scope = around
        return -1

    def type_parameters(self, node: Any) -> None:
        """`def f[T]`, `class A[T]`: a block around the definition that binds T."""
        listed = node.child_by_field_name("type_parameters")
        if listed is None:
            return
        self.open("block", node)
        for child in listed.named_children:
            name = child
            while name.type != "identifier" and name.named_children:
                name = name.named_children[0]
            if name.type == "identifier":
                self.define(self.text(name), "type_parameter", name)

    def defaults(self, node: Any) -> dict[int, tuple[int, int]]:
        """Types and default values of parameters by the child's start, read in the scope around the function."""
        found = {}
        for child in node.named_children:
            annotation = child.child_by_field_name("type")
            value = child.child_by_field_name("value")
            found[child.start_byte] = (
                self.visit(annotation) if annotation is not None else -1,
                self.visit(value) if value is not None else -1,
            )
        return found

    def parameters(self, node: Any, definition: int, values: dict[int, tuple[int, int]] | None = None) -> None:
        values = self.defaults(node) if values is None else values
        for number, child in enumerate(node.named_children):
            name = child.child_by_field_name("name") or child
            starred = ""
            if child.type in ("typed_parameter",):
                name = child.named_children[0]
            if name.type in ("list_splat_pattern", "dictionary_splat_pattern"):
                starred = name.type
                name = name.named_children[0] if name.named_children else name
            if name.type != "identifier":
                continue
            type_number, value = values.get(child.start_byte, (-1, -1))
            if value >= 0 and self.expressions[value] == ("l", "None"):
                value = -1
            if starred and type_number >= 0:
                literal = self.add("l", "tuple" if starred == "list_splat_pattern" else "dict")
                value = self.add("g", literal, [self.add("inst", type_number)] * 2)
                type_number = -1
            made = self.define(self.text(name), "parameter", name, type=type_number, value=value)
            if definition >= 0:
                owner = self.definitions[definition]
                owner.parameters.append(made)
                if number == 0 and owner.kind == "method" and "staticmethod" not in owner.flags:
                    cls = "classmethod" in owner.flags or owner.name in ("__new__", "__init_subclass__")
                    self.definitions[made].flags.append("cls" if cls else "self")
                    self.definitions[made].value = self.add("this", owner.scope)
                    self.definitions[made].type = -1 if type_number < 0 else type_number

    def class_(self, node: Any, decorators: Any = ()) -> int:
        name = node.child_by_field_name("name")
        around = self.scope
        self.type_parameters(node)
        bases = []
        supers = node.child_by_field_name("superclasses")
        for child in supers.named_children if supers is not None else ():
            if child.type == "keyword_argument":
                self.visit(child.child_by_field_name("value"))
            else:
                bases.append(self.visit(child))
        short = [word.rpartition(".")[2] for word in decorators]
        definition = self.define(self.text(name), "class", name, node, bases=bases, flags=short, scope=around)
        self.open("class", node, definition)
        self.body(node.child_by_field_name("body"))
        self.scope = around
        return -1

    def return_(self, node: Any) -> None:
        for child in node.named_children:
            number = self.visit(child)
            if self.returns:
                self.returns[-1].append(number)

    def yield_(self, node: Any) -> int:
        for child in node.named_children:
            number = self.visit(child)
            if self.yields and node.children[1].type != "from":
                self.yields[-1].append(number)
            elif self.yields:
                self.yields[-1].append(self.add("e", number))
        if not node.named_children and self.yields:
            self.yields[-1].append(self.add("l", "None"))
        return -1

    # -- imports -------------------------------------------------------------------------------------------------------

    def import_(self, node: Any) -> None:
        for child in node.named_children:
            name = child.child_by_field_name("name") if child.type == "aliased_import" else child
            module = self.text(name)
            parts = name.named_children
            if child.type == "aliased_import":
                alias = child.child_by_field_name("alias")
                self.define(self.text(alias), "import", alias, target=[module, ""])
            else:
                # `import a.b` binds a, and makes b a member of it.
                self.define(self.text(parts[0]), "import", parts[0], target=[self.text(parts[0]), ""])
            number = -1
            for part in parts:
                row, column = part.start_point
                place = (self.text(part), row + 1, column, self.scope, "import")
                number = self.add("m", *place, "") if number < 0 else self.add("a", *place, number)

    def from_import(self, node: Any) -> None:
        module_node = node.child_by_field_name("module_name")
        module = self.text(module_node).replace(" ", "")
        for child in node.named_children[1:]:
            if child.type == "wildcard_import":
                self.scopes[self.function_scope()].stars.append(module)
                continue
            if child.type not in ("dotted_name", "aliased_import"):
                continue
            name = child.child_by_field_name("name") if child.type == "aliased_import" else child
            alias = child.child_by_field_name("alias") or name
            self.define(
                self.text(alias), "import", alias, target=[module, self.text(name)], scope=self.function_scope()
            )
            row, column = name.start_point
            self.add("m", self.text(name), row + 1, column, self.scope, "import", module)

    def alias_(self, node: Any) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        value = self.visit(right)
        target = left.named_children[0] if left.named_children else left
        if target.type == "identifier":
            self.define(self.text(target), "variable", target, value=value)

    def nothing(self, node: Any) -> None:
        """Comments."""


HANDLERS: dict[str, Any] = {
    "identifier": PythonFacts.identifier,
    "attribute": PythonFacts.attribute,
    "dotted_name": PythonFacts.dotted,
    "call": PythonFacts.call,
    "subscript": PythonFacts.subscript,
    "lambda": PythonFacts.lambda_,
    "list_comprehension": PythonFacts.comprehension,
    "dictionary_comprehension": PythonFacts.comprehension,
    "set_comprehension": PythonFacts.comprehension,
    "generator_expression": PythonFacts.comprehension,
    "for_in_clause": PythonFacts.for_in,
    "for_statement": PythonFacts.for_,
    "conditional_expression": PythonFacts.either,
    "boolean_operator": PythonFacts.either,
    "binary_operator": PythonFacts.binary,
    "parenthesized_expression": PythonFacts.parenthesized,
    "await": PythonFacts.await_,
    "tuple": PythonFacts.tuple_,
    "expression_list": PythonFacts.tuple_,
    "list": PythonFacts.list_,
    "dictionary": PythonFacts.dictionary,
    "type": PythonFacts.type_,
    "assignment": PythonFacts.assignment,
    "augmented_assignment": PythonFacts.assignment,
    "named_expression": PythonFacts.named,
    "with_item": PythonFacts.with_item,
    "as_pattern": PythonFacts.as_pattern,
    "except_clause": PythonFacts.except_,
    "except_group_clause": PythonFacts.except_,
    "global_statement": PythonFacts.global_,
    "nonlocal_statement": PythonFacts.global_,
    "decorated_definition": PythonFacts.decorated,
    "function_definition": PythonFacts.function,
    "class_definition": PythonFacts.class_,
    "return_statement": PythonFacts.return_,
    "yield": PythonFacts.yield_,
    "case_pattern": PythonFacts.pattern,
    "import_statement": PythonFacts.import_,
    "import_from_statement": PythonFacts.from_import,
    "future_import_statement": PythonFacts.nothing,
    "type_alias_statement": PythonFacts.alias_,
    "comment": PythonFacts.nothing,
}
