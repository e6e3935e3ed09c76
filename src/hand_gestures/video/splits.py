"""Which sequences train and which validate: two tables that share no sequence and no group."""

import hashlib
import logging
from typing import NamedTuple

import numpy as np
import pandas as pd

from hand_gestures.errors import HandGesturesError

logger = logging.getLogger(__name__)


class Split(NamedTuple):
    """Both sides of a split, each ordered by sequence_id."""

    train: pd.DataFrame
    val: pd.DataFrame


def split_sequences(sequences: pd.DataFrame, val_fraction: float, seed: int) -> Split:
    """Put about `val_fraction` of each class into validation, whole groups at a time.

    The same sequences and seed give the same split, whatever their order. A class whose sequences
    all belong to one group cannot be on both sides: its groups stay in training, with a warning.

    Raises:
        HandGesturesError: no group is left that could validate.
    """
    sequences = sequences.sort_values("sequence_id", ignore_index=True)
    groups_per_class = sequences.groupby("class_name")["group"].nunique()
    alone = sorted(groups_per_class.index[groups_per_class == 1])
    if alone:
        logger.warning(
            "%d of %d classes stay in training because they hold one sequence or one group only: %s",
            len(alone),
            len(groups_per_class),
            ", ".join(alone),
        )
    chosen = _choose_groups(sequences, val_fraction, seed)
    in_val = sequences["group"].isin(chosen)
    if not in_val.any():
        raise HandGesturesError(
            "validation needs a class with sequences of at least two groups, but each group here is the only one of "
            f"some class ({', '.join(alone)}); add recordings, or set split.group_pattern to null to split by video"
        )
    return Split(sequences[~in_val].reset_index(drop=True), sequences[in_val].reset_index(drop=True))


def _choose_groups(sequences: pd.DataFrame, val_fraction: float, seed: int) -> set[str]:
    """Fill validation group by group, in an order drawn from the seed, each time with the group that brings
    the classes nearest to their share; never the last group of a class."""
    table = pd.crosstab(sequences["group"], sequences["class_name"])
    counts = table.to_numpy()
    wanted = np.maximum(counts.sum(axis=0) * val_fraction, 1.0)
    groups_left = (counts > 0).sum(axis=0)
    held = np.zeros_like(wanted)
    chosen: set[str] = set()
    for row in sorted(range(len(table)), key=lambda i: _draw(seed, str(table.index[i]))):
        has = counts[row] > 0
        spares_training = (groups_left[has] > 1).all()
        nearer = ((held + counts[row] - wanted) ** 2).sum() < ((held - wanted) ** 2).sum()
        if spares_training and nearer:
            chosen.add(table.index[row])
            held += counts[row]
            groups_left -= has
    return chosen or _nearest_group(table, wanted)


def _nearest_group(table: pd.DataFrame, wanted: np.ndarray) -> set[str]:
    """Where every group is too large for its share: the one that misses it least, if training can spare any."""
    counts = table.to_numpy()
    groups = (counts > 0).sum(axis=0)
    spared = [row for row in range(len(table)) if (groups[counts[row] > 0] > 1).all()]
    return {str(table.index[min(spared, key=lambda row: ((counts[row] - wanted) ** 2).sum())])} if spared else set()


def _draw(seed: int, group: str) -> bytes:
    """A random but fixed place in line: it depends on the seed and the group's name alone."""
    return hashlib.blake2b(f"{seed}\0{group}".encode()).digest()
