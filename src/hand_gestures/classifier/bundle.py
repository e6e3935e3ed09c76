"""A trained model as a folder: `model.safetensors` and `model.json`. Nothing in it is pickled."""

import json
import shutil
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from hand_gestures.classifier.base import GestureNetwork
from hand_gestures.classifier.networks import build_network
from hand_gestures.utils.errors import HandGesturesError

WEIGHTS, DESCRIPTION = "model.safetensors", "model.json"


@dataclass(frozen=True)
class Bundle:
    """A trained classifier and the contract of the clips it takes.

    `architecture` is the network's name with its arguments, `weights` its state; `fingerprint` is that of the
    embeddings it was trained on, `channel_names` those of their channels that it takes, `metrics` what it reached on
    validation.
    """

    weights: dict[str, torch.Tensor]
    architecture: dict[str, Any]
    class_names: list[str]
    channel_names: list[str]
    frames_per_clip: int
    fingerprint: dict[str, Any]
    metrics: dict[str, float] = field(default_factory=dict)

    def build(self) -> GestureNetwork:
        """The network with its weights, in eval mode.

        Raises:
            HandGesturesError: weights are missing, left over, or of another shape.
        """
        network = build_network(self.architecture)
        try:
            network.load_state_dict(self.weights, strict=True)
        except RuntimeError as error:
            raise HandGesturesError(
                f"a bundle's weights must fit its architecture, but they do not "
                f"({' '.join(str(error).split())[:300]}); keep {WEIGHTS} and {DESCRIPTION} of one training together"
            ) from error
        return network.eval()


def save_bundle(bundle: Bundle, folder: Path) -> None:
    """Write the bundle beside `folder` and swap it in, so that no reader meets half of it."""
    partial, previous = (folder.with_name(folder.name + end) for end in (".partial", ".previous"))
    for leftover in (partial, previous):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir(parents=True)
    save_file({name: value.contiguous() for name, value in bundle.weights.items()}, partial / WEIGHTS)
    description = {item.name: getattr(bundle, item.name) for item in fields(bundle) if item.name != "weights"}
    (partial / DESCRIPTION).write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if folder.exists():
        folder.replace(previous)
    partial.replace(folder)
    shutil.rmtree(previous, ignore_errors=True)


def load_bundle(folder: Path) -> Bundle:
    """Read what `save_bundle` wrote.

    Raises:
        HandGesturesError: the folder is missing or holds no bundle.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        return Bundle(weights=load_file(folder / WEIGHTS), **description)
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        raise HandGesturesError(
            f"a trained classifier is a folder with {WEIGHTS} and {DESCRIPTION}, but {folder} is not one ({error}); "
            "run kedro run --pipeline modeling"
        ) from error
