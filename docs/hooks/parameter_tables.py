"""Writes the table of every parameter into docs/parameters.md, from the models that check them and from conf/base."""

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
HEAD = "| name | type and range | default | what |\n|---|---|---|---|"
TYPES = {bool: "true or false", int: "whole number", float: "number", str: "text", type(None): "null"}
SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
WORDS = {"_odd": "odd", "_ascending": "from low to high", "_regular_expression": "a regular expression"}


def on_page_markdown(markdown: str, config: MkDocsConfig, **_: Any) -> str:
    return markdown.replace(MARK, tables(Path(config.config_file_path).parent)) if MARK in markdown else markdown


def tables(root: Path) -> str:
    """A heading and a table for each topic; parameters that stand by themselves come first."""
    given = defaults(root / "conf" / "base")
    alone = [
        row(name, field, given.get(name)) for name, field in Parameters.model_fields.items() if not _is_topic(field)
    ]
    parts = ["## By themselves", "", HEAD, *alone]
    for name, field in Parameters.model_fields.items():
        if _is_topic(field):
            parts += ["", f"## `{name}`", "", field.annotation.__doc__, "", HEAD, *rows(field.annotation, given[name])]
    return "\n".join(parts)


def defaults(folder: Path) -> dict[str, Any]:
    """All of conf/base, and where things lie."""
    given: dict[str, Any] = {}
    for path in [folder / "globals.yml", *sorted(folder.glob("parameters*.yml"))]:
        given |= yaml.safe_load(path.read_text(encoding="utf-8"))
    return given


def rows(topic: type[BaseModel], given: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """A line for each value below a topic, by its name there."""
    for name, field in topic.model_fields.items():
        if _is_topic(field):
            yield from rows(field.annotation, given[name], f"{prefix}{name}.")
        else:
            yield row(prefix + name, field, given.get(name))


def row(name: str, field: FieldInfo, value: Any) -> str:
    shown = "null" if value is None else yaml.safe_dump(value, default_flow_style=True, width=9999).split("\n")[0]
    return (
        f"| `{name}` | {kind(field.annotation, field.metadata)} | {code(shown)} | {escape(field.description or '')} |"
    )


def kind(annotation: Any, limits: tuple | list = ()) -> str:
    """The values that an annotation allows, in words."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return kind(inner[0], inner[1:])
    if origin in (Union, UnionType):
        said = " or ".join(kind(one) for one in inner)
    elif origin is Literal:
        said = ", ".join(code(str(one)) for one in inner)
    elif origin is list:
        said = f"list of {kind(inner[0])}"
    elif origin is dict:
        said = f"{kind(inner[0])} → {kind(inner[1])}"
    elif origin is tuple:
        said = f"two: {kind(inner[0])}"
    else:
        said = TYPES[annotation]
    words = [word for limit in limits for word in _limit(limit)]
    if [word[0] for word in words] == ["≥", "≤"]:
        words = [f"{words[0][2:]} to {words[1][2:]}"]
    return ", ".join([said, *words])


def _limit(limit: Any) -> Iterator[str]:
    if isinstance(limit, FieldInfo):
        for inner in limit.metadata:
            yield from _limit(inner)
    elif isinstance(limit, annotated_types.MinLen):
        yield f"at least {limit.min_length}"
    elif isinstance(limit, AfterValidator):
        yield from filter(None, [WORDS.get(limit.func.__name__)])
    elif getattr(limit, "pattern", None):
        yield code(limit.pattern)
    else:
        yield from (f"{sign} {getattr(limit, name):g}" for name, sign in SIGNS.items() if hasattr(limit, name))


def code(text: str) -> str:
    """`text` as code that may stand in a cell."""
    return "`" + re.sub(r"\|", r"\\|", text) + "`"


def _is_topic(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
