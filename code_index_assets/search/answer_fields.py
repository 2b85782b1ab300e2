"""What a field of an answer model states about itself, and answers as JSON objects.

What lives here: the metadata of fields, and the one serialiser. What does not: the models (`answers.py`), JSON schemas
(`serve/schema.py`, which reads the same metadata).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import Field, fields, is_dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, cast

# For `field(metadata=…)`. An internal field is for callers in this process and is in no JSON.
INTERNAL: Mapping[str, Any] = MappingProxyType({"internal": True})
# Left out of the JSON where it is empty.
IF_SET: Mapping[str, Any] = MappingProxyType({"if_set": True})


def described(description: str, **bounds: float) -> Mapping[str, Any]:
    """Metadata of a field that JSON schemas describe; `bounds` are pydantic's, such as `ge` and `le`."""
    return {"description": description, "bounds": bounds}


@lru_cache(maxsize=64)
def public_fields(model: Any) -> tuple[Field[Any], ...]:
    """The fields of an answer model that its JSON has, in order."""
    return tuple(field for field in fields(model) if "internal" not in field.metadata)


def to_json(answer: Any) -> dict[str, Any]:
    """An instance of an answer model as a JSON object: what `--json` prints and HTTP sends."""
    body: dict[str, Any] = {}
    for field in public_fields(cast(Hashable, type(answer))):
        value = getattr(answer, field.name)
        if value or "if_set" not in field.metadata:
            body[field.name] = plain(value)
    return body


def plain(value: Any) -> Any:
    """A value of an answer as JSON has it: models as objects, tuples as arrays."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return to_json(value) if is_dataclass(value) else value
