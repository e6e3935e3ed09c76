import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from base_parameters import base_parameters
from hand_gestures.classifier import Bundle
from hand_gestures.classifier.networks import build_network
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.evaluation.attention import channel_statistics, clip_attention, frame_statistics
from hand_gestures.evaluation.baselines import baseline_accuracy
from hand_gestures.evaluation.evaluate import evaluate_classifier
from hand_gestures.evaluation.intervals import exact_interval
from hand_gestures.evaluation.summary import Score, score_classifier, summarise
from hand_gestures.evaluation.tables import confusion, per_class, per_group
from hand_gestures.parameters import EvaluationParameters
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.selection import select_clean_views
from hand_gestures.store.write import write_embeddings
from hand_gestures.utils.errors import HandGesturesError
from small_embeddings import CHANNELS, CLASS_NAMES, CONTRACT, FRAMES, WIDTH, embedded_sequence, pending_embeddings

PARAMETERS = base_parameters(EvaluationParameters, class_sets={}, bootstrap_draws=50, confidence_level=0.9)


@pytest.fixture
def bundle():
    torch.manual_seed(3)
    architecture = {
        "name": "bilstm",
        "classes": 3,
        "channels": CHANNELS,
        "width": WIDTH,
        "hidden": 4,
        "layers": 1,
        "dropout": 0.0,
    }
    weights = build_network(architecture).copy_weights()
    return Bundle(weights, architecture, list(CLASS_NAMES), list(CHANNEL_NAMES), FRAMES, CONTRACT, {})


@pytest.fixture
def write_hands(tmp_path):
    """Writes one clip per flag, with a hand in one searched frame where the flag is true."""

    def write(*found, searched=2):
        clips = []
        for number, hand in enumerate(found):
            clip = embedded_sequence(number % 3, number)
            boxes, scores = np.full((searched, 3, 4), np.nan, "f4"), np.full((searched, 3), np.nan, "f4")
            if hand:
                boxes[-1, 0], scores[-1, 0] = 0.5, 0.9
            clips.append(clip._replace(boxes=boxes, scores=scores))
        stream = pending_embeddings(clips)
        header = replace(stream.header, hand_frames=(0, 4)[:searched])
        write_embeddings(tmp_path / "hands.h5", stream._replace(header=header))
        return EmbeddingFile(tmp_path / "hands.h5")

    return write


def evaluate(bundle, file, groups=None):
    return evaluate_classifier(bundle, file, 4, torch.device("cpu"), groups)


def groups_of_three(file):
    return {sequence_id: f"person{number // 3}" for number, sequence_id in enumerate(file.sequence_ids)}


def score(bundle, file, groups, split_name="validation"):
    return score_classifier(bundle, file, split_name, groups, batch_size=4, device="cpu", parameters=PARAMETERS, seed=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channel_names": list(CHANNEL_NAMES[::-1])}, "the order of channels of .*val.h5 differs from the model's"),
        ({"frames_per_clip": FRAMES + 1}, "the number of frames of .*val.h5 differs from the model's"),
        (
            {"channel_names": [*CHANNEL_NAMES[:-1], "depth"]},
            "channels are chosen among .* but 'depth' is none",
        ),
    ],
)
def test_a_model_for_other_clips_is_refused_instead_of_predicting_wrong_labels(bundle, write_file, change, message):
    with pytest.raises(HandGesturesError, match=message):
        evaluate(replace(bundle, **change), write_file("val.h5", 7))


def test_the_predicted_class_is_the_most_probable_one(bundle, write_file):
    result = evaluate(bundle, write_file("val.h5", 7))
    for row, probabilities in zip(result.predictions.itertuples(), result.probabilities, strict=True):
        ranked = [CLASS_NAMES[label] for label in np.argsort(-probabilities)]
        assert row.most_likely.split(" > ") == ranked
        assert row.predicted == ranked[0]
        assert row.confidence == probabilities.max()
        assert row.correct == (row.predicted == row.class_name)


