"""Which sequences train, validate and test: whole groups at a time, by names and seed alone (docs/adr/0002)."""

import hashlib
import itertools
import logging
import math
import time

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.names import nfc
from hand_gestures.utils.progress import SECONDS_BETWEEN_LINES

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
    group_of_row, groups = pd.factorize(sequences["group"], sort=True)
    class_of_row, classes = pd.factorize(sequences["class_name"], sort=True)
    # sparse: a group has clips of few of very many classes
    ones, shape = np.ones(len(sequences), np.int64), (len(groups), len(classes))
    counts = csr_array((ones, (group_of_row, class_of_row)), shape)
    counts.sum_duplicates()
    draws = [_draw(seed, str(group)) for group in groups]
    in_val = _choose_groups(counts, val_fraction, draws)
    if not in_val:
        alone = sorted(classes[_groups_of_classes(counts) == 1])
        raise HandGesturesError(
            "validation needs a class with sequences of at least two groups, but each group here is the only one of "
            f"some class ({', '.join(alone)}); add recordings, say in split.lists which sequences validate, "
            "or set split.group_pattern to null to split by video"
        )
    # the groups of validation are gone, so the same number of clips is a larger share of the rest
    wanted_of_rest = test_fraction / (1 - val_fraction)
    rest = np.setdiff1d(np.arange(len(groups)), in_val)
    in_test = _choose_groups(counts[rest], wanted_of_rest, [draws[row] for row in rest]) if test_fraction else []
    splits = pd.Series(TRAIN, index=sequences.index, name="side")
    splits[np.isin(group_of_row, in_val)] = VAL
    splits[np.isin(group_of_row, rest[in_test])] = TEST
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


def _choose_groups(counts: csr_array, fraction: float, draws: list[bytes]) -> list[int]:
    """Rows of groups that hold about `fraction` of the clips of every class, but never all groups of one.

    Groups are tried in the order of their draws; a group is taken if it brings the classes closer to their share.
    Then single groups are added, removed or exchanged while that brings the classes closer still.

    Args:
        counts: clips of each group (rows) and class (columns).
        fraction: wanted share of each class; a class gets at least one clip.
        draws: a sort key for each group.
    """
    wanted = np.maximum(counts.sum(axis=0) * fraction, 1.0)
    order = sorted(range(counts.shape[0]), key=draws.__getitem__)
    # first pass: greedy; `held` are the chosen clips and `groups_left` the training groups of each class
    chosen: list[int] = []
    held, groups_left = np.zeros_like(wanted), _groups_of_classes(counts)
    error = _error(held, wanted)
    for row in order:
        classes, clips = _row(counts, row)
        shares = wanted[classes]
        closer = (held[classes] + clips - shares) ** 2 < (held[classes] - shares) ** 2
        if (groups_left[classes] <= 1).any() or not closer.any():
            continue  # the last group of a class, or it brings no class closer: no need to sum over all classes
        with_row = held.copy()
        with_row[classes] += clips
        error_with_row = _error(with_row, wanted)
        if error_with_row < error:
            chosen.append(row)
            held, error = with_row, error_with_row
            groups_left[classes] -= 1
    return _exchange(counts, wanted, chosen, order) or _closest_group(counts, wanted, order)


def _row(counts: csr_array, row: int) -> tuple[np.ndarray, np.ndarray]:
    """The classes of a group and its clips of each of them."""
    clips = slice(counts.indptr[row], counts.indptr[row + 1])
    return counts.indices[clips], counts.data[clips]


def _groups_of_classes(counts: csr_array) -> np.ndarray:
    """The number of groups that have clips of each class."""
    return np.bincount(counts.indices, minlength=counts.shape[1])


def _error(held: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Distance of the classes (last axis) from their share; relative, or large classes would decide alone."""
    return ((held - wanted) ** 2 / wanted).sum(axis=-1)


def _exchange(counts: csr_array, wanted: np.ndarray, chosen: list[int], order: list[int]) -> list[int]:
    """Add, remove or exchange one group at a time while that brings the classes closer to their share."""
    no_group = np.zeros((1, counts.shape[1]), counts.dtype)  # last candidate: "remove only" or "add only"
    groups = _groups_of_classes(counts)
    movable = groups > 1  # a class with one group stays in training
    limit = min(MAX_CANDIDATES, math.isqrt(MAX_CELLS // counts.shape[1]))
    last_line = time.monotonic()
    for exchanges in itertools.count():
        if not chosen:
            break
        if time.monotonic() - last_line > SECONDS_BETWEEN_LINES:
            last_line = time.monotonic()
            logger.info("choosing groups for the split: %d exchanges so far", exchanges)
        held = counts[chosen].sum(axis=0)
        if np.abs(held - wanted)[movable].max() <= 0.5:  # no whole number of clips is closer
            return chosen
        taken = set(chosen)
        others = [row for row in order if row not in taken]
        removable, addable = chosen[:limit], others[:limit]
        removed, added = (np.vstack([counts[rows].toarray(), no_group]) for rows in (removable, addable))
        # every pair at once: (groups to remove + 1, groups to add + 1, classes)
        in_training = groups - _groups_of_classes(counts[chosen])
        groups_left = in_training - (added > 0)[None].astype(int) + (removed > 0)[:, None]
        errors = _error(held + added[None] - removed[:, None], wanted)
        errors = np.where((groups_left > 0).all(axis=-1), errors, np.inf)
        row, column = np.unravel_index(errors.argmin(), errors.shape)
        if not errors[row, column] < _error(held, wanted) - 1e-9:  # rounding must not exchange two groups for ever
            return chosen
        chosen = [group for group in chosen if group not in removable[row : row + 1]] + addable[column : column + 1]
    return chosen


def _closest_group(counts: csr_array, wanted: np.ndarray, order: list[int]) -> list[int]:
    """If every group is larger than the share: the one closest to it that training can spare, if there is one."""
    groups = _groups_of_classes(counts)
    spared = [row for row in order if (groups[_row(counts, row)[0]] > 1).all()]
    return [min(spared, key=lambda row: float(_error(counts[[row]].toarray()[0], wanted)))] if spared else []


def _draw(seed: int, group: str) -> bytes:
    """A random sort key from seed and name alone."""
    return hashlib.blake2b(f"{seed}\0{nfc(group)}".encode()).digest()
