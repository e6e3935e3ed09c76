from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hand_gestures.dataset.leak_audit import LEAK_COLUMNS, ClipHashes, audit_split

FAR = 0xFFFFFFFF00000000


def clips(tmp_path, *rows):
    """A clip for each (side, group, bits of its hash, content of its file)."""
    names = [f"wave/v{number}" for number in range(len(rows))]
    for name, (*_, content) in zip(names, rows, strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    sides, groups, bits, _ = zip(*rows, strict=True)
    sequences = pd.DataFrame({"sequence_id": names, "group": groups, "frames": [[name] * 4 for name in names]})
    hashes = ClipHashes(np.array([[b, b] for b in bits], np.uint64), np.ones((len(rows), 2), bool))
    return sequences, pd.Series(sides), hashes


def audit(tmp_path, *rows, distance=8):
    return audit_split(*clips(tmp_path, *rows), distance, tmp_path)


def test_a_clean_split_has_an_empty_table(tmp_path):
    table, counts = audit(tmp_path, ("train", "a", 0, b"1"), ("val", "b", FAR, b"2"))
    assert table.empty
    assert tuple(table.columns) == LEAK_COLUMNS
    assert counts == (1, 0, 0, 0)


def test_the_nearest_clip_of_the_other_split_is_listed(tmp_path):
    rows = [("train", "a", 0b111, b"1"), ("train", "b", 0b1, b"2"), ("train", "c", FAR, b"3"), ("val", "d", 0, b"4")]
    table, counts = audit(tmp_path, *rows)
    assert table.to_numpy().tolist() == [["look-alike", "val", "wave/v3", "d", "train", "wave/v1", "b", 1]]
    assert counts == (1, 0, 1, 0)


@pytest.mark.parametrize(("bits", "found"), [(8, 1), (9, 0)])
def test_clips_look_alike_up_to_the_distance(tmp_path, bits, found):
    _, counts = audit(tmp_path, ("train", "a", 0, b"1"), ("val", "b", 2**bits - 1, b"2"))
    assert counts.look_alikes == found


def test_clips_with_equal_bytes_are_copies_and_with_only_equal_hashes_look_alikes(tmp_path):
    rows = [("train", "a", 5, b"other"), ("train", "b", 5, b"same"), ("val", "c", 5, b"same"), ("val", "d", 5, b"new")]
    table, counts = audit(tmp_path, *rows)
    assert counts == (2, 1, 1, 0)
    assert table[["kind", "sequence_id", "other_sequence_id"]].to_numpy().tolist() == [
        ["copy", "wave/v2", "wave/v1"],
        ["look-alike", "wave/v3", "wave/v0"],
    ]


def test_clips_of_one_split_may_be_alike(tmp_path):
    rows = [("train", "a", 0, b"1"), ("train", "b", 0, b"1"), ("val", "c", FAR, b"2"), ("val", "d", FAR, b"2")]
    assert audit(tmp_path, *rows)[1] == (2, 0, 0, 0)


def test_test_clips_are_compared_with_training_and_validation(tmp_path):
    rows = [("train", "a", 0, b"1"), ("val", "b", FAR, b"2"), ("test", "c", 1, b"3"), ("test", "d", FAR + 1, b"4")]
    table, counts = audit(tmp_path, *rows)
    assert table[["side", "sequence_id", "other_side"]].to_numpy().tolist() == [
        ["test", "wave/v2", "train"],
        ["test", "wave/v3", "val"],
    ]
    assert counts == (3, 0, 2, 0)


def test_clips_that_are_left_out_are_no_leaks(tmp_path):
    rows = [("train", "a", 0, b"1"), ("val", "b", FAR, b"2"), ("left_out", "a", FAR, b"2"), ("left_out", "c", 0, b"1")]
    assert audit(tmp_path, *rows)[1] == (1, 0, 0, 0)


def test_two_similar_frames_are_enough_for_a_look_alike(tmp_path):
    sequences, sides, hashes = clips(tmp_path, ("train", "a", 0, b"1"), ("val", "b", FAR, b"2"))
    hashes.bits[:] = [[FAR, 3], [1, 12]]
    table, _ = audit_split(sequences, sides, hashes, 8, tmp_path)
    assert list(table["distance"]) == [1]


def test_a_frame_of_one_colour_is_not_compared(tmp_path):
    sequences, sides, hashes = clips(tmp_path, ("train", "a", 0, b"1"), ("val", "b", 0, b"2"))
    hashes.usable[0] = False
    assert audit_split(sequences, sides, hashes, 8, tmp_path)[1] == (1, 0, 0, 0)


def test_a_group_in_two_splits_is_a_row_with_a_clip_of_each(tmp_path):
    rows = [("train", "a", 0, b"1"), ("train", "a", 0, b"2"), ("val", "a", FAR, b"3"), ("test", "a", 0xFFFF, b"4")]
    table, counts = audit(tmp_path, *rows)
    assert counts == (2, 0, 0, 1)
    assert set(table["kind"]) == {"same group"}
    assert table["distance"].isna().all()
    pairs = set(zip(table["side"], table["other_side"], table["sequence_id"], table["other_sequence_id"], strict=True))
    assert pairs == {
        ("val", "train", "wave/v2", "wave/v0"),
        ("test", "train", "wave/v3", "wave/v0"),
        ("test", "val", "wave/v3", "wave/v2"),
    }


def test_each_file_is_read_once_even_if_many_clips_have_the_same_hash(tmp_path, monkeypatch):
    rows = [(side, f"{side}{n}", 0, f"{side}{n}".encode()) for side in ("train", "val") for n in range(6)]
    prepared = clips(tmp_path, *rows)
    read, whole = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path) or whole(path))
    assert audit_split(*prepared, 8, tmp_path)[1].copies == 0
    assert len(read) == 3 * len(rows)
