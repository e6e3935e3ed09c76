import os

import pandas as pd
import pytest

from base_parameters import base_parameters
from hand_gestures.dataset.data_check import check_data
from hand_gestures.dataset.folder_layout import recognise_layout
from hand_gestures.dataset.frame_catalog import catalog_frames
from hand_gestures.dataset.group_proposal import propose_groups
from hand_gestures.parameters import FrameCatalogParameters, SplitParameters, VideoIngestParameters
from small_videos import write_video


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    return folder


def check(videos, frames_dir, segments=None, pattern=None, **split):
    ingest = base_parameters(VideoIngestParameters, segments=segments and str(segments))
    catalog = base_parameters(FrameCatalogParameters, processes=1, frame_pattern=pattern)
    return check_data(videos, frames_dir, ingest, catalog, base_parameters(SplitParameters, **split), 32)


def reasons(result):
    return dict(zip(result.rejected["path"], result.rejected["reason"], strict=True))


def next_steps(result):
    return [line.partition(". ")[2] for line in result.report.partition("## Next")[2].strip().splitlines()]


def test_good_videos_are_counted_and_measured(videos, frames_dir):
    for class_name in ("fist", "wave"):
        for name in ("anna-01", "ben-01"):
            write_video(videos / class_name / f"{name}.mp4", frames=30, fps=15)
    (videos / "wave/notes.txt").write_text("x")
    (videos / "wave/broken.mp4").write_text("x")
    result = check(videos, frames_dir)
    for line in (
        "- layout: {class_name}/{name}.mp4, as expected",
        "- classes: 2, with their clips: fist (2), wave (2)",
        "- clips: 4",
        "- length of the videos: 2 to 2 s, median 2",
        "- frame rate: 15 (4)",
        "- size: 64x48 (4)",
        "- rejected: 2",
        "- proposal: `split.group_pattern: ^([A-Za-z]+)[-_. ]`",
    ):
        assert line in result.report.splitlines()
    assert "anna (2), ben (2)" in result.report
    assert set(reasons(result)) == {"wave/notes.txt", "wave/broken.mp4"}
    assert next_steps(result)[-1] == "kedro run --pipeline video_ingest"


def test_good_frames_are_counted_and_measured(videos, two_classes):
    result = check(videos, two_classes)
    assert "- length: 3 to 3 frames, median 3" in result.report
    assert "- clips with fewer than 32 frames, which repeat their last frame: 2" in result.report
    assert "- size: 32x24 (2)" in result.report
    assert next_steps(result)[-1] == "kedro run"


def test_videos_directly_in_the_root(videos, frames_dir):
    for name in ("a", "b"):
        write_video(videos / f"{name}.mp4")
    result = check(videos, frames_dir)
    assert "- layout: 2 videos directly in the folder, without class folders" in result.report
    assert next_steps(result)[0].startswith(f"make one folder per class in {videos}")
    assert reasons(result) == {"a.mp4": "not inside a class folder", "b.mp4": "not inside a class folder"}


def test_frames_without_the_word_frame(videos, frames_dir, write_frame):
    for class_name in ("fist", "wave"):
        write_frame(f"{class_name}/anna_001.jpg")
    result = check(videos, frames_dir)
    assert "2 of 2 names are not {video_id}_frame_{number}, the first: fist/anna_001.jpg" in result.report
    assert next_steps(result)[0].endswith(r"for example to (?P<video_id>.+)_(?P<number>\d+)")
    assert {path: reason[:11] for path, reason in reasons(result).items()} == {
        "fist/": "class folde",
        "wave/": "class folde",
        "fist/anna_001.jpg": "name is not",
        "wave/anna_001.jpg": "name is not",
    }


@pytest.mark.parametrize(
    ("path", "video_id"), [("clip7/00001.jpg", "clip7"), ("anna/clip7/img_0001.jpg", "anna/clip7"), ("a-1.jpg", "a")]
)
def test_the_proposed_frame_pattern_makes_the_frames_readable(videos, frames_dir, write_frame, path, video_id):
    for class_name in ("fist", "wave"):
        write_frame(f"{class_name}/{path}")
    pattern = next_steps(check(videos, frames_dir))[0].partition("for example to ")[2]
    result = check(videos, frames_dir, pattern=pattern)
    assert "- layout: frame_catalog.frame_pattern, which matches every picture" in result.report
    assert "- classes: 2, with their clips: fist (1), wave (1)" in result.report
    assert catalog_frames(frames_dir, pattern=pattern).frames["video_id"].tolist() == [video_id] * 2
    write_frame("fist/cover.jpg")
    found = recognise_layout(frames_dir, "frames", pattern).found
    assert found.endswith("matches 2 of 3 pictures; the first that it does not match: fist/cover.jpg")