def test_each_clip_has_its_group_or_is_its_own_group(bundle, write_file):
    file = write_file("val.h5", 7)
    assert evaluate(bundle, file).predictions["group"].tolist() == file.sequence_ids
    grouped = evaluate(bundle, file, groups_of_three(file)).predictions
    assert grouped["group"].tolist() == ["person0"] * 3 + ["person1"] * 3 + ["person2"]


def test_a_clip_that_is_missing_in_the_split_is_named_in_the_error(bundle, write_file):
    file = write_file("val.h5", 7)
    groups = groups_of_three(file)
    del groups["swipe_left/v4"]
    with pytest.raises(HandGesturesError, match=r"1 clip .* for example 'swipe_left/v4'; run data_processing"):
        evaluate(bundle, file, groups)


def test_a_hand_in_one_searched_frame_counts_as_found(bundle, write_hands):
    rows = evaluate(bundle, write_hands(True, False, True)).predictions
    assert rows["hand_found"].tolist() == [True, False, True]


def test_clips_with_and_without_hands_have_their_own_accuracy(bundle, write_hands):
    result = evaluate(bundle, write_hands(True, False, True, True, False))
    rows = result.predictions
    metrics = summarise(result, list(CLASS_NAMES), {})
    for name, chosen in (("with", rows["hand_found"]), ("without", ~rows["hand_found"])):
        assert metrics[f"accuracy_{name}_hands"] == pytest.approx(rows[chosen.astype(bool)]["correct"].mean())
    assert metrics["clips_without_hands"] == 2


def test_if_every_clip_has_a_hand_there_is_no_accuracy_without_hands(bundle, write_hands):
    metrics = summarise(evaluate(bundle, write_hands(True, True, True)), list(CLASS_NAMES), {})
    assert metrics["accuracy_with_hands"] == metrics["accuracy"]
    assert "accuracy_without_hands" not in metrics
    assert metrics["clips_without_hands"] == 0


def test_if_no_hand_was_searched_there_are_no_metrics_of_hands(bundle, write_hands):
    result = evaluate(bundle, write_hands(False, False, searched=0))
    assert result.predictions["hand_found"].isna().all()
    assert not any("hands" in name for name in summarise(result, list(CLASS_NAMES), {}))


def test_metrics_agree_with_the_predictions(bundle, write_file):
    file = write_file("val.h5", 13)
    result = evaluate(bundle, file)
    sets = {"swipes": ["swipe_left", "swipe_right"], "absent": ["nothing"]}
    metrics = summarise(result, bundle.class_names, sets)
    rows = result.predictions
    assert metrics["clips"] == len(rows) == 13
    assert metrics["accuracy"] == pytest.approx((rows["class_name"] == rows["predicted"]).mean())
    swipes = rows[rows["class_name"].str.startswith("swipe")]
    assert metrics["accuracy_swipes"] == pytest.approx((swipes["class_name"] == swipes["predicted"]).mean())
    assert "accuracy_absent" not in metrics
    probabilities = result.probabilities[np.arange(13), file.labels]
    assert metrics["loss"] == pytest.approx(-np.log(probabilities).mean())
    assert "groups" not in metrics


def test_intervals_contain_their_metrics_and_resample_whole_groups(bundle, write_file):
    file = write_file("val.h5", 18)
    alone, grouped = (
        summarise(evaluate(bundle, file, groups), bundle.class_names, {}) for groups in (None, groups_of_three(file))
    )
    for metrics in (alone, grouped):
        for name in ("accuracy", "loss", "ece", "macro_f1"):
            if f"{name}_low" in metrics:
                assert metrics[f"{name}_low"] <= metrics[name] <= metrics[f"{name}_high"]
    assert alone["accuracy"] == grouped["accuracy"]
    assert alone["loss_low"] != grouped["loss_low"]


def answered(evaluation, *right):
    """The same evaluation with other answers: clip by clip right, or wrong."""
    names = list(CLASS_NAMES)
    labels = [names.index(name) for name in evaluation.predictions["class_name"]]
    answers = [label if correct else (label + 1) % 3 for label, correct in zip(labels, right, strict=True)]
    probabilities = np.eye(3)[answers] * 0.9 + 0.1 / 3
    table = evaluation.predictions.assign(predicted=[names[answer] for answer in answers], correct=list(right))
    return evaluation._replace(probabilities=probabilities, predictions=table)


