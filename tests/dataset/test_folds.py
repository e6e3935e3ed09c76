import pandas as pd

from hand_gestures.dataset.split_table import FOLD_COLUMNS, fold_splits, leave_one_group_out
from small_sequences import alone, by_performer, sequence_table


def all_train(sequences):
    return sequences.assign(side="train")


def test_each_group_validates_once_on_the_classes_of_the_others():
    folds = leave_one_group_out(all_train(by_performer(4, classes=3, takes=2)))
    assert list(folds["group"]) == ["p00", "p01", "p02", "p03"]
    assert list(folds["fold"]) == [0, 1, 2, 3]
    assert set(folds["train_sequences"]) == {18}
    assert set(folds["val_sequences"]) == {6}
    assert set(folds["val_classes"]) == {3}
    assert set(folds["untrained_classes"]) == {""}


def test_a_class_with_one_group_is_named_in_its_fold_and_not_counted():
    sequences = pd.concat([by_performer(3, classes=2, takes=1), sequence_table([("rare", "r", "p01")])])
    folds = leave_one_group_out(all_train(sequences)).set_index("group")
    assert list(folds["untrained_classes"]) == ["", "rare", ""]
    assert folds.loc["p01", ["val_sequences", "val_classes", "train_sequences"]].tolist() == [2, 2, 4]


def test_test_sequences_and_those_left_out_belong_to_no_fold():
    sequences = by_performer(4, classes=2, takes=1)
    side = sequences["group"].map({"p00": "train", "p01": "val", "p02": "test", "p03": "left_out"})
    folds = leave_one_group_out(sequences.assign(side=side))
    assert list(folds["group"]) == ["p00", "p01"]
    assert set(folds["train_sequences"]) == {2}


def test_there_are_no_folds_without_known_groups_or_with_one_group():
    for sequences in (alone({"wave": 4, "fist": 4}), by_performer(1)):
        folds = leave_one_group_out(all_train(sequences))
        assert folds.empty
        assert tuple(folds.columns) == FOLD_COLUMNS


def test_the_sides_of_a_fold_agree_with_its_row():
    sequences = pd.concat([by_performer(4, classes=2), sequence_table([("rare", "r", "p01")])], ignore_index=True)
    sides = sequences["group"].map({"p00": "train", "p01": "train", "p02": "val", "p03": "test"})
    split = sequences.assign(side=sides)
    for fold in leave_one_group_out(split).itertuples():
        in_fold = fold_splits(split, fold.group)
        assert (in_fold == "train").sum() == fold.train_sequences
        assert (in_fold == "val").sum() == fold.val_sequences
        assert set(split["group"][in_fold == "val"]) == {fold.group}
        assert fold.group not in set(split["group"][in_fold == "train"])
        assert list(in_fold[split["group"] == "p03"].unique()) == ["test"]
    assert fold_splits(split, "p01")[split["class_name"] == "rare"].tolist() == ["left_out"]
