import numpy as np
import pandas as pd

from hand_gestures.evaluation.attention import channel_statistics, frame_statistics
from hand_gestures.utils.rules import ALL_CLASSES

WEIGHTS = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.8, 0.05, 0.15]])


def rows_of_class(table, name, index):
    return table[table["class_name"] == name].set_index(index)


def test_the_clips_in_which_a_channel_is_highest_or_lowest_are_counted():
    table = rows_of_class(channel_statistics(WEIGHTS, ["x", "y", "x"], ["a", "b", "c"]), ALL_CLASSES, "channel")
    assert table["times_highest"].to_dict() == {"a": 2, "b": 0, "c": 1}
    assert table["times_lowest"].to_dict() == {"a": 1, "b": 1, "c": 1}
    np.testing.assert_allclose(table["mean"], WEIGHTS.mean(0))
    np.testing.assert_allclose(table.loc["a", ["lowest", "highest"]].astype(float), [0.1, 0.8])


def test_the_statistics_of_a_class_use_only_its_clips():
    table = channel_statistics(WEIGHTS, ["x", "y", "x"], ["a", "b", "c"])
    assert table["class_name"].tolist() == ["x"] * 3 + ["y"] * 3 + [ALL_CLASSES] * 3
    alone = channel_statistics(WEIGHTS[[0, 2]], ["x", "x"], ["a", "b", "c"])
    pd.testing.assert_frame_equal(rows_of_class(table, "x", "channel"), rows_of_class(alone, "x", "channel"))


def test_frames_are_counted_over_all_channels_of_all_clips():
    weights = np.zeros((2, 3, 4))  # clips, channels, frames
    weights[..., 1] = 0.9
    weights[1, 2] = [0.1, 0.2, 0.0, 0.7]
    statistics = frame_statistics(weights, ["x", "y"])
    table = rows_of_class(statistics, ALL_CLASSES, "frame")
    assert table["times_highest"].tolist() == [0, 5, 0, 1]
    assert table["times_lowest"].sum() == 6
    assert table.loc[3, "highest"] == 0.7
    assert rows_of_class(statistics, "x", "frame")["times_highest"].tolist() == [0, 3, 0, 0]
    assert rows_of_class(statistics, "y", "frame")["times_highest"].tolist() == [0, 2, 0, 1]


def test_without_clips_there_are_no_rows_but_the_same_columns():
    by_channel = channel_statistics(WEIGHTS[:0], [], ["a", "b", "c"])
    by_frame = frame_statistics(np.zeros((0, 3, 4)), [])
    assert by_channel.empty
    assert by_frame.empty
    assert list(by_channel) == list(channel_statistics(WEIGHTS, ["x", "y", "x"], ["a", "b", "c"]))
    assert list(by_frame) == list(frame_statistics(np.ones((1, 3, 4)), ["x"]))