def test_names_without_a_number_must_be_changed(videos, frames_dir, write_frame):
    write_frame("fist/photo.jpg")
    assert next_steps(check(videos, frames_dir))[0].startswith("rename the pictures to {class_name}/{video_id}")


def test_one_class(videos, frames_dir):
    write_video(videos / "wave/a.mp4")
    result = check(videos, frames_dir)
    assert "but only one class: wave" in result.report
    assert f"add at least one more class folder beside {videos / 'wave'}" in next_steps(result)


def test_class_folders_one_level_too_deep(videos, frames_dir):
    for class_name in ("fist", "wave"):
        write_video(videos / "all" / class_name / "a.mp4")
    result = check(videos, frames_dir)
    assert "- layout: class folders one level too deep, inside all/" in result.report
    assert next_steps(result)[0] == f"give --params videos_dir={videos / 'all'}"
    assert set(reasons(result).values()) == {"folder inside a class folder"}


def test_pictures_with_a_wrong_suffix_or_damaged(videos, frames_dir, write_frame):
    write_frame("wave/v_frame_0.bmp")
    result = check(videos, frames_dir)
    assert "- layout: no frames, but files with other suffixes: .bmp (1)" in result.report
    assert next_steps(result)[0] == "convert the files to one of .jpg, .jpeg, .png"
    write_frame("wave/v_frame_0.jpg").write_bytes(b"no picture")
    write_frame("fist/v_frame_0.jpg")
    result = check(videos, frames_dir)
    assert "1 x not a jpeg or png image; the first: wave/v_frame_0.jpg" in result.report
    assert reasons(result)["wave/v_frame_0.bmp"].startswith("name is not")


def test_folders_of_a_split_and_of_performers(videos):
    for split in ("train", "val"):
        write_video(videos / split / "wave/a.mp4")
    layout = recognise_layout(videos, "videos")
    assert layout.found == "class folders inside folders of a split: train, val"
    assert "split.lists" in layout.remedies[0]
    write_video(videos / "anna/wave/a.mp4")
    layout = recognise_layout(videos, "videos")
    assert layout.found == "2 levels of folders above the videos, the first: anna/wave/a.mp4"
    assert layout.remedies[0].endswith("anna/wave-a.mp4")


def test_videos_where_frames_belong_and_the_reverse(videos, two_classes):
    write_video(videos / "wave/a.mp4")
    assert "--pipeline video_ingest" in recognise_layout(videos, "frames").remedies[0]
    assert "--params frames_dir=" in recognise_layout(two_classes, "videos").remedies[0]


def test_a_table_of_segments_is_checked_against_the_videos(tmp_path, videos, frames_dir):
    write_video(videos / "day1/anna.mp4", frames=60)
    (videos / "broken.mp4").write_text("x")
    segments = pd.DataFrame(
        [
            ("day1/anna.mp4", "wave", "0.5", "1"),
            ("day1/anna.mp4", "fist", "1", "1.5"),
            ("gone.mp4", "fist", "1", "1.5"),
            ("broken.mp4", "fist", "1", "1.5"),
        ],
        columns=["video", "class_name", "start_seconds", "end_seconds"],
    )
    segments.to_csv(tmp_path / "segments.csv", index=False)
    result = check(videos, frames_dir, tmp_path / "segments.csv")
    assert "- layout: a table of 4 segments in 1 readable video" in result.report
    assert "- classes: 2, with their clips: fist (1), wave (1)" in result.report
    assert reasons(result).pop("gone.mp4, row 3 of the segments") == "no such video"
    assert set(reasons(result)) == {"gone.mp4, row 3 of the segments", "broken.mp4"}
    assert next_steps(result)[-1] == "kedro run --pipeline video_ingest"


def test_no_folder_at_all(tmp_path):
    result = check(tmp_path / "videos", tmp_path / "frames")
    assert result.report.count("the folder does not exist") == 2
    assert len(next_steps(result)) == 2
    assert result.rejected.empty
    assert list(result.rejected.columns) == ["folder", "path", "reason"]


