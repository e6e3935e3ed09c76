import io
import json

import pandas as pd
import pytest

from base_parameters import base_parameters
from hand_gestures.catalog_datasets import SafeCSVDataset
from hand_gestures.dataset.frame_catalog import catalog_frames
from hand_gestures.dataset.official_split import read_official_split
from hand_gestures.dataset.segment_lists import read_groups
from hand_gestures.dataset.sequences import build_sequences
from hand_gestures.parameters import VideoIngestParameters
from hand_gestures.pipelines.video_ingest import nodes
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.video.image_files import read_frame
from hand_gestures.video.ingest import ingest_videos
from hand_gestures.video.ingest_records import IngestRecords
from hand_gestures.video.video_files import Sampling, VideoFile
from small_videos import write_video


@pytest.fixture
def videos(tmp_path):
    """Two long videos: 60 frames at 30 per second, the grey level tells the number of the frame modulo 40."""
    for name in ("day1/anna.mp4", "ben.mp4"):
        write_video(tmp_path / "videos" / name, frames=60)
    return tmp_path / "videos"


@pytest.fixture
def frames_dir(tmp_path):
    return tmp_path / "frames"


def table(text):
    return pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)


def ingest(videos, frames_dir, text, processes=1, **sampling):
    return ingest_videos(videos, frames_dir, Sampling(**sampling), 95, processes, table(text))


def numbers(frames_dir, clip):
    """The numbers of the frames of a clip in its video, read back from the grey level."""
    paths = sorted(frames_dir.glob(f"{clip}_frame_*.jpg"))
    return [round((int(read_frame(path)[-4, -4].mean()) - 40) / 5) for path in paths]


def reasons(frames_dir):
    return {row.path: row.reason for row in IngestRecords(frames_dir).rejected()}


FRAMES = "video,start_frame,end_frame,class_name\nday1/anna.mp4,3,8,wave\nday1/anna.mp4,6,10,fist\nben.mp4,0,2,wave\n"


def test_each_segment_is_a_clip_with_exactly_its_frames(videos, frames_dir):
    assert ingest(videos, frames_dir, FRAMES) == (3, 0, 0)
    assert numbers(frames_dir, "wave/day1-anna_3-8") == [3, 4, 5, 6, 7]
    assert numbers(frames_dir, "fist/day1-anna_6-10") == [6, 7, 8, 9]
    assert numbers(frames_dir, "wave/ben_0-2") == [0, 1]
    catalog = catalog_frames(frames_dir)
    assert catalog.rejected.empty
    assert sorted(set(catalog.frames["video_id"])) == ["ben_0-2", "day1-anna_3-8", "day1-anna_6-10"]


def test_seconds_count_from_the_first_frame_and_the_end_is_excluded(videos, frames_dir):
    text = "video,start_seconds,end_seconds,class_name\nben.mp4,0.5,0.7,wave\nben.mp4,1.9,2.0,wave\n"
    assert ingest(videos, frames_dir, text) == (2, 0, 0)
    assert numbers(frames_dir, "wave/ben_0.5-0.7") == [15, 16, 17, 18, 19, 20]
    assert numbers(frames_dir, "wave/ben_1.9-2") == [17, 18, 19]  # 57 to 59 modulo 40


def test_a_row_without_times_is_the_whole_video(videos, frames_dir):
    assert ingest(videos, frames_dir, "video,class_name\nben.mp4,wave\n") == (1, 0, 0)
    assert len(numbers(frames_dir, "wave/ben")) == 60


def test_sampling_applies_to_the_video_and_so_to_each_segment(videos, frames_dir):
    ingest(videos, frames_dir, FRAMES, every=2)
    assert numbers(frames_dir, "wave/day1-anna_3-8") == [4, 6]


def test_a_video_is_opened_once_for_all_its_segments(videos, frames_dir, monkeypatch):
    opened, init = [], VideoFile.__init__
    monkeypatch.setattr(VideoFile, "__init__", lambda self, path: opened.append(path.name) or init(self, path))
    ingest(videos, frames_dir, FRAMES)
    assert opened == ["anna.mp4", "ben.mp4"]


def test_only_new_or_changed_segments_are_decoded_again(videos, frames_dir):
    ingest(videos, frames_dir, FRAMES)
    assert ingest(videos, frames_dir, FRAMES) == (0, 3, 0)
    assert ingest(videos, frames_dir, FRAMES + "ben.mp4,5,9,fist\n") == (1, 3, 0)
    assert numbers(frames_dir, "fist/ben_5-9") == [5, 6, 7, 8]
    next((frames_dir / "wave").glob("ben_0-2*")).unlink()
    assert ingest(videos, frames_dir, FRAMES) == (1, 2, 0)


