"""Nested dictionaries: flat keys, the first field in which two differ, and reading them from JSON."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

MAX_DEPTH = 50  # of JSON; functions that walk through it recurse, and Python's stack is short


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


def parse_json(text: str | bytes) -> Any:
    """Parse JSON that may come from somebody else.

    Args:
        text: the JSON.

    Returns:
        Its content, nested at most `MAX_DEPTH` levels deep.

    Raises:
        ValueError: it is not JSON, or is nested more deeply.
    """
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep") from error
    level = [content]
    for _ in range(MAX_DEPTH):
        level = [child for node in level if isinstance(node, dict | list) for child in _children(node)]
        if not level:
            return content
    raise ValueError(f"nested more than {MAX_DEPTH} levels deep")


def _children(node: dict | list) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node
