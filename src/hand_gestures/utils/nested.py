"""Nested dictionaries as flat ones."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """A field in which two dictionaries differ, and its value in each."""

    field: str
    one: Any
    other: Any


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"a": {"b": 1}}` → `{"a.b": 1}`; an empty dictionary stays a value."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + str(key)] = value
    return flat


def first_difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> Difference | None:
    """The first field, by name, in which two nested dictionaries differ; None where they are equal."""
    first, second = flatten(one), flatten(other)
    for field in sorted(first.keys() | second.keys()):
        if first.get(field) != second.get(field):
            return Difference(field, first.get(field), second.get(field))
    return None