@pytest.mark.parametrize("right", [True, False])
def test_an_accuracy_that_no_draw_changes_has_an_exact_interval_over_groups_or_over_clips(bundle, write_file, right):
    file = write_file("val.h5", 18)
    for groups, units in ((None, 18), (groups_of_three(file), 6)):
        metrics = summarise(answered(evaluate(bundle, file, groups), *[right] * 18), bundle.class_names, {}, level=0.9)
        assert (metrics["accuracy_low"], metrics["accuracy_high"]) == exact_interval(float(right), units, 0.9)
        assert metrics["exact_intervals"] == ["accuracy", "accuracy_with_hands"]
        assert "macro_f1_low" not in metrics  # the binomial distribution says nothing about other metrics


def test_an_exact_interval_has_the_number_of_groups_of_its_subset(bundle, write_file):
    file = write_file("val.h5", 18)
    evaluation = answered(evaluate(bundle, file, groups_of_three(file)), *[True] * 15, False, False, True)
    sets = {"swipes": ["swipe_left", "swipe_right"], "of_one_person": ["fist"]}
    evaluation.predictions.loc[evaluation.predictions["class_name"] == "fist", "group"] = "person0"
    evaluation.predictions.loc[[16, 17], "group"] = "person9"
    metrics = summarise(evaluation, bundle.class_names, sets)
    assert metrics["accuracy_of_one_person"] == 5 / 6
    assert "accuracy_of_one_person_low" not in metrics  # one group says nothing about others
    assert 0 < metrics["accuracy_low"] < metrics["accuracy"]  # by the bootstrap
    assert metrics["exact_intervals"] == []
    all_right = answered(evaluation, *[True] * 18)
    metrics = summarise(all_right, bundle.class_names, sets)
    assert metrics["exact_intervals"] == ["accuracy", "accuracy_swipes", "accuracy_with_hands"]
    assert metrics["accuracy_swipes_low"] == exact_interval(1.0, 6, 0.95)[0]
    assert metrics["accuracy_low"] == metrics["accuracy_swipes_low"]


def test_equal_accuracies_of_all_groups_have_an_exact_interval_that_contains_them(bundle, write_file):
    file = write_file("val.h5", 6)
    groups = {name: f"person{number // 2}" for number, name in enumerate(file.sequence_ids)}
    evaluation = answered(evaluate(bundle, file, groups), *[True, False] * 3)
    metrics = summarise(evaluation, bundle.class_names, {})
    assert (metrics["accuracy_low"], metrics["accuracy_high"]) == exact_interval(0.5, 3, 0.95)


def test_without_draws_no_interval_is_computed(bundle, write_file):
    metrics = summarise(
        answered(evaluate(bundle, write_file("val.h5", 9)), *[True] * 9), bundle.class_names, {}, draws=0
    )
    assert not [name for name in metrics if name.endswith(("_low", "_high"))]
    assert metrics["exact_intervals"] == []


def test_the_baselines_are_one_of_all_classes_and_the_most_frequent_class(bundle, write_file):
    metrics = summarise(evaluate(bundle, write_file("val.h5", 4)), bundle.class_names, {})  # fist, left, right, fist
    assert (metrics["chance_accuracy"], metrics["majority_accuracy"]) == (1 / 3, 0.5)
    assert baseline_accuracy(metrics) == 0.5
    assert baseline_accuracy({"chance_accuracy": 0.25, "majority_accuracy": 0.2}) == 0.25
    assert baseline_accuracy({"accuracy": 1.0}) is None


def test_the_worst_group_is_in_the_metrics_and_in_the_log(bundle, write_file, caplog):
    file = write_file("val.h5", 18)
    one_class_each = {name: f"person{number % 6}" for number, name in enumerate(file.sequence_ids)}
    with caplog.at_level(logging.INFO):
        result = score(bundle, file, one_class_each)
    shares = result.predictions.groupby("group")["correct"].mean()
    assert result.metrics["worst_group_accuracy"] == shares.min()
    assert shares[result.metrics["worst_group"]] == shares.min()
    assert result.metrics["groups"] == 6
    assert f"validation: the worst of 6 groups is {result.metrics['worst_group']}" in caplog.text


