"""From sequences to embeddings. Heavy libraries are imported where they are used: the CLI starts without torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hand_gestures.parameters import (
    AugmentationParameters,
    BackboneParameters,
    ClipParameters,
    ExtractionParameters,
    HandParameters,
)

if TYPE_CHECKING:
    from hand_gestures.embedding.store import EmbeddingStream
else:  # Kedro resolves annotations as it starts, and this would import h5py
    EmbeddingStream = Any


def fetch_backbones(backbones: BackboneParameters, hands: HandParameters) -> dict[str, dict[str, Any]]:
    """Find all pretrained models and load each once, so that a wrong one stops the run before any frame is read."""
    from hand_gestures.embedding.fetch import fetch_models

    return fetch_models(
        vit=backbones.vit.model_dump(),
        resnext=backbones.resnext.model_dump(),
        hands=hands.model_dump(include={"name", "revision", "path", "weights"}) if hands.enabled else None,
    )


def write_recipe(
    backbone_files: dict[str, dict[str, Any]],
    class_names: list[str],
    clips: ClipParameters,
    augmentation: AugmentationParameters,
    hands: HandParameters,
    extraction: ExtractionParameters,
    seed: int,
) -> dict[str, Any]:
    """Everything that the embeddings depend on; it becomes the fingerprint of both files."""
    from hand_gestures.augmentation.mirror import mirrored_labels
    from hand_gestures.embedding.device import choose_precision
    from hand_gestures.embedding.fetch import model_identity

    flips = augmentation.views > 0 and augmentation.horizontal_flip > 0
    return {
        "models": {role: model_identity(files) for role, files in backbone_files.items()},
        "clips": clips.model_dump(),
        "augmentation": augmentation.model_dump(mode="json"),
        "mirrored_labels": mirrored_labels(class_names, augmentation.mirrored_classes, flips),
        "hands": hands.model_dump(exclude={"name", "revision", "path", "weights"}),
        "precision": choose_precision(extraction.precision, extraction.device),
        "seed": seed,
    }


def detect_hands(
    train_sequences: pd.DataFrame,
    val_sequences: pd.DataFrame,
    test_sequences: pd.DataFrame,
    frames_dir: Path,
    recipe: dict[str, Any],
    backbone_files: dict[str, dict[str, Any]],
    extraction: ExtractionParameters,
) -> pd.DataFrame:
    """Hands in all sequences; an empty table where the search is off."""
    from hand_gestures.embedding.hand_table import HAND_COLUMNS, find_hands

    if not recipe["hands"]["enabled"]:
        return pd.DataFrame(columns=HAND_COLUMNS)
    from hand_gestures.embedding.device import choose_device
    from hand_gestures.embedding.fetch import model_files
    from hand_gestures.embedding.hands import HandDetector

    size = recipe["clips"]["size"]
    detector = HandDetector(
        model_files(backbone_files["hands"]),
        image_size=size,
        confidence=recipe["hands"]["confidence"],
        max_hands=recipe["hands"]["max_hands"],
        device=str(choose_device(extraction.device)),
    )
    sequences = pd.concat([train_sequences, val_sequences, test_sequences], ignore_index=True)
    return find_hands(sequences, frames_dir, size, detector, recipe["hands"]["every"], extraction.workers)


def embed_train(
    sequences: pd.DataFrame,
    frames_dir: Path,
    recipe: dict[str, Any],
    backbone_files: dict[str, dict[str, Any]],
    hand_detections: pd.DataFrame,
    extraction: ExtractionParameters,
) -> EmbeddingStream:
    """Embeddings of the training clips: the clean view and the augmented ones."""
    views = recipe["augmentation"]["views"]
    return _embed("training", views, sequences, frames_dir, recipe, backbone_files, hand_detections, extraction)


def embed_val(
    sequences: pd.DataFrame,
    frames_dir: Path,
    recipe: dict[str, Any],
    backbone_files: dict[str, dict[str, Any]],
    hand_detections: pd.DataFrame,
    extraction: ExtractionParameters,
) -> EmbeddingStream:
    """Embeddings of the validation clips: the clean view only."""
    return _embed("validation", 0, sequences, frames_dir, recipe, backbone_files, hand_detections, extraction)


def embed_test(
    sequences: pd.DataFrame,
    frames_dir: Path,
    recipe: dict[str, Any],
    backbone_files: dict[str, dict[str, Any]],
    hand_detections: pd.DataFrame,
    extraction: ExtractionParameters,
) -> EmbeddingStream:
    """Embeddings of the test clips, clean; a file without rows where there is no test."""
    return _embed("test", 0, sequences, frames_dir, recipe, backbone_files, hand_detections, extraction)


def _embed(
    split: str,
    augmented_views: int,
    sequences: pd.DataFrame,
    frames_dir: Path,
    recipe: dict[str, Any],
    backbone_files: dict[str, dict[str, Any]],
    hand_detections: pd.DataFrame,
    extraction: ExtractionParameters,
) -> EmbeddingStream:
    from hand_gestures.augmentation import ClipAugmentation
    from hand_gestures.embedding.backbones import load_resnext, load_vit
    from hand_gestures.embedding.device import choose_device
    from hand_gestures.embedding.embed_sequences import embed_sequences
    from hand_gestures.embedding.extractor import ClipEmbedder
    from hand_gestures.embedding.fetch import model_files
    from hand_gestures.video.clips import VideoSequenceDataset

    size = recipe["clips"]["size"]
    augmentation = ClipAugmentation(size=size, **AugmentationParameters(**recipe["augmentation"]).transform())
    embedder = ClipEmbedder(
        load_vit(model_files(backbone_files["vit"])),
        load_resnext(model_files(backbone_files["resnext"])),
        device=choose_device(extraction.device),
        precision=recipe["precision"],
        batch_size=extraction.batch_size,
    )
    hands = HandParameters(name="", **recipe["hands"])
    return embed_sequences(
        clips=VideoSequenceDataset(sequences, frames_dir, size, augmentation, augmented_views, recipe["seed"]),
        embedder=embedder,
        labels=list(sequences["class_name"]),
        mirrored_labels=recipe["mirrored_labels"],
        hands=hand_detections,
        hand_frames=hands.steps(recipe["clips"]["frames"]),
        max_hands=hands.max_hands,
        fingerprint=recipe,
        frames_per_clip=recipe["clips"]["frames"],
        workers=extraction.workers,
        doing=f"embedding {split} clips",
    )
