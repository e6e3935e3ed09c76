"""Frames of an earlier ingest whose video is gone."""

import shutil

import pytest

from base_parameters import base_parameters
from hand_gestures.parameters import VideoIngestParameters
from hand_gestures.pipelines.video_ingest.nodes import ingest, report_ingest
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
    ingest(videos, base_parameters(VideoIngestParameters, prune=prune, processes=1))(frames_dir)
    return report_ingest(frames_dir, videos)[0]


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
