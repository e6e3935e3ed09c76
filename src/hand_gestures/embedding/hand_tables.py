"""How often hands were found, by class and split, and in each clip."""

import logging
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.utils.rules import ALL_CLASSES

logger = logging.getLogger(__name__)

RATE_COLUMNS = ["split", "class_name", "clips", "clips_without_hand", "frames_with_hand", "mean_score"]


def hand_table(files: Mapping[str, EmbeddingFile]) -> pd.DataFrame:
    """Found hands of each sequence.

    Args:
        files: embeddings file of each split.

    Returns:
        One row per sequence: `split`, `sequence_id`, `class_name`, `frames_with_hand` (share of the searched frames,
        NaN without a search) and `mean_score` (mean over frames with a hand of the highest score, else NaN).
    """
    tables = []
    for split, file in files.items():
        clean = file.views == 0
        best = np.nan_to_num(file.hands[1][clean], nan=-1.0).max(axis=2, initial=-1.0)  # (sequences, S)
        found = best >= 0
        frames = found.sum(axis=1)
        tables.append(
            pd.DataFrame(
                {
                    "split": split,
                    "sequence_id": np.array(file.sequence_ids, object)[clean],
                    "class_name": np.array(file.header.class_names, object)[file.labels[clean]],
                    # dividing by NaN instead of 0 gives NaN without a warning
                    "frames_with_hand": frames / (found.shape[1] or np.nan),
                    "mean_score": np.where(found, best, 0).sum(axis=1) / np.where(frames, frames, np.nan),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def hand_rates(hands: pd.DataFrame) -> pd.DataFrame:
    """Summarise `hand_table` by split and class.

    Args:
        hands: result of `hand_table`.

    Returns:
        Columns `RATE_COLUMNS`; each split also has a row over all classes.
    """
    with_all = pd.concat([hands, hands.assign(class_name=ALL_CLASSES)], ignore_index=True)
    rates = with_all.groupby(["split", "class_name"], sort=False).agg(
        clips=("sequence_id", "size"),
        clips_without_hand=("frames_with_hand", lambda share: int((share == 0).sum())),
        frames_with_hand=("frames_with_hand", "mean"),
        mean_score=("mean_score", "mean"),
    )
    return rates.reset_index()[RATE_COLUMNS].round(4)


def warn_about_clips_without_hands(hands: pd.DataFrame) -> None:
    """Log how many clips show no hand; without a search nothing is logged.

    Args:
        hands: result of `hand_table`.
    """
    without = hands.loc[hands["frames_with_hand"] == 0, "sequence_id"]
    if len(without):
        logger.warning(
            "no hand was found in %d of %d clips, for example in %s; see hand_rates.csv and hand_detections.csv",
            len(without),
            len(hands),
            without.iloc[0],
        )


def hand_boxes(files: Iterable[EmbeddingFile]) -> dict[str, np.ndarray]:
    """Boxes of each sequence, for contact sheets.

    Args:
        files: embeddings files.

    Returns:
        sequence_id → boxes float32 (S, K, 4) of its searched frames, in fractions of the frame.
    """
    return {
        sequence_id: boxes
        for file in files
        for sequence_id, view, boxes in zip(file.sequence_ids, file.views, file.hands[0], strict=True)
        if view == 0
    }
