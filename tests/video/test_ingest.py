import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from base_parameters import base_parameters
from hand_gestures.dataset.frame_catalog import catalog_frames
from hand_gestures.parameters import VideoIngestParameters
from hand_gestures.pipelines.video_ingest.nodes import report_ingest
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.video.frame_names import parse_frame_name
from hand_gestures.video.ingest import ingest_videos
from hand_gestures.video.ingest_records import IngestRecords, unfinished_videos
from hand_gestures.video.video_files import Sampling
from small_videos import write_video


def lock_file(frames_dir):
    return frames_dir / ".ingest" / ".writer" / "lock"


@pytest.fixture
def videos(tmp_path):
    """Two classes with two videos each."""
    folder = tmp_path / "videos"
    for class_name in ("fist", "wave"):
        for name in ("a", "b"):
            write_video(folder / class_name / f"{name}.mp4")
    return folder


@pytest.fixture
def frames_dir(tmp_path):
    return tmp_path / "frames"


def ingest(videos, frames_dir, processes=1, quality=90, **sampling):
    return ingest_videos(videos, frames_dir, Sampling(**sampling), quality, processes)


def files(folder):
    """Bytes of every file below a folder except the lock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def frames_of(folder, class_name, video_id):
    names = (path.name for path in (folder / class_name).iterdir())
    return sorted(name for name in names if parse_frame_name(name).video_id == video_id)


def reasons(frames_dir):
    return {row.path: row.reason for row in IngestRecords(frames_dir).rejected()}


def test_the_frame_catalog_accepts_all_frames_of_the_ingest(videos, frames_dir):
    assert ingest(videos, frames_dir) == (4, 0, 0)
    catalog = catalog_frames(frames_dir)
    assert len(catalog.frames) == 48
    assert catalog.rejected.empty
    assert frames_of(frames_dir, "wave", "a")[:2] == ["a_frame_0000.jpg", "a_frame_0001.jpg"]


@pytest.mark.parametrize("name", ["два слова 手.mp4", "a_frame_7.mp4", "A.MP4", "dots.in.it.mov", "-=+@ #?%2e.mp4"])
def test_a_video_may_have_any_name(videos, frames_dir, name):
    write_video(videos / "wave" / Path(name).with_suffix(Path(name).suffix.lower())).rename(videos / "wave" / name)
    assert ingest(videos, frames_dir).written == 5
    assert len(frames_of(frames_dir, "wave", Path(name).stem)) == 12
    assert len(catalog_frames(frames_dir).frames) == 60


@pytest.mark.parametrize("name", ["lock", "rejected.json", "дві руки", "a: b?"])
def test_a_class_may_have_any_name(videos, frames_dir, name):
    (videos / "wave").rename(videos / name)
    assert ingest(videos, frames_dir) == (4, 0, 0)
    assert ingest(videos, frames_dir) == (0, 4, 0)
    assert set(catalog_frames(frames_dir).frames["class_name"]) == {"fist", name}


@pytest.mark.parametrize("path", ["wave/two\nlines.mp4", "wa\rve/c.mp4", "wave/tab\t.mp4"])
def test_a_name_with_a_control_character_is_rejected_on_one_line(videos, frames_dir, path):
    write_video(videos / "c.mp4").rename(videos / "c.mov")
    (videos / path).parent.mkdir(exist_ok=True)
    (videos / "c.mov").rename(videos / path)
    assert ingest(videos, frames_dir) == (4, 0, 1)
    (row,) = IngestRecords(frames_dir).rejected()
    assert row.reason == "name holds a control character"
    assert row.path.isprintable()


def test_the_same_video_in_both_spellings_of_an_accent_is_written_once(videos, frames_dir):
    both_spellings = ("й", "и\u0306")
    for class_name in both_spellings:
        for name in (*both_spellings, class_name.encode().hex()):
            write_video(videos / class_name / f"{name}.mp4")
    assert ingest(videos, frames_dir) == (6 + 1, 0, 3)
    assert ingest(videos, frames_dir) == (0, 6 + 1, 3)
    catalog = catalog_frames(frames_dir)
    assert catalog.rejected.empty
    assert set(catalog.frames["class_name"]) == {"fist", "wave", "й"}
    assert len(catalog.frames) == 7 * 12
    table, _, rejected = report_ingest(frames_dir, videos, base_parameters(VideoIngestParameters))
    assert "и\u0306" not in "".join([*table["class_name"], *table["video_id"]])
    assert set(rejected["reason"]) == {
        "its frames would have the same names as those of и\u0306/и\u0306.mp4",
        "its frames would have the same names as those of и\u0306.mp4",
    }


def test_each_class_folder_is_listed_once(videos, frames_dir, monkeypatch):
    ingest(videos, frames_dir)
    listed, iterate = [], Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: listed.append(folder.name) or iterate(folder))
    ingest(videos, frames_dir)
    assert listed == ["fist", "wave"]


def test_up_to_date_videos_are_skipped(videos, frames_dir):
    ingest(videos, frames_dir)
    times = {path: path.stat().st_mtime_ns for path in frames_dir.rglob("*.jpg")}
    assert ingest(videos, frames_dir) == (0, 4, 0)
    assert {path: path.stat().st_mtime_ns for path in frames_dir.rglob("*.jpg")} == times


def touch(video):
    os.utime(video, ns=(1, 1))


def shorten(video):
    write_video(video, frames=5)


@pytest.mark.parametrize(("change", "frames"), [(touch, 12), (shorten, 5)])
def test_frames_of_a_changed_video_are_replaced_completely(videos, frames_dir, change, frames):
    ingest(videos, frames_dir)
    change(videos / "wave/a.mp4")
    assert ingest(videos, frames_dir) == (1, 3, 0)
    assert len(frames_of(frames_dir, "wave", "a")) == frames


def test_other_settings_replace_all_frames(videos, frames_dir):
    ingest(videos, frames_dir)
    assert ingest(videos, frames_dir, every=4) == (4, 0, 0)
    assert len(frames_of(frames_dir, "wave", "a")) == 3
    assert ingest(videos, frames_dir, quality=50, every=4) == (4, 0, 0)


def test_frames_of_an_earlier_decoding_are_replaced(videos, frames_dir):
    ingest(videos, frames_dir)
    before = files(frames_dir)
    path = frames_dir / ".ingest/wave/a.json"
    record = json.loads(path.read_text())
    for name in ("readable_share", "damaged_frames"):
        del record["video"][name]
    del record["source"]["settings"]["decoding_version"]
    path.write_text(json.dumps(record))
    assert len(list(IngestRecords(frames_dir).complete())) == 4
    assert ingest(videos, frames_dir) == (1, 3, 0)
    assert files(frames_dir) == before


@pytest.mark.parametrize("lost", ["a_frame_0003.jpg", "*.jpg"])
def test_missing_frames_are_restored(videos, frames_dir, lost):
    ingest(videos, frames_dir)
    before = files(frames_dir)
    for path in (frames_dir / "wave").glob(lost):
        path.unlink()
    assert ingest(videos, frames_dir).written in (1, 2)
    assert files(frames_dir) == before


def test_unreadable_files_are_listed_and_the_others_are_ingested(videos, frames_dir, tmp_path):
    (videos / "wave/broken.mp4").write_bytes(b"no video")
    (videos / "wave/empty.avi").touch()
    (videos / "wave/notes.txt").write_text("x")
    (videos / "wave/.hidden.mp4").touch()
    (videos / "top.mp4").touch()
    (videos / "wave/deeper").mkdir()
    write_video(tmp_path / "outside.mp4")
    (videos / "wave/link.mp4").symlink_to(tmp_path / "outside.mp4")
    write_video(videos / "wave/a.mkv")
    (videos / "wave" / f"{'x' * 240}.mp4").touch()
    assert ingest(videos, frames_dir) == (4, 0, 9)
    found = reasons(frames_dir)
    assert found.pop("wave/a.mp4") == "its frames would have the same names as those of a.mkv"
    assert found.pop(f"wave/{'x' * 240}.mp4") == "name longer than 230 bytes"
    assert found.pop("wave/broken.mp4").startswith("cannot be decoded")
    assert found.pop("wave/empty.avi") == "empty file"
    assert found.pop("wave/notes.txt").startswith("name does not end in .mp4, .avi")
    assert found == {
        "top.mp4": "not inside a class folder",
        "wave/.hidden.mp4": "hidden",
        "wave/deeper": "folder inside a class folder",
        "wave/link.mp4": "link that leads outside the folder",
    }
    assert len(catalog_frames(frames_dir).frames) == 48
    assert catalog_frames(frames_dir).rejected.empty


def test_a_video_that_became_unreadable_keeps_its_frames(videos, frames_dir):
    ingest(videos, frames_dir)
    (videos / "wave/a.mp4").write_bytes(b"damaged")
    assert ingest(videos, frames_dir) == (0, 3, 1)
    assert len(frames_of(frames_dir, "wave", "a")) == 12
    assert len(catalog_frames(frames_dir).frames) == 48


def test_frames_of_another_origin_are_never_changed(videos, frames_dir):
    own = frames_dir / "wave" / "a_frame_3.jpg"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    assert ingest(videos, frames_dir) == (3, 0, 1)
    assert reasons(frames_dir) == {"wave/a.mp4": "its frame names are used by 1 frame not written by video_ingest"}
    assert frames_of(frames_dir, "wave", "a") == ["a_frame_3.jpg"]
    assert own.read_bytes() == b"mine"


def test_any_number_of_processes_writes_the_same_files(videos, tmp_path):
    ingest(videos, tmp_path / "one")
    ingest(videos, tmp_path / "three", processes=3)
    assert files(tmp_path / "one") == files(tmp_path / "three")


@pytest.mark.parametrize("arrange", [lambda folder: None, lambda folder: (folder / "wave").mkdir(parents=True)])
def test_the_error_for_a_folder_without_videos_names_folder_and_remedy(tmp_path, frames_dir, arrange):
    arrange(tmp_path / "videos")
    with pytest.raises(HandGesturesError, match="--params videos_dir=PATH") as caught:
        ingest(tmp_path / "videos", frames_dir)
    assert str(tmp_path / "videos") in str(caught.value)


def test_two_ingests_of_one_folder_exclude_each_other(videos, frames_dir):
    lock_file(frames_dir).parent.mkdir(parents=True)
    hold = (
        "import sys; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire();"
        "print(1, flush=True); input()"  # without a name the lock would be released at once
    )
    command = [sys.executable, "-c", hold, lock_file(frames_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(HandGesturesError, match="another run is writing there"):
            ingest(videos, frames_dir)
        other.kill()
    assert ingest(videos, frames_dir).written == 4


def test_the_lock_is_released_after_the_ingest(videos, frames_dir):
    ingest(videos, frames_dir)
    with FileLock(lock_file(frames_dir), timeout=0):
        pass


def test_the_error_for_a_broken_record_names_it(videos, frames_dir):
    ingest(videos, frames_dir)
    (frames_dir / ".ingest/wave/a.json").write_text("{}")
    with pytest.raises(HandGesturesError, match=r"wave/a\.json must be a record of the video ingest"):
        ingest(videos, frames_dir)


def test_a_full_disk_gives_one_sentence_and_no_incomplete_video_counts(videos, small_disk):
    disk = small_disk(64)
    with pytest.raises(HandGesturesError, match=r"No space left on device\); make room"):
        ingest(videos, disk)
    for class_name, video_id in {(path.parent.name, path.stem.split("_")[0]) for path in disk.glob("*/*.jpg")}:
        whole = (class_name, video_id) not in unfinished_videos(disk)
        assert not whole or len(frames_of(disk, class_name, video_id)) == 12
    small_disk(8000)
    ingest(videos, disk)
    assert len(catalog_frames(disk).frames) == 48


SCRIPT = """
import sys
from pathlib import Path
from hand_gestures.video.ingest import ingest_videos
from hand_gestures.video.video_files import Sampling
if __name__ == "__main__":
    print("ready", flush=True)
    ingest_videos(Path(sys.argv[1]), Path(sys.argv[2]), Sampling(), 90, 2)
