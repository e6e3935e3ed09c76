"""Which sequences train, validate and test: whole groups at a time, by names and seed alone."""

import hashlib
import logging
import math
import unicodedata

import numpy as np
import pandas as pd

from hand_gestures.utils.errors import HandGesturesError

logger = logging.getLogger(__name__)

TRAIN, VAL, TEST, LEFT_OUT = "train", "val", "test", "left_out"
SIDES = (TRAIN, VAL, TEST)
EXCHANGES = 300  # groups of each side among which better exchanges are sought; more cost time and gain nothing
CELLS = 9_000_000  # pairs of groups times classes weighed at a time: what bounds the memory


def assign_sides(sequences: pd.DataFrame, val_fraction: float, test_fraction: float, seed: int) -> pd.Series:
    """Put about `val_fraction` of each class into validation and `test_fraction` into the test, whole groups at a time.

    The same sequences and seed give the same sides, whatever their order. Every class keeps a group to
    train on; one that has no second group for validation (or no third for the test) is named in a warning.

    Returns:
        "train", "val" or "test" for each row of `sequences`, which needs `class_name` and `group`.

    Raises:
        HandGesturesError: no group is left that could validate.
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
    wanted_of_rest = test_fraction / (1 - val_fraction)
    in_test = _choose_groups(table.drop(index=list(in_val)), wanted_of_rest, seed) if test_fraction else set()
    sides = pd.Series(TRAIN, index=sequences.index, name="side")
    sides[sequences["group"].isin(in_val)] = VAL
    sides[sequences["group"].isin(in_test)] = TEST
    return sides


def warn_of_missing_classes(class_names: pd.Series, sides: pd.Series) -> None:
    """Name the classes that train but stand not on another side that is there: its figures leave them out."""
    trained = set(class_names[sides == TRAIN])
    for side, purpose in ((VAL, "validation"), (TEST, "the test")):
        there = set(class_names[sides == side])
        missing = sorted(trained - there)
        if there and missing:
            logger.warning(
                "%d of %d classes stay in training, as no group of theirs could be spared for %s, whose figures leave "
                "them out: %s",
                len(missing),
                len(trained),
                purpose,
                ", ".join(missing),
            )


def _choose_groups(table: pd.DataFrame, fraction: float, seed: int) -> set[str]:
    """Groups (rows of `table`, clips by class) that hold about `fraction` of every class, never all groups of one.

    In an order drawn from the seed, each group is taken that brings the classes nearer to their share;
    then single groups are added, removed or exchanged as long as that brings them nearer still.
    """
    counts = table.to_numpy()
    wanted = np.maximum(counts.sum(axis=0) * fraction, 1.0)
    order = sorted(range(len(table)), key=lambda row: _draw(seed, str(table.index[row])))
    chosen: list[int] = []
    held, left = np.zeros_like(wanted), (counts > 0).sum(axis=0)
    for row in order:
        spared = (left[counts[row] > 0] > 1).all()
        if spared and _miss(held + counts[row], wanted) < _miss(held, wanted):
            chosen.append(row)
            held, left = held + counts[row], left - (counts[row] > 0)
    chosen = _exchange(counts, wanted, chosen, order) or _nearest_group(counts, wanted, order)
    return {str(table.index[row]) for row in chosen}


def _miss(held: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """How far the classes are from their share; relative, or large classes would decide alone."""
    return ((held - wanted) ** 2 / wanted).sum(axis=-1)


def _exchange(counts: np.ndarray, wanted: np.ndarray, chosen: list[int], order: list[int]) -> list[int]:
    """Add, remove or exchange one group at a time while that brings the classes nearer to their share."""
    nothing = np.zeros((1, counts.shape[1]), counts.dtype)
    several = (counts > 0).sum(axis=0) > 1  # a class of one group stays where it is
    most = min(EXCHANGES, math.isqrt(CELLS // counts.shape[1]))
    while chosen:
        held = counts[chosen].sum(axis=0)
        if np.abs(held - wanted)[several].max() <= 0.5:  # no whole number of clips is nearer
            return chosen
        taken = set(chosen)
        others = [row for row in order if row not in taken]
        out, into = chosen[:most], others[:most]
        change = np.vstack([counts[into], nothing])[None] - np.vstack([counts[out], nothing])[:, None]
        remaining = (counts[others] > 0).sum(axis=0)
        has_out, has_into = (np.vstack([counts[rows], nothing]) > 0 for rows in (out, into))
        trains_all = ((remaining - has_into[None].astype(int) + has_out[:, None]) > 0).all(axis=-1)
        misses = np.where(trains_all, _miss(held + change, wanted), np.inf)
        removed, added = np.unravel_index(misses.argmin(), misses.shape)
        if not misses[removed, added] < _miss(held, wanted) - 1e-9:
            return chosen
        kept = [row for row in chosen if removed == len(out) or row != out[removed]]
        chosen = kept + ([into[added]] if added < len(into) else [])
    return chosen


def _nearest_group(counts: np.ndarray, wanted: np.ndarray, order: list[int]) -> list[int]:
    """Where every group is too large for its share: the one that misses it least, if training can spare any."""
    groups = (counts > 0).sum(axis=0)
    spared = [row for row in order if (groups[counts[row] > 0] > 1).all()]
    return [min(spared, key=lambda row: float(_miss(counts[row], wanted)))] if spared else []


def _draw(seed: int, group: str) -> bytes:
    """A random but fixed place in line: by seed and name alone, however a file system writes its accents."""
    return hashlib.blake2b(f"{seed}\0{unicodedata.normalize('NFC', group)}".encode()).digest()
