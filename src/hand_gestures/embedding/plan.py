"""Plan an extraction: its recipe, the precision error of its precision, and embeddings that are computed later."""

from collections.abc import Mapping
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import pandas as pd

import hand_gestures
from hand_gestures.augmentation import ClipAugmentation, mirrored_labels
from hand_gestures.backbones.compilation import choose_compilation
from hand_gestures.backbones.fetch import FoundModels, load_backbones, model_files, model_identity
from hand_gestures.backbones.hand_detector import HandDetector
from hand_gestures.embedding.clip_contents import FrameDigests, digest_clips
from hand_gestures.embedding.clip_views import VideoSequenceDataset
from hand_gestures.embedding.embed_sequences import Extraction, HandSearch, embed_sequences
from hand_gestures.embedding.extractor import ClipEmbedder
from hand_gestures.embedding.landmark_encoder import FEATURES_VERSION, LandmarkEncoder
from hand_gestures.embedding.precision_error import log_precision_error, measure_precision_error, sample_frames
from hand_gestures.embedding.upgrade import make_upgrade
from hand_gestures.embedding.view_encoder import ViewEncoder, describe_channels
from hand_gestures.parameters import AugmentationParameters, ClipParameters, ExtractionParameters, HandParameters
from hand_gestures.store.embedding_file import FileGroup, PendingEmbeddings
from hand_gestures.utils.contract import make_contract, make_hand_search, make_recipe
from hand_gestures.utils.devices import choose_device, choose_precision
from hand_gestures.utils.errors import HandGesturesError

Recipe = Mapping[str, Any]
CPU_ENGINE = "albumentations"  # the view recipe names another engine only: files from before it keep their rows
PACKAGES = ("torch", "torchvision", "transformers", "timm", "albumentations")


def make_extraction_recipe(
    models: FoundModels,
    class_names: list[str],
    clips: ClipParameters,
    augmentation: AugmentationParameters,
    hands: HandParameters,
    extraction: ExtractionParameters,
    seed: int,
) -> dict[str, Any]:
    """Collect everything that decides the rows of all files, in the parts of `utils.contract`.

    Args:
        models: result of `fetch_models`.
        class_names: all classes, in the order of their indices.
        clips, augmentation, hands, extraction: the parameters of these names.
        seed: seed of the augmentation.

    Returns:
        `contract`, `views` (the view recipe), `hands` (the hand search), `provenance` and `class_names`; JSON can hold
        it.

    Raises:
        HandGesturesError: mirrored views are wanted, but the class of a mirror image is unknown.
    """
    # training mirrors landmarks too, without any augmented view
    flips = augmentation.horizontal_flip > 0 and (augmentation.views > 0 or "landmarks" in models)
    channels, _ = describe_channels("vit" in models, "landmarks" in models)
    precision = choose_precision(extraction.precision, extraction.device)
    return {
        "contract": make_contract(
            models, clips.model_dump(), channels, precision, extraction.storage, landmark_features=FEATURES_VERSION
        ),
        "views": make_recipe(
            # mode "json": a tuple would differ from the list that is read back from a file
            augmentation.model_dump(mode="json", exclude={"engine"} if augmentation.engine == CPU_ENGINE else None)
            | {"seed": seed},
            mirrored_labels(class_names, augmentation.mirrored_classes, flips),
        ),
        "hands": make_hand_search(
            models.get("hands", {}).get("sha256"),
            clips.size,
            range(0, clips.frames, hands.every),
            hands.confidence,
            hands.max_hands,
            hands.enabled,
        ),
        "provenance": {
            "models": {role: model_identity(model) for role, model in models.items()},
            "device": choose_device(extraction.device).type,
            "versions": {
                "hand_gestures": hand_gestures.__version__,
                "opencv": cv2.__version__,  # the name of its package differs between installations
                **{name: version(name) for name in PACKAGES},
            },
        },
        "class_names": class_names,
    }


