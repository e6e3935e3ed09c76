"""Frames of an earlier ingest whose video is gone."""

import shutil

import pytest

from base_parameters import base_parameters
from hand_gestures.parameters import VideoIngestParameters
from hand_gestures.pipelines.video_ingest.nodes import ingest, report_ingest
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.video.ingest_records import IngestRecords
from small_videos import write_video


@pytest.fixture
def videos(tmp_path):
    """Two classes with two videos of 12 frames each."""
    for path in ("fist/a.mp4", "fist/b.mp4", "wave/c.mp4", "wave/d.mp4"):
        write_video(tmp_path / "videos" / path)
    return tmp_path / "videos"


@pytest.fixture
def frames_dir(videos, tmp_path):
    """The frames of these videos."""
    run(videos, tmp_path / "frames")
    return tmp_path / "frames"


def run(videos, frames_dir, prune=False):
    parameters = base_parameters(VideoIngestParameters, prune=prune, processes=1)
    ingest(videos, parameters)(frames_dir)
    return report_ingest(frames_dir, videos, parameters)[0]


def frame_files(frames_dir):
    return {str(path.relative_to(frames_dir)) for path in frames_dir.glob("[!.]*/*")}


def move(videos):
    (videos / "fist/a.mp4").rename(videos / "wave/a.mp4")


def remove(videos):
    (videos / "fist/a.mp4").unlink()


def rename(videos):
    (videos / "fist/a.mp4").rename(videos / "fist/z.mp4")


@pytest.mark.parametrize("change", [move, remove, rename])
def test_frames_whose_video_is_gone_are_counted_and_stay(videos, frames_dir, change, caplog):
    before = frame_files(frames_dir)
    change(videos)
    table = run(videos, frames_dir).set_index(["class_name", "video_id"])
    assert table.loc[("fist", "a"), "leftover_frames"] == 12
    assert table["leftover_frames"].sum() == 12
    assert before <= frame_files(frames_dir)
    (message,) = (record.getMessage() for record in caplog.records if record.levelname == "WARNING")
    assert message.startswith("12 frames of 1 video that are no longer in videos_dir still take part in training")
    assert "the first: fist/a.mp4" in message
    assert "--params video_ingest.prune=true" in message


@pytest.mark.parametrize("change", [move, remove, rename])
def test_prune_removes_them_and_nothing_else(videos, frames_dir, change, caplog):
    caplog.set_level("INFO")
    own = frames_dir / "fist" / "own_frame_0.jpg"  # not written by the ingest
    shutil.copy(frames_dir / "fist" / "b_frame_0000.jpg", own)
    leftover = {name for name in frame_files(frames_dir) if name.startswith("fist/a_")}
    change(videos)
    run(videos, frames_dir)
    expected = frame_files(frames_dir) - leftover
    table = run(videos, frames_dir, prune=True)
    assert frame_files(frames_dir) == expected
    assert own.exists()
    assert ("fist", "a") not in set(zip(table["class_name"], table["video_id"], strict=True))
    assert table["leftover_frames"].sum() == 0
    assert "12 frames of videos that are no longer in videos_dir removed" in caplog.text


def test_without_leftovers_nothing_is_logged_or_removed(videos, frames_dir, caplog):
    before = frame_files(frames_dir)
    assert run(videos, frames_dir, prune=True)["leftover_frames"].tolist() == [0] * 4
    assert frame_files(frames_dir) == before
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_a_class_without_videos_is_removed_as_a_whole(videos, frames_dir):
    shutil.rmtree(videos / "fist")
    run(videos, frames_dir, prune=True)
    assert {path.name for path in frames_dir.iterdir()} == {".ingest", "wave"}
    assert not list((frames_dir / ".ingest").glob("fist*"))


def test_frames_that_the_user_removed_are_no_leftovers(videos, frames_dir, caplog):
    remove(videos)
    for path in (frames_dir / "fist").glob("a_*"):
        path.unlink()
    assert run(videos, frames_dir)["leftover_frames"].sum() == 0
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_incomplete_frames_whose_video_is_gone_are_removed(videos, frames_dir):
    IngestRecords(frames_dir).begin("fist", "a")  # a kill at this moment
    IngestRecords(frames_dir).begin("fist", "b")
    remove(videos)
    run(videos, frames_dir, prune=True)
    assert IngestRecords(frames_dir).unfinished() == set()
    assert len(list((frames_dir / "fist").glob("a_*"))) == 0
    assert len(list((frames_dir / "fist").glob("b_*"))) == 12


