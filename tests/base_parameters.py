"""Parameters as conf/base states them, with changes: the models themselves hold no default values."""

from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

from hand_gestures.parameters import Parameters, Topic

Model = TypeVar("Model", bound=Topic)
BASE = Path(__file__).parents[1] / "conf" / "base"


@cache
def _base() -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for path in sorted(BASE.glob("parameters*.yml")):
        merged |= yaml.safe_load(path.read_text(encoding="utf-8"))
    return merged


def base_parameters(model: type[Model], /, **changes: Any) -> Model:
    """The parameters of one topic: `base_parameters(TrainingParameters, epochs=2)`."""
    name = next(name for name, field in Parameters.model_fields.items() if field.annotation is model)
    return model.model_validate(_base()[name] | changes)
