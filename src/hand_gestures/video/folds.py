"""Leave-one-group-out folds: each group validates once what all others trained."""

import pandas as pd

from hand_gestures.video.splits import LEFT_OUT, TEST, TRAIN, VAL

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
