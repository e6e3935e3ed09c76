"""A trained model as a folder: `model.safetensors` and `model.json`. Nothing in it is pickled.

This module does not import torch: Kedro imports it at every start to resolve the annotations of nodes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from hand_gestures.utils.contract import split_fingerprint
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.nested import parse_json
from hand_gestures.utils.resumable import atomic_write

if TYPE_CHECKING:
    from hand_gestures.classifier.base import GestureNetwork

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"
MAX_DESCRIPTION_BYTES = 1 << 24  # the description of 18 classes has 5000
MAX_HEADER_BYTES = 1 << 20  # of the weights file; the largest network of this project needs 5000


@dataclass(frozen=True)
class Bundle:
    """A trained classifier and the contract of the clips that it takes.

    Attributes:
        weights: the state of the network by name, as `GestureNetwork.copy_weights` returns it.
        architecture: name and sizes of the network, as `describe_network` returns them.
        class_names: the gesture of each logit.
        channel_names: the channels of the embeddings that the network takes, in this order.
        frames_per_clip: T of the clips.
        contract: the embedding contract of the clips, see `utils.contract`; the network reads no others.
        metrics: validation metrics of the epoch that the weights come from.
        provenance: where the models behind these embeddings come from; for people.

    Example:
        >>> network = load_bundle(Path("data/06_models/classifier")).build()
        >>> logits = network(clips).logits  # clips float32 (B, C, T, D)
    """

    weights: dict[str, np.ndarray]
    architecture: dict[str, Any]
    class_names: list[str]
    channel_names: list[str]
    frames_per_clip: int
    contract: dict[str, Any]
    metrics: dict[str, float] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    def build(self) -> "GestureNetwork":
        """Build the network and load the weights.

        Returns:
            The network in eval mode, on the CPU.

        Raises:
            HandGesturesError: the architecture names no network or has wrong sizes; or a weight is missing, unknown or
                of another shape.
        """
        import torch

        from hand_gestures.classifier.networks import build_network

        _require_possible_sizes(self.architecture, self.weights)
        with torch.device("meta"):  # shapes without memory: the bundle may come from somebody else
            planned = build_network(self.architecture).state_dict()
        _require_fitting_weights({name: tuple(value.shape) for name, value in planned.items()}, self.weights)
        network = build_network(self.architecture)
        network.load_state_dict({name: torch.from_numpy(value) for name, value in self.weights.items()})
        return network.eval()


def save_bundle(bundle: Bundle, folder: Path) -> None:
    """Write a bundle. A reader of `folder` sees the old bundle or the new one, never a part.

    Args:
        bundle: the model.
        folder: where it is written; an older bundle there is replaced.
    """
    description = {item.name: getattr(bundle, item.name) for item in fields(bundle) if item.name != "weights"}
    with atomic_write(folder) as partial:
        partial.mkdir()
        # save_file copies memory without regard to strides: a transposed view would be stored in the wrong order
        save_file({name: np.asarray(value, order="C") for name, value in bundle.weights.items()}, partial / WEIGHTS)
        text = json.dumps(description, indent=2, ensure_ascii=False) + "\n"
        (partial / DESCRIPTION).write_text(text, encoding="utf-8")


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle that `save_bundle` wrote.

    Args:
        folder: where the bundle is.

    Returns:
        The bundle. Its network is not built yet, so torch is not imported.

    Raises:
        HandGesturesError: the folder is missing or is not a bundle, or a weight is not a finite number.
    """
    try:
        description = _read_description(folder / DESCRIPTION)
        weights = _read_weights(folder / WEIGHTS)
    except (OSError, ValueError, TypeError, KeyError, MemoryError, SafetensorError) as error:
        raise HandGesturesError(
            f"a trained classifier is a folder with {WEIGHTS} and {DESCRIPTION}, but {folder} is not one "
            f"({_one_line(error)}); run kedro run --pipeline modeling"
        ) from error
    for name, value in weights.items():
        if value.dtype.kind == "f" and (wrong := np.count_nonzero(~np.isfinite(value))):
            raise HandGesturesError(
                f"weights of a model must be finite numbers, but {wrong} of {value.size} in {name} of "
                f"{folder / WEIGHTS} are not; train again, with a lower training.learning_rate if the losses "
                "were not finite either"
            )
    return Bundle(weights=weights, **description)


def _read_description(path: Path) -> dict[str, Any]:
    if _file_size(path) > MAX_DESCRIPTION_BYTES:
        raise ValueError(f"{path.name} must have at most {MAX_DESCRIPTION_BYTES} bytes")
    description = _upgrade(parse_json(path.read_text(encoding="utf-8")))
    _check_description(description)
    return description


