import logging

import numpy as np
import pandas as pd
import pytest

from hand_gestures.dataset.frame_catalog import catalog_frames
from hand_gestures.dataset.sequences import build_sequences, find_group, sample_indices
from hand_gestures.utils.errors import HandGesturesError


def frame_table(*videos):
    """Frames 0 .. count-1 of each (class, video, count)."""
    rows = [
        (class_name, video_id, number, f"{class_name}/{video_id}_frame_{number}.jpg")
        for class_name, video_id, count in videos
        for number in range(count)
    ]
    return pd.DataFrame(rows, columns=["class_name", "video_id", "frame_number", "path"])


@pytest.mark.parametrize("available", [32, 33, 48, 63, 64, 65, 100, 500, 10_007])
def test_long_clips_are_sampled_evenly(available):
    expected = [int(np.floor(i * available / 32)) for i in range(32)]
    assert sample_indices(available, 32).tolist() == expected


@pytest.mark.parametrize("available", [1, 2, 16, 31])
def test_short_clips_keep_their_frames_and_repeat_the_last(available):
    repeats = [available - 1] * (32 - available)
    assert sample_indices(available, 32).tolist() == [*range(available), *repeats]


def test_indices_are_ascending_and_in_range():
    for available in range(1, 501):
        indices = sample_indices(available, 32)
        assert indices.shape == (32,)
        assert (np.diff(indices) >= 0).all(), available
        assert indices[0] == 0
        assert indices[-1] < available
        assert len(set(indices)) == min(available, 32), available


def test_each_video_is_one_row_with_its_sampled_paths():
    sequences = build_sequences(frame_table(("wave", "a", 5), ("fist", "b", 3), ("fist", "a", 2)), 4, None)
    assert list(sequences["sequence_id"]) == ["fist/a", "fist/b", "wave/a"]
    assert list(sequences["class_name"]) == ["fist", "fist", "wave"]
    assert list(sequences["video_id"]) == ["a", "b", "a"]
    assert list(sequences["available"]) == [2, 3, 5]
    assert list(sequences["repeated"]) == [2, 1, 0]
    assert sequences["frames"][0] == [f"fist/a_frame_{n}.jpg" for n in (0, 1, 1, 1)]
    assert sequences["frames"][2] == [f"wave/a_frame_{n}.jpg" for n in (0, 1, 2, 3)]


@pytest.mark.parametrize(("available", "repeated"), [(1, 31), (31, 1), (32, 0), (90, 0)])
def test_repeated_frames_are_counted(available, repeated):
    sequences = build_sequences(frame_table(("wave", "a", available)), 32, None)
    assert sequences["repeated"][0] == repeated
    assert 32 - len(set(sequences["frames"][0])) == repeated


def test_frames_are_ordered_by_number_whatever_the_order_of_the_table():
    table = frame_table(("wave", "a", 40), ("wave", "b", 12), ("fist", "a", 33))
    shuffled = table.sample(frac=1, random_state=3)
    assert build_sequences(shuffled, 32, None).equals(build_sequences(table, 32, None))


def test_gaps_and_mixed_padding_of_numbers_do_not_change_the_order(two_classes, write_frame):
    for number in ("2", "10", "007", "0100"):
        write_frame(f"wave/w_frame_{number}.jpg")
    sequences = build_sequences(catalog_frames(two_classes).frames, 4, None).set_index("sequence_id")
    assert sequences["frames"]["wave/w"] == [f"wave/w_frame_{n}.jpg" for n in ("2", "007", "10", "0100")]


def test_video_1_does_not_include_frames_of_video_10():
    sequences = build_sequences(frame_table(("wave", "1", 3), ("wave", "10", 4), ("wave", "11", 2)), 4, None)
    assert dict(zip(sequences["video_id"], sequences["available"], strict=True)) == {"1": 3, "10": 4, "11": 2}
    assert all("/1_frame_" in path for path in sequences["frames"][0])


def test_without_a_pattern_every_video_is_its_own_group():
    sequences = build_sequences(frame_table(("wave", "a", 1), ("fist", "a", 1)), 4, None)
    assert list(sequences["group"]) == ["fist/a", "wave/a"]


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [
        (r"performer\d+", ["performer07", "performer12", "wave/other"]),
        (r"^performer(\d+)", ["07", "12", "wave/other"]),
        (r"take(\d)|nothing", ["2", "1", "wave/other"]),
        (r"x*", ["wave/performer07-take2", "wave/performer12-take1", "wave/other"]),
    ],
)
def test_the_pattern_finds_groups_and_other_videos_are_their_own_group(pattern, groups):
    names = ("performer07-take2", "performer12-take1", "other")
    sequences = build_sequences(frame_table(*(("wave", name, 1) for name in names)), 4, pattern)
    found = dict(zip(sequences["video_id"], sequences["group"], strict=True))
    assert [found[name] for name in names] == groups


def test_short_videos_and_video_ids_without_a_group_are_logged(caplog):
    table = frame_table(("wave", "p1-a", 3), ("wave", "other", 4), ("fist", "p1-b", 5))
    with caplog.at_level(logging.INFO):
        build_sequences(table, 4, r"^(p\d)")
    first, second = [record.getMessage() for record in caplog.records]
    assert first == "1 of 3 videos have fewer than 4 frames and repeat their last frame"
    assert second.startswith("split.group_pattern '^(p\\d)' finds no group in 1 of 3 video ids")


def test_a_group_spans_classes():
    sequences = build_sequences(frame_table(("wave", "p1-a", 1), ("fist", "p1-b", 1)), 4, r"^(p\d)")
    assert set(sequences["group"]) == {"p1"}


@pytest.mark.parametrize(
    ("pattern", "group"), [(None, None), (r"p\d", "p3"), (r"p(\d)", "3"), (r"q\d", None), (r"(z)?p\d", None)]
)
def test_the_group_is_found_in_the_video_id(pattern, group):
    assert find_group(pattern, "p3-take1") == group


@pytest.mark.parametrize("pattern", ["(", "[a-", "*"])
def test_an_error_names_a_pattern_that_is_no_regular_expression(pattern):
    with pytest.raises(HandGesturesError, match=r"split\.group_pattern .*set it to null") as caught:
        build_sequences(frame_table(("wave", "a", 1)), 4, pattern)
    assert f"'{pattern}'" in str(caught.value)
    assert "\n" not in str(caught.value)
