"""The split as a table: one row a sequence, with its side, and the side it would have if groups were ignored."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from hand_gestures.dataset.official_split import official_sides
from hand_gestures.dataset.split_assignment import (
    LEFT_OUT,
    SIDES,
    TEST,
    TRAIN,
    VAL,
    assign_sides,
    warn_of_missing_classes,
)

SPLIT_COLUMNS = ["sequence_id", "class_name", "video_id", "group", "side", "random_side"]


def make_split_table(
    sequences: pd.DataFrame, val_fraction: float, test_fraction: float, seed: int, listed: pd.Series | None = None
) -> pd.DataFrame:
    """Columns `SPLIT_COLUMNS`, ordered by sequence_id.

    `side` follows `listed` (side by sequence_id) where given, else the fractions by groups. `random_side` is a
    split of the same clips and shares that ignores groups: the flattering figure, to be shown beside the fair one.

    Raises:
        HandGesturesError: nothing is left that could train or validate.
    """
    sequences = sequences.sort_values("sequence_id", ignore_index=True)
    if listed is None:
        sides = assign_sides(sequences, val_fraction, test_fraction, seed)
    else:
        sides = official_sides(sequences, listed, val_fraction, seed)
    warn_of_missing_classes(sequences["class_name"], sides)
    return sequences.assign(side=sides, random_side=_random_sides(sequences, sides, seed))[SPLIT_COLUMNS]


def _random_sides(sequences: pd.DataFrame, sides: pd.Series, seed: int) -> pd.Series:
    used = sequences[sides != LEFT_OUT]
    shares = sides[used.index].value_counts(normalize=True)
    alone = used.assign(group=used["sequence_id"])
    random_sides = assign_sides(alone, shares[VAL], shares.get(TEST, 0.0), seed)
    return random_sides.reindex(sequences.index, fill_value=LEFT_OUT)


def sides_of(sequences: pd.DataFrame, split: pd.DataFrame) -> np.ndarray:
    """The side in the split table of each row of `sequences`."""
    return split.set_index("sequence_id")["side"].reindex(sequences["sequence_id"]).to_numpy()


def count_groups(split: pd.DataFrame, sequence_ids: Iterable[str]) -> int | None:
    """Groups of some sequences; None where each is a group of its own, since nothing is known of groups then."""
    groups = split.loc[split["sequence_id"].isin(set(sequence_ids)), "group"]
    return None if groups.is_unique else groups.nunique()


def summarise_sides(split: pd.DataFrame, sides: pd.Series) -> dict[str, dict[str, int]]:
    """Sequences, groups and classes on each side."""
    return {
        side: {
            "sequences": int((sides == side).sum()),
            "groups": int(split["group"][sides == side].nunique()),
            "classes": int(split["class_name"][sides == side].nunique()),
        }
        for side in SIDES
    }


FOLD_COLUMNS = ("fold", "group", "train_sequences", "val_sequences", "val_classes", "untrained_classes")


def leave_one_group_out(split: pd.DataFrame) -> pd.DataFrame:
    """One row a group of the split table, in order: what validates in its fold and which classes nothing trains there.

    Sequences of the test and those left out belong to no fold. `untrained_classes` names, joined by ", ",
    the classes that only this group has: the figures of the fold leave them out. With one group, or where every
    sequence is a group of its own, there is no fold.
    """
    grouped = bool((split["group"] != split["sequence_id"]).any())
    usable = split[split["side"].isin((TRAIN, VAL))] if grouped else split[:0]
    clips = pd.crosstab(usable["group"], usable["class_name"])
    elsewhere = clips.sum() - clips  # clips of each class that train where the group of the row is left out
    rows = []
    for number, group in enumerate(clips.index if len(clips) > 1 else []):
        held, trained = clips.loc[group], elsewhere.loc[group]
        validates = (held > 0) & (trained > 0)
        alone = clips.columns[(held > 0) & (trained == 0)]
        rows.append((number, group, trained.sum(), held[validates].sum(), validates.sum(), ", ".join(alone)))
    return pd.DataFrame(rows, columns=list(FOLD_COLUMNS))


def fold_sides(split: pd.DataFrame, group: str) -> pd.Series:
    """The side of each row of the split table in the fold that leaves `group` out of training."""
    sides = split["side"].replace(VAL, TRAIN)
    usable = ~sides.isin((TEST, LEFT_OUT))
    sides[usable & (split["group"] == group)] = VAL
    trained = split["class_name"][sides == TRAIN]
    sides[(sides == VAL) & ~split["class_name"].isin(trained)] = LEFT_OUT
    return sides
