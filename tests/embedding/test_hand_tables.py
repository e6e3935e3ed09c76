import warnings
from dataclasses import replace

import numpy as np
import pytest

from hand_gestures.embedding.hand_tables import (
    hand_boxes,
    hand_rates,
    hand_table,
    warn_about_clips_without_hands,
)
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.write import write_embeddings
from small_embeddings import embedded_sequence, pending_embeddings


@pytest.fixture
def write_hands(tmp_path):
    """Writes a file of two views whose sequences have these scores at their two searched steps, NaN for no hand."""

    def write(name, *scores):
        sequences = [
            embedded_sequence(n % 3, n, views=2)._replace(
                scores=np.array([[[step, np.nan, np.nan]] for step in steps], np.float32).reshape(2, 3)
            )
            for n, steps in enumerate(scores)
        ]
        write_embeddings(tmp_path / name, pending_embeddings(sequences))
        return EmbeddingFile(tmp_path / name)

    return write


NONE = np.nan


def test_the_table_gives_the_share_of_searched_frames_with_a_hand(write_hands):
    table = hand_table({"train": write_hands("a.h5", (0.9, 0.5), (NONE, 0.4), (NONE, NONE))})
    assert list(table["sequence_id"]) == ["fist/v0", "swipe_left/v1", "swipe_right/v2"]
    assert list(table["class_name"]) == ["fist", "swipe_left", "swipe_right"]
    assert list(table["frames_with_hand"]) == [1.0, 0.5, 0.0]
    np.testing.assert_allclose(table["mean_score"], [0.7, 0.4, np.nan], rtol=1e-6)


def test_rates_are_given_by_class_and_over_all_classes_of_each_split(write_hands):
    files = {
        "train": write_hands("a.h5", (0.9, 0.5), (NONE, 0.4), (NONE, NONE), (NONE, NONE)),
        "val": write_hands("b.h5", (0.9, 0.9)),
        "test": write_hands("c.h5"),
    }
    rates = hand_rates(hand_table(files)).set_index(["split", "class_name"])
    assert rates.loc["train", "fist"].tolist() == [2, 1, 0.5, 0.7]
    assert rates.loc["train", "(all)"][["clips", "clips_without_hand", "frames_with_hand"]].tolist() == [4, 2, 0.375]
    assert rates.loc["val", "(all)"].tolist() == [1, 0, 1.0, 0.9]
    assert "test" not in rates.index.get_level_values("split")


def test_the_boxes_of_each_sequence_come_from_all_files(write_hands):
    boxes = hand_boxes([write_hands("a.h5", (0.9, 0.5), (NONE, 0.4)), write_hands("c.h5")])
    assert list(boxes) == ["fist/v0", "swipe_left/v1"]
    np.testing.assert_array_equal(boxes["swipe_left/v1"], embedded_sequence(1, 1, views=2).boxes)


def test_without_a_search_the_rates_are_nan(tmp_path):
    sequence = embedded_sequence(0, 0)._replace(boxes=np.empty((0, 3, 4)), scores=np.empty((0, 3)))
    pending = pending_embeddings([sequence])
    pending = pending._replace(header=replace(pending.header, hand_frames=()))
    write_embeddings(tmp_path / "a.h5", pending)
    with warnings.catch_warnings(action="error"):
        table = hand_table({"train": EmbeddingFile(tmp_path / "a.h5")})
    assert table["frames_with_hand"].isna().all()
    assert hand_rates(table)["clips_without_hand"].tolist() == [0, 0]


def test_clips_without_hands_are_one_warning(write_hands, caplog):
    warn_about_clips_without_hands(hand_table({"train": write_hands("a.h5", (0.9, 0.5), (NONE, NONE))}))
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "no hand was found in 1 of 2 clips, for example in swipe_left/v1; see hand_rates.csv and hand_detections.csv"
    ]


def test_clips_that_all_show_a_hand_are_no_warning(write_hands, caplog):
    warn_about_clips_without_hands(hand_table({"train": write_hands("a.h5", (0.9, 0.5), (NONE, 0.4))}))
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == []
