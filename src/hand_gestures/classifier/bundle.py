"""A trained model as a folder: `model.safetensors` and `model.json`. Nothing in it is pickled.

This module does not import torch: Kedro imports it at every start to resolve the annotations of nodes.
"""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.resumable import atomic_write

if TYPE_CHECKING:
    from hand_gestures.classifier.base import GestureNetwork

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"


@dataclass(frozen=True)
class Bundle:
    """A trained classifier and the contract of the clips that it takes.

    Attributes:
        weights: the state of the network by name, as `GestureNetwork.copy_weights` returns it.
        architecture: name and sizes of the network, as `describe_network` returns them.
        class_names: the gesture of each logit.
        channel_names: the channels of the embeddings that the network takes, in this order.
        frames_per_clip: T of the clips.
        fingerprint: the fingerprint of the embeddings that the network was trained on.
        metrics: validation metrics of the epoch that the weights come from.

    Example:
        >>> network = load_bundle(Path("data/06_models/classifier")).build()
        >>> logits = network(clips).logits  # clips float32 (B, C, T, D)
    """

    weights: dict[str, np.ndarray]
    architecture: dict[str, Any]
    class_names: list[str]
    channel_names: list[str]
    frames_per_clip: int
    fingerprint: dict[str, Any]
    metrics: dict[str, float] = field(default_factory=dict)

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

        network = build_network(self.architecture)
        try:
            network.load_state_dict({name: torch.from_numpy(value) for name, value in self.weights.items()})
        except RuntimeError as error:
            raise HandGesturesError(
                f"the weights of a model must fit its architecture, but they do not ({_one_line(error)}); "
                f"keep {WEIGHTS} and {DESCRIPTION} of the same training together"
            ) from error
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
        HandGesturesError: the folder is missing or is not a bundle.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        return Bundle(weights=load_file(folder / WEIGHTS), **description)
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        raise HandGesturesError(
            f"a trained classifier is a folder with {WEIGHTS} and {DESCRIPTION}, but {folder} is not one ({error}); "
            "run kedro run --pipeline modeling"
        ) from error


def _one_line(error: Exception) -> str:
    """The message of an error without line breaks; torch lists every wrong weight, so the end is cut off."""
    return " ".join(str(error).split())[:300]
