"""Time stamps, not header counters, decide what a video holds."""

from types import SimpleNamespace

import av
import numpy as np
import pytest
from av.container import InputContainer
from PIL import Image

from hand_gestures.video import video_files, video_sources
from hand_gestures.video.ingest import ingest_videos
from hand_gestures.video.ingest_records import IngestRecords
from hand_gestures.video.video_files import Sampling, VideoFile, read_video
from hand_gestures.video.video_sources import VideoFaultError
from small_videos import damage, trim, write_pictures, write_video

RNG = np.random.default_rng(0)
NOISE = [
    RNG.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(60)
]  # large packets: damage hits some of them


def read(path):
    """The frames of a file, and the file after it was read."""
    with VideoFile(path) as video:
        return list(video.frames(Sampling())), video


def grey(frame):
    """The number of a picture, read back from its grey level."""
    return round((int(frame.image[-4, -4].mean()) - 40) / 5)


def test_a_losslessly_trimmed_video_yields_the_frames_that_it_shows(tmp_path):
    path = write_video(tmp_path / "v.mp4", frames=100)
    trim(path, 60)
    frames, video = read(path)
    assert [grey(frame) for frame in frames] == [number % 40 for number in range(60, 100)]
    assert frames[0].seconds == 0
    assert frames[-1].seconds == pytest.approx(39 / 30)
    assert video.readable_share == pytest.approx(1, abs=0.01)
    assert video.damaged_frames == 0


def test_an_avi_with_dropped_frames_is_complete(tmp_path):
    frames, video = read(write_video(tmp_path / "v.avi", every=4))
    assert [frame.seconds for frame in frames] == pytest.approx(np.arange(12) * 4 / 30)
    assert video.readable_share == 1


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".ts"])
def test_a_video_with_a_damaged_middle_keeps_its_readable_frames(tmp_path, suffix):
    path = write_pictures(tmp_path / f"v{suffix}", NOISE)
    damage(path, 0.3, 0.5)
    frames, video = read(path)
    assert 40 <= len(frames) < 60
    assert 0.6 < video.readable_share < 0.9
    assert video.damaged_frames > 0


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".ts"])
def test_a_video_with_less_than_half_readable_is_rejected_with_the_seconds(tmp_path, suffix):
    path = write_pictures(tmp_path / f"v{suffix}", NOISE)
    damage(path, 0.2, 0.8)
    with pytest.raises(VideoFaultError, match=r"^0\.\d of 2\.0 seconds can be decoded, needed: 50%$"):
        read(path)


def test_the_decoder_returns_its_last_frames_where_the_demultiplexer_fails(tmp_path, monkeypatch):
    """H.264 with B-frames: the decoder holds frames back."""
    demux = InputContainer.demux

    def fail_late(container, stream):
        for index, packet in enumerate(demux(container, stream)):
            if index == 40:
                raise OSError("read error")
            yield packet

    def open_container(path, options):
        return SimpleNamespace(
            streams=container.streams,
            duration=container.duration,
            close=container.close,
            demux=lambda stream: fail_late(container, stream),
        )

    container = av.open(str(write_video(tmp_path / "v.mp4", frames=60)))
    monkeypatch.setattr(video_sources.av, "open", open_container)
    frames, video = read(tmp_path / "v.mp4")
    assert len(frames) == 40
    assert [frame.seconds for frame in frames] == pytest.approx(np.arange(40) / 30, abs=0.07)
    assert video.damaged_frames == 1
    assert video.readable_share == pytest.approx(40 / 60, abs=0.01)


def test_a_long_pause_in_a_video_without_damage_is_readable(tmp_path):
    images = [Image.fromarray(picture) for picture in NOISE[:6]]
    pauses = [40, 40, 3000, 40, 40, 3000]
    images[0].save(tmp_path / "v.gif", save_all=True, append_images=images[1:], duration=pauses)
    frames, video = read(tmp_path / "v.gif")
    assert [frame.seconds for frame in frames] == pytest.approx([0, 0.04, 0.08, 3.08, 3.12, 3.16])
    assert video.readable_share == 1


def test_the_share_that_is_needed_is_one_constant(tmp_path, monkeypatch):
    path = write_pictures(tmp_path / "v.mp4", NOISE)
    damage(path, 0.3, 0.5)
    monkeypatch.setattr(video_files, "MIN_READABLE_SHARE", 0.95)
    with pytest.raises(VideoFaultError, match="needed: 95%"):
        read(path)


def test_times_start_at_the_first_frame(tmp_path):
    frames, _ = read(write_video(tmp_path / "v.ts"))  # mpegts starts at 1.4 seconds
    assert [frame.seconds for frame in frames] == pytest.approx(np.arange(12) / 30, abs=1e-4)


def test_the_ingest_records_how_much_of_each_video_was_readable(tmp_path):
    write_pictures(tmp_path / "videos/wave/whole.mp4", NOISE)
    damage(write_pictures(tmp_path / "videos/wave/damaged.mp4", NOISE), 0.3, 0.5)
    damage(write_pictures(tmp_path / "videos/wave/lost.mp4", NOISE), 0.2, 0.8)
    assert ingest_videos(tmp_path / "videos", tmp_path / "frames", Sampling(), 90, 1) == (2, 0, 1)
    records = IngestRecords(tmp_path / "frames")
    damaged, whole = (record.video for record in records.complete())
    assert (whole.readable_share, whole.damaged_frames) == (1, 0)
    assert 0.6 < damaged.readable_share < 0.9
    assert damaged.damaged_frames > 0
    assert [row.path for row in records.rejected()] == ["wave/lost.mp4"]
    assert ingest_videos(tmp_path / "videos", tmp_path / "frames", Sampling(), 90, 1) == (0, 2, 1)


@pytest.mark.parametrize(("name", "limit"), [("MAX_VIDEO_FRAMES", 5), ("MAX_VIDEO_SECONDS", 0.2)])
def test_a_video_beyond_a_limit_of_time_is_rejected_while_it_is_decoded(tmp_path, monkeypatch, name, limit):
    monkeypatch.setattr(video_files, name, limit)
    with pytest.raises(VideoFaultError, match=r"^frame \d at 0 seconds, allowed: at most .* frames and .* seconds$"):
        list(read_video(write_video(tmp_path / "v.mkv"), Sampling()))
