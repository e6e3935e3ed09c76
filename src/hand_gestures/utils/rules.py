"""Rules that several packages must apply alike: each is written here and nowhere else."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

ALL_CLASSES = "(all)"  # the name of the row over all classes in tables
MIN_CLIPS = 20  # fewer clips allow no conclusion: one more correct clip changes the accuracy by more than 0.05


def pluralise(count: int, noun: str) -> str:
    """`(1, "clip")` → `"1 clip"`, `(2, "clip")` → `"2 clips"`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def evenly_spaced(available: int, wanted: int) -> np.ndarray:
    """Indices of evenly spaced items, the first and the last among them.

    Args:
        available: number of items, at least 1.
        wanted: number of indices; all items are taken where there are fewer.

    Returns:
        Ascending int64 (min(wanted, available),) without duplicates.
    """
    return np.unique(np.linspace(0, available - 1, min(wanted, available)).round().astype(int))


def groups_known(sequence_ids: Iterable[str], groups: Iterable[str]) -> bool:
    """Whether these sequences belong to known groups, such as performers or recordings.

    Without `split.group_pattern`, or where it matches no video id, every sequence is a group of its own and carries
    its own id as group. One sequence per group is no sign of that: with one clip per performer groups are known.

    Args:
        sequence_ids: the id of each sequence.
        groups: the group of each sequence, in the same order.
    """
    return any(group != sequence_id for sequence_id, group in zip(sequence_ids, groups, strict=True))


def epoch_rank(val_accuracy: float, val_loss: float) -> tuple[float, float]:
    """Sort key of an epoch or a model, higher is better: by validation accuracy, then by lower validation loss.

    A metric that is NaN ranks below every number.
    """
    return (
        -np.inf if np.isnan(val_accuracy) else float(val_accuracy),
        -np.inf if np.isnan(val_loss) else -float(val_loss),
    )


def best_epoch(history: pd.DataFrame) -> pd.Series:
    """The row of the best epoch by `epoch_rank`, the first of equals; columns `val_accuracy` and `val_loss` decide."""
    ranks = [epoch_rank(*row) for row in zip(history["val_accuracy"], history["val_loss"], strict=True)]
    return history.iloc[ranks.index(max(ranks))]
