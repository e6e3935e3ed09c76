"""Generated folders: every file is in exactly one row of the catalog or of the rejects, except system files."""

import os
import tempfile
from collections import Counter
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hand_gestures.dataset.frame_catalog import catalog_frames
from hand_gestures.utils.names import escape_control_characters as shown
from hand_gestures.video.class_folders import is_system_file
from hand_gestures.video.frame_names import parse_frame_name
from small_sequences import FIXED

JPEG, PNG = (cv2.imencode(suffix, np.full((8, 8, 3), 90, np.uint8))[1].tobytes() for suffix in (".jpg", ".png"))

letters = st.characters(exclude_characters="/\0", exclude_categories=["Cs"])
text = st.text(letters, min_size=1, max_size=12)
video_ids = st.one_of(
    text,
    st.sampled_from(
        ["v", "1", "10", "two words", " ", "жест-手", "e\u0301", "é", "a_frame_3", "_frame_", "NA", "a\nb"]
    ),
    st.builds("{}_frame_{}".format, text, text),
)
numbers = st.one_of(st.integers(0, 12).map(str), st.integers(0, 12).map("{:04d}".format), text, st.just("9" * 19))
suffixes = st.sampled_from([".jpg", ".JPG", ".jpeg", ".png", ".PnG", ".gif", "", ".jpg.part", ".jpg "])
names = st.one_of(
    st.builds("{}_frame_{}{}".format, video_ids, numbers, suffixes),
    st.builds(".{}_frame_{}{}".format, video_ids, numbers, suffixes),
    st.sampled_from(["wave", "Thumbs.db", ".DS_Store", "x.txt", "frame_1.jpg", "..."]),
    text,
)
folders = st.one_of(
    st.sampled_from(["wave", "fist", "fist/deeper", "wave/deeper/still", ".trash", "", "дві руки", ".ingest2"]), text
)
contents = st.sampled_from([JPEG, JPEG, JPEG, PNG, b"", JPEG[:-9], b"text"])
twins = st.sampled_from(["v_frame_1.jpg", "v_frame_1.png", "v_frame_01.jpg", "v_frame_1.JPEG", "v_frame_2.jpg"])
files_anywhere = st.one_of(st.tuples(folders, names, contents), st.tuples(st.just("wave"), twins, contents))


def write(root, folder, name, content):
    """Not every name can stand beside those that are there: a file is no folder, and names have a longest."""
    path = root / folder / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError:
        return


def explained_by(file, rejected):
    """Number of rows that explain a file: its own, or that of a folder above it."""
    return sum(rejected[shown(str(path))] for path in (file, *file.parents))


@FIXED
@given(st.lists(files_anywhere, max_size=30))
def test_every_file_is_in_exactly_one_row_of_catalog_or_rejects(files):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("fist", "wave"):
            write(root, name, "whole_frame_1.jpg", JPEG)
        for file in files:
            write(root, *file)
        frames, rejected = catalog_frames(root)
        kept, refused = Counter(frames["path"]), Counter(rejected["path"])
        on_disk = {PurePosixPath(top, name).relative_to(root) for top, _, found in os.walk(root) for name in found}
        for file in on_disk:
            rows = kept[str(file)] + explained_by(file, refused)
            own = kept[str(file)] + refused[shown(str(file))]
            assert own == 0 if is_system_file(file.name) else rows == 1, file
        assert set(kept) <= set(map(str, on_disk))
        assert not frames.duplicated(["class_name", "video_id", "frame_number"]).any()
        assert frames["path"].map(lambda path: (root / path).stat().st_size > 0).all()


@FIXED
@given(st.lists(st.tuples(st.sampled_from(["wave", "fist"]), video_ids, st.integers(0, 20)), max_size=30))
def test_frames_stand_in_the_order_of_their_numbers(rows):
    with tempfile.TemporaryDirectory() as folder:
        for class_name, video_id, number in [("fist", "v", 0), ("wave", "v", 0), *rows]:
            write(Path(folder), class_name, f"{video_id}_frame_{number}.jpg", JPEG)
        frames = catalog_frames(Path(folder)).frames
        for _, video in frames.groupby(["class_name", "video_id"]):
            assert video["frame_number"].is_monotonic_increasing


@FIXED
@given(video_ids, st.integers(0, 10**18 - 1), st.sampled_from([".jpg", ".JPEG", ".png"]))
def test_a_name_gives_back_the_video_and_number_it_was_made_of(video_id, number, suffix):
    assert parse_frame_name(f"{video_id}_frame_{number}{suffix}") == (video_id, number)
