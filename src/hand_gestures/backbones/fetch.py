"""All pretrained models of a run, found and tried before any frame is read."""

from dataclasses import asdict, replace
from typing import Any

import torch

from hand_gestures.backbones.model_files import ModelFiles, find_model, require_sha256
from hand_gestures.backbones.networks import (
    RESNEXT_CONFIG_FILES,
    VIT_CONFIG_FILES,
    WEIGHTS,
    check_widths,
    load_resnext,
    load_vit,
)


def fetch_models(
    vit: dict[str, Any], resnext: dict[str, Any], hands: dict[str, Any] | None
) -> dict[str, dict[str, Any]]:
    """Find the models and load each once.

    Args:
        vit, resnext: `name`, `revision`, `path` of each.
        hands: the same and `weights`, the file in the repository; `sha256`, where it is pinned, and
            `run_pickled_code`, whether code in that very file may run. None where hands are not searched.

    Returns:
        `ModelFiles` fields of each by role ("vit", "resnext", "hands"), the backbones with their `preprocessing`.

    Raises:
        ModelUnavailableError: a model cannot be had, is not what it should be, or does not fit the other.
    """
    vit_files = find_model(what="ViT", **vit, weights=WEIGHTS, config_files=VIT_CONFIG_FILES)
    resnext_files = find_model(what="ResNeXt", **resnext, weights=WEIGHTS, config_files=RESNEXT_CONFIG_FILES)
    loaded = {"vit": load_vit(vit_files), "resnext": load_resnext(resnext_files)}
    for backbone in loaded.values():
        backbone(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    check_widths(loaded["vit"].width, loaded["resnext"].width)
    found = {
        role: {**asdict(files), "preprocessing": loaded[role].preprocessing.describe()}
        for role, files in {"vit": vit_files, "resnext": resnext_files}.items()
    }
    if hands is not None:
        from hand_gestures.backbones.hand_detector import load_detector

        hand_files = _find_detector(**hands)
        load_detector(hand_files)
        found["hands"] = asdict(hand_files)
    return found


def model_files(found: dict[str, Any]) -> ModelFiles:
    """One entry of `fetch_models` as `ModelFiles`."""
    return ModelFiles(**{key: value for key, value in found.items() if key != "preprocessing"})


def model_identity(found: dict[str, Any]) -> dict[str, Any]:
    """What a fingerprint records of one entry: not where the files lie, nor how far they were trusted."""
    return {key: value for key, value in found.items() if key not in ("folder", "weights", "trusted_sha256")}


def _find_detector(*, sha256: str | None = None, run_pickled_code: bool = False, **source: Any) -> ModelFiles:
    files = find_model(what="hand detector", **source, config_files=[])
    if sha256 is not None:
        require_sha256("hand detector", files.weights_path, files.sha256, sha256)
    return replace(files, trusted_sha256=sha256 if run_pickled_code else None)