def _upgrade(description: Any) -> Any:
    """Divide the field `fingerprint`, which earlier versions wrote, into contract and provenance."""
    if not isinstance(description, dict) or not isinstance(description.get("fingerprint"), dict):
        return description
    divided = split_fingerprint(description.pop("fingerprint"))
    return description | {"contract": divided.contract, "provenance": divided.provenance}


def _check_description(description: Any) -> None:
    """Refuse a description that is not what `save_bundle` writes."""
    types: dict[str, type] = {
        "architecture": dict,
        "class_names": list,
        "channel_names": list,
        "frames_per_clip": int,
        "contract": dict,
        "metrics": dict,
        "provenance": dict,
    }
    if not isinstance(description, dict):
        raise ValueError(f"{DESCRIPTION} must be a JSON object, but it is {type(description).__name__}")
    if differing := description.keys() ^ types.keys():
        raise ValueError(f"{DESCRIPTION} must have the fields {', '.join(types)}, but {min(differing)!r} differs")
    for name, wanted in types.items():
        if type(description[name]) is not wanted:  # a bool is an int too
            raise ValueError(f"{name} must be {wanted.__name__}, but it is {type(description[name]).__name__}")
    for name in ("class_names", "channel_names"):
        _check_names(name, description[name])
    if description["frames_per_clip"] <= 0:
        raise ValueError(f"frames_per_clip must be 1 or more, but it is {description['frames_per_clip']}")
    for name, value in description["metrics"].items():
        if type(value) not in (int, float):
            raise ValueError(f"metrics must be numbers, but {name!r} is {type(value).__name__}")
    for size, count in (
        ("classes", len(description["class_names"])),
        ("channels", len(description["channel_names"])),
        ("frames", description["frames_per_clip"]),
    ):
        if (declared := description["architecture"].get(size, count)) != count:
            raise ValueError(f"the architecture must have {count} {size} like the description, but it has {declared!r}")


def _check_names(field_name: str, names: list[Any]) -> None:
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"{field_name} must be a list of texts, but it is {str(names)[:100]}")
    if len(set(names)) < len(names):
        raise ValueError(f"{field_name} must be different, but {max(names, key=names.count)!r} is there twice")


def _read_weights(path: Path) -> dict[str, np.ndarray]:
    """Read the small header before the weights; safetensors compares it with the size of the file."""
    _file_size(path)
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if header > MAX_HEADER_BYTES:
        raise ValueError(f"the header of {path.name} must have at most {MAX_HEADER_BYTES} bytes, but it has {header}")
    with safe_open(path, framework="numpy") as stored:
        for name in stored.keys():  # noqa: SIM118  # it cannot be iterated
            if 0 in stored.get_slice(name).get_shape():
                raise ValueError(f"every weight must hold numbers, but {name} is empty")
    return load_file(path)


def _file_size(path: Path) -> int:
    if path.exists() and not path.is_file():  # a named pipe would wait for a writer
        raise ValueError(f"{path.name} must be a file")
    return path.stat().st_size


def _require_possible_sizes(architecture: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> None:
    """Refuse sizes that the weights cannot have, before anything is built: a size decides memory and time."""
    largest = max((length for value in weights.values() for length in value.shape), default=0)
    for size, value in architecture.items():
        limit = len(weights) if size == "layers" else largest  # a layer has several weights
        if isinstance(value, int | float) and value > max(limit, 1):
            raise HandGesturesError(
                f"the weights of a model must fit its architecture, but {size} is {value} and no more than {limit} is "
                f"possible with these weights; keep {WEIGHTS} and {DESCRIPTION} of the same training together"
            )


def _require_fitting_weights(shapes: Mapping[str, tuple[int, ...]], weights: Mapping[str, np.ndarray]) -> None:
    """Compare the shapes that the architecture has with those of the weights."""
    stored = {name: value.shape for name, value in weights.items()}
    for name in sorted(shapes.keys() | stored.keys()):
        if shapes.get(name) != stored.get(name):
            raise HandGesturesError(
                f"the weights of a model must fit its architecture, but {name} has the shape {stored.get(name)} "
                f"instead of {shapes.get(name)}; keep {WEIGHTS} and {DESCRIPTION} of the same training together"
            )
        if weights[name].dtype.kind != "f":
            raise HandGesturesError(
                f"the weights of a model must be floating-point numbers, but {name} is {weights[name].dtype}; keep "
                f"{WEIGHTS} and {DESCRIPTION} of the same training together"
            )


def _one_line(error: Exception) -> str:
    """The message of an error without line breaks, cut off after 300 characters."""
    return " ".join(str(error).split())[:300]
