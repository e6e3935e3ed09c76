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


def test_figures_of_each_class_are_those_of_scikit_learn():
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


def test_a_class_without_clips_has_a_row_without_figures():
    table = per_class(predictions(), NAMES).set_index("class_name")
    assert table.loc["e", ["accuracy", "precision", "f1"]].isna().all()
    assert table.loc["d", "precision"] == 0  # it was said once, and wrongly
    assert pd.isna(table.loc["d", "accuracy"])


def test_the_worst_group_comes_first_and_of_equals_the_larger():
    table = per_group(predictions(predicted=["a", "b", "a", "c", "x", "x", "x", "x"], groups=list("pqpqrrrs")))
    assert table["group"].tolist() == ["r", "q", "s", "p"]
    assert table["accuracy"].tolist() == [0, 0, 0, 1]
    assert table["clips"].tolist() == [3, 2, 1, 2]


def test_where_each_clip_is_its_own_group_there_is_nothing_to_tell():
    table = per_group(predictions(groups=list("stuvwxyz")))
    assert table.empty
    assert list(table.columns) == GROUP_COLUMNS


def test_of_no_clips_there_are_empty_tables():
    nothing = predictions([], [], [])
    assert list(per_class(nothing, NAMES).columns) == CLASS_COLUMNS
    assert per_class(nothing, NAMES).empty
    assert per_group(nothing).empty


def test_the_confusion_matrix_counts_what_was_taken_for_what():
    counts = confusion(predictions()).set_index(TRUE_CLASS)
    assert list(counts.columns) == list(counts.index) == ["a", "b", "c", "d"]
    assert counts.loc["a"].tolist() == [1, 1, 2, 0]
    assert counts.loc["c", "d"] == 1
    assert counts.to_numpy().sum() == 8
