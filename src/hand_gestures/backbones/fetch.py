"""Find all pretrained models of a run and load each once, before any frame is read."""

from dataclasses import asdict, replace
from typing import Any

import torch

from hand_gestures.backbones.model_files import ModelFiles, find_model, require_sha256
from hand_gestures.backbones.networks import (
    RESNEXT_CONFIG_FILES,
    VIT_CONFIG_FILES,
    WEIGHTS,
    Backbone,
    check_widths,
    load_resnext,
    load_vit,
)

FoundModels = dict[str, dict[str, Any]]  # by role "vit", "resnext", "hands"; JSON can hold it
NOT_IN_IDENTITY = ("folder", "weights", "trusted_sha256")  # they change no embedding


def fetch_models(vit: dict[str, Any], resnext: dict[str, Any], hands: dict[str, Any] | None) -> FoundModels:
    """Find the models and load each once, so that a wrong one stops the run early.

    Args:
        vit, resnext: `name`, `revision` and `path` of each.
        hands: the same and `weights`, the file in the repository; `sha256`, where it is pinned; `run_pickled_code`,
            whether code in that file may run. None where hands are not searched.

    Returns:
        The fields of `ModelFiles` by role; the backbones also have their `preprocessing`.

    Raises:
        ModelUnavailableError: a model is not available or cannot be loaded.
        HandGesturesError: the feature sizes of the backbones do not fit together.
    """
    files = {
        "vit": find_model(what="ViT", **vit, weights=WEIGHTS, config_files=VIT_CONFIG_FILES),
        "resnext": find_model(what="ResNeXt", **resnext, weights=WEIGHTS, config_files=RESNEXT_CONFIG_FILES),
    }
    loaded = {"vit": load_vit(files["vit"]), "resnext": load_resnext(files["resnext"])}
    for backbone in loaded.values():
        backbone(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    check_widths(loaded["vit"].width, loaded["resnext"].width)
    found = {
        role: {**asdict(files[role]), "preprocessing": backbone.preprocessing.describe()}
        for role, backbone in loaded.items()
    }
    if hands is not None:
        # only here: without a search for hands, ultralytics need not be installed
        from hand_gestures.backbones.hand_detector import load_detector

        hand_files = _find_detector(**hands)
        load_detector(hand_files)
        found["hands"] = asdict(hand_files)
    return found


def load_backbones(models: FoundModels) -> tuple[Backbone, Backbone]:
    """Load both backbones on the CPU in float32.

    Args:
        models: result of `fetch_models`.

    Returns:
        ViT and ResNeXt.

    Raises:
        ModelUnavailableError: a file is missing or damaged.
    """
    return load_vit(model_files(models["vit"])), load_resnext(model_files(models["resnext"]))


def model_files(model: dict[str, Any]) -> ModelFiles:
    """One entry of `fetch_models` as `ModelFiles`.

    Args:
        model: the entry, also after it was saved as JSON.

    Returns:
        The files.
    """
    return ModelFiles(**{key: value for key, value in model.items() if key != "preprocessing"})


def model_identity(model: dict[str, Any]) -> dict[str, Any]:
    """The fields of one entry of `fetch_models` that the provenance records.

    Args:
        model: the entry.

    Returns:
        Name, revision, commit, sha256 and preprocessing; not where the files are.
    """
    return {key: value for key, value in model.items() if key not in NOT_IN_IDENTITY}


def _find_detector(*, sha256: str | None = None, run_pickled_code: bool = False, **source: Any) -> ModelFiles:
    files = find_model(what="hand detector", **source, config_files=[])
    if sha256 is not None:
        require_sha256("hand detector", files.weights_path, files.sha256, sha256)
    return replace(files, trusted_sha256=sha256 if run_pickled_code else None)
