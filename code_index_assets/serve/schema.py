"""JSON schemas of answers: pydantic models made from the dataclasses of `search/answers.py`.

What lives here: making a model of a dataclass, with the differences that a front end names. What does not: the
dataclasses, and which differences there are (`serve/http/models.py`, `serve/mcp/models.py`). A field that is added to a
dataclass is in every model made from it.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import GenericAlias, MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, Field, WithJsonSchema, create_model
from pydantic.fields import FieldInfo

from ..search.answer_fields import plain, public_fields

FieldOf = tuple[Any, FieldInfo]
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def required(hint: Any, description: str | None = None) -> FieldOf:
    """A field that a model always has."""
    return hint, cast(FieldInfo, Field(description=description))


def optional(hint: Any, description: str | None = None) -> FieldOf:
    """A field that is left out where it says nothing."""
    return hint | None, cast(FieldInfo, Field(None, description=description))


@dataclass(frozen=True)
class Shape:
    """The model of one dataclass. `names` maps the fields that are copied to their names in the model."""

    model: type[BaseModel]
    names: Mapping[str, str]
    lean: bool

    def row(self, answer: Any, **values: Any) -> BaseModel:
        """An instance: the fields of the dataclass, and `values` for those that the front end changes or adds.

        Raises pydantic.ValidationError for values that the schema does not allow.
        """
        copied = {name: getattr(answer, field) for field, name in self.names.items() if name not in values}
        if self.lean:
            copied = {
                name: value for name, value in copied.items() if value or self.model.model_fields[name].is_required()
            }
        return self.model(**{name: plain(value) for name, value in copied.items()}, **values)


class Shapes:
    """The models of one front end. Dataclasses inside others come first.

    `lean`: fields that may be empty are left out of answers, models have no description unless they are given one, and
    spans are arrays of integers, as MCP clients with strict schemas need them.
    """

    def __init__(self, base: type[BaseModel], *, lean: bool = False) -> None:
        self._base, self._lean = base, lean
        self._models: dict[type, type[BaseModel]] = {}

    def add(
        self,
        source: type,
        name: str,
        *,
        without: Iterable[str] = (),
        renamed: Mapping[str, str] = _NOTHING,
        changed: Mapping[str, FieldOf] = _NOTHING,
        first: Sequence[str] = (),
        about: str | None = None,
        examples: Sequence[Any] = (),
    ) -> Shape:
        """The model `name` of a dataclass.

        Fields `without` are left out; `changed` fields, by their names in the model, have another type or are added.
        `first` are the names that an answer begins with; `about` replaces the dataclass's docstring.

        Raises ValueError for a field that there is not.
        """
        hints = _public_hints(source)
        strange = {*without, *renamed} - hints.keys()
        if strange:
            raise ValueError(f"{source.__name__} has no field {', '.join(sorted(strange))}")
        names = {field: renamed.get(field, field) for field in hints if field not in set(without)}
        made: dict[str, FieldOf] = {}
        for field in public_fields(source):
            if field.name in names and names[field.name] not in changed:
                made[names[field.name]] = self._field(hints[field.name], field)
        made |= changed
        ordered = {one: made.pop(one) for one in first} | made
        model = create_model(
            name,
            __base__=self._base,
            __doc__=about if about is not None or self._lean else _words(source),
            **cast(Any, ordered),
        )
        if examples:
            model.model_config["json_schema_extra"] = {"examples": list(examples)}
        self._models[source] = model
        copied = {field: one for field, one in names.items() if one not in changed}
        return Shape(model, copied, self._lean)

    def _field(self, hint: Any, field: dataclasses.Field[Any]) -> FieldOf:
        description = field.metadata.get("description")
        kind, items = get_origin(hint), get_args(hint)
        holds_models = kind is tuple and items[0] in self._models
        may_be_empty = NoneType in items or (kind is tuple and not holds_models) or "if_set" in field.metadata
        hint = self._type(hint)
        if self._lean:
            return optional(hint, description) if may_be_empty else required(hint, description)
        bounds = field.metadata.get("bounds", {})
        if "if_set" in field.metadata:
            factory = field.default_factory
            default = field.default if factory is dataclasses.MISSING else factory()
            return hint, Field(default, description=description, **bounds)
        return hint, Field(description=description, **bounds)

    def _type(self, hint: Any) -> Any:
        """The type of a field in a model: arrays for tuples, models for dataclasses, outcomes written out."""
        kind, items = get_origin(hint), get_args(hint)
        if kind is tuple and items[-1] is Ellipsis:
            return GenericAlias(list, (self._type(items[0]),))
        if kind is tuple:
            return list[int] if self._lean else hint  # spans are the only ones
        if kind is dict:
            return GenericAlias(dict, (items[0], self._type(items[1])))
        if kind in (Union, UnionType):
            return Union[tuple(self._type(item) for item in items)]  # noqa: UP007 - of a tuple
        if kind is Literal and isinstance(items[0], StrEnum):
            return Annotated[type(items[0]), _one_of(items)]
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            return Annotated[hint, _one_of(hint)]
        return self._models.get(hint, hint)


def _one_of(values: Iterable[StrEnum]) -> WithJsonSchema:
    """The schema of a field that holds one of these values: written out, as clients without references need it."""
    return WithJsonSchema({"type": "string", "enum": [str(value) for value in values]})


def _public_hints(source: type) -> dict[str, Any]:
    """The types of the public fields of a dataclass."""
    hints = get_type_hints(source, vars(sys.modules[source.__module__]))
    return {field.name: hints[field.name] for field in public_fields(source)}


def _words(source: type) -> str:
    """The docstring of a dataclass in one line."""
    return " ".join((source.__doc__ or "").split())