@pytest.mark.parametrize(
    ("ids", "pattern", "groups"),
    [
        (("performer07-take1", "performer08-take1"), r"(?i)((?:performer|person", {"performer07": 2, "performer08": 2}),
        (("p01_s2", "p02_s2"), r"^([A-Za-z]+\d+)", {"p01": 2, "p02": 2}),
        (("anna-03", "ben-03"), r"^([A-Za-z]+)[", {"anna": 2, "ben": 2}),
        (("07_1", "08_1"), r"^(\d+)", {"07": 2, "08": 2}),
        (("t-1-anna", "t-1-ben"), r"[-_. ]([A-Za-z]+)$", {"anna": 2, "ben": 2}),
        (("anna1", "ben1"), r"^([A-Za-z]+)\d", {"anna": 2, "ben": 2}),
    ],
)
def test_a_group_pattern_is_proposed(ids, pattern, groups):
    proposal = propose_groups([(class_name, video_id) for class_name in ("fist", "wave") for video_id in ids])
    assert proposal.pattern.startswith(pattern)
    assert proposal.clips == groups
    assert proposal.fewest == 2


@pytest.mark.parametrize(
    "videos",
    [
        [("fist", "fist_1"), ("fist", "fist_2"), ("wave", "wave_1"), ("wave", "wave_2")],  # the class, not a person
        [("fist", "a"), ("fist", "b"), ("wave", "a"), ("wave", "b")],  # nothing that repeats
        [("fist", "clip_1"), ("fist", "clip_2"), ("wave", "clip_1"), ("wave", "clip_2")],  # numbers count takes
        [("fist", "anna-1"), ("fist", "ben-1"), ("wave", "anna-1")],  # one group in a class
        [("fist", "anna-1"), ("fist", "ben-1"), ("wave", "cara-1"), ("wave", "dora-1")],  # each group has one clip
        [],
    ],
)
def test_no_group_pattern_is_proposed(videos):
    assert propose_groups(videos) is None


def test_any_name_is_reported_on_one_line(videos, frames_dir, write_frame):
    decomposed, composed = "и\u0306", "й"
    write_video(videos / decomposed / f"{decomposed}.mp4")
    write_video(videos / composed / "b.mp4")
    write_video(videos / "=1+1" / "手?#.mp4")
    for name in (b"wave/line\nbreak.mp4", b"wa\tve/a.mp4", b"\xff\xfe/a.mp4", b"wave/\xff.mp4"):
        path = os.fsencode(videos) + b"/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(b"x")
    result = check(videos, frames_dir)
    result.report.encode()
    assert f"- classes: 2, with their clips: {composed} (2), =1+1 (1)" in result.report
    assert reasons(result)["wave/line\\nbreak.mp4"] == "name holds a control character"
    assert set(result.rejected["reason"]) == {"name holds a control character", "name is not UTF-8"}


@pytest.mark.parametrize("name", [b"line\nbreak", b"\xff\xfe", "\u2028".encode()])
@pytest.mark.parametrize("path", [b"a.mp4", b"NAME/a.mp4", b"all/NAME/a.mp4", b"NAME.mp4", b"x.NAME", b"NAME/x.jpg"])
def test_a_layout_with_any_name_is_described_on_one_line(videos, frames_dir, name, path):
    whole = os.fsencode(videos) + b"/" + path.replace(b"NAME", name)
    os.makedirs(os.path.dirname(whole), exist_ok=True)  # noqa: PTH103, PTH120
    with open(whole, "wb") as file:  # noqa: PTH123
        file.write(b"x")
    for result in (check(videos, frames_dir), check(frames_dir, videos)):
        result.report.encode()
        result.rejected.to_csv().encode()
        for line in result.report.split("\n"):
            assert len(line.splitlines()) <= 1
            assert line.startswith(("#", "- ", "    - ", "1. ", "2. ", "3. ")) or not line


def test_clips_of_segments_are_named_in_one_spelling(tmp_path, videos, frames_dir):
    decomposed, composed = "и\u0306", "й"
    write_video(videos / f"{decomposed}.mp4")
    segments = pd.DataFrame({"video": [f"{composed}.mp4"] * 2, "class_name": [decomposed, "wave"]})
    segments.to_csv(tmp_path / "segments.csv", index=False)
    result = check(videos, frames_dir, tmp_path / "segments.csv")
    assert f"with their clips: wave (1), {composed} (1)" in result.report
    assert result.rejected.empty
