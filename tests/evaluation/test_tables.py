import pandas as pd
import pytest
from sklearn.metrics import precision_recall_fscore_support

from hand_gestures.evaluation.tables import CLASS_COLUMNS, GROUP_COLUMNS, TRUE_CLASS, confusion, per_class, per_group

TRUE = ["a", "a", "a", "a", "b", "b", "c", "c"]
PREDICTED = ["a", "b", "c", "c", "b", "b", "a", "d"]
GROUPS = ["p", "q", "p", "q", "p", "q", "r", "r"]
NAMES = ["a", "b", "c", "d", "e"]


def predictions(true=TRUE, predicted=PREDICTED, groups=GROUPS):
    rows = pd.DataFrame({"class_name": true, "predicted": predicted, "group": groups})
    rows["sequence_id"] = [f"s{n}" for n in range(len(rows))]
    return rows.assign(correct=rows["class_name"] == rows["predicted"])


def test_the_rates_of_each_class_equal_scikit_learn():
    table = per_class(predictions(), NAMES).set_index("class_name")
    expected = precision_recall_fscore_support(TRUE, PREDICTED, labels=["a", "b", "c"])
    for column, values in zip(("precision", "recall", "f1", "clips"), expected, strict=True):
        assert table.loc[["a", "b", "c"], column].tolist() == pytest.approx(list(values))
    assert table["right"].tolist() == [1, 2, 0, 0, 0]
    assert table["accuracy"].equals(table["recall"])


def test_the_most_frequent_mistake_is_named_and_counted():
    table = per_class(predictions(), NAMES).set_index("class_name")
    assert table["most_frequent_mistake"].to_dict() == {"a": "c", "b": "", "c": "a", "d": "", "e": ""}
    assert table["times_mistaken"].tolist() == [2, 0, 1, 0, 0]


def test_a_class_without_clips_has_a_row_without_rates():
    table = per_class(predictions(), NAMES).set_index("class_name")
    assert table.loc["e", ["accuracy", "precision", "f1"]].isna().all()
    assert table.loc["d", "precision"] == 0  # it was predicted once, and wrongly
    assert pd.isna(table.loc["d", "accuracy"])


def test_counts_stay_integers_if_every_prediction_is_wrong():
    table = per_class(predictions(["a", "b"], ["b", "a"], ["p", "q"]), ["a", "b"])
    assert all(table[column].dtype.kind == "i" for column in ("clips", "right", "times_mistaken"))


def test_the_worst_group_comes_first_and_the_larger_of_equal_ones():
    table = per_group(predictions(predicted=["a", "b", "a", "c", "x", "x", "x", "x"], groups=list("pqpqrrrs")))
    assert table["group"].tolist() == ["r", "q", "s", "p"]
    assert table["accuracy"].tolist() == [0, 0, 0, 1]
    assert table["clips"].tolist() == [3, 2, 1, 2]


def test_without_known_groups_there_is_no_table_of_groups():
    table = per_group(predictions(groups=[f"s{n}" for n in range(8)]))  # the sequence ids
    assert table.empty
    assert list(table.columns) == GROUP_COLUMNS


def test_groups_of_one_clip_each_are_listed():
    table = per_group(predictions(groups=list("stuvwxyz")))
    assert table["clips"].tolist() == [1] * 8
    assert table["group"].tolist() == ["t", "u", "v", "y", "z", "s", "w", "x"]


def test_without_clips_the_tables_are_empty():
    nothing = predictions([], [], [])
    assert list(per_class(nothing, NAMES).columns) == CLASS_COLUMNS
    assert per_class(nothing, NAMES).empty
    assert per_group(nothing).empty


def test_the_confusion_matrix_counts_pairs_of_true_and_predicted_class():
    counts = confusion(predictions()).set_index(TRUE_CLASS)
    assert list(counts.columns) == list(counts.index) == ["a", "b", "c", "d"]
    assert counts.loc["a"].tolist() == [1, 1, 2, 0]
    assert counts.loc["c", "d"] == 1
    assert counts.to_numpy().sum() == 8


def test_the_confusion_matrix_of_no_clips_or_one_class_has_only_what_occurs():
    assert list(confusion(predictions([], [], []))) == [TRUE_CLASS]
    assert confusion(predictions(["a"], ["a"], ["p"])).to_numpy().tolist() == [["a", 1]]