"""


def test_ten_kills_at_random_moments_end_with_the_files_of_an_undisturbed_run(tmp_path):
    videos, clean, killed = (tmp_path / name for name in ("videos", "clean", "killed"))
    for class_name in ("fist", "open", "wave"):
        for number in range(8):
            write_video(videos / class_name / f"v{number}.mp4", frames=40, height=480, width=640)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    began = time.monotonic()
    subprocess.run([sys.executable, script, videos, clean], check=True, capture_output=True)
    lasts = time.monotonic() - began
    whole = files(clean)
    moments = random.Random(0)
    unfinished = 0
    for kill in range(10):
        run = subprocess.Popen([sys.executable, script, videos, killed], stdout=subprocess.PIPE, start_new_session=True)
        assert run.stdout.readline() == b"ready\n"
        time.sleep(moments.uniform(0, lasts))
        # alternately the parent process alone and all processes
        (os.killpg if kill % 2 else os.kill)(run.pid, signal.SIGKILL)
        run.communicate()
        time.sleep(0.3)  # workers notice that their parent ended
        half = unfinished_videos(killed)
        unfinished += len(half)
        for path in killed.glob("*/*.jpg"):
            if (path.parent.name, parse_frame_name(path.name).video_id) not in half:
                assert path.read_bytes() == whole[str(path.relative_to(killed))]
        counts = {(path.parent.name, parse_frame_name(path.name).video_id) for path in killed.glob("*/*.jpg")}
        assert all(len(frames_of(killed, *video)) == 40 for video in counts - half)
        if kill == 4:  # start again, otherwise the later kills would find no work left
            subprocess.run(["rm", "-r", killed], check=True)
    subprocess.run([sys.executable, script, videos, killed], check=True, capture_output=True)
    assert files(killed) == whole
