"""Plan an extraction: the recipe, the precision error of its precision, and embeddings that are computed later."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from hand_gestures.augmentation import ClipAugmentation, mirrored_labels
from hand_gestures.backbones.compilation import choose_compilation
from hand_gestures.backbones.fetch import FoundModels, load_backbones, model_files, model_identity
from hand_gestures.backbones.hand_detector import HandDetector
from hand_gestures.embedding.clip_views import VideoSequenceDataset
from hand_gestures.embedding.embed_sequences import HandSearch, embed_sequences
from hand_gestures.embedding.extractor import ClipEmbedder
from hand_gestures.embedding.landmark_encoder import FEATURES_VERSION, LandmarkEncoder
from hand_gestures.embedding.precision_error import log_precision_error, measure_precision_error, sample_frames
from hand_gestures.parameters import AugmentationParameters, ClipParameters, ExtractionParameters, HandParameters
from hand_gestures.store.embedding_file import PendingEmbeddings
from hand_gestures.utils.devices import choose_device, choose_precision

Recipe = Mapping[str, Any]
HAND_SEARCH_FIELDS = {"enabled", "every", "confidence", "max_hands"}  # the other hand parameters name the model


def make_recipe(
    models: FoundModels,
    class_names: list[str],
    clips: ClipParameters,
    augmentation: AugmentationParameters,
    hands: HandParameters,
    extraction: ExtractionParameters,
    seed: int,
) -> dict[str, Any]:
    """Collect everything that decides the embeddings; it becomes the fingerprint of their files.

    Args:
        models: result of `fetch_models`.
        class_names: all classes, in the order of their indices.
        clips, augmentation, hands, extraction: the parameters of these names.
        seed: seed of the augmentation.

    Returns:
        A dictionary that JSON can hold.

    Raises:
        HandGesturesError: mirrored views are wanted, but the class of a mirror image is unknown.
    """
    # training mirrors landmarks too, without any augmented view
    flips = augmentation.horizontal_flip > 0 and (augmentation.views > 0 or "landmarks" in models)
    features = {"landmark_features": FEATURES_VERSION} if "landmarks" in models else {}
    return {
        **features,
        "models": {role: model_identity(model) for role, model in models.items()},
        "clips": clips.model_dump(),
        # mode "json": a tuple would differ from the list that is read back from a file
        "augmentation": augmentation.model_dump(mode="json"),
        # its order is the order of the class indices in the files
        "mirrored_labels": mirrored_labels(class_names, augmentation.mirrored_classes, flips),
        "hands": hands.model_dump(include=HAND_SEARCH_FIELDS),
        "precision": choose_precision(extraction.precision, extraction.device),
        "storage": extraction.storage,
        "seed": seed,
    }


def measure_recipe_precision(
    sequences: pd.DataFrame, frames_dir: Path, recipe: Recipe, models: FoundModels, extraction: ExtractionParameters
) -> dict[str, dict[str, float]]:
    """Measure and log the precision error of the recipe's precision on some training frames.

    Args:
        sequences: training sequences, with `frames`.
        frames_dir: folder to which the frames are relative.
        recipe: result of `make_recipe`.
        models: result of `fetch_models`.
        extraction: the device.

    Returns:
        `cosine` and `relative_l2` of each channel; empty for float32.
    """
    precision = recipe["precision"]
    if precision == "float32" or "vit" not in models:  # landmarks are always computed in float32
        return {}
    frames = sample_frames(sequences, frames_dir, recipe["clips"]["size"])
    errors = measure_precision_error(*load_backbones(models), frames, choose_device(extraction.device), precision)
    log_precision_error(precision, errors)
    return errors


def plan_embeddings(
    sequences: Mapping[str, pd.DataFrame],
    frames_dir: Path,
    recipe: Recipe,
    models: FoundModels,
    precision_error: dict[str, dict[str, float]],
    extraction: ExtractionParameters,
) -> dict[str, PendingEmbeddings]:
    """Plan the embeddings of all splits; nothing is computed before `write_embeddings` consumes them.

    Args:
        sequences: table of each split, with `sequence_id`, `class_name` and `frames`. Only "training" gets augmented
            views beside the clean one. An empty table gives a file without rows.
        frames_dir: folder to which the frames are relative.
        recipe: result of `make_recipe`; it alone decides the embeddings.
        models: result of `fetch_models`.
        precision_error: result of `measure_recipe_precision`, for the header.
        extraction: device, batch size, compilation and workers.

    Returns:
        Pending embeddings of each split.

    Raises:
        HandGesturesError: a frame or a model is missing.
    """
    # settings that change the embeddings come from the recipe, so that the fingerprint cannot be wrong
    clips = {split: _make_clips(table, frames_dir, recipe, split == "training") for split, table in sequences.items()}
    frames = recipe["clips"]["frames"] * sum(len(split) * (1 + split.augmented_views) for split in clips.values())
    embedder = _make_embedder(recipe, models, extraction, frames) if "vit" in models else None
    landmarks = _make_landmark_encoder(models["landmarks"]) if "landmarks" in models else None
    search = _make_hand_search(recipe, models, extraction)
    return {
        split: embed_sequences(
            dataset,
            embedder,
            search,
            recipe,
            precision_error,
            extraction.workers,
            f"embedding {split} clips",
            landmarks,
        )
        for split, dataset in clips.items()
    }


def _make_embedder(recipe: Recipe, models: FoundModels, extraction: ExtractionParameters, frames: int) -> ClipEmbedder:
    return ClipEmbedder(
        *load_backbones(models),
        choose_device(extraction.device),
        recipe["precision"],
        batch_size=None if extraction.batch_size == "auto" else extraction.batch_size,
        compilation=choose_compilation(extraction.compile, frames),
    )


def _make_landmark_encoder(model: dict[str, Any]) -> LandmarkEncoder:
    return LandmarkEncoder(Path(model["folder"]), model["complexity"], model["search_every"], model["trim"])


def _make_clips(sequences: pd.DataFrame, frames_dir: Path, recipe: Recipe, augmented: bool) -> VideoSequenceDataset:
    parameters, size = AugmentationParameters(**recipe["augmentation"]), recipe["clips"]["size"]
    views = parameters.views if augmented else 0
    return VideoSequenceDataset(sequences, frames_dir, size, ClipAugmentation(parameters, size), views, recipe["seed"])


def _make_hand_search(recipe: Recipe, models: FoundModels, extraction: ExtractionParameters) -> HandSearch:
    hands, clips = recipe["hands"], recipe["clips"]
    if not hands["enabled"]:
        return HandSearch(None, (), hands["max_hands"])
    detector = HandDetector(
        model_files(models["hands"]),
        image_size=clips["size"],
        confidence=hands["confidence"],
        max_hands=hands["max_hands"],
        device=str(choose_device(extraction.device)),
    )
    return HandSearch(detector, range(0, clips["frames"], hands["every"]), hands["max_hands"])
