"""A video file is data of a stranger: it may end neither the ingest nor the memory, and it may open nothing else."""

import socket
import struct
import subprocess
import sys
import threading
import zlib

import av
import numpy as np
import pytest

from hand_gestures.video import video_files, video_sources
from hand_gestures.video.ingest import ingest_videos
from hand_gestures.video.ingest_records import IngestRecords
from hand_gestures.video.video_files import Sampling, VideoFile, read_video
from hand_gestures.video.video_sources import FfmpegSource, VideoFaultError
from small_videos import external_track, replace, write_pictures, write_video


def read(path):
    return list(read_video(path, Sampling()))


def test_an_unknown_codec_is_one_rejected_row_and_the_ingest_continues(tmp_path):
    replace(write_video(tmp_path / "videos/wave/unknown.mp4"), b"avc1", b"zzzz")
    write_video(tmp_path / "videos/wave/a.mp4")
    write_video(tmp_path / "videos/wave/z.mp4")
    assert ingest_videos(tmp_path / "videos", tmp_path / "frames", Sampling(), 90, 1) == (2, 0, 1)
    (row,) = IngestRecords(tmp_path / "frames").rejected()
    assert row == ("wave/unknown.mp4", "no decoder for the codec of its video stream")


@pytest.mark.parametrize(
    "error", [AttributeError("x"), KeyError("x"), MemoryError(), av.error.InvalidDataError(1, "x")]
)
@pytest.mark.parametrize("step", ["__init__", "decode"])
def test_every_error_of_a_decoder_is_a_fault_of_the_file(tmp_path, monkeypatch, error, step):
    def fail(*_):
        raise error

    monkeypatch.setattr(FfmpegSource, step, fail)
    with pytest.raises(VideoFaultError, match=r"^cannot be decoded: "):
        read(write_video(tmp_path / "v.mp4"))


def test_an_error_of_the_reader_of_the_frames_is_not_a_fault_of_the_file(tmp_path):
    path = write_video(tmp_path / "v.mp4")

    def write_all():
        with VideoFile(path) as video:
            for _ in video.frames(Sampling()):
                raise OSError("disk is full")

    with pytest.raises(OSError, match="disk is full"):
        write_all()


@pytest.fixture
def listener():
    """Address of a local server, and the list of the connections that it saw."""
    server = socket.create_server(("127.0.0.1", 0))
    seen = []

    def accept():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            seen.append(connection)
            connection.close()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.getsockname()[1]}", seen
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://{address}/x.ts\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile http://{address}/x.mp4\n",
    "asx": '<asx version="3.0"><entry><ref href="http://{address}/x"/></entry></asx>',
    "reference": "[Reference]\nRef1=http://{address}/x\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 26\n",
}


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("suffix", [".mp4", ".ts", ".avi", ".m3u8"])
def test_a_playlist_is_rejected_and_opens_no_connection(tmp_path, listener, kind, suffix):
    address, seen = listener
    path = tmp_path / f"v{suffix}"
    path.write_text(PLAYLISTS[kind].format(address=address))
    with pytest.raises(VideoFaultError):
        read(path)
    assert seen == []


def test_the_listener_sees_a_connection(listener):
    address, seen = listener
    with pytest.raises(av.error.FFmpegError):
        av.open(f"http://{address}/x.mp4", timeout=5)
    assert len(seen) > 0


def test_a_script_that_names_another_file_is_rejected(tmp_path):
    write_video(tmp_path / "other.mp4")
    (tmp_path / "v.mp4").write_text("ffconcat version 1.0\nfile other.mp4\n")
    with av.open(str(tmp_path / "v.mp4")) as container:
        assert container.format.name == "concat"  # FFmpeg would follow it
    with pytest.raises(VideoFaultError):
        read(tmp_path / "v.mp4")


def test_an_mp4_whose_pictures_are_in_another_file_is_not_followed(tmp_path):
    path = external_track(write_video(tmp_path / "v.mp4"), write_video(tmp_path / "other.mp4"))
    with av.open(str(path), options={"enable_drefs": "1", "use_absolute_path": "1"}) as container:
        assert len(list(container.decode(video=0))) == 12  # FFmpeg can be made to follow it
    with pytest.raises(VideoFaultError):
        read(path)


def test_a_path_that_looks_like_an_address_is_a_path(tmp_path, listener, monkeypatch):
    address, seen = listener
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "v.mp4").rename(tmp_path / "http:")
    assert len(read((tmp_path / "http:").relative_to(tmp_path))) == 12
    folder = tmp_path / "http:" / address
    (tmp_path / "http:").unlink()
    folder.mkdir(parents=True)
    write_video(tmp_path / "v.mp4").rename(folder / "v.mp4")
    assert len(read((folder / "v.mp4").relative_to(tmp_path))) == 12
    assert seen == []


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
def test_a_frame_that_exceeds_the_limit_takes_no_memory(tmp_path):
    path = write_pictures(tmp_path / "v.avi", [np.zeros((48, 64, 3), np.uint8)] * 3, codec="png", pix_fmt="rgb24")
    replace(path, png_header(64, 48), png_header(16_000, 16_000))
    code = f"""
from pathlib import Path
from hand_gestures.video.video_files import Sampling, VideoFaultError, read_video
try:
    list(read_video(Path({str(path)!r}), Sampling()))
except VideoFaultError:
    print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 400_000  # kilobytes; one frame would take 768,000


def png_header(width, height):
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return header + struct.pack(">I", zlib.crc32(header))


@pytest.mark.parametrize(
    ("module", "name", "limit", "fault"),
    [
        (video_files, "MAX_VIDEO_BYTES", 100, r"file of \d+ bytes, allowed: at most 100"),
        (video_sources, "MAX_VIDEO_SECONDS", 10, "video of 12 seconds, allowed: at most 10"),
    ],
)
def test_a_video_beyond_a_limit_is_rejected_before_it_is_decoded(tmp_path, monkeypatch, module, name, limit, fault):
    path = write_video(tmp_path / "v.mp4", fps=1)
    monkeypatch.setattr(module, name, limit)
    with pytest.raises(VideoFaultError, match=f"^{fault}$"):
        VideoFile(path)


def test_the_size_of_the_shown_picture_is_limited(tmp_path):
    path = write_pictures(tmp_path / "v.mp4", [np.zeros((48, 256, 3), np.uint8)] * 3, codec_options={"aspect": "10/1"})
    with pytest.raises(VideoFaultError, match=r"^picture of 2560 x 48 pixels, allowed: the long side"):
        VideoFile(path)
