"""Which sequences train, validate and test: whole groups at a time, by names and seed alone (docs/adr/0002)."""

import hashlib
import logging
import math

import numpy as np
import pandas as pd

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.names import nfc

logger = logging.getLogger(__name__)

TRAIN, VAL, TEST, LEFT_OUT = "train", "val", "test", "left_out"
SPLITS = (TRAIN, VAL, TEST)
MAX_CANDIDATES = 300  # groups tried for an exchange, inside and outside a split; more take longer and gain nothing
MAX_CELLS = 9_000_000  # pairs of groups x classes compared at once: limits the memory


def assign_splits(sequences: pd.DataFrame, val_fraction: float, test_fraction: float, seed: int) -> pd.Series:
    """Choose about `val_fraction` of each class for validation and `test_fraction` for the test, by whole groups.

    The same sequences and seed give the same splits, whatever the order of rows. Every class keeps at least one group
    for training, so a class with one group has no validation clips and a class with two groups has no test clips.

    Args:
        sequences: columns `class_name` and `group`.
        val_fraction: wanted share of the clips of each class, between 0 and 1.
        test_fraction: the same for the test; 0 for no test.
        seed: decides the order in which groups are tried.

    Returns:
        "train", "val" or "test" for each row, named "side", with the index of `sequences`.

    Raises:
        HandGesturesError: no group can leave training.
    """
    table = pd.crosstab(sequences["group"], sequences["class_name"])
    in_val = _choose_groups(table, val_fraction, seed)
    if not in_val:
        alone = sorted(table.columns[(table > 0).sum() == 1])
        raise HandGesturesError(
            "validation needs a class with sequences of at least two groups, but each group here is the only one of "
            f"some class ({', '.join(alone)}); add recordings, say in split.lists which sequences validate, "
            "or set split.group_pattern to null to split by video"
        )
    # the groups of validation are gone, so the same number of clips is a larger share of the rest
    wanted_of_rest = test_fraction / (1 - val_fraction)
    in_test = _choose_groups(table.drop(index=list(in_val)), wanted_of_rest, seed) if test_fraction else set()
    splits = pd.Series(TRAIN, index=sequences.index, name="side")
    splits[sequences["group"].isin(in_val)] = VAL
    splits[sequences["group"].isin(in_test)] = TEST
    return splits


def warn_about_missing_classes(class_names: pd.Series, splits: pd.Series) -> None:
    """Log the classes that have training clips but no validation or test clips."""
    trained = set(class_names[splits == TRAIN])
    for split, purpose in ((VAL, "validation"), (TEST, "test")):
        held_out = set(class_names[splits == split])
        missing = sorted(trained - held_out)
        if held_out and missing:
            logger.warning(
                "%d of %d classes stay in training because no group could be spared for the %s split, so its metrics "
                "exclude them: %s",
                len(missing),
                len(trained),
                purpose,
                ", ".join(missing),
            )


def _choose_groups(table: pd.DataFrame, fraction: float, seed: int) -> set[str]:
    """Groups that hold about `fraction` of the clips of every class, but never all groups of one.

    Groups are tried in an order drawn from the seed; a group is taken if it brings the classes closer to their share.
    Then single groups are added, removed or exchanged while that brings the classes closer still.

    Args:
        table: clips of each group (rows) and class (columns).
        fraction: wanted share of each class; a class gets at least one clip.
        seed: of the order.
    """
    counts = table.to_numpy()
    wanted = np.maximum(counts.sum(axis=0) * fraction, 1.0)
    order = sorted(range(len(table)), key=lambda row: _draw(seed, str(table.index[row])))
    # first pass: greedy; `held` are the chosen clips and `groups_left` the training groups of each class
    chosen: list[int] = []
    held, groups_left = np.zeros_like(wanted), (counts > 0).sum(axis=0)
    for row in order:
        spared = (groups_left[counts[row] > 0] > 1).all()
        if spared and _error(held + counts[row], wanted) < _error(held, wanted):
            chosen.append(row)
            held, groups_left = held + counts[row], groups_left - (counts[row] > 0)
    chosen = _exchange(counts, wanted, chosen, order) or _closest_group(counts, wanted, order)
    return {str(table.index[row]) for row in chosen}


def _error(held: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Distance of the classes (last axis) from their share; relative, or large classes would decide alone."""
    return ((held - wanted) ** 2 / wanted).sum(axis=-1)


def _exchange(counts: np.ndarray, wanted: np.ndarray, chosen: list[int], order: list[int]) -> list[int]:
    """Add, remove or exchange one group at a time while that brings the classes closer to their share."""
    no_group = np.zeros((1, counts.shape[1]), counts.dtype)  # last candidate: "remove only" or "add only"
    movable = (counts > 0).sum(axis=0) > 1  # a class with one group stays in training
    limit = min(MAX_CANDIDATES, math.isqrt(MAX_CELLS // counts.shape[1]))
    while chosen:
        held = counts[chosen].sum(axis=0)
        if np.abs(held - wanted)[movable].max() <= 0.5:  # no whole number of clips is closer
            return chosen
        taken = set(chosen)
        others = [row for row in order if row not in taken]
        removable, addable = chosen[:limit], others[:limit]
        removed, added = (np.vstack([counts[rows], no_group]) for rows in (removable, addable))
        # every pair at once: (groups to remove + 1, groups to add + 1, classes)
        groups_left = (counts[others] > 0).sum(axis=0) - (added > 0)[None].astype(int) + (removed > 0)[:, None]
        errors = _error(held + added[None] - removed[:, None], wanted)
        errors = np.where((groups_left > 0).all(axis=-1), errors, np.inf)
        row, column = np.unravel_index(errors.argmin(), errors.shape)
        if not errors[row, column] < _error(held, wanted) - 1e-9:  # rounding must not exchange two groups for ever
            return chosen
        chosen = [group for group in chosen if group not in removable[row : row + 1]] + addable[column : column + 1]
    return chosen


def _closest_group(counts: np.ndarray, wanted: np.ndarray, order: list[int]) -> list[int]:
    """If every group is larger than the share: the one closest to it that training can spare, if there is one."""
    groups = (counts > 0).sum(axis=0)
    spared = [row for row in order if (groups[counts[row] > 0] > 1).all()]
    return [min(spared, key=lambda row: float(_error(counts[row], wanted)))] if spared else []


def _draw(seed: int, group: str) -> bytes:
    """A random sort key from seed and name alone."""
    return hashlib.blake2b(f"{seed}\0{nfc(group)}".encode()).digest()
