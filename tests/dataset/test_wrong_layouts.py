"""Wrong layouts that a user would make: what `check_data` says about each, as docs/your-data.md quotes it."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from base_parameters import base_parameters
from doc_pages import ROOT
from hand_gestures.dataset.data_check import DataCheck, check_data, similar_classes
from hand_gestures.parameters import FrameCatalogParameters, SplitParameters, VideoIngestParameters
from small_videos import write_video

VIDEOS, FRAMES = Path("data/01_raw/videos"), Path("data/01_raw/frames")


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((24, 32, 3), 90, np.uint8))


def frames_without_class_folders() -> None:
    for number in range(3):
        picture(FRAMES / f"anna_frame_{number}.jpg")


def pictures_among_videos() -> None:
    for name in ("fist", "wave"):
        write_video(VIDEOS / name / "anna.mp4")
        picture(VIDEOS / name / "ben_frame_0.jpg")


def videos_among_frames() -> None:
    for name in ("fist", "wave"):
        picture(FRAMES / name / "ben_frame_0.jpg")
        write_video(FRAMES / name / "anna.mp4")


def frames_with_other_names() -> None:
    for name in ("fist", "wave"):
        picture(FRAMES / name / "anna-0001.jpg")


def one_folder_per_clip() -> None:
    for name in ("fist", "wave"):
        picture(FRAMES / name / "clip7" / "00001.jpg")


def one_class() -> None:
    write_video(VIDEOS / "wave" / "anna.mp4")


def class_in_two_cases() -> None:
    for name in ("fist", "wave", "Wave"):
        write_video(VIDEOS / name / f"{name}.mp4")


def misspelt_class() -> None:
    for number in range(3):
        picture(FRAMES / "fist" / f"anna{number}_frame_0.jpg")
        picture(FRAMES / "wave" / f"anna{number}_frame_0.jpg")
    picture(FRAMES / "waev" / "ben_frame_0.jpg")


def unreadable_files() -> None:
    for name in ("fist", "wave"):
        video = write_video(VIDEOS / name / "anna.mp4").read_bytes()
        (VIDEOS / name / "ben.mp4").write_bytes(video[:300])
        (VIDEOS / name / "cara.mp4").write_bytes(b"")


def segments_with_other_columns() -> None:
    write_video(VIDEOS / "day1" / "anna.mp4")
    Path("segments.csv").write_text("file,start,end,label\nday1/anna.mp4,1,2,wave\n")


# layout → the lines of the report that matter, and the rejected paths
CASES: dict[str, tuple[Callable[[], None], list[str], set[str]]] = {
    "frames_without_class_folders": (
        frames_without_class_folders,
        [
            "- layout: 3 frames directly in the folder, without class folders",
            "1. make one folder per class in data/01_raw/frames and move the frames into them: "
            "{class_name}/anna_frame_0.jpg",
        ],
        {"anna_frame_0.jpg", "anna_frame_1.jpg", "anna_frame_2.jpg"},
    ),
    "pictures_among_videos": (
        pictures_among_videos,
        [
            "- layout: {class_name}/{name}.mp4, as expected, mixed with 2 pictures",
            "1. pictures in a folder of videos are not used: move them to the class folders of the folder of frames",
        ],
        {"fist/ben_frame_0.jpg", "wave/ben_frame_0.jpg"},
    ),
    "videos_among_frames": (
        videos_among_frames,
        [
            "- layout: {class_name}/{video_id}_frame_{number}.jpg, as expected, mixed with 2 videos",
            "1. videos in a folder of frames are not used: move them to the folder of videos and run "
            "kedro run --pipeline video_ingest",
        ],
        {"fist/anna.mp4", "wave/anna.mp4"},
    ),
    "frames_with_other_names": (
        frames_with_other_names,
        [
            "- layout: pictures in class folders, but 2 of 2 names are not {video_id}_frame_{number}, the first: "
            "fist/anna-0001.jpg",
            "1. set frame_catalog.frame_pattern in conf/local/parameters.yml, for example to "
            r"(?P<video_id>.+)-(?P<number>\d+)",
        ],
        {"fist/", "wave/", "fist/anna-0001.jpg", "wave/anna-0001.jpg"},
    ),
    "one_folder_per_clip": (
        one_folder_per_clip,
        [
            "- layout: one folder of pictures per clip, the first: fist/clip7/00001.jpg",
            "1. set frame_catalog.frame_pattern in conf/local/parameters.yml, for example to "
            r"(?P<video_id>.+)/(?P<number>\d+)",
        ],
        {"fist/", "wave/", "fist/clip7", "wave/clip7"},
    ),
    "one_class": (
        one_class,
        [
            "- layout: {class_name}/{name}.mp4, but only one class: wave",
            "1. add at least one more class folder beside data/01_raw/videos/wave",
        ],
        set(),
    ),
    "class_in_two_cases": (
        class_in_two_cases,
        [
            "- classes: 3, with their clips: Wave (1), fist (1), wave (1)",
            "1. if Wave (1 clip) and wave (1) are the same class, give both folders one name",
        ],
        set(),
    ),
    "misspelt_class": (
        misspelt_class,
        [
            "- classes: 3, with their clips: fist (3), wave (3), waev (1)",
            "1. if wave (3 clips) and waev (1) are the same class, give both folders one name",
        ],
        set(),
    ),
    "unreadable_files": (
        unreadable_files,
        [
            "    - 2 x cannot be decoded: Invalid data found when processing input; the first: fist/ben.mp4",
            "    - 2 x empty file; the first: fist/cara.mp4",
            "1. read 02_intermediate/data_check_rejects.csv: every rejected file and the reason",
        ],
        {"fist/ben.mp4", "fist/cara.mp4", "wave/ben.mp4", "wave/cara.mp4"},
    ),
    "segments_with_other_columns": (
        segments_with_other_columns,
        [
            "- layout: video_ingest.segments cannot be used",
            "    - 1 x a table of segments needs columns 'video' and 'class_name', start_seconds and end_seconds or "
            "start_frame and end_frame for parts of videos, and optionally 'group' and 'split', but has no column "
            "'video'; add it; the first: segments.csv",
            "1. correct video_ingest.segments, see the reason",
        ],
        {"segments.csv"},
    ),
}


def check() -> DataCheck:
    segments = "segments.csv" if Path("segments.csv").exists() else None
    return check_data(
        VIDEOS,
        FRAMES,
        base_parameters(VideoIngestParameters, segments=segments),
        base_parameters(FrameCatalogParameters, processes=1),
        base_parameters(SplitParameters),
        32,
    )


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_layout_gets_its_sentences_and_its_rejects(tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    make, lines, rejected = CASES[case]
    make()
    result = check()
    report = result.report.splitlines()
    for line in lines:
        assert line in report
    assert set(result.rejected["path"]) == rejected


def test_the_page_quotes_these_sentences():
    page = (ROOT / "docs/your-data.md").read_text(encoding="utf-8")
    for _, lines, _ in CASES.values():
        assert "\n".join(lines) in page


@pytest.mark.parametrize("path", ["missing.csv", "segments"])
def test_segments_that_cannot_be_read_are_a_reject(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    frames_with_other_names()
    Path("segments").mkdir()
    parameters = base_parameters(VideoIngestParameters, segments=path)
    catalog = base_parameters(FrameCatalogParameters, processes=1)
    result = check_data(VIDEOS, FRAMES, parameters, catalog, base_parameters(SplitParameters), 32)
    assert "- layout: video_ingest.segments cannot be used" in result.report
    assert result.rejected["path"].iloc[0] == path
    assert len(result.rejected) == 5  # the frames are checked too


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["thumb_up", "Thumb Up", "thumbup"], 3),
        (["wave"] * 3 + ["wavee"], 1),
        (["wave"] * 2 + ["wavee"], 0),  # about as many clips: two gestures, as circlecw and circleccw
        (["circlecw"] * 4 + ["circleccw"] * 3, 0),
        (["swipe_l"] * 9 + ["swipe_r"], 0),
        (["G05"] * 9 + ["G06"], 0),
        (["up"] * 9 + ["ups"], 0),
        (["wave", "fist"], 0),
        ([], 0),
    ],
)
def test_similar_class_names(names, found):
    assert len(similar_classes(names)) == found
