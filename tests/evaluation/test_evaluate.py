import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from hand_gestures.classifier import Bundle
from hand_gestures.classifier.networks import build_network
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.evaluation.evaluate import evaluate_classifier
from hand_gestures.evaluation.summary import score_classifier, summarise
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.write import write_embeddings
from hand_gestures.utils.errors import HandGesturesError
from small_embeddings import CHANNELS, CLASS_NAMES, FINGERPRINT, FRAMES, WIDTH, embedded_sequence, pending_embeddings

SCORING = {"batch_size": 4, "device": "cpu", "class_sets": {}, "bootstrap_draws": 50, "confidence_level": 0.9}


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
    return Bundle(weights, architecture, list(CLASS_NAMES), list(CHANNEL_NAMES), FRAMES, FINGERPRINT, {})


@pytest.fixture
def write_hands(tmp_path):
    """Writes one clip for each flag, with a hand in one searched frame where it is true."""

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


def by_threes(file):
    return {sequence_id: f"person{number // 3}" for number, sequence_id in enumerate(file.sequence_ids)}


def test_a_prediction_is_the_most_likely_class_with_its_probability(bundle, write_file):
    result = evaluate(bundle, write_file("val.h5", 7))
    for row, odds in zip(result.predictions.itertuples(), result.probabilities, strict=True):
        ranked = [CLASS_NAMES[place] for place in np.argsort(-odds)]
        assert row.most_likely.split(" > ") == ranked
        assert row.predicted == ranked[0]
        assert row.confidence == odds.max()
        assert row.correct == (row.predicted == row.class_name)


def test_clips_know_their_group_and_are_their_own_where_none_is_given(bundle, write_file):
    file = write_file("val.h5", 7)
    assert evaluate(bundle, file).predictions["group"].tolist() == file.sequence_ids
    grouped = evaluate(bundle, file, by_threes(file)).predictions
    assert grouped["group"].tolist() == ["person0"] * 3 + ["person1"] * 3 + ["person2"]


def test_a_clip_that_the_split_does_not_know_is_named(bundle, write_file):
    file = write_file("val.h5", 7)
    groups = by_threes(file)
    del groups["swipe_left/v4"]
    with pytest.raises(HandGesturesError, match=r"1 do not, 'swipe_left/v4' for one; run data_processing"):
        evaluate(bundle, file, groups)


def test_one_hand_in_one_searched_frame_is_a_hand_that_was_found(bundle, write_hands):
    rows = evaluate(bundle, write_hands(True, False, True)).predictions
    assert rows["hand_found"].tolist() == [True, False, True]


def test_accuracy_is_told_apart_with_and_without_hands(bundle, write_hands):
    result = evaluate(bundle, write_hands(True, False, True, True, False))
    rows = result.predictions
    figures = summarise(result, list(CLASS_NAMES), {})
    for name, chosen in (("with", rows["hand_found"]), ("without", ~rows["hand_found"])):
        assert figures[f"accuracy_{name}_hands"] == pytest.approx(rows[chosen.astype(bool)]["correct"].mean())
    assert figures["clips_without_hands"] == 2


def test_where_every_clip_has_a_hand_nothing_is_said_of_those_without(bundle, write_hands):
    figures = summarise(evaluate(bundle, write_hands(True, True, True)), list(CLASS_NAMES), {})
    assert figures["accuracy_with_hands"] == figures["accuracy"]
    assert "accuracy_without_hands" not in figures
    assert figures["clips_without_hands"] == 0


def test_where_no_hand_was_searched_none_is_missing(bundle, write_hands):
    result = evaluate(bundle, write_hands(False, False, searched=0))
    assert result.predictions["hand_found"].isna().all()
    assert not any("hands" in name for name in summarise(result, list(CLASS_NAMES), {}))


def test_figures_agree_with_the_predictions(bundle, write_file):
    file = write_file("val.h5", 13)
    result = evaluate(bundle, file)
    sets = {"swipes": ["swipe_left", "swipe_right"], "absent": ["nothing"]}
    figures = summarise(result, bundle.class_names, sets)
    rows = result.predictions
    assert figures["clips"] == len(rows) == 13
    assert figures["accuracy"] == pytest.approx((rows["class_name"] == rows["predicted"]).mean())
    swipes = rows[rows["class_name"].str.startswith("swipe")]
    assert figures["accuracy_swipes"] == pytest.approx((swipes["class_name"] == swipes["predicted"]).mean())
    assert "accuracy_absent" not in figures
    odds = result.probabilities[np.arange(13), file.labels]
    assert figures["loss"] == pytest.approx(-np.log(odds).mean())
    assert "groups" not in figures


def test_intervals_hold_their_figures_and_are_those_of_whole_groups(bundle, write_file):
    file = write_file("val.h5", 18)
    alone, grouped = (
        summarise(evaluate(bundle, file, groups), bundle.class_names, {}) for groups in (None, by_threes(file))
    )
    for figures in (alone, grouped):
        for name in ("accuracy", "loss", "ece", "macro_f1"):
            if f"{name}_low" in figures:
                assert figures[f"{name}_low"] <= figures[name] <= figures[f"{name}_high"]
    assert alone["accuracy"] == grouped["accuracy"]
    assert alone["loss_low"] != grouped["loss_low"]


def test_the_worst_group_is_named_in_figures_and_log(bundle, write_file, caplog):
    file = write_file("val.h5", 18)
    with caplog.at_level(logging.INFO):
        score = score_classifier(bundle, file, "validation", by_threes(file), seed=1, **SCORING)
    shares = score.evaluation.predictions.groupby("group")["correct"].mean()
    assert score.figures["worst_group_accuracy"] == shares.min()
    assert shares[score.figures["worst_group"]] == shares.min()
    assert score.figures["groups"] == 6
    assert f"validation: worst of 6 groups is {score.figures['worst_group']}" in caplog.text


def test_of_a_single_group_none_is_the_worst_and_nothing_has_an_interval(bundle, write_file):
    file = write_file("val.h5", 9)
    groups = dict.fromkeys(file.sequence_ids, "one person")
    figures = summarise(evaluate(bundle, file, groups), bundle.class_names, {})
    assert figures["groups"] == 1
    assert not [name for name in figures if "worst" in name or name.endswith(("_low", "_high"))]


def test_classes_that_have_no_clips_are_told(bundle, write_file, caplog):
    with caplog.at_level(logging.INFO):
        file = write_file("val.h5", 2)
        score = score_classifier(bundle, file, "test", by_threes(file), seed=1, **SCORING)
    assert "test: 1 of 3 classes have no clips, and means leave them out: swipe_right" in caplog.messages
    assert score.figures["classes"] == 2


def test_a_file_without_rows_gives_empty_results(bundle, tmp_path):
    write_embeddings(tmp_path / "test.h5", pending_embeddings([]))
    score = score_classifier(bundle, EmbeddingFile(tmp_path / "test.h5"), "test", {}, seed=1, **SCORING)
    assert score.figures == {}
    assert score.evaluation.probabilities.shape == (0, 3)
    assert "most_likely" in score.evaluation.predictions
    assert score.by_class.empty
    assert score.by_group.empty
