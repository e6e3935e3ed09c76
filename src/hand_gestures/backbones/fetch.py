"""Find all pretrained models of a run and load each once, before any frame is read."""

import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from hand_gestures.backbones.landmark_models import Complexity, Part, find_landmark_model
from hand_gestures.backbones.model_files import COMMIT, ModelFiles, find_model, newest_commit, require_sha256
from hand_gestures.backbones.networks import (
    RESNEXT_CONFIG_FILES,
    VIT_CONFIG_FILES,
    WEIGHTS,
    Backbone,
    check_widths,
    load_resnext,
    load_vit,
)
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.resumable import read_json, write_json

logger = logging.getLogger(__name__)

FoundModels = dict[str, dict[str, Any]]  # by role "vit", "resnext", "landmarks", "hands"; JSON can hold it
PARAMETERS = {"vit": "backbones.vit", "resnext": "backbones.resnext", "hands": "hands"}  # topic of each role
COMMITS = "commits.json"  # in the record folder: "name@revision" → commit and sha256 of the weights
NOT_IN_IDENTITY = ("folder", "weights", "trusted_sha256")  # they change no embedding
LANDMARK_PARTS: tuple[Part, Part] = ("palm_detection", "hand_landmark")


def fetch_models(
    vit: dict[str, Any] | None,
    resnext: dict[str, Any] | None,
    hands: dict[str, Any] | None,
    landmarks: dict[str, Any] | None = None,
    record: Path | None = None,
) -> FoundModels:
    """Find the models and load each once, so that a wrong one stops the run early.

    A branch such as "main" can move, and other weights make other embeddings. The first run therefore records the
    commit of each branch; later runs use that commit and say when the branch has moved.

    Args:
        vit, resnext: `name`, `revision` and `path` of each; both are None where the twelve channels are not wanted.
        hands: the same and `weights`, the file in the repository; `sha256`, where it is pinned; `run_pickled_code`,
            whether code in that file may run. None where hands are not searched.
        landmarks: `path`, `complexity`, `search_every` and `trim`; None where landmarks are not wanted.
        record: folder with the commits of earlier runs; None neither reads nor records them.

    Returns:
        The fields of `ModelFiles` by role; the backbones also have their `preprocessing`.

    Raises:
        ModelUnavailableError: a model is not available or cannot be loaded.
        HandGesturesError: the feature sizes of the backbones do not fit together, or landmarks are trimmed beside
            other channels.
    """
    files: dict[str, ModelFiles] = {}
    found: FoundModels = {}
    if vit is not None and resnext is not None:
        files = {
            "vit": _find("vit", record, what="ViT", **vit, weights=WEIGHTS, config_files=VIT_CONFIG_FILES),
            "resnext": _find(
                "resnext", record, what="ResNeXt", **resnext, weights=WEIGHTS, config_files=RESNEXT_CONFIG_FILES
            ),
        }
        found = _load_once(files)
    if landmarks is not None:
        if found and landmarks["trim"]:
            raise HandGesturesError(
                "all channels of a clip must show the same moments, but landmarks.trim is true and extraction.encoders "
                "names other encoders beside landmarks, which are not trimmed; set landmarks.trim to false"
            )
        found["landmarks"] = _find_landmark_models(**landmarks)
    if hands is not None:
        # only here: without a search for hands, ultralytics need not be installed
        from hand_gestures.backbones.hand_detector import load_detector

        files["hands"] = _find_detector(record, **hands)
        load_detector(files["hands"])
        found["hands"] = asdict(files["hands"])
    if record is not None:
        _record_commits(record, files)
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


def _find(role: str, record: Path | None, *, what: str, name: str, revision: str, **source: Any) -> ModelFiles:
    """`find_model`, but a branch stays at its recorded commit."""
    recorded = None if record is None or source["path"] is not None else _read_commits(record).get(f"{name}@{revision}")
    if recorded is None:
        return find_model(what=what, name=name, revision=revision, **source)
    commit = recorded["commit"]
    files = find_model(what=what, name=name, revision=commit, **source)
    require_sha256(what, files.weights_path, files.sha256, recorded["sha256"])
    newest = newest_commit(name, revision)
    if newest not in (None, commit):
        parameter = f"{PARAMETERS[role]}.revision"
        logger.warning(
            f"the {what} {name}: {revision} has moved from commit {commit} to {newest}; this run still uses the first, "
            f"as recorded in {record}; set {parameter} to {commit} to keep it on every machine, or to {newest} to use "
            "the new one, which may embed all clips again"
        )
    return replace(files, revision=revision)


def _read_commits(record: Path) -> dict[str, dict[str, str]]:
    saved = read_json(record / COMMITS)
    return saved if isinstance(saved, dict) else {}


def _record_commits(record: Path, files: dict[str, ModelFiles]) -> None:
    """Add the commits of all models on the hub whose revision is a branch or a tag."""
    known = _read_commits(record)
    new = {
        f"{model.name}@{model.revision}": {"commit": model.commit, "sha256": model.sha256}
        for model in files.values()
        if model.commit is not None and model.revision is not None and not COMMIT.fullmatch(model.revision)
    }
    if not new.items() <= known.items():
        write_json(record / COMMITS, known | new)


def _find_detector(
    record: Path | None, *, sha256: str | None = None, run_pickled_code: bool = False, **source: Any
) -> ModelFiles:
    files = _find("hands", record, what="hand detector", **source, config_files=[])
    if sha256 is not None:
        require_sha256("hand detector", files.weights_path, files.sha256, sha256)
    return replace(files, trusted_sha256=sha256 if run_pickled_code else None)


def _load_once(files: dict[str, ModelFiles]) -> FoundModels:
    loaded = {"vit": load_vit(files["vit"]), "resnext": load_resnext(files["resnext"])}
    for backbone in loaded.values():
        backbone(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    check_widths(loaded["vit"].width, loaded["resnext"].width)
    return {
        role: {**asdict(files[role]), "preprocessing": backbone.preprocessing.describe()}
        for role, backbone in loaded.items()
    }


def _find_landmark_models(path: str, complexity: Complexity, **settings: Any) -> dict[str, Any]:
    palm, hand = (find_landmark_model(Path(path), part, complexity) for part in LANDMARK_PARTS)
    source = {"name": Path(path).name, "revision": "mediapipe 0.10.21", "commit": None, "folder": path}
    return {**source, "complexity": complexity, "sha256": hand.sha256, "palm_sha256": palm.sha256, **settings}
