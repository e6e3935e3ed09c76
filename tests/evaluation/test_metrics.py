import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss, recall_score, top_k_accuracy_score

from hand_gestures.evaluation.metrics import ScoredClips, compute_metrics


def scored_clips(clips=60, classes=8, subsets=None, seed=1):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (clips, classes))
    labels = rng.integers(0, classes - 1, clips)  # the last class has no clips
    logits[np.arange(clips), labels] += 1
    odds = np.exp(logits)
    return ScoredClips(labels, odds / odds.sum(axis=1, keepdims=True), subsets or {})


def plain_metrics(clips):
    metrics = compute_metrics(clips, np.ones((1, len(clips.labels))))
    return {name: value[0] for name, value in metrics.items()}


def test_metrics_equal_scikit_learn_over_the_classes_that_have_clips():
    clips = scored_clips()
    labels, probabilities, _ = clips
    predicted, present = probabilities.argmax(axis=1), sorted(set(labels))
    assert 7 in predicted
    assert 7 not in present
    metrics = plain_metrics(clips)
    assert metrics["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert metrics["top5_accuracy"] == pytest.approx(top_k_accuracy_score(labels, probabilities, k=5, labels=range(8)))
    assert metrics["mean_class_accuracy"] == pytest.approx(
        recall_score(labels, predicted, labels=present, average="macro", zero_division=0)
    )
    assert metrics["macro_f1"] == pytest.approx(f1_score(labels, predicted, labels=present, average="macro"))
    assert metrics["loss"] == pytest.approx(log_loss(labels, probabilities, labels=range(8)))


def test_integer_weights_equal_copies_of_the_clips():
    clips = scored_clips(subsets={"some": np.arange(60) % 2 == 0})
    weights = np.random.default_rng(2).integers(0, 4, (3, 60))
    weighted = compute_metrics(clips, weights)
    for row, times in enumerate(weights):
        copies = np.repeat(np.arange(60), times)
        repeated = ScoredClips(
            clips.labels[copies], clips.probabilities[copies], {"some": clips.subsets["some"][copies]}
        )
        for name, value in plain_metrics(repeated).items():
            assert weighted[name][row] == pytest.approx(value), name


def test_top5_accuracy_needs_more_than_five_classes():
    assert "top5_accuracy" in plain_metrics(scored_clips(classes=6))
    assert "top5_accuracy" not in plain_metrics(scored_clips(classes=5))


def test_the_accuracy_of_a_subset_uses_only_its_clips():
    clips = scored_clips()
    correct = clips.probabilities.argmax(axis=1) == clips.labels
    metrics = plain_metrics(clips._replace(subsets={"correct": correct, "wrong": ~correct, "none": np.zeros(60, bool)}))
    assert metrics["accuracy_correct"] == 1
    assert metrics["accuracy_wrong"] == 0
    assert np.isnan(metrics["accuracy_none"])


def test_equal_probabilities_do_not_count_as_top5():
    flat = ScoredClips(np.array([7, 7]), np.full((2, 8), 1 / 8), {})
    assert plain_metrics(flat)["top5_accuracy"] == 0  # ties keep the order of classes: the eighth is last


def test_a_probability_of_zero_gives_a_large_but_finite_loss():
    certain = ScoredClips(np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]]), {})
    assert 10 < plain_metrics(certain)["loss"] < 100