def test_the_log_names_no_worst_of_equal_groups(bundle, write_file, caplog):
    file = write_file("val.h5", 18)
    answers = evaluate(bundle, file).predictions["correct"]
    right = [name for name, correct in zip(file.sequence_ids, answers, strict=True) if correct]
    others = [name for name in file.sequence_ids if name not in right]
    groups = {name: f"person{index}" for names in (right[:2], others[:2]) for index, name in enumerate(names)}
    rows = select_clean_views([file], set(groups))
    with caplog.at_level(logging.INFO):
        result = score(bundle, rows, groups)
    assert (result.metrics["worst_group_accuracy"], result.metrics["accuracy"]) == (0.5, 0.5)
    assert "the worst of" not in caplog.text


def test_a_single_group_is_not_the_worst_and_gives_no_intervals(bundle, write_file):
    file = write_file("val.h5", 9)
    groups = dict.fromkeys(file.sequence_ids, "one person")
    metrics = summarise(evaluate(bundle, file, groups), bundle.class_names, {})
    assert metrics["groups"] == 1
    assert not [name for name in metrics if "worst" in name or name.endswith(("_low", "_high"))]


def test_classes_without_clips_are_logged(bundle, write_file, caplog):
    with caplog.at_level(logging.INFO):
        file = write_file("val.h5", 2)
        result = score(bundle, file, groups_of_three(file), "test")
    assert "test: 1 of 3 classes have no clips and are left out of class means: swipe_right" in caplog.messages
    assert result.metrics["classes"] == 2


def test_a_file_without_rows_gives_empty_results(bundle, tmp_path):
    write_embeddings(tmp_path / "test.h5", pending_embeddings([]))
    file = EmbeddingFile(tmp_path / "test.h5")
    result = score(bundle, file, {}, "test")
    assert result.metrics == {}
    assert evaluate(bundle, file, {}).probabilities.shape == (0, 3)
    assert "most_likely" in result.predictions
    assert result.per_class.empty
    assert result.per_group.empty
    assert all(table.empty for table in result[1:])
    assert list(result.clip_attention)[-2:] == ["channel_weights", "frame_weights"]


def test_one_validation_clip_per_performer_is_enough_to_know_the_groups(bundle, write_file):
    file = write_file("val.h5", 9)
    groups = {sequence_id: f"person{number}" for number, sequence_id in enumerate(file.sequence_ids)}
    result = score(bundle, file, groups)
    assert result.metrics["groups"] == 9
    assert result.metrics["worst_group_accuracy"] == 0
    assert result.metrics["worst_group_clips"] == 1
    assert sorted(result.per_group["group"]) == sorted(groups.values())
    ungrouped = score(bundle, file, {name: name for name in file.sequence_ids})
    assert "groups" not in ungrouped.metrics
    assert "worst_group" not in ungrouped.metrics
    assert ungrouped.per_group.empty


def test_a_score_holds_the_tables_of_its_evaluation_in_the_order_of_the_catalog_entries(bundle, write_file):
    file = write_file("val.h5", 9)
    groups = groups_of_three(file)
    result, evaluation = score(bundle, file, groups), evaluate(bundle, file, groups)
    classes = evaluation.predictions["class_name"].tolist()
    assert Score._fields == (
        "metrics",
        "predictions",
        "per_class",
        "per_group",
        "confusion",
        "channel_attention",
        "frame_attention",
        "clip_attention",
    )
    assert result.metrics == summarise(evaluation, bundle.class_names, {}, draws=50, level=0.9, seed=1)
    expected = (
        evaluation.predictions,
        per_class(evaluation.predictions, bundle.class_names),
        per_group(evaluation.predictions),
        confusion(evaluation.predictions),
        channel_statistics(evaluation.channel_attention, classes, bundle.channel_names),
        frame_statistics(evaluation.sequence_attention, classes),
        clip_attention(evaluation),
    )
    for table, expected_table in zip(result[1:], expected, strict=True):
        pd.testing.assert_frame_equal(table, expected_table)
