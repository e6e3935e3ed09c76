"""Pictures come out as a player shows them: rotation, mirror, pixel shape, fields, transparency, HDR."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorTrc
from PIL import Image, WebPImagePlugin

from hand_gestures.video.video_files import Sampling, VideoFile, read_video
from hand_gestures.video.video_pictures import PictureConverter
from hand_gestures.video.video_sources import VideoFaultError
from small_videos import orient, write_pictures, write_video

STORED = np.full((48, 64, 3), 60, np.uint8)
STORED[:16, :16], STORED[:16, 48:], STORED[32:, :16] = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def first(path, **sampling):
    """The first picture of a video, RGB."""
    return next(iter(read_video(path, Sampling(**sampling)))).image[..., ::-1]


# What `ffmpeg` with its autorotation shows, as numpy operations; compared pixel by pixel by hand with version 5.1.
@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((1, 0, 0, 1), lambda stored: stored),
        ((0, 1, -1, 0), lambda stored: np.rot90(stored, -1)),
        ((-1, 0, 0, -1), lambda stored: np.rot90(stored, 2)),
        ((0, -1, 1, 0), lambda stored: np.rot90(stored, 1)),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((0, 1, 1, 0), lambda stored: stored.swapaxes(0, 1)),
        ((0, -1, -1, 0), lambda stored: np.rot90(stored, 2).swapaxes(0, 1)),
    ],
    ids=["upright", "90", "180", "270", "h-flip", "v-flip", "transpose", "anti-transpose"],
)
def test_all_eight_orientations_are_shown_as_players_do(tmp_path, matrix, shown):
    path = write_pictures(tmp_path / "v.mp4", [STORED] * 3)
    orient(path, *matrix)
    image, expected = first(path), shown(STORED)
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 5  # any other orientation: above 20


def test_a_matrix_of_zeros_changes_nothing(tmp_path):
    path = write_pictures(tmp_path / "v.mp4", [STORED] * 3)
    orient(path, 0, 0, 0, 0)
    assert first(path)[6, 6].tolist() == pytest.approx([255, 0, 0], abs=12)


@pytest.mark.parametrize(("aspect", "shape"), [("2/1", (48, 128)), ("1/2", (96, 64)), ("16/15", (48, 68))])
def test_pixels_that_are_not_square_are_stretched(tmp_path, aspect, shape):
    path = tmp_path / "v.mp4"
    write_pictures(path, [STORED] * 3, codec_options={"aspect": aspect})
    assert first(path).shape[:2] == shape
    assert max(first(path, longest_side=32).shape[:2]) == 32


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "libx264"), (".ts", "mpeg2video")])
def test_interlaced_fields_are_merged(tmp_path, suffix, codec):
    def moving(number):
        """A white bar that moves 4 pixels between the two fields of one frame."""
        frame = np.full((96, 128, 3), 16, np.uint8)
        for row in range(96):
            left = 8 + 8 * number + 4 * (row % 2)
            frame[row, left : left + 24] = 235
        return frame

    def combing(image):
        rows = image[20:-20].mean(axis=2)
        return np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean()

    interlaced = {"x264-params": "tff=1"} if codec == "libx264" else {"flags": "+ildct+ilme", "top": "1"}
    pictures = [moving(number) for number in range(8)]
    path = write_pictures(tmp_path / f"v{suffix}", pictures, codec=codec, codec_options={**interlaced, "b": "4000000"})
    frames = list(read_video(path, Sampling()))
    assert len(frames) == 8
    assert [frame.seconds for frame in frames] == pytest.approx(np.arange(8) / 30, abs=1e-4)
    assert combing(pictures[4]) > 5
    assert combing(frames[4].image) < 1


def test_progressive_frames_are_not_filtered(tmp_path):
    """One row in two is white: a deinterlacer would blur the rows."""
    stripes = np.zeros((48, 64, 3), np.uint8)
    stripes[::2] = 255
    image = first(write_pictures(tmp_path / "v.mp4", [stripes] * 4, codec_options={"qp": "0"}))
    assert image[10].mean() > 240
    assert image[11].mean() < 15


def white_hand():
    """A white square on a transparent white ground, RGBA."""
    pixels = np.full((48, 64, 4), 255, np.uint8)
    pixels[..., 3] = 0
    pixels[12:36, 16:48, 3] = 255
    return pixels


def write_transparent(path):
    if path.suffix in (".gif", ".webp"):
        # Pillow would merge equal frames
        frames = [white_hand() for _ in range(3)]
        for number, frame in enumerate(frames):
            frame[20, 20 + number] = (0, 0, 0, 255)
        images = [Image.fromarray(frame) for frame in frames]
        options = {"lossless": True, "exact": True} if path.suffix == ".webp" else {"disposal": 2}
        images[0].save(path, save_all=True, append_images=images[1:], duration=40, **options)
        return path
    codec, pix_fmt = {".webm": ("libvpx-vp9", "yuva420p"), ".mkv": ("libvpx", "yuva420p"), ".mov": ("png", "rgba")}[
        path.suffix
    ]
    options = {"auto-alt-ref": "0"} if codec == "libvpx" else {}
    return write_pictures(path, [white_hand()] * 3, codec=codec, pix_fmt=pix_fmt, codec_options=options)


@pytest.mark.parametrize("suffix", [".gif", ".webm", ".mkv", ".mov", ".webp"])
def test_a_transparent_picture_is_put_on_grey(tmp_path, suffix):
    path = write_transparent(tmp_path / f"v{suffix}")
    image = first(path)
    assert image[4, 4].tolist() == pytest.approx([128] * 3, abs=3)
    assert image[30, 30].tolist() == pytest.approx([255] * 3, abs=3)
    assert len(list(read_video(path, Sampling()))) == 3


def test_the_largest_video_stream_is_read_and_no_cover_picture(tmp_path):
    path = tmp_path / "v.mp4"
    sizes = {"libx264": (64, 48), "mpeg4": (128, 96), "mjpeg": (320, 240)}
    with av.open(str(path), "w") as container:
        streams = {codec: container.add_stream(codec, rate=30) for codec in sizes}
        for codec, stream in streams.items():
            stream.width, stream.height = sizes[codec]
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        streams["mjpeg"].disposition = av.stream.Disposition.attached_pic
        for codec, stream in streams.items():
            frame = av.VideoFrame(*sizes[codec], stream.pix_fmt)
            frame.pts, frame.time_base = 0, Fraction(1, 30)
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
    with av.open(str(path)) as container:
        assert [stream.width for stream in container.streams.video] == [64, 128, 320]
    assert first(path).shape == (96, 128, 3)


def ten_bit_grey(signal, curve):
    """A frame of one grey in limited-range 10-bit BT.2020; `signal` from 0 to 1."""
    frame = av.VideoFrame(64, 48, "yuv420p10le")
    for index, plane in enumerate(frame.planes):
        np.frombuffer(plane, np.uint16)[:] = round(64 + 876 * signal) if index == 0 else 512
    frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc = 9, 1, ColorPrimaries.BT2020, curve
    return frame


def pq_nits(signal):
    """SMPTE ST 2084."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = signal ** (1 / m2)
    return 10_000 * (max(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def hlg_nits(signal):
    """ITU-R BT.2100 on a display of 1,000 cd/m²."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = signal**2 / 3 if signal <= 0.5 else (np.exp((signal - c) / a) + b) / 12
    return 1000 * scene**1.2


def srgb(linear):
    linear = min(linear, 1)
    return 255 * (12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize(("curve", "nits"), [(ColorTrc.SMPTE2084, pq_nits), (ColorTrc.ARIB_STD_B67, hlg_nits)])
def test_hdr_is_converted_with_203_nits_as_white(curve, nits):
    convert = PictureConverter(Fraction(1))
    for signal in (0, 0.3, 0.5, 0.58, 0.75, 1):
        pixel = convert(ten_bit_grey(signal, curve), None)[24, 32]
        assert pixel.tolist() == pytest.approx([srgb(nits(signal) / 203)] * 3, abs=4), signal


def test_an_hdr_file_is_converted(tmp_path):
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace, context.color_range = 16, 9, 9, 1
        for number in range(3):
            frame = ten_bit_grey(0.5, ColorTrc.SMPTE2084)
            frame.pts, frame.time_base = number, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert first(path)[24, 32].tolist() == pytest.approx([srgb(pq_nits(0.5) / 203)] * 3, abs=4)


@pytest.mark.parametrize(("color_range", "stored", "shown"), [(1, 235, 255), (1, 16, 0), (2, 235, 235), (2, 16, 16)])
def test_full_and_limited_range_are_told_apart(color_range, stored, shown):
    frame = av.VideoFrame(64, 48, "yuv420p")
    for index, plane in enumerate(frame.planes):
        np.frombuffer(plane, np.uint8)[:] = stored if index == 0 else 128
    frame.color_range = color_range
    assert PictureConverter(Fraction(1))(frame, None)[24, 32].tolist() == pytest.approx([shown] * 3, abs=2)


@pytest.mark.parametrize("suffix", [".m4v", ".3gp", ".ts", ".mts", ".wmv"])
def test_more_suffixes_are_read(tmp_path, suffix):
    frames = list(read_video(write_video(tmp_path / f"v{suffix}"), Sampling()))
    assert len(frames) == 12
    assert frames[0].image[4, 4, 2] > 180 > frames[0].image[4, 4, 0]


def test_an_animated_webp_has_the_times_of_its_frames(tmp_path):
    images = [Image.fromarray(np.full((40, 60, 3), 50 * number, np.uint8)) for number in range(5)]
    images[0].save(tmp_path / "v.webp", save_all=True, append_images=images[1:], duration=[40, 80, 40, 40, 40])
    with VideoFile(tmp_path / "v.webp") as video:
        frames = list(video.frames(Sampling(longest_side=30)))
    assert [frame.seconds for frame in frames] == pytest.approx([0, 0.04, 0.12, 0.16, 0.2])
    assert [round(frame.image.mean() / 50) for frame in frames] == [0, 1, 2, 3, 4]
    assert frames[0].image.shape == (20, 30, 3)
    assert video.readable_share == 1


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_truncated_webp_is_rejected(tmp_path, share):
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)) for _ in range(8)]
    images[0].save(tmp_path / "v.webp", save_all=True, append_images=images[1:], duration=40)
    content = (tmp_path / "v.webp").read_bytes()
    (tmp_path / "v.webp").write_bytes(content[: round(len(content) * share)])
    with pytest.raises(VideoFaultError, match=r"^cannot be decoded"):
        first(tmp_path / "v.webp")


def test_a_webp_whose_last_frames_cannot_be_decoded_keeps_the_others(tmp_path, monkeypatch):
    images = [Image.fromarray(np.full((40, 60, 3), 20 * number, np.uint8)) for number in range(8)]
    images[0].save(tmp_path / "v.webp", save_all=True, append_images=images[1:], duration=40)
    seek = WebPImagePlugin.WebPImageFile.seek

    def fail(image, index):
        if index == failing:
            raise EOFError("failed to decode next frame")
        seek(image, index)

    monkeypatch.setattr(WebPImagePlugin.WebPImageFile, "seek", fail)
    failing = 6
    with VideoFile(tmp_path / "v.webp") as video:
        assert len(list(video.frames(Sampling()))) == 6
    assert video.damaged_frames == 2
    assert video.readable_share == pytest.approx(0.75)
    failing = 3
    with pytest.raises(VideoFaultError, match=r"^0\.1 of 0\.3 seconds can be decoded, needed: 50%$"):
        list(read_video(tmp_path / "v.webp", Sampling()))
