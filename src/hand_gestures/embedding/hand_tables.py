"""How often hands were found: by class and split, and the clips that show none."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.utils.rules import ALL_CLASSES

RATE_COLUMNS = ["split", "class_name", "clips", "clips_without_hand", "frames_with_hand", "mean_score"]


def hand_table(files: Mapping[str, EmbeddingFile]) -> pd.DataFrame:
    """One row a sequence: `split`, `sequence_id`, `class_name`, `frames_with_hand` (share of those searched) and
    `mean_score` (of the surest hand of each frame that has one, else NaN)."""
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
                    "frames_with_hand": frames / (found.shape[1] or np.nan),
                    "mean_score": np.where(found, best, 0).sum(axis=1) / np.where(frames, frames, np.nan),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def hand_rates(hands: pd.DataFrame) -> pd.DataFrame:
    """`hand_table` by split and class, with a row over all classes of each split; columns `RATE_COLUMNS`."""
    both = pd.concat([hands, hands.assign(class_name=ALL_CLASSES)], ignore_index=True)
    rates = both.groupby(["split", "class_name"], sort=False).agg(
        clips=("sequence_id", "size"),
        clips_without_hand=("frames_with_hand", lambda share: int((share == 0).sum())),
        frames_with_hand=("frames_with_hand", "mean"),
        mean_score=("mean_score", "mean"),
    )
    return rates.reset_index()[RATE_COLUMNS].round(4)


def hand_boxes(files: Iterable[EmbeddingFile]) -> dict[str, np.ndarray]:
    """By sequence_id: the boxes (S, K, 4) of its searched frames."""
    return {
        sequence_id: boxes
        for file in files
        for sequence_id, view, boxes in zip(file.sequence_ids, file.views, file.hands[0], strict=True)
        if view == 0
    }
