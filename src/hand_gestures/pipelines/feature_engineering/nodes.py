"""From sequences to embeddings. Heavy libraries are imported where they are used: the CLI starts without torch."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hand_gestures.parameters import (
    AugmentationParameters,
    BackboneParameters,
    ClipParameters,
    DatasetReportParameters,
    ExtractionParameters,
    HandParameters,
)

if TYPE_CHECKING:
    from hand_gestures.embedding.embed_sequences import HandSearch
    from hand_gestures.store.embedding_file import EmbeddingFile, PendingEmbeddings
else:  # Kedro resolves annotations as it starts, and these would import torch
    EmbeddingFile = PendingEmbeddings = HandSearch = Any

logger = logging.getLogger(__name__)

HAND_SEARCH = {"enabled", "every", "confidence", "max_hands"}  # of the hand parameters; the others say whence the model
TOLD = {"licence"}  # and changes nothing


def fetch_backbones(backbones: BackboneParameters, hands: HandParameters) -> dict[str, dict[str, Any]]:
    """Find all pretrained models and load each once, so that a wrong one stops the run before any frame is read."""
    from hand_gestures.backbones.fetch import fetch_models

    return fetch_models(
        vit=backbones.vit.model_dump(exclude=TOLD),
        resnext=backbones.resnext.model_dump(exclude=TOLD),
        hands=hands.model_dump(exclude=HAND_SEARCH | TOLD) if hands.enabled else None,
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
    """Everything that the embeddings depend on; it becomes the fingerprint of all files."""
    from hand_gestures.augmentation.mirror import mirrored_labels
    from hand_gestures.backbones.fetch import model_identity
    from hand_gestures.utils.devices import choose_precision

    flips = augmentation.views > 0 and augmentation.horizontal_flip > 0
    return {
        "models": {role: model_identity(files) for role, files in backbone_files.items()},
        "clips": clips.model_dump(),
        "augmentation": augmentation.model_dump(mode="json"),
        "mirrored_labels": mirrored_labels(class_names, augmentation.mirrored_classes, flips),
        "hands": hands.model_dump(include=HAND_SEARCH),
        "precision": choose_precision(extraction.precision, extraction.device),
        "storage": extraction.storage,
        "seed": seed,
    }


def measure_precision(
    train_sequences: pd.DataFrame,
    frames_dir: Path,
    recipe: dict[str, Any],
    backbone_files: dict[str, dict[str, Any]],
    extraction: ExtractionParameters,
) -> dict[str, dict[str, float]]:
    """How near the precision of the run comes to float32, by channel; nothing where it is float32."""
    if recipe["precision"] == "float32":
        return {}
    from hand_gestures.backbones.fetch import model_files
    from hand_gestures.backbones.networks import load_resnext, load_vit
    from hand_gestures.embedding.precision_error import log_precision_error, measure_precision_error, sample_frames
    from hand_gestures.utils.devices import choose_device

    precision_error = measure_precision_error(
        load_vit(model_files(backbone_files["vit"])),
        load_resnext(model_files(backbone_files["resnext"])),
        sample_frames(train_sequences, frames_dir, recipe["clips"]["size"]),
        choose_device(extraction.device),
        recipe["precision"],
    )
    log_precision_error(recipe["precision"], precision_error)
    return precision_error


def embed(
    train_sequences: pd.DataFrame,
    val_sequences: pd.DataFrame,
    test_sequences: pd.DataFrame,
    frames_dir: Path,
    recipe: dict[str, Any],
    backbone_files: dict[str, dict[str, Any]],
    precision_error: dict[str, dict[str, float]],
    extraction: ExtractionParameters,
) -> tuple[PendingEmbeddings, PendingEmbeddings, PendingEmbeddings]:
    """Embeddings still to be computed: of the training clips the clean view and the augmented ones, of the others
    the clean one; without a test a file of no rows."""
    from hand_gestures.augmentation import ClipAugmentation
    from hand_gestures.backbones.compilation import choose_compiling
    from hand_gestures.backbones.fetch import model_files
    from hand_gestures.backbones.networks import load_resnext, load_vit
    from hand_gestures.embedding.clip_views import VideoSequenceDataset
    from hand_gestures.embedding.embed_sequences import embed_sequences, sources_digest
    from hand_gestures.embedding.extractor import ClipEmbedder
    from hand_gestures.utils.devices import choose_device

    size, frames = recipe["clips"]["size"], recipe["clips"]["frames"]
    views = recipe["augmentation"]["views"]
    augmentation = ClipAugmentation(size=size, **AugmentationParameters(**recipe["augmentation"]).transform())
    clips_of_all = len(train_sequences) * (1 + views) + len(val_sequences) + len(test_sequences)
    wanted = None if extraction.compile == "auto" else extraction.compile
    embedder = ClipEmbedder(
        load_vit(model_files(backbone_files["vit"])),
        load_resnext(model_files(backbone_files["resnext"])),
        device=choose_device(extraction.device),
        precision=recipe["precision"],
        batch_size=None if extraction.batch_size == "auto" else extraction.batch_size,
        compiled=choose_compiling(wanted, clips_of_all * frames),
        must_compile=extraction.compile is True,
    )
    search = _hand_search(recipe, backbone_files, extraction)

    def stream(sequences: pd.DataFrame, augmented_views: int, split: str) -> PendingEmbeddings:
        return embed_sequences(
            clips=VideoSequenceDataset(sequences, frames_dir, size, augmentation, augmented_views, recipe["seed"]),
            embedder=embedder,
            labels=list(sequences["class_name"]),
            mirrored_labels=recipe["mirrored_labels"],
            search=search,
            fingerprint=recipe,
            precision_error=precision_error,
            sources=sources_digest(sequences, frames_dir),
            frames_per_clip=frames,
            storage=recipe["storage"],
            workers=extraction.workers,
            doing=f"embedding {split} clips",
        )

    return (
        stream(train_sequences, views, "training"),
        stream(val_sequences, 0, "validation"),
        stream(test_sequences, 0, "test"),
    )


def _hand_search(
    recipe: dict[str, Any], backbone_files: dict[str, dict[str, Any]], extraction: ExtractionParameters
) -> HandSearch:
    from hand_gestures.embedding.embed_sequences import HandSearch

    hands, clips = recipe["hands"], recipe["clips"]
    if not hands["enabled"]:
        return HandSearch(None, (), hands["max_hands"])
    from hand_gestures.backbones.fetch import model_files
    from hand_gestures.backbones.hand_detector import HandDetector
    from hand_gestures.utils.devices import choose_device

    detector = HandDetector(
        model_files(backbone_files["hands"]),
        image_size=clips["size"],
        confidence=hands["confidence"],
        max_hands=hands["max_hands"],
        device=str(choose_device(extraction.device)),
    )
    return HandSearch(detector, range(0, clips["frames"], hands["every"]), hands["max_hands"])


def report_hands(
    train_embeddings: EmbeddingFile, val_embeddings: EmbeddingFile, test_embeddings: EmbeddingFile
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How often hands were found, by class and split, and in each sequence; clips without any are a warning."""
    from hand_gestures.embedding.hand_tables import hand_rates, hand_table

    hands = hand_table({"train": train_embeddings, "val": val_embeddings, "test": test_embeddings})
    searched = len(train_embeddings.header.hand_frames) > 0
    without = hands.loc[hands["frames_with_hand"] == 0, "sequence_id"]
    if searched and len(without):
        logger.warning(
            "in %d of %d clips no hand was found, in %s for instance; see hand_rates.csv and hand_detections.csv",
            len(without),
            len(hands),
            without.iloc[0],
        )
    return hand_rates(hands), hands


def draw_hand_sheets(
    sequences: pd.DataFrame,
    split: pd.DataFrame,
    frames_dir: Path,
    train_embeddings: EmbeddingFile,
    val_embeddings: EmbeddingFile,
    test_embeddings: EmbeddingFile,
    dataset_report: DatasetReportParameters,
) -> Iterator[tuple[str, bytes]]:
    """The contact sheets once more, of the frames that were searched, hands marked; none without a search."""
    from hand_gestures.dataset.split_table import sides_of
    from hand_gestures.embedding.hand_tables import hand_boxes
    from hand_gestures.reporting.picture_sheets import MarkedHands, contact_sheets

    steps = train_embeddings.header.hand_frames
    if not steps:
        return iter(())
    boxes = hand_boxes([train_embeddings, val_embeddings, test_embeddings])
    embedded = sequences[sequences["sequence_id"].isin(boxes)]
    return contact_sheets(
        embedded,
        sides_of(embedded, split),
        frames_dir,
        dataset_report.sheet_clips,
        dataset_report.sheet_frames,
        MarkedHands(steps, boxes),
    )