def test_a_kill_while_frames_are_removed_leaves_them_marked_and_the_next_run_removes_the_rest(
    videos, frames_dir, monkeypatch
):
    remove(videos)
    last = frames_dir / "fist" / "a_frame_0011.jpg"
    unlink = type(last).unlink

    def interrupted(path, missing_ok=False):
        if path == last:
            raise KeyboardInterrupt
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(type(last), "unlink", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(videos, frames_dir, prune=True)
    assert ("fist", "a") in IngestRecords(frames_dir).unfinished()  # the frame catalog rejects what is left
    run(videos, frames_dir, prune=True)
    assert not last.exists()
    assert IngestRecords(frames_dir).unfinished() == set()


def test_a_folder_packed_again_on_another_system_leaves_the_old_spelling_as_leftovers(tmp_path):
    decomposed, composed = "и\u0306", "й"
    videos, frames_dir = tmp_path / "videos", tmp_path / "frames"
    write_video(videos / "wave" / "b.mp4")
    write_video(videos / decomposed / f"{decomposed}.mp4")
    run(videos, frames_dir)
    (videos / decomposed / f"{decomposed}.mp4").rename(videos / decomposed / f"{composed}.mp4")
    (videos / decomposed).rename(videos / composed)
    assert sorted(run(videos, frames_dir)["leftover_frames"]) == [0, 0, 12]
    run(videos, frames_dir, prune=True)
    assert {path.name for path in frames_dir.iterdir()} == {".ingest", "wave", composed}


SEGMENTS = [
    "video,start_frame,end_frame,class_name,group,split",
    "day1/anna.mp4,0,4,wave,,",
    "day1/anna.mp4,4,9,fist,,",
    "ben.mp4,2,5,wave,,",
]


@pytest.fixture
def long_videos(tmp_path):
    """Two videos outside class folders."""
    for path in ("day1/anna.mp4", "ben.mp4"):
        write_video(tmp_path / "long" / path)
    return tmp_path / "long"


def run_segments(videos, frames_dir, lines, prune=False):
    table = frames_dir.parent / "segments.csv"
    if lines is not None:
        table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = None if lines is None else str(table)
    parameters = base_parameters(VideoIngestParameters, prune=prune, processes=1, segments=path)
    ingest(videos, parameters)(frames_dir)
    videos_table, _, _ = report_ingest(frames_dir, videos, parameters)
    return {f"{row.class_name}/{row.video_id}": row.leftover_frames for row in videos_table.itertuples()}


ALL = {"fist/day1-anna_4-9": 0, "wave/ben_2-5": 0, "wave/day1-anna_0-4": 0}


def test_a_clip_whose_video_and_row_exist_is_never_pruned(long_videos, tmp_path, caplog):
    assert run_segments(long_videos, tmp_path / "frames", SEGMENTS) == ALL
    before = frame_files(tmp_path / "frames")
    assert run_segments(long_videos, tmp_path / "frames", SEGMENTS, prune=True) == ALL
    assert frame_files(tmp_path / "frames") == before
    assert len(before) == 4 + 5 + 3
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_a_clip_whose_row_has_a_fault_now_is_not_pruned(long_videos, tmp_path):
    run_segments(long_videos, tmp_path / "frames", SEGMENTS)
    before = frame_files(tmp_path / "frames")
    faulty = [*SEGMENTS[:3], "ben.mp4,2,5,wave,,tset"]
    assert run_segments(long_videos, tmp_path / "frames", faulty, prune=True) == ALL
    assert frame_files(tmp_path / "frames") == before


@pytest.mark.parametrize("changed", [None, "ben.mp4,2,6,wave,,", "ben.mp4,2,5,fist,,"])
def test_a_clip_whose_row_is_gone_or_changed_is_left_over(long_videos, tmp_path, changed, caplog):
    frames_dir = tmp_path / "frames"
    run_segments(long_videos, frames_dir, SEGMENTS)
    lines = SEGMENTS[:3] + ([changed] if changed else [])
    found = run_segments(long_videos, frames_dir, lines)
    assert {name: count for name, count in found.items() if count} == {"wave/ben_2-5": 3}
    message = next(record.getMessage() for record in caplog.records if "still take part" in record.getMessage())
    assert message.startswith("3 frames of 1 video that are no longer in videos_dir or in video_ingest.segments still")
    assert "the first: wave/ben_2-5;" in message
    leftover = {f"wave/ben_2-5_frame_{number:04d}.jpg" for number in range(3)}
    expected = frame_files(frames_dir) - leftover
    assert "wave/ben_2-5" not in run_segments(long_videos, frames_dir, lines, prune=True)
    assert frame_files(frames_dir) == expected


def test_a_clip_whose_video_is_gone_is_left_over(long_videos, tmp_path):
    run_segments(long_videos, tmp_path / "frames", SEGMENTS)
    (long_videos / "ben.mp4").unlink()
    assert run_segments(long_videos, tmp_path / "frames", SEGMENTS)["wave/ben_2-5"] == 3
    expected = {name: 0 for name in ALL if name != "wave/ben_2-5"}
    assert run_segments(long_videos, tmp_path / "frames", SEGMENTS, prune=True) == expected


def test_an_incomplete_clip_is_pruned_only_if_its_row_is_gone(long_videos, tmp_path):
    run_segments(long_videos, tmp_path / "frames", SEGMENTS)
    records = IngestRecords(tmp_path / "frames")
    records.begin("wave", "ben_2-5")
    (long_videos / "ben.mp4").write_bytes(b"damaged")  # so the ingest cannot write the clip again
    run_segments(long_videos, tmp_path / "frames", SEGMENTS, prune=True)
    assert records.unfinished() == {("wave", "ben_2-5")}
    assert len(list((tmp_path / "frames/wave").glob("ben*"))) == 3
    run_segments(long_videos, tmp_path / "frames", SEGMENTS[:3], prune=True)
    assert records.unfinished() == set()
    assert not list((tmp_path / "frames/wave").glob("ben*"))


def test_whole_videos_and_clips_of_segments_are_looked_up_each_in_its_place(videos, frames_dir):
    lines = [SEGMENTS[0], "fist/b.mp4,0,4,wave,,"]
    before = frame_files(frames_dir)
    assert set(run_segments(videos, frames_dir, lines, prune=True).values()) == {0}
    assert frame_files(frames_dir) == before | {f"wave/fist-b_0-4_frame_{number:04d}.jpg" for number in range(4)}
    assert "wave/fist-b_0-4" not in run_segments(videos, frames_dir, None, prune=True)  # no table, no row
    assert frame_files(frames_dir) == before


def test_a_clip_named_in_another_spelling_than_on_disk_is_kept(tmp_path):
    decomposed, composed = "и\u0306", "й"
    videos, frames_dir = tmp_path / "videos", tmp_path / "frames"
    write_video(videos / decomposed / f"{decomposed}.mp4")
    lines = [SEGMENTS[0], f"{composed}/{composed}.mp4,0,4,{decomposed},{decomposed},train", f"{composed},,,x,,"]
    found = run_segments(videos, frames_dir, lines)
    assert found == {f"{composed}/{composed}-{composed}_0-4": 0}
    assert run_segments(videos, frames_dir, lines, prune=True) == found
    assert [path.name for path in frames_dir.glob("[!.]*")] == [composed]


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000 + "]" * 100_000, '{"source": ' * 60 + "1" + "}" * 60, "{", "[1]", b"\xff".decode("latin-1")],
)
@pytest.mark.parametrize("name", ["fist/a.json", ".rejected.json"])
def test_a_record_that_cannot_be_read_is_one_sentence(videos, frames_dir, name, content):
    (frames_dir / ".ingest" / name).write_text(content, encoding="latin-1")
    with pytest.raises(HandGesturesError, match=r"cannot be read \(.*\); remove it") as error:
        report_ingest(frames_dir, videos, base_parameters(VideoIngestParameters))
    assert "\n" not in str(error.value)
