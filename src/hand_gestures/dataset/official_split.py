"""Splits that the makers of a data set published, from a CSV file."""

import logging
from pathlib import Path

import pandas as pd

from hand_gestures.dataset.split_assignment import LEFT_OUT, SPLITS, TRAIN, VAL, assign_splits
from hand_gestures.dataset.text_tables import read_setting_table, values_by_sequence
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.rules import pluralise

logger = logging.getLogger(__name__)

COLUMNS = "columns 'class_name', 'video_id' and 'split' (train, val or test)"


def read_official_split(path: Path) -> pd.Series:
    """Read a CSV file with the columns `class_name`, `video_id` and `split`.

    Returns:
        "train", "val" or "test", indexed by sequence_id in NFC.

    Raises:
        HandGesturesError: the file is missing or has another form, or a video is in several splits.
    """
    rows = read_setting_table(path, "split.lists", COLUMNS, ("class_name", "split", "video_id"))
    wrong = rows.index[~rows["split"].isin(SPLITS)]
    if len(wrong):
        raise HandGesturesError(
            # line 1 has the column names
            f"a split is one of {', '.join(SPLITS)}, but line {wrong[0] + 2} of {path} says "
            f"'{rows['split'][wrong[0]]}'; correct that line"
        )
    return values_by_sequence(rows, rows["split"].rename("side"), "split", path)


def official_splits(sequences: pd.DataFrame, listed: pd.Series, val_fraction: float, seed: int) -> pd.Series:
    """The published split of each sequence.

    If the lists have no validation sequences, `val_fraction` of the training sequences validates, by whole groups.
    Sequences of a class without training sequences are left out, with a warning.

    Args:
        sequences: columns `sequence_id`, `class_name` and `group`.
        listed: split by sequence_id, see `read_official_split`.
        val_fraction: share of each class, between 0 and 1.
        seed: of the choice of validation groups.

    Returns:
        "train", "val", "test" or, for sequences that are not listed, "left_out"; named "side".

    Raises:
        HandGesturesError: no training sequence is left, or no validation sequence of a class that trains.
    """
    splits = sequences["sequence_id"].map(listed).fillna(LEFT_OUT).rename("side")
    if not (splits == TRAIN).any():
        raise HandGesturesError(
            f"split.lists must name training sequences of this data set, but none of its {len(listed)} lines does "
            f"(a sequence of this data set: '{sequences['sequence_id'].iloc[0]}'); correct the names"
        )
    if not (splits == VAL).any():
        trained = sequences[splits == TRAIN]
        splits[trained.index] = assign_splits(trained, val_fraction, 0.0, seed)
    _log_differences(sequences, listed, splits)
    # a network without an output for a class can only be wrong about it
    untrained = ~sequences["class_name"].isin(sequences["class_name"][splits == TRAIN]) & (splits != LEFT_OUT)
    if untrained.any():
        splits[untrained] = LEFT_OUT
        names = ", ".join(sorted(sequences["class_name"][untrained].unique()))
        if not (splits == VAL).any():
            raise HandGesturesError(
                "split.lists must name a validation sequence of a class that trains, but it names no training sequence "
                f"of {names}; list some of them as train"
            )
        logger.warning("left out %s of classes that nothing trains: %s", _count(untrained), names)
    return splits


def _log_differences(sequences: pd.DataFrame, listed: pd.Series, splits: pd.Series) -> None:
    absent = sorted(set(listed.index) - set(sequences["sequence_id"]))
    if absent:
        count = pluralise(len(absent), "sequence")
        logger.warning("split.lists names %s not in this data set, the first: %s", count, absent[0])
    unlisted = splits == LEFT_OUT
    if unlisted.any():
        logger.warning("left out %s that split.lists does not name", _count(unlisted))


def _count(chosen: pd.Series) -> str:
    return pluralise(int(chosen.sum()), "sequence")
