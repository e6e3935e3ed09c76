import logging

import pytest

from hand_gestures.augmentation import mirrored_labels
from hand_gestures.utils.errors import HandGesturesError


@pytest.mark.parametrize(
    "mirrored_classes",
    [
        {"swipe_left": "swipe_right"},
        {"swipe_right": "swipe_left"},
        {"swipe_left": "swipe_right", "swipe_right": "swipe_left"},
    ],
)
def test_a_pair_may_be_given_in_one_direction_or_both(mirrored_classes):
    labels = mirrored_labels(["fist", "swipe_left", "swipe_right"], mirrored_classes, flips=True)
    assert labels == {"fist": "fist", "swipe_left": "swipe_right", "swipe_right": "swipe_left"}


def test_a_class_may_be_its_own_mirror_image():
    labels = mirrored_labels(["right_on", "wave"], {"right_on": "right_on"}, flips=True)
    assert labels == {"right_on": "right_on", "wave": "wave"}


def test_pairs_may_be_named_without_any_direction():
    assert mirrored_labels(["b", "d"], {"b": "d"}, flips=True) == {"b": "d", "d": "b"}


def test_classes_without_direction_need_no_map():
    assert mirrored_labels(["fist", "palm"], {}, flips=True) == {"fist": "fist", "palm": "palm"}


@pytest.mark.parametrize(
    "pairs",
    [
        {"left": "right", "right": "up"},
        {"left": "up", "right": "up"},
        {"left": "right", "right": "right"},
        {"left": "right", "up": "right"},
    ],
)
@pytest.mark.parametrize("flips", [True, False])
def test_contradicting_pairs_are_an_error_that_names_them(pairs, flips):
    with pytest.raises(HandGesturesError, match="give each class one partner") as caught:
        mirrored_labels(["left", "right", "up"], pairs, flips)
    assert "'right'" in str(caught.value) or "'up'" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "left",
        "swipe_left",
        "swipe_right",
        "Left-hand",
        "SWIPE RIGHT",
        "swipe.left.fast",
        "swipe2left",
        "circle_clockwise",
        "circle_counterclockwise",
        "counter-clockwise",
        "anticlockwise turn",
    ],
)
def test_a_class_named_for_a_direction_needs_a_partner(name):
    with pytest.raises(HandGesturesError, match=r"augmentation\.mirrored_classes") as caught:
        mirrored_labels(["fist", name], {}, flips=True)
    message = str(caught.value)
    assert f"becomes of {name};" in message
    assert "augmentation.horizontal_flip to 0" in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["bright", "copyright", "upright", "frightened", "cleft", "swipe_up", "wave"])
def test_a_direction_inside_another_word_does_not_count(name):
    assert mirrored_labels(["fist", name], {}, flips=True) == {"fist": "fist", name: name}


def test_every_class_without_a_partner_is_named_at_once():
    classes = ["turn_left", "fist", "turn_right", "swipe_left", "swipe_right"]
    with pytest.raises(HandGesturesError, match="turn_left, turn_right;"):
        mirrored_labels(classes, {"swipe_left": "swipe_right"}, flips=True)


@pytest.mark.parametrize("pairs", [{"swipe_left": "swipe_right"}, {"swipe_right": "swipe_left"}])
def test_a_partner_without_clips_is_an_error_that_names_both(pairs):
    with pytest.raises(HandGesturesError, match=r"set augmentation\.horizontal_flip to 0") as caught:
        mirrored_labels(["swipe_left", "fist"], pairs, flips=True)
    assert "'swipe_left' into 'swipe_right', which has no clips" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_pair_without_clips_only_causes_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        labels = mirrored_labels(["fist", "palm"], {"swipe_left": "swipe_right"}, flips=True)
    assert labels == {"fist": "fist", "palm": "palm"}
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.endswith(": swipe_left, swipe_right")


def test_a_pair_with_clips_causes_no_warning(caplog):
    mirrored_labels(["swipe_left", "swipe_right"], {"swipe_left": "swipe_right"}, flips=True)
    assert not caplog.records


def test_without_flips_neither_map_nor_partner_is_needed():
    assert mirrored_labels(["swipe_left", "circle_clockwise"], {}, flips=False) == {
        "swipe_left": "swipe_left",
        "circle_clockwise": "circle_clockwise",
    }
    assert "fist" in mirrored_labels(["swipe_left", "fist"], {"swipe_left": "swipe_right"}, flips=False)


@pytest.mark.parametrize("name", ["turnRight", "SwipeLeft", "HandLEFT"])
def test_a_direction_in_camel_case_needs_a_partner(name):
    with pytest.raises(HandGesturesError, match=f"becomes of {name};"):
        mirrored_labels([name, "fist"], {}, flips=True)
