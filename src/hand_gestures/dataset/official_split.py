"""Splits that a data set's makers published, from a CSV."""

import logging
from pathlib import Path

import pandas as pd

from hand_gestures.dataset.split_assignment import LEFT_OUT, SIDES, TRAIN, VAL, assign_sides
from hand_gestures.utils.errors import HandGesturesError

logger = logging.getLogger(__name__)

FORM = "columns 'class_name', 'video_id' and 'split' (train, val or test)"


def read_official_split(path: Path) -> pd.Series:
    """The lists of a CSV with columns `class_name`, `video_id`, `split`: side by sequence_id.

    Raises:
        HandGesturesError: no such file, another form, or a video that stands on two sides.
    """
    try:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (OSError, ValueError) as error:
        raise HandGesturesError(
            f"split.lists must be a CSV with {FORM}, but {path} cannot be read as one ({error}); mend it or its path"
        ) from error
    absent = {"class_name", "video_id", "split"} - set(rows.columns)
    if absent:
        raise HandGesturesError(
            f"split.lists must be a CSV with {FORM}, but {path} has no column '{min(absent)}'; add it"
        )
    wrong = rows.index[~rows["split"].isin(SIDES)]
    if len(wrong):
        raise HandGesturesError(
            f"a split is one of {', '.join(SIDES)}, but line {wrong[0] + 2} of {path} says "
            f"'{rows['split'][wrong[0]]}'; mend that line"
        )
    listed = pd.DataFrame({"sequence_id": rows["class_name"] + "/" + rows["video_id"], "side": rows["split"]})
    listed = listed.drop_duplicates()
    twice = listed["sequence_id"][listed["sequence_id"].duplicated()]
    if len(twice):
        raise HandGesturesError(
            f"a sequence stands on one side, but {path} puts '{twice.iloc[0]}' on more; leave one of its lines"
        )
    return listed.set_index("sequence_id")["side"]


def official_sides(sequences: pd.DataFrame, listed: pd.Series, val_fraction: float, seed: int) -> pd.Series:
    """The side of each row of `sequences`; "left_out" where `listed` does not name it.

    Lists without validation give `val_fraction` of their training sequences to it, by groups. A sequence
    whose class nobody trains on is left out, with a warning.

    Raises:
        HandGesturesError: no listed sequence is there, none of them trains, or none validates a class that trains.
    """
    sides = sequences["sequence_id"].map(listed).fillna(LEFT_OUT).rename("side")
    if not (sides == TRAIN).any():
        raise HandGesturesError(
            f"split.lists must name sequences that train, but none of the {len(listed)} it names is a training "
            f"sequence that is here (the first here: '{sequences['sequence_id'].iloc[0]}'); mend the names"
        )
    if not (sides == VAL).any():
        trained = sequences[sides == TRAIN]
        sides[trained.index] = assign_sides(trained, val_fraction, 0.0, seed)
    _tell_differences(sequences, listed, sides)
    untrained = ~sequences["class_name"].isin(sequences["class_name"][sides == TRAIN]) & (sides != LEFT_OUT)
    if untrained.any():
        names = sorted(sequences["class_name"][untrained].unique())
        logger.warning(
            "%d sequences are left out, as nothing trains their classes: %s", untrained.sum(), ", ".join(names)
        )
        sides[untrained] = LEFT_OUT
        if not (sides == VAL).any():
            raise HandGesturesError(
                "split.lists must name a validation sequence of a class that trains, but it names none of "
                f"{', '.join(names)} for training; list some of them as train"
            )
    return sides


def _tell_differences(sequences: pd.DataFrame, listed: pd.Series, sides: pd.Series) -> None:
    absent = sorted(set(listed.index) - set(sequences["sequence_id"]))
    if absent:
        logger.warning("split.lists names %d sequences that are not here, '%s' the first", len(absent), absent[0])
    unlisted = sequences["sequence_id"][sides == LEFT_OUT]
    if len(unlisted):
        logger.warning("%d sequences are left out, as split.lists does not name them", len(unlisted))
