import numpy as np

from hand_gestures.training.attention_statistics import channel_statistics, frame_statistics


def test_counts_say_how_often_a_channel_is_highest_or_lowest():
    weights = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.8, 0.05, 0.15]])
    table = channel_statistics(weights, ["a", "b", "c"]).set_index("channel")
    assert table["times_highest"].to_dict() == {"a": 2, "b": 0, "c": 1}
    assert table["times_lowest"].to_dict() == {"a": 1, "b": 1, "c": 1}
    np.testing.assert_allclose(table["mean"], weights.mean(0))
    np.testing.assert_allclose(table.loc["a", ["lowest", "highest"]].astype(float), [0.1, 0.8])


def test_frames_are_counted_over_all_channels_of_all_clips():
    weights = np.zeros((2, 3, 4))  # clips, channels, frames
    weights[..., 1] = 0.9
    weights[1, 2] = [0.1, 0.2, 0.0, 0.7]
    table = frame_statistics(weights).set_index("frame")
    assert table["times_highest"].tolist() == [0, 5, 0, 1]
    assert table["times_lowest"].sum() == 6
    assert table.loc[3, "highest"] == 0.7
