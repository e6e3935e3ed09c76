"""Nested dictionaries: flat keys, and the first field in which two differ."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """A field in which two dictionaries differ, under its flat key, and its value in each."""

    field: str
    first: Any
    second: Any


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flat keys for nested ones: `{"a": {"b": 1}}` → `{"a.b": 1}`. An empty dictionary stays a value.

    Args:
        tree: the nested dictionary.
        prefix: put before every key.
    """
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + str(key)] = value
    return flat


def first_difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> Difference | None:
    """The first field by name in which two nested dictionaries differ.

    Args:
        first: one dictionary.
        second: the other.

    Returns:
        None where they are equal. A missing field counts as None.
    """
    one, other = flatten(first), flatten(second)
    for field in sorted(one.keys() | other.keys()):
        if one.get(field) != other.get(field):
            return Difference(field, one.get(field), other.get(field))
    return None
