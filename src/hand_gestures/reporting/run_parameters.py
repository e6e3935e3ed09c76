"""The parameters of a run, as a report shows them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hand_gestures.flatten import flatten

PLACES = ("path", "lists")  # where something lies on a machine: its name says enough


def of_topics(parameters: Mapping[str, Any], topics: Iterable[str]) -> list[tuple[str, str]]:
    """Names and values of all parameters of some topics."""
    flat = flatten({topic: parameters[topic] for topic in topics})
    return [(name, _value(name, value)) for name, value in flat.items()]


def _value(name: str, value: Any) -> str:
    if isinstance(value, str):
        return Path(value).name if name.rpartition(".")[2] in PLACES else value
    return json.dumps(value, ensure_ascii=False)
