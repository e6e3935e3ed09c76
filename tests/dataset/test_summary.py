import pytest

from hand_gestures.dataset.frame_catalog import catalog_frames
from hand_gestures.dataset.sequences import build_sequences
from hand_gestures.dataset.summary import summarise_classes
from hand_gestures.utils.errors import HandGesturesError


@pytest.fixture
def summary(frames_dir, write_frame):
    """Class fist: two clips of one performer, 3 and 5 frames; class wave: three clips of 4, one of them larger."""
    for name, frames in (("fist/p1-a", 3), ("fist/p1-b", 5), ("wave/p1", 4), ("wave/p2", 4), ("wave/p3", 4)):
        for number in range(frames):
            write_frame(f"{name}_frame_{number}.jpg", height=48 if name == "wave/p3" else 24)
    (frames_dir / "wave/notes.txt").write_text("x")
    (frames_dir / "top.txt").write_text("x")
    frames, rejected = catalog_frames(frames_dir)
    sequences = build_sequences(frames, 4, r"^(p\d)")
    split = sequences.assign(side=["train", "val", "train", "train", "left_out"]).iloc[::-1]
    return summarise_classes(frames, rejected, sequences, split, frames_dir).set_index("class_name")


def test_each_class_has_a_row_and_all_together_have_one(summary):
    assert list(summary.index) == ["fist", "wave", "(all)"]
    assert list(summary["clips"]) == [2, 3, 5]
    assert list(summary["groups"]) == [1, 3, 3]
    assert list(summary["frames"]) == [8, 12, 20]


def test_lengths_and_repeated_frames_are_counted(summary):
    assert summary.loc["fist", ["shortest", "median", "longest"]].tolist() == [3, 4, 5]
    assert list(summary["repeating"]) == [1, 0, 1]
    assert list(summary["repeated_frames"]) == [1, 0, 1]


def test_sizes_of_pictures_and_files_are_summarised(summary, frames_dir):
    assert list(summary["size"]) == ["32x24", "32x24 and 1 more", "32x24 and 1 more"]
    whole = sum(path.stat().st_size for path in frames_dir.rglob("*.jpg"))
    assert summary.loc["(all)", "megabytes"] == round(whole / 1e6, 1)


def test_splits_are_counted_whatever_the_order_of_the_table(summary):
    sides = summary[["train", "val", "test", "left_out"]]
    assert sides.to_numpy().tolist() == [[1, 1, 0, 0], [2, 0, 0, 1], [3, 1, 0, 1]]


def test_rejected_files_are_counted_by_class(summary):
    assert list(summary["rejected"]) == [0, 1, 2]


def test_an_error_names_a_missing_picture(two_classes):
    frames, rejected = catalog_frames(two_classes)
    sequences = build_sequences(frames, 4, None)
    (two_classes / "wave/v_frame_0.jpg").unlink()
    with pytest.raises(HandGesturesError, match=r"wave/v_frame_0\.jpg cannot be decoded"):
        summarise_classes(frames, rejected, sequences, sequences.assign(side="train"), two_classes)


def test_rejected_files_are_counted_for_both_spellings_of_a_class(two_classes, write_frame):
    write_frame("й/v_frame_0.jpg")
    write_frame("и\u0306/w_frame_0.jpg")
    (two_classes / "и\u0306/notes.txt").write_text("x")
    frames, rejected = catalog_frames(two_classes)
    sequences = build_sequences(frames, 4, None)
    summary = summarise_classes(frames, rejected, sequences, sequences.assign(side="train"), two_classes)
    assert summary.set_index("class_name").loc["й", ["clips", "rejected"]].tolist() == [2, 1]