def measure_recipe_precision(
    sequences: pd.DataFrame, frames_dir: Path, recipe: Recipe, models: FoundModels, extraction: ExtractionParameters
) -> dict[str, dict[str, float]]:
    """Measure and log the precision error of the recipe's precision on some training frames.

    Args:
        sequences: training sequences, with `frames`.
        frames_dir: folder to which the frames are relative.
        recipe: result of `make_extraction_recipe`.
        models: result of `fetch_models`.
        extraction: the device.

    Returns:
        `cosine` and `relative_l2` of each channel; empty for float32.
    """
    precision = recipe["contract"]["precision"]
    if precision == "float32" or "vit" not in models:  # landmarks are always computed in float32
        return {}
    frames = sample_frames(sequences, frames_dir, recipe["contract"]["size"])
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
    digests: Path,
) -> dict[str, PendingEmbeddings]:
    """Plan the embeddings of all splits; nothing is computed before `write_embeddings` consumes them.

    Args:
        sequences: table of each split, with `sequence_id`, `class_name` and `frames`. Only "training" gets augmented
            views beside the clean one. An empty table gives a file without rows.
        frames_dir: folder to which the frames are relative.
        recipe: result of `make_extraction_recipe`; it alone decides the embeddings.
        models: result of `fetch_models`.
        precision_error: result of `measure_recipe_precision`, for the header.
        extraction: device, batch size, compilation, workers and further sources of rows.
        digests: database that keeps the digests of frame files.

    Returns:
        Pending embeddings of each split.

    Raises:
        HandGesturesError: a frame, a model or a file of `extraction.embedding_sources` is missing.
    """
    with closing(FrameDigests(digests, frames_dir)) as frame_digests:
        tables = {split: table.assign(content=digest_clips(table, frame_digests)) for split, table in sequences.items()}
    plan = _make_extraction(recipe, models, precision_error, extraction)
    upgrade = make_upgrade(pd.concat(tables.values()), frames_dir)
    group = FileGroup(len(tables))
    return {
        split: embed_sequences(
            _make_clips(table, frames_dir, recipe, split == "training"),
            plan,
            group,
            upgrade,
            f"embedding {split} clips",
        )
        for split, table in tables.items()
    }


def _make_extraction(
    recipe: Recipe, models: FoundModels, precision_error: dict[str, Any], extraction: ExtractionParameters
) -> Extraction:
    # settings that change the embeddings come from the recipe, so that the contract cannot be wrong
    backbones = load_backbones(models) if "vit" in models else None

    def make_encoder(frames: int) -> ViewEncoder:
        embedder = None
        if backbones is not None:
            embedder = ClipEmbedder(
                *backbones,
                choose_device(extraction.device),
                recipe["contract"]["precision"],
                batch_size=None if extraction.batch_size == "auto" else extraction.batch_size,
                compilation=choose_compilation(extraction.compile, frames),
            )
        return ViewEncoder(embedder, _make_landmark_encoder(models["landmarks"]) if "landmarks" in models else None)

    return Extraction(
        make_encoder,
        *describe_channels(backbones[0].width if backbones is not None else 0, "landmarks" in models),
        _make_hand_search(recipe, models, extraction),
        recipe,
        precision_error,
        extraction.workers,
        _existing_sources(extraction.embedding_sources),
    )


def _make_landmark_encoder(model: dict[str, Any]) -> LandmarkEncoder:
    return LandmarkEncoder(Path(model["folder"]), model["complexity"], model["search_every"], model["trim"])


def _existing_sources(paths: list[str]) -> tuple[Path, ...]:
    for path in paths:
        if not Path(path).is_file():
            raise HandGesturesError(
                f"extraction.embedding_sources names embeddings files, but {path} does not exist; correct the path, or "
                "remove it from the list"
            )
    return tuple(map(Path, paths))


def _make_clips(sequences: pd.DataFrame, frames_dir: Path, recipe: Recipe, augmented: bool) -> VideoSequenceDataset:
    parameters = AugmentationParameters(**{"engine": CPU_ENGINE, **recipe["views"]["augmentation"]})
    size = recipe["contract"]["size"]
    views, seed = parameters.views if augmented else 0, recipe["views"]["augmentation"]["seed"]
    augmentation = ClipAugmentation(parameters, size)
    return VideoSequenceDataset(sequences, frames_dir, size, augmentation, views, seed)


def _make_hand_search(recipe: Recipe, models: FoundModels, extraction: ExtractionParameters) -> HandSearch:
    hands = recipe["hands"]
    if not hands["steps"]:
        return HandSearch(None, (), hands["max_hands"])
    detector = HandDetector(
        model_files(models["hands"]),
        image_size=hands["size"],
        confidence=hands["confidence"],
        max_hands=hands["max_hands"],
        device=str(choose_device(extraction.device)),
    )
    return HandSearch(detector, hands["steps"], hands["max_hands"])