def test_any_number_of_processes_writes_the_same_files(videos, tmp_path):
    for name, processes in (("one", 1), ("two", 2)):
        ingest(videos, tmp_path / name, FRAMES, processes)
    one, two = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.jp*g")}
        for name in ("one", "two")
    )
    assert one == two
    assert len(one) == 11


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("gone.mp4,0,5,wave", "no such video"),
        ("../ben.mp4,0,5,wave", "video is not a path below videos_dir"),
        (",0,5,wave", "video is not a path below videos_dir"),
        ("ben.mp4,5,5,wave", "end 5 is not after start 5"),
        ("ben.mp4,7,5,wave", "end 5 is not after start 7"),
        ("ben.mp4,-1,5,wave", "start -1 is negative"),
        ("ben.mp4,a,5,wave", "start_frame 'a' is not a number"),
        ("ben.mp4,1.5,5,wave", "start_frame '1.5' is not a whole number"),
        ("ben.mp4,1,,wave", "only one of start_frame and end_frame"),
        ("ben.mp4,50,90,wave", "ends at 90, beyond the end of the video (60 frames)"),
        ("ben.mp4,61,63,wave", "no frame of the video is inside the segment"),
        ("ben.mp4,0,5,", "class_name '' cannot be the name of a class folder"),
        ("ben.mp4,0,5,a/b", "class_name 'a/b' cannot be the name of a class folder"),
        ("ben.mp4,0,2,wave", "the same class and clip name as row 3"),
        ("notes.mp4,0,5,wave", "cannot be decoded"),
    ],
)
def test_a_faulty_row_is_rejected_with_its_reason_and_the_others_are_written(videos, frames_dir, row, reason):
    (videos / "notes.mp4").write_text("no video")
    assert ingest(videos, frames_dir, FRAMES + row + "\n") == (3, 0, 1)
    (found,) = reasons(frames_dir).values()
    assert found.startswith(reason)


def test_an_end_slightly_after_the_last_frame_is_accepted(videos, frames_dir):
    text = "video,start_seconds,end_seconds,class_name\nben.mp4,1.5,2.4,wave\nben.mp4,1.5,2.6,wave\n"
    assert ingest(videos, frames_dir, text) == (1, 0, 1)
    assert reasons(frames_dir) == {"wave/ben_1.5-2.6": "ends at 2.6, beyond the end of the video (2 s)"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("video,start_frame,end_frame\nben.mp4,0,5\n", "has no column 'class_name'; add it"),
        ("video,class_name,start_frame\nben.mp4,wave,0\n", "has no column 'end_frame'; add it"),
        ("video,class_name,start_frame,end_frame,start_seconds,end_seconds\nben.mp4,wave,0,5,0,5\n", "remove one pair"),
        ("video,class_name\ngone.mp4,wave\n", "none of its 1 rows can .the first: gone.mp4, row 1 of the segments, no"),
    ],
)
def test_a_table_of_another_form_is_one_sentence(videos, frames_dir, text, message):
    with pytest.raises(HandGesturesError, match=message):
        ingest(videos, frames_dir, text)


def test_a_killed_ingest_continues_with_the_missing_segments(videos, frames_dir):
    ingest(videos, frames_dir, FRAMES)
    records = frames_dir / ".ingest/wave"
    (records / "day1-anna_3-8.json").unlink()
    (records / "day1-anna_3-8.writing").touch()  # as a kill between two moves leaves it
    assert ("wave", "day1-anna_3-8") in IngestRecords(frames_dir).unfinished()
    assert "ingested only in part" in catalog_frames(frames_dir).rejected["reason"].iloc[0]
    assert ingest(videos, frames_dir, FRAMES) == (1, 2, 0)
    assert catalog_frames(frames_dir).rejected.empty


def run_nodes(videos, frames_dir, path, text):
    path.write_text(text)
    parameters = base_parameters(VideoIngestParameters, segments=str(path), processes=1)
    nodes.ingest(videos, parameters)(frames_dir)
    return nodes.report_ingest(frames_dir, videos, parameters)


def test_groups_and_splits_reach_the_files_that_the_split_reads(videos, frames_dir, tmp_path, caplog):
    caplog.set_level("INFO")
    text = (
        "video,start_frame,end_frame,class_name,group,split\n"
        "day1/anna.mp4,3,8,wave,anna,train\nday1/anna.mp4,6,10,fist,anna,val\nben.mp4,0,2,wave,,\n"
    )
    ingested, splits, rejected = run_nodes(videos, frames_dir, tmp_path / "segments.csv", text)
    assert rejected.empty
    ingested.to_csv(tmp_path / "ingested_videos.csv", index=False)
    splits.to_csv(tmp_path / "split_lists.csv", index=False)
    groups = read_groups(tmp_path / "ingested_videos.csv")
    assert groups.to_dict() == {"fist/day1-anna_6-10": "anna", "wave/ben_0-2": "ben.mp4", "wave/day1-anna_3-8": "anna"}
    listed = read_official_split(tmp_path / "split_lists.csv")
    assert listed.to_dict() == {"fist/day1-anna_6-10": "val", "wave/day1-anna_3-8": "train"}
    sequences = build_sequences(catalog_frames(frames_dir).frames, 32, None, groups)
    assert dict(zip(sequences["sequence_id"], sequences["group"], strict=True)) == groups.to_dict()
    assert any(
        "set split.groups to the path of 02_intermediate/ingested_videos.csv" in line for line in caplog.messages
    )
    assert any("set split.lists to the path of 02_intermediate/split_lists.csv" in line for line in caplog.messages)


