import cv2
import numpy as np

from base_parameters import base_parameters
from hand_gestures.dataset.importers import read_annotations
from hand_gestures.parameters import VideoIngestParameters
from hand_gestures.pipelines.video_ingest.nodes import report_ingest
from hand_gestures.video.ingest import ingest_videos
from hand_gestures.video.video_files import Sampling
from small_videos import damage, write_pictures, write_video

RNG = np.random.default_rng(0)
NOISE = [RNG.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(60)]


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def report(tmp_path, segments=None):
    parameters = base_parameters(VideoIngestParameters, segments=segments)
    table = read_annotations(parameters)
    ingest_videos(tmp_path / "videos", tmp_path / "frames", Sampling(), 90, 1, table)
    videos, _, rejected = report_ingest(tmp_path / "frames", tmp_path / "videos", parameters)
    return videos, rejected


def test_videos_that_are_readable_only_in_part_are_logged(tmp_path, caplog):
    caplog.set_level("WARNING")
    write_video(tmp_path / "videos/wave/a.mp4")
    damage(write_pictures(tmp_path / "videos/wave/b.mp4", NOISE), 0.3, 0.45)
    damage(write_pictures(tmp_path / "videos/wave/c.mp4", NOISE), 0.3, 0.5)
    videos, rejected = report(tmp_path)
    assert len(videos) == 3
    assert rejected.empty
    assert [share < 1 for share in videos["readable_share"]] == [False, True, True]
    (message,) = warnings(caplog)
    assert message.startswith("2 videos are readable only in part, see readable_share and damaged_frames")
    assert message.endswith(f"the least: wave/c.mp4, {100 * videos['readable_share'][2]:.0f} % readable")


def test_complete_videos_are_not_logged(tmp_path, caplog):
    caplog.set_level("WARNING")
    write_video(tmp_path / "videos/wave/a.mp4")
    write_video(tmp_path / "videos/wave/b.avi", every=4)
    assert len(report(tmp_path)[0]) == 2
    assert warnings(caplog) == []


def test_long_clips_are_one_warning_with_the_remedy(tmp_path, caplog):
    write_video(tmp_path / "videos/wave/a.mp4", frames=12, fps=1)
    write_video(tmp_path / "videos/wave/b.mp4", frames=13, fps=1)
    write_video(tmp_path / "videos/wave/c.mp4", frames=11, fps=1)  # 10 s from the first to the last frame
    report(tmp_path)
    (message,) = warnings(caplog)
    assert message.startswith("2 of 3 clips are longer than 10 s (the first: wave/a, 11 s)")
    assert message.endswith("list its parts in video_ingest.segments")


def test_a_folder_of_pictures_has_no_length_in_seconds(tmp_path, caplog):
    for number in range(12):
        path = tmp_path / f"videos/clip/{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), NOISE[number])
    (tmp_path / "segments.csv").write_text("video,class_name\nclip,wave\n")
    videos, _ = report(tmp_path, str(tmp_path / "segments.csv"))
    assert videos["frames"].tolist() == [12]
    assert videos["seconds"].isna().all()
    assert warnings(caplog) == []
