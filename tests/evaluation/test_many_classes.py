"""Tens of thousands of classes: a table of classes x classes or of clips x classes would take gigabytes."""

import numpy as np
import pandas as pd

from hand_gestures.evaluation import tables
from hand_gestures.evaluation.metrics import ScoredClips, compute_metrics, rank_classes
from hand_gestures.evaluation.tables import OTHER_CLASSES, TRUE_CLASS, confusion, per_class
from limited_memory import limited_memory

CLASSES = 33_000
NAMES = [f"class{number:05d}" for number in range(CLASSES)]


def predictions(names=NAMES, wrong=3):
    """One clip of each class; the first `wrong` classes are predicted as the next one."""
    answers = [names[number + 1] if number < wrong else name for number, name in enumerate(names)]
    return pd.DataFrame({"class_name": names, "predicted": answers})


def test_tables_of_very_many_classes_take_little_memory():
    clips = predictions()
    with limited_memory(200):
        classes, matrix = per_class(clips, NAMES), confusion(clips)
    assert classes["right"].sum() == CLASSES - 3
    assert classes["most_frequent_mistake"].tolist() == [*NAMES[1:4], *[""] * (CLASSES - 3)]
    assert len(matrix) == tables.MAX_CONFUSED


def test_a_confusion_matrix_of_too_many_classes_keeps_the_most_frequent_mistakes(monkeypatch):
    monkeypatch.setattr(tables, "MAX_CONFUSED", 3)
    clips = pd.DataFrame(
        {"class_name": list("aabbbcccddd"), "predicted": list("aaaccdddccc")}  # d as c and c as d, then b as c
    )
    matrix = confusion(clips)
    assert matrix[TRUE_CLASS].tolist() == ["b", "c", "d"]
    assert matrix.drop(columns=TRUE_CLASS).to_numpy().tolist() == [[0, 2, 0, 1], [0, 0, 3, 0], [0, 3, 0, 0]]
    assert matrix.columns[-1] == OTHER_CLASSES
    monkeypatch.setattr(tables, "MAX_CONFUSED", 4)
    assert OTHER_CLASSES not in confusion(clips)


def test_metrics_of_a_thousand_classes_take_little_more_memory_than_the_probabilities():
    clips, classes = 20_000, 1001
    rng = np.random.default_rng(0)
    probabilities = rng.random((clips, classes), np.float32)  # 80 MB
    labels = rng.integers(0, classes, clips)
    with limited_memory(80):
        metrics = compute_metrics(ScoredClips(labels, probabilities, {}), np.ones((10, clips)))
    assert metrics["accuracy"][0] == (probabilities.argmax(axis=1) == labels).mean()


def test_equal_probabilities_keep_the_order_of_the_classes_in_every_block():
    probabilities = np.tile(np.array([0.1, 0.3, 0.1, 0.3, 0.1, 0.1], np.float32), (3000, 1))
    assert (rank_classes(probabilities) == [1, 3, 0, 2, 4]).all()
