import numpy as np
import pytest

from hand_gestures.video.video_files import Sampling, VideoFile, read_video
from hand_gestures.video.video_sources import VideoFaultError
from small_videos import turn, write_video


def read(path, **sampling):
    return list(read_video(path, Sampling(**sampling)))


def greys(frames):
    """The number of each picture, read back from its grey."""
    return [round((int(frame.image[-4, -4].mean()) - 40) / 5) for frame in frames]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".avi", ".webm", ".gif"])
def test_every_container_yields_all_frames_in_blue_green_red(tmp_path, suffix):
    frames = read(write_video(tmp_path / f"v{suffix}"))
    assert len(frames) == 12
    assert frames[0].image.shape == (48, 64, 3)
    blue, green, red = frames[0].image[4:8, 4:8].reshape(-1, 3).mean(axis=0)
    assert red > 180 > 80 > max(blue, green)


def test_frames_are_yielded_in_order_with_their_times(tmp_path):
    frames = read(write_video(tmp_path / "v.mp4"))
    assert greys(frames) == list(range(12))
    assert [frame.seconds for frame in frames] == pytest.approx(np.arange(12) / 30)


def test_every_third_frame_is_kept(tmp_path):
    assert greys(read(write_video(tmp_path / "v.mp4"), every=3)) == [0, 3, 6, 9]


ALL = list(range(12))


@pytest.mark.parametrize(("fps", "kept"), [(10, [0, 3, 6, 9]), (12, [0, 3, 5, 8, 10]), (30, ALL), (60, ALL)])
def test_a_frame_rate_is_kept(tmp_path, fps, kept):
    assert greys(read(write_video(tmp_path / "v.mp4"), fps=fps)) == kept


def test_a_frame_rate_is_kept_by_time_where_frames_are_missing(tmp_path):
    path = write_video(tmp_path / "v.mp4", every=4)  # 7.5 pictures a second on a time line of 30
    assert greys(read(path, fps=15)) == list(range(12))
    assert greys(read(path, fps=3.75)) == [0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize(("longest", "shape"), [(None, (48, 64)), (64, (48, 64)), (200, (48, 64)), (32, (24, 32))])
def test_large_frames_are_reduced_and_none_is_enlarged(tmp_path, longest, shape):
    assert read(write_video(tmp_path / "v.mp4"), longest_side=longest)[0].image.shape[:2] == shape


@pytest.mark.parametrize(
    ("degrees", "shape", "corner"),
    [(90, (64, 48), (4, -4)), (180, (48, 64), (-4, -4)), (270, (64, 48), (-4, 4))],
    ids=["90", "180", "270"],
)
def test_rotated_pictures_are_decoded_upright(tmp_path, degrees, shape, corner):
    path = write_video(tmp_path / "v.mp4")
    turn(path, degrees)
    image = read(path)[0].image
    assert image.shape[:2] == shape
    assert image[corner][2] > 180 > image[corner][0]
    assert read(path, longest_side=32)[0].image.shape[:2] == tuple(side // 2 for side in shape)


def test_the_declared_frame_rate_is_returned(tmp_path):
    with VideoFile(write_video(tmp_path / "v.mp4", fps=25)) as video:
        assert video.source_fps == 25


def half(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "v.mp4").write_bytes(bytes(range(256)) * 20),
        lambda folder: (folder / "v.mp4").write_bytes(b""),
        lambda folder: half(write_video(folder / "v.mp4")),
        lambda folder: half(write_video(folder / "v.mp4", frames=200, movflags="faststart")),
        lambda folder: half(write_video(folder / "v.mkv", frames=200)).rename(folder / "v.mp4"),
        lambda folder: (folder / "v.mp4").mkdir(),
        lambda folder: None,
    ],
    ids=["noise", "empty", "index cut off", "index kept", "matroska", "folder", "gone"],
)
def test_the_fault_of_an_undecodable_file_is_one_line(tmp_path, damage):
    damage(tmp_path)
    with pytest.raises(VideoFaultError) as caught:
        read(tmp_path / "v.mp4")
    assert str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_without_a_video_stream_is_rejected(tmp_path):
    import av

    with av.open(str(tmp_path / "v.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.sample_rate = 16_000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(VideoFaultError, match="no video stream"):
        read(tmp_path / "v.mp4")
