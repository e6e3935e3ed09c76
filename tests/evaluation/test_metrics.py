import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss, recall_score, top_k_accuracy_score

from hand_gestures.evaluation.metrics import Answers, compute_metrics


def answers(clips=60, classes=8, subsets=None, seed=1):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (clips, classes))
    labels = rng.integers(0, classes - 1, clips)  # the last class has no clips
    logits[np.arange(clips), labels] += 1
    odds = np.exp(logits)
    return Answers(labels, odds / odds.sum(axis=1, keepdims=True), subsets or {})


def single(given):
    figures = compute_metrics(given, np.ones((1, len(given.labels))))
    return {name: value[0] for name, value in figures.items()}


def test_figures_are_those_of_scikit_learn_over_the_classes_that_have_clips():
    given = answers()
    labels, probabilities, _ = given
    predicted, present = probabilities.argmax(axis=1), sorted(set(labels))
    assert 7 in predicted
    assert 7 not in present
    figures = single(given)
    assert figures["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert figures["top5_accuracy"] == pytest.approx(top_k_accuracy_score(labels, probabilities, k=5, labels=range(8)))
    assert figures["mean_class_accuracy"] == pytest.approx(
        recall_score(labels, predicted, labels=present, average="macro", zero_division=0)
    )
    assert figures["macro_f1"] == pytest.approx(f1_score(labels, predicted, labels=present, average="macro"))
    assert figures["loss"] == pytest.approx(log_loss(labels, probabilities, labels=range(8)))


def test_whole_weights_are_clips_that_are_there_so_often():
    given = answers(subsets={"some": np.arange(60) % 2 == 0})
    weights = np.random.default_rng(2).integers(0, 4, (3, 60))
    together = compute_metrics(given, weights)
    for row, times in enumerate(weights):
        again = np.repeat(np.arange(60), times)
        repeated = Answers(given.labels[again], given.probabilities[again], {"some": given.subsets["some"][again]})
        for name, value in single(repeated).items():
            assert together[name][row] == pytest.approx(value), name


def test_of_five_classes_or_fewer_there_is_no_top_five():
    assert "top5_accuracy" in single(answers(classes=6))
    assert "top5_accuracy" not in single(answers(classes=5))


def test_the_accuracy_of_a_subset_looks_at_its_clips_alone():
    given = answers()
    right = given.probabilities.argmax(axis=1) == given.labels
    figures = single(given._replace(subsets={"right": right, "wrong": ~right, "none": np.zeros(60, bool)}))
    assert figures["accuracy_right"] == 1
    assert figures["accuracy_wrong"] == 0
    assert np.isnan(figures["accuracy_none"])


def test_answers_that_are_all_alike_earn_no_top_five():
    flat = Answers(np.array([7, 7]), np.full((2, 8), 1 / 8), {})
    assert single(flat)["top5_accuracy"] == 0  # equals are ranked in order: the eighth class comes last


def test_a_probability_of_nought_costs_much_but_is_no_infinity():
    certain = Answers(np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]]), {})
    assert 10 < single(certain)["loss"] < 100
