from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from base_parameters import base_parameters
from hand_gestures.dataset import leak_audit, near_hashes
from hand_gestures.dataset.frame_catalog import catalog_frames
from hand_gestures.dataset.leak_audit import LEAK_COLUMNS, ClipHashes, audit_split, require_one_class_per_video
from hand_gestures.parameters import FrameCatalogParameters, LeakAuditParameters
from hand_gestures.pipelines.data_processing.nodes import scan_frames
from hand_gestures.utils.errors import HandGesturesError

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


def test_clips_that_resemble_too_many_others_are_counted_in_the_log_and_in_the_summary(
    write_frame, frames_dir, monkeypatch, caplog
):
    names = ["wave/a_frame_0.jpg", "wave/b_frame_0.jpg"]
    for name in names:
        write_frame(name)
    sequences = pd.DataFrame(
        {"sequence_id": ["wave/a", "wave/b"], "class_name": "wave", "video_id": ["a", "b"], "group": ["a", "b"]}
    ).assign(frames=[[name] for name in names])
    split = sequences.assign(side=["train", "val"], random_side=["train", "val"])
    bits = np.array([[0], [0b1111]], np.uint64)
    monkeypatch.setattr(leak_audit, "hash_clips", lambda *_: ClipHashes(bits, np.ones((2, 1), bool)))
    parameters = base_parameters(LeakAuditParameters)
    _, summary = leak_audit.audit_leaks(sequences, split, frames_dir, parameters)
    assert "partly_compared" not in summary["split"]["leaks"]
    monkeypatch.setattr(near_hashes, "MIN_COMPARISONS", 0)
    monkeypatch.setattr(near_hashes, "MAX_COMPARISONS", 0)
    _, summary = leak_audit.audit_leaks(sequences, split, frames_dir, parameters)
    assert summary["split"]["leaks"]["partly_compared"] == 1
    assert "1 held-out clips resemble so many others that only some of these were compared" in caplog.text


@pytest.fixture
def copied(two_classes):
    """Video `a` with five frames in the class fist, and a copy of it in the class wave; returns the copy's files."""

    def write(write_frame, other="wave/a"):
        copies = []
        for number in range(5):
            original = write_frame(f"fist/a_frame_{number}.jpg")
            copies.append(two_classes / f"{other}_frame_{number}.jpg")
            copies[-1].parent.mkdir(exist_ok=True)
            copies[-1].write_bytes(original.read_bytes())
        return copies

    return write


def require(frames_dir):
    require_one_class_per_video(catalog_frames(frames_dir).frames, frames_dir)


def test_a_video_with_the_same_frames_in_two_classes_is_refused(two_classes, write_frame, copied):
    copied(write_frame)
    with pytest.raises(HandGesturesError) as caught:
        require(two_classes)
    message = str(caught.value)
    assert f"below {two_classes} the frames of video 'a' are in both 'fist' and 'wave'" in message
    assert "--params video_ingest.prune=true" in message
    assert "\n" not in message


def test_the_node_refuses_it_in_nested_folders_too(frames_dir, write_frame):
    (frames_dir / "wave/a").mkdir(parents=True)
    (frames_dir / "wave/a/1.jpg").write_bytes(write_frame("fist/a/1.jpg").read_bytes())
    pattern = r"(?P<video_id>.+)/(?P<number>\d+)"
    parameters = base_parameters(FrameCatalogParameters, processes=1, frame_pattern=pattern)
    with pytest.raises(HandGesturesError, match="the frames of video 'a' are in both 'fist' and 'wave'"):
        scan_frames(frames_dir, parameters)


def test_further_videos_in_two_classes_are_counted(two_classes, write_frame, copied):
    copied(write_frame)
    (two_classes / "wave/b_frame_0.jpg").write_bytes(write_frame("fist/b_frame_0.jpg").read_bytes())
    with pytest.raises(HandGesturesError, match=r"video 'a' \(and 1 more video\) are in both"):
        require(two_classes)


def test_both_spellings_of_an_accent_are_one_video_id(two_classes, write_frame, copied):
    (two_classes / "wave/и\u0306_frame_0.jpg").write_bytes(write_frame("fist/й_frame_0.jpg").read_bytes())
    with pytest.raises(HandGesturesError, match="video 'й'"):
        require(two_classes)


def fewer(copies):
    copies[-1].unlink()


def other_pixels(copies):
    content = bytearray(copies[2].read_bytes())  # the middle one is compared
    content[len(content) // 2] ^= 1
    copies[2].write_bytes(content)


@pytest.mark.parametrize("change", [fewer, other_pixels])
def test_the_same_video_id_with_other_frames_is_accepted(two_classes, write_frame, copied, change):
    change(copied(write_frame))
    require(two_classes)


@pytest.mark.parametrize("other", ["fist/b", "wave/b"])
def test_the_same_frames_under_another_video_id_are_left_to_the_leak_audit(two_classes, write_frame, copied, other):
    copied(write_frame, other)
    require(two_classes)


def test_only_files_of_suspected_videos_are_read(two_classes):
    frames = catalog_frames(two_classes).frames
    frames["bytes"] = range(len(frames))
    for path in frames["path"]:
        (two_classes / path).unlink()
    require_one_class_per_video(frames, two_classes)