def test_frames_of_a_row_that_was_changed_are_named_in_one_warning(videos, frames_dir, tmp_path, caplog):
    run_nodes(videos, frames_dir, tmp_path / "segments.csv", FRAMES)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    run_nodes(videos, frames_dir, tmp_path / "segments.csv", FRAMES.replace("ben.mp4,0,2", "ben.mp4,1,3"))
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert line.startswith("2 frames of 1 video that are no longer in videos_dir or in video_ingest.segments still")
    assert "the first: wave/ben_0-2; remove them with" in line


def test_a_whole_video_that_no_row_lists_is_named_in_one_warning(videos, frames_dir, tmp_path, caplog):
    write_video(videos / "wave/cara.mp4")
    nodes.ingest(videos, base_parameters(VideoIngestParameters, processes=1))(frames_dir)
    caplog.clear()
    run_nodes(videos, frames_dir, tmp_path / "segments.csv", FRAMES)
    lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    unlisted = [line for line in lines if "in no row of video_ingest.segments" in line]
    assert len(unlisted) == 1
    assert not [line for line in lines if "cara" in line and line not in unlisted]


def test_videos_without_segments_have_no_group_and_no_split(tmp_path):
    write_video(tmp_path / "videos/wave/a.mp4")
    parameters = base_parameters(VideoIngestParameters, processes=1)
    nodes.ingest(tmp_path / "videos", parameters)(tmp_path / "frames")
    ingested, splits, _ = nodes.report_ingest(tmp_path / "frames", tmp_path / "videos", parameters)
    assert ingested[["group", "split"]].to_numpy().tolist() == [["", ""]]
    assert splits.empty
    record = json.loads((tmp_path / "frames/.ingest/wave/a.json").read_text())
    assert "segment" not in record["source"]["settings"]  # frames of earlier versions stay up to date


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class_name,video_id\nwave,a\n", "has no column 'group'"),
        ("class_name,video_id,group\nwave,a,x\nwave,a,y\n", "lists 'wave/a' in several"),
    ],
)
def test_a_wrong_table_of_groups_is_one_sentence(tmp_path, text, message):
    (tmp_path / "groups.csv").write_text(text)
    with pytest.raises(HandGesturesError, match=message):
        read_groups(tmp_path / "groups.csv")
    with pytest.raises(HandGesturesError, match="cannot be read"):
        read_groups(tmp_path / "missing.csv")


def test_a_folder_of_numbered_pictures_is_read_like_a_video(videos, frames_dir, encode):
    for number in (9, 10, 11, 100):
        path = videos / "1042" / f"img_{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode(".jpg", str(number)))
    (videos / "1042/cover.jpg").write_bytes(b"x")
    text = "video,start_frame,end_frame,class_name\n1042,1,3,wave\n1042,,,fist\n"
    assert ingest(videos, frames_dir, text) == (2, 0, 0)
    assert len(list((frames_dir / "fist").glob("1042_frame_*.jpg"))) == 4
    (frames_dir / "wave/1042_1-3_frame_0001.jpg").stat()
    written = read_frame(frames_dir / "wave/1042_1-3_frame_0000.jpg")
    assert abs(written.astype(int) - read_frame(videos / "1042/img_10.jpg").astype(int)).mean() < 12
    assert ingest(videos, frames_dir, text, fps=10) == (0, 0, 2)
    assert set(reasons(frames_dir).values()) == {"a folder of pictures has no times: set video_ingest.fps to null"}


def test_damaged_pictures_of_a_folder_are_counted_and_too_many_reject_it(videos, frames_dir, encode):
    (videos / "clip").mkdir()
    for number in range(4):
        (videos / "clip" / f"{number}.jpg").write_bytes(encode(".jpg", str(number)) if number else b"damaged")
    assert ingest(videos, frames_dir, "video,class_name\nclip,wave\n") == (1, 0, 0)
    (record,) = IngestRecords(frames_dir).complete()
    assert (record.video.frames, record.video.damaged_frames, record.video.readable_share) == (3, 1, 0.75)
    for number in (1, 2):
        (videos / "clip" / f"{number}.jpg").write_bytes(b"damaged")
    assert ingest(videos, frames_dir / "again", "video,class_name\nclip,wave\n") == (0, 0, 1)
    assert reasons(frames_dir / "again") == {"wave/clip": "1 of 4 pictures can be read, needed: 50%"}


