"""Writes the tables of all parameters into docs/parameters.md.

Names, types, ranges and descriptions come from the models in `hand_gestures.parameters`, default values from conf/base.
"""

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
import yaml
from mkdocs.config.defaults import MkDocsConfig
from pydantic import AfterValidator, BaseModel
from pydantic.fields import FieldInfo

from hand_gestures.parameters import Parameters

MARK = "<!-- every parameter -->"
HEAD = "| name | type and range | default | meaning |\n|---|---|---|---|"
TYPES = {bool: "true or false", int: "whole number", float: "number", str: "text", type(None): "null"}
COMPARISONS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
VALIDATORS = {"_odd": "odd", "_ascending": "from low to high", "_regular_expression": "a regular expression"}


def on_page_markdown(markdown: str, config: MkDocsConfig, **_: Any) -> str:
    """Replace the mark in the page with the tables."""
    return markdown.replace(MARK, tables(Path(config.config_file_path).parent)) if MARK in markdown else markdown


def tables(root: Path) -> str:
    """A heading and a table for each topic, after the table of parameters without a topic."""
    values = defaults(root / "conf" / "base")
    without_topic = [
        row(name, field, values[name]) for name, field in Parameters.model_fields.items() if not _is_topic(field)
    ]
    parts = ["## Without a topic", "", HEAD, *without_topic]
    for name, field in Parameters.model_fields.items():
        if _is_topic(field):
            parts += ["", f"## `{name}`", "", field.annotation.__doc__, "", HEAD, *rows(field.annotation, values[name])]
    return "\n".join(parts)


def defaults(folder: Path) -> dict[str, Any]:
    """All values of conf/base, with the folders from globals.yml."""
    values: dict[str, Any] = {}
    for path in [folder / "globals.yml", *sorted(folder.glob("parameters*.yml"))]:
        values |= yaml.safe_load(path.read_text(encoding="utf-8"))
    return values


def rows(topic: type[BaseModel], values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """One row per parameter below a topic, with its name relative to the topic."""
    for name, field in topic.model_fields.items():
        if _is_topic(field):
            yield from rows(field.annotation, values[name], f"{prefix}{name}.")
        else:
            yield row(prefix + name, field, values[name])


def row(name: str, field: FieldInfo, value: Any) -> str:
    """One row of a table: name, type and range, default value, meaning."""
    default = "null" if value is None else yaml.safe_dump(value, default_flow_style=True, width=9999).split("\n")[0]
    return (
        f"| `{name}` | {kind(field.annotation, field.metadata)} | {code(default)} | {escape(field.description or '')} |"
    )


def kind(annotation: Any, limits: tuple | list = ()) -> str:
    """The values that a type annotation allows, in words."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kind(inner[0], inner[1:])
    if origin in (Union, UnionType):
        text = " or ".join(kind(part) for part in inner)
    elif origin is Literal:
        text = ", ".join(code(str(part)) for part in inner)
    elif origin is list:
        text = f"list of {kind(inner[0])}"
    elif origin is dict:
        text = f"{kind(inner[0])} → {kind(inner[1])}"
    elif origin is tuple:
        text = f"two: {kind(inner[0])}"
    else:
        text = TYPES[annotation]
    ranges = [words for limit in limits for words in _limit(limit)]
    if [words[0] for words in ranges] == ["≥", "≤"]:
        ranges = [f"{ranges[0][2:]} to {ranges[1][2:]}"]
    return ", ".join([text, *ranges])


def _limit(limit: Any) -> Iterator[str]:
    """The words for one restriction of a type; a restriction without words gives nothing."""
    if isinstance(limit, FieldInfo):
        for inner in limit.metadata:
            yield from _limit(inner)
    elif isinstance(limit, annotated_types.MinLen):
        yield f"at least {limit.min_length}"
    elif isinstance(limit, AfterValidator):
        yield from filter(None, [VALIDATORS.get(limit.func.__name__)])
    elif getattr(limit, "pattern", None):
        yield code(limit.pattern)
    else:
        yield from (f"{sign} {getattr(limit, name):g}" for name, sign in COMPARISONS.items() if hasattr(limit, name))


def code(text: str) -> str:
    """Markdown code for a table cell: a vertical bar would end the cell."""
    return "`" + re.sub(r"\|", r"\\|", text) + "`"


def _is_topic(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
