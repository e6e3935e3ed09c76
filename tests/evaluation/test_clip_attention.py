import numpy as np
import pandas as pd
import pytest

from hand_gestures.evaluation.attention import clip_attention, frame_weights
from hand_gestures.evaluation.evaluate import Evaluation

BY_CHANNEL = np.array([[0.75, 0.25], [0.5, 0.5]], np.float32)
BY_FRAME = np.array([[[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]], [[0.2, 0.3, 0.5], [0.4, 0.5, 0.1]]], np.float32)


def test_a_frame_weight_sums_over_the_channels():
    weights = frame_weights(BY_CHANNEL, BY_FRAME)
    np.testing.assert_allclose(weights, [[0.375, 0.375, 0.25], [0.3, 0.4, 0.3]], rtol=1e-6)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)


def test_the_weights_of_each_clip_survive_a_parquet_file(tmp_path):
    predictions = pd.DataFrame(
        {
            "sequence_id": ["7/a", "NA/b"],
            "view": [0, 0],
            "class_name": ["7", "NA"],
            "predicted": ["7", "7"],
            "correct": [True, False],
            "confidence": [0.9, 0.4],
        }
    )
    clip_attention(Evaluation(np.eye(2), BY_CHANNEL, BY_FRAME, predictions)).to_parquet(tmp_path / "a.parquet")
    table = pd.read_parquet(tmp_path / "a.parquet")
    kept = ["sequence_id", "view", "class_name", "predicted", "correct"]
    assert list(table) == [*kept, "channel_weights", "frame_weights"]
    pd.testing.assert_frame_equal(table[kept], predictions[kept], check_dtype=False)
    assert table["channel_weights"][1].tolist() == [0.5, 0.5]
    assert table["frame_weights"][1].tolist() == pytest.approx([0.3, 0.4, 0.3])
