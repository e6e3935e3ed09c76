"""The split as a table: one row per sequence, with its split and the split it would have if groups were ignored."""

import logging
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from hand_gestures.dataset.official_split import official_splits
from hand_gestures.dataset.split_assignment import (
    LEFT_OUT,
    SPLITS,
    TRAIN,
    VAL,
    assign_splits,
    warn_about_missing_classes,
)
from hand_gestures.utils.rules import groups_known, pluralise

logger = logging.getLogger(__name__)

SPLIT_COLUMNS = ["sequence_id", "class_name", "video_id", "group", "side", "random_side"]
FOLD_COLUMNS = ("fold", "group", "train_sequences", "val_sequences", "val_classes", "untrained_classes")


def make_split_table(
    sequences: pd.DataFrame, val_fraction: float, test_fraction: float, seed: int, listed: pd.Series | None = None
) -> pd.DataFrame:
    """Assign every sequence to a split.

    Args:
        sequences: columns of `build_sequences`.
        val_fraction: share of each class that validates, between 0 and 1.
        test_fraction: share of each class that is kept for the test.
        seed: of the choice of groups.
        listed: published split by sequence_id, used instead of the fractions.

    Returns:
        `SPLIT_COLUMNS`, ordered by sequence_id. `random_side` divides the training and validation clips in the same
        shares, but ignores groups: it shows how much better the metrics look when performers are known from training.
        Test clips keep their split: nothing but the test may read their embeddings.

    Raises:
        HandGesturesError: no sequence is left to train or to validate.
    """
    sequences = sequences.sort_values("sequence_id", ignore_index=True)
    if listed is None:
        splits = assign_splits(sequences, val_fraction, test_fraction, seed)
    else:
        splits = official_splits(sequences, listed, val_fraction, seed)
    warn_about_missing_classes(sequences["class_name"], splits)
    table = sequences.assign(side=splits, random_side=_random_splits(sequences, splits, seed))[SPLIT_COLUMNS]
    for name, counts in summarise_splits(table)["split"].items():
        if counts["sequences"]:
            groups = "" if counts["groups"] is None else f" of {pluralise(counts['groups'], 'group')}"
            logger.info("%s split: %s%s", name, pluralise(counts["sequences"], "sequence"), groups)
    return table


def _random_splits(sequences: pd.DataFrame, splits: pd.Series, seed: int) -> pd.Series:
    used = sequences[splits.isin((TRAIN, VAL))]
    # the share that the split really has: groups seldom allow the wanted fraction
    shares = splits[used.index].value_counts(normalize=True)
    own_groups = used.assign(group=used["sequence_id"])
    return splits.mask(splits.index.isin(used.index), assign_splits(own_groups, shares[VAL], 0.0, seed))


def sides_of(sequences: pd.DataFrame, split: pd.DataFrame) -> np.ndarray:
    """The split of each row of `sequences`, in its order.

    Args:
        sequences: column `sequence_id`.
        split: the split table.

    Returns:
        Strings (N,): "train", "val", "test" or "left_out".
    """
    return split.set_index("sequence_id")["side"].reindex(sequences["sequence_id"]).to_numpy()


def select_sequences(sequences: pd.DataFrame, split: pd.DataFrame) -> pd.DataFrame:
    """The sequences that the split table, or a part of it, lists, in its order.

    Args:
        sequences: columns of `build_sequences`, in any order.
        split: rows of the split table.

    Returns:
        As many rows as `split`, numbered from 0.
    """
    return sequences.set_index("sequence_id", drop=False).loc[split["sequence_id"]].reset_index(drop=True)


def count_groups(split: pd.DataFrame, sequence_ids: Iterable[str]) -> int | None:
    """Count the groups of some sequences.

    Args:
        split: the split table.
        sequence_ids: the sequences.

    Returns:
        The number of groups; None if their groups are not known, see `groups_known`.
    """
    rows = split[split["sequence_id"].isin(set(sequence_ids))]
    return rows["group"].nunique() if groups_known(rows["sequence_id"], rows["group"]) else None


def summarise_splits(split: pd.DataFrame) -> dict[str, dict[str, dict[str, Any]]]:
    """Count `sequences`, `groups` and `classes` of each split.

    Returns:
        `{"split": {"train": counts, "val": …, "test": …}, "random_split": …}`; `groups` is None where groups are not
        known.
    """
    # known for all splits or for none: an empty test split has 0 groups, not unknown ones
    known = groups_known(split["sequence_id"], split["group"])
    return {
        name: {
            part: {
                "sequences": len(rows),
                "groups": rows["group"].nunique() if known else None,
                "classes": rows["class_name"].nunique(),
            }
            for part, rows in ((part, split[split[column] == part]) for part in SPLITS)
        }
        for name, column in (("split", "side"), ("random_split", "random_side"))
    }


def leave_one_group_out(split: pd.DataFrame) -> pd.DataFrame:
    """List the folds of a cross-validation in which each group validates once.

    Test sequences and those left out belong to no fold. There is no fold with one group or if groups are not known.

    Args:
        split: the split table.

    Returns:
        `FOLD_COLUMNS`, one row per group, ordered. `untrained_classes` lists, joined by ", ", the classes that only
        this group has: nothing trains them, so the metrics of the fold exclude them.
    """
    known = groups_known(split["sequence_id"], split["group"])
    usable = split[split["side"].isin((TRAIN, VAL))] if known else split[:0]
    # one row per group and class that occur together: all pairs would be a table of groups x classes
    clips = usable.groupby(["group", "class_name"]).size().rename("clips").reset_index()
    elsewhere = clips.groupby("class_name")["clips"].transform("sum") - clips["clips"]  # when the group is held out
    trained = elsewhere > 0
    sums = (
        clips.assign(validating=clips["clips"].where(trained, 0), trained=trained)
        .groupby("group")
        .sum(numeric_only=True)
    )
    if len(sums) < 2:
        return pd.DataFrame(columns=list(FOLD_COLUMNS))
    untrained = clips[~trained].groupby("group")["class_name"].agg(", ".join)
    return pd.DataFrame(
        {
            "fold": range(len(sums)),
            "group": sums.index,
            "train_sequences": len(usable) - sums["clips"].to_numpy(),
            "val_sequences": sums["validating"].to_numpy(),
            "val_classes": sums["trained"].to_numpy(),
            "untrained_classes": untrained.reindex(sums.index, fill_value="").to_numpy(),
        },
        columns=list(FOLD_COLUMNS),
    )


def fold_splits(split: pd.DataFrame, group: str) -> pd.Series:
    """The split of each row of the split table in the fold that validates on `group`."""
    splits = split["side"].replace(VAL, TRAIN)  # all groups but one train, also those that validate in the split
    splits[(splits == TRAIN) & (split["group"] == group)] = VAL
    trained = split["class_name"][splits == TRAIN]
    splits[(splits == VAL) & ~split["class_name"].isin(trained)] = LEFT_OUT
    return splits