def test_a_link_that_leads_outside_is_not_followed(videos, frames_dir, tmp_path):
    (videos / "link.mp4").symlink_to(write_video(tmp_path / "outside.mp4"))
    assert ingest(videos, frames_dir, FRAMES + "link.mp4,0,5,wave\n") == (3, 0, 1)
    assert set(reasons(frames_dir).values()) == {"link that leads outside the folder"}


def test_names_of_a_table_have_one_spelling_and_lead_to_the_file_on_disk(tmp_path, frames_dir):
    decomposed, composed = "и\u0306", "й"
    videos = tmp_path / "videos"
    write_video(videos / decomposed / "a.mp4")
    text = (
        "video,start_frame,end_frame,class_name,group,split\n"
        f"{composed}/a.mp4,0,2,{decomposed},{decomposed},train\n"
        f"{decomposed}/a.mp4,2,4,{composed},,val\n"
        f"{decomposed}/a.mp4,2,4,{decomposed},,val\n"
    )
    ingested, splits, rejected = run_nodes(videos, frames_dir, tmp_path / "segments.csv", text)
    assert ingested["class_name"].tolist() == [composed] * 2
    assert ingested["video_id"].tolist() == [f"{composed}-a_0-2", f"{composed}-a_2-4"]
    assert ingested["group"].tolist() == [composed, f"{composed}/a.mp4"]
    assert splits["split"].tolist() == ["train", "val"]
    assert rejected["reason"].tolist() == ["the same class and clip name as row 2"]
    assert (videos / ingested["file"][0]).is_file()


@pytest.mark.parametrize("letter", ["\n", "\t", "\x07", "\x85", "\u2028"])
@pytest.mark.parametrize("column", ["video", "class_name", "group"])
def test_a_name_with_a_control_character_is_rejected_on_one_line(videos, frames_dir, letter, column):
    row = {"video": "ben.mp4", "class_name": "wave", "group": "x"}
    segments = pd.DataFrame([{"video": "ben.mp4", "class_name": "fist", "group": "x"}, row | {column: f"a{letter}b"}])
    assert ingest_videos(videos, frames_dir, Sampling(), 90, 1, segments) == (1, 0, 1)
    ((path, reason),) = reasons(frames_dir).items()
    assert reason == f"{column} holds a control character"
    assert len(path.splitlines()) == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"video": "\ud800.mp4"}, "video is not UTF-8"),
        ({"class_name": "\ud800"}, "class_name is not UTF-8"),
        ({"video": "v" * 300}, "no such video"),
        ({"split": "a\nb"}, "split 'a\\nb' is none of train, val, test"),
    ],
)
def test_text_that_no_file_name_can_be_is_rejected(videos, frames_dir, row, reason):
    good = {"video": "ben.mp4", "class_name": "wave", "split": ""}
    segments = pd.DataFrame([good | {"class_name": "fist"}, good | row], dtype=object)
    assert ingest_videos(videos, frames_dir, Sampling(), 90, 1, segments) == (1, 0, 1)
    assert list(reasons(frames_dir).values()) == [reason]


def test_groups_and_splits_of_names_that_look_like_formulas_are_found(videos, frames_dir, tmp_path):
    text = "video,class_name,group,split\nben.mp4,=wave,@ben,train\n"
    ingested, splits, _ = run_nodes(videos, frames_dir, tmp_path / "segments.csv", text)
    for name, saved in (("groups.csv", ingested), ("lists.csv", splits)):
        SafeCSVDataset(filepath=str(tmp_path / name), save_args={"index": False}).save(saved)
    assert "'=wave" in (tmp_path / "lists.csv").read_text()
    assert read_official_split(tmp_path / "lists.csv").to_dict() == {"=wave/ben": "train"}
    assert read_groups(tmp_path / "groups.csv").to_dict() == {"=wave/ben": "@ben"}
    (tmp_path / "own.csv").write_text("class_name,video_id,split\n=wave,a,train\n'=1,b,train\n")
    assert read_official_split(tmp_path / "own.csv").to_dict() == {"=wave/a": "train", "'=1/b": "train"}


def test_groups_of_a_table_have_one_spelling(tmp_path):
    (tmp_path / "groups.csv").write_text("class_name,video_id,group\nи\u0306,a,и\u0306\n", encoding="utf-8")
    assert read_groups(tmp_path / "groups.csv").to_dict() == {"й/a": "й"}
