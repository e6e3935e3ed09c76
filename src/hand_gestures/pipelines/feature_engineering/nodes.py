"""From sequences to embeddings. Each node imports its heavy libraries itself, so that the CLI starts without torch."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from hand_gestures.parameters import (
    AugmentationParameters,
    BackboneParameters,
    ClipParameters,
    DatasetReportParameters,
    ExtractionParameters,
    HandParameters,
    LandmarkParameters,
)
from hand_gestures.store.embedding_file import EmbeddingFile, PendingEmbeddings
from hand_gestures.utils.rules import pluralise

logger = logging.getLogger(__name__)

# the licence changes no embedding, and the other hand parameters say how to search
MODEL_SOURCE_FIELDS = {"name", "revision", "path"}
DETECTOR_SOURCE_FIELDS = MODEL_SOURCE_FIELDS | {"weights", "sha256", "run_pickled_code"}


def fetch_backbones(
    backbones: BackboneParameters,
    landmarks: LandmarkParameters,
    hands: HandParameters,
    extraction: ExtractionParameters,
    model_commits: Path,
) -> dict[str, dict[str, Any]]:
    """Find all pretrained models and load each once: a wrong one stops the run before any frame is read."""
    from hand_gestures.backbones.fetch import fetch_models

    return fetch_models(
        vit=backbones.vit.model_dump(include=MODEL_SOURCE_FIELDS) if "vit" in extraction.encoders else None,
        resnext=backbones.resnext.model_dump(include=MODEL_SOURCE_FIELDS) if "resnext" in extraction.encoders else None,
        hands=hands.model_dump(include=DETECTOR_SOURCE_FIELDS) if hands.enabled else None,
        landmarks=landmarks.model_dump(exclude={"licence"}) if "landmarks" in extraction.encoders else None,
        record=model_commits,
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
    """Collect what decides the rows of all files: contract, view recipe, hand search; and their provenance."""
    from hand_gestures.embedding.plan import make_extraction_recipe

    return make_extraction_recipe(
        backbone_files, class_names, clips, augmentation, hands, extraction, augmentation.seed_or(seed)
    )


def measure_precision(
    train_sequences: pd.DataFrame,
    frames_dir: Path,
    recipe: dict[str, Any],
    backbone_files: dict[str, dict[str, Any]],
    extraction: ExtractionParameters,
) -> dict[str, dict[str, float]]:
    """Compare the precision of the run with float32, channel by channel; empty where it is float32."""
    from hand_gestures.embedding.plan import measure_recipe_precision

    return measure_recipe_precision(train_sequences, frames_dir, recipe, backbone_files, extraction)


def plan_embeddings(
    train_sequences: pd.DataFrame,
    val_sequences: pd.DataFrame,
    test_sequences: pd.DataFrame,
    frames_dir: Path,
    recipe: dict[str, Any],
    backbone_files: dict[str, dict[str, Any]],
    precision_error: dict[str, dict[str, float]],
    extraction: ExtractionParameters,
    frame_digests: Path,
) -> tuple[PendingEmbeddings, PendingEmbeddings, PendingEmbeddings]:
    """Plan the embeddings of all splits. Missing rows are computed later, when the catalog saves these outputs."""
    from hand_gestures.embedding import plan

    # these names appear in the progress lines, and only "training" is augmented
    sequences = {"training": train_sequences, "validation": val_sequences, "test": test_sequences}
    planned = plan.plan_embeddings(
        sequences, frames_dir, recipe, backbone_files, precision_error, extraction, frame_digests
    )
    logger.info(
        "planned %s: missing rows are computed when the catalog saves train_embeddings, val_embeddings and "
        "test_embeddings",
        ", ".join(
            f"{pluralise(len(pending.sequence_ids), f'{split} clip')} of {pluralise(pending.views, 'view')}"
            for split, pending in planned.items()
        ),
    )
    return planned["training"], planned["validation"], planned["test"]


def report_hands(
    train_embeddings: EmbeddingFile, val_embeddings: EmbeddingFile, test_embeddings: EmbeddingFile
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How often hands were found, by class and split, and in each sequence."""
    from hand_gestures.embedding.hand_tables import hand_rates, hand_table, warn_about_clips_without_hands

    hands = hand_table({"train": train_embeddings, "val": val_embeddings, "test": test_embeddings})
    warn_about_clips_without_hands(hands)
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
    """Contact sheets of the frames in which hands were searched, with the hands marked; none without a search."""
    from hand_gestures.dataset.split_table import sides_of
    from hand_gestures.embedding.hand_tables import hand_boxes
    from hand_gestures.reporting.picture_sheets import MarkedHands, contact_sheets

    steps = train_embeddings.header.hand_frames
    if not steps:  # hands.enabled is false
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
