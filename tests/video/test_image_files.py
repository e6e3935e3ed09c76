import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from hand_gestures.dataset.frame_catalog import catalog_frames
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.video import image_files
from hand_gestures.video.image_files import check_image, decode_fault, picture_size, read_frame, read_small
from hand_gestures.video.limits import size_fault

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.mark.parametrize(("suffix", "tolerance"), [(".png", 0), (".jpg", 6)])
def test_frames_are_decoded_as_red_green_blue(tmp_path, suffix, tolerance):
    stripes = np.repeat(np.array([[RED, GREEN, BLUE]], np.uint8), 32, axis=1).repeat(16, axis=0)
    path = tmp_path / f"stripes{suffix}"
    cv2.imwrite(str(path), stripes[..., ::-1])
    frame = read_frame(path)
    assert frame.shape == (16, 96, 3)
    assert frame.dtype == np.uint8
    middles = frame[8, [16, 48, 80]].astype(int)
    assert np.abs(middles - (RED, GREEN, BLUE)).max() <= tolerance


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_pictures_have_three_channels(tmp_path, channels):
    cv2.imwrite(str(tmp_path / "v.png"), np.full((8, 10, channels), 70, np.uint8))
    assert read_frame(tmp_path / "v.png").shape == (8, 10, 3)
    assert (read_frame(tmp_path / "v.png") == 70).all()


def test_a_path_may_contain_spaces_and_any_script(write_frame):
    assert read_frame(write_frame("приклад 手/my video_frame_1.JPG")).shape == (24, 32, 3)


def test_the_error_for_a_missing_file_names_it(tmp_path):
    with pytest.raises(HandGesturesError, match="restore the file") as caught:
        read_frame(tmp_path / "gone_frame_1.jpg")
    assert str(tmp_path / "gone_frame_1.jpg") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"\xff\xd8\xff" + b"x" * 300 + b"\xff\xd9"],
    ids=["empty", "text", "only start and end markers"],
)
def test_the_error_for_an_undecodable_file_names_it(tmp_path, content):
    path = tmp_path / "v_frame_1.jpg"
    path.write_bytes(content)
    with pytest.raises(HandGesturesError, match="cannot be decoded; replace or remove") as caught:
        read_frame(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_complete_picture_has_no_fault_and_every_truncated_one_has(tmp_path, encode, suffix):
    whole = encode(suffix)
    path = tmp_path / f"v{suffix}"
    path.write_bytes(whole)
    assert check_image(path)[1] is None
    for kept in range(0, len(whole), 97):
        path.write_bytes(whole[:kept])
        assert check_image(path)[1] is not None, f"{kept} of {len(whole)} bytes are accepted as a complete picture"


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_large_picture_cut_in_half_is_rejected(tmp_path, encode, suffix):
    whole = encode(suffix, "", 240, 320)
    assert len(whole) > 3 * 4096
    (tmp_path / "v").write_bytes(whole)
    assert check_image(tmp_path / "v")[1] is None
    (tmp_path / "v").write_bytes(whole[: len(whole) // 2])
    assert check_image(tmp_path / "v")[1] == f"truncated {'jpeg' if suffix == '.jpg' else 'png'}"


def test_the_end_marker_of_a_thumbnail_does_not_end_the_picture(tmp_path, encode):
    whole = encode(".jpg", "", 240, 320)
    thumbnail = encode(".jpg", "", 8, 8)
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    path = tmp_path / "v.jpg"
    path.write_bytes(whole[:2] + segment + whole[2:])
    assert check_image(path)[1] is None
    assert read_frame(path).shape == (240, 320, 3)
    path.write_bytes(path.read_bytes()[: len(whole) // 2])
    assert check_image(path)[1] == "truncated jpeg"


def test_the_size_in_bytes_is_returned(tmp_path, encode):
    (tmp_path / "v.jpg").write_bytes(encode(".jpg"))
    assert check_image(tmp_path / "v.jpg")[0] == len(encode(".jpg"))


@pytest.mark.parametrize(("suffix", "options"), [("jpg", {}), ("jpg", {"progressive": True}), ("png", {})])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_every_kind_of_complete_picture_decodes(tmp_path, encode, suffix, options, mode):
    if (suffix, mode) == ("png", "CMYK"):
        return
    path = tmp_path / f"v.{suffix}"
    with Image.open(io.BytesIO(encode(".png", "", 60, 80))) as noise:
        noise.convert(mode).save(path, **options)
    assert decode_fault(path) is None


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_damage_in_the_middle_is_found_only_by_decoding(tmp_path, encode, suffix):
    whole = bytearray(encode(suffix, "", 240, 320))
    whole[len(whole) // 2 : len(whole) // 2 + 64] = b"\xff\xd8" * 32
    path = tmp_path / f"v{suffix}"
    path.write_bytes(whole)
    assert check_image(path)[1] is None
    assert decode_fault(path).startswith("pixels cannot be decoded")


def with_size(whole, height, width):
    """The same JPEG with another size in its header."""
    offset = whole.index(b"\xff\xc0") + 5
    return whole[:offset] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + whole[offset + 4 :]


def without_size(whole):
    offset = whole.index(b"\xff\xc0")
    return whole[:offset] + whole[offset + 2 + int.from_bytes(whole[offset + 2 : offset + 4], "big") :]


@pytest.mark.parametrize(
    "spoil",
    [
        without_size,
        lambda whole: with_size(whole, 0, 32),
        lambda whole: with_size(whole, 24, 0),
        lambda whole: whole[:3] + bytes(200) + whole[-2:],
        lambda whole: whole[:2] + b"\xff" * 2000 + whole[-2:],
        lambda whole: whole[:4] + b"\xff\xf0" + whole[6:],
    ],
    ids=["no size", "no height", "no width", "zeros", "markers only", "wrong segment length"],
)
def test_a_jpeg_whose_header_has_no_size_is_rejected(tmp_path, encode, spoil):
    (tmp_path / "v.jpg").write_bytes(spoil(encode(".jpg")))
    assert check_image(tmp_path / "v.jpg")[1] == "unreadable jpeg header"


@pytest.mark.parametrize("offset", [12, 16, 20])
def test_a_png_whose_header_has_no_size_is_rejected(tmp_path, encode, offset):
    whole = encode(".png")
    (tmp_path / "v.png").write_bytes(whole[:offset] + bytes(4) + whole[offset + 4 :])
    assert check_image(tmp_path / "v.png")[1] == "unreadable png header"


def test_a_long_comment_may_precede_the_size(tmp_path, encode):
    whole = encode(".jpg")
    comment = b"\xff\xfe" + (40_002).to_bytes(2, "big") + bytes(40_000)
    (tmp_path / "v.jpg").write_bytes(whole[:2] + comment + comment + b"\xff" + whole[2:])
    assert check_image(tmp_path / "v.jpg")[1] is None


@pytest.mark.parametrize(("mode", "shape"), [("L", (60, 80)), ("RGB", (60, 80, 3))])
def test_reduced_pictures_are_decoded_close_to_the_requested_size(tmp_path, encode, mode, shape):
    (tmp_path / "v.jpg").write_bytes(encode(".jpg", "", 480, 640))
    assert np.asarray(read_small(tmp_path / "v.jpg", mode, 60)).shape == shape


@pytest.mark.parametrize("look", [picture_size, lambda path: read_small(path, "L", 64)])
@pytest.mark.parametrize("content", [None, b"", b"text"])
def test_the_error_for_an_unreadable_picture_names_it(tmp_path, look, content):
    if content is not None:
        (tmp_path / "v.jpg").write_bytes(content)
    with pytest.raises(HandGesturesError, match=r"cannot be decoded .* run data_processing again") as caught:
        look(tmp_path / "v.jpg")
    assert str(tmp_path / "v.jpg") in str(caught.value)


def test_picture_size_is_width_and_height(tmp_path, encode):
    (tmp_path / "v.jpg").write_bytes(encode(".jpg", "", 24, 32))
    assert picture_size(tmp_path / "v.jpg") == (32, 24)


def tiny_png(height, width):
    """A PNG of 74 bytes: its header declares a size, its pixels are missing."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", b"x" * 17), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in chunks:
        content += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return content


@pytest.mark.parametrize(
    ("suffix", "height", "width", "reason"),
    [
        (".png", 40_000, 40_000, "picture of 40000 x 40000 pixels, allowed: at most 20000 pixels per side"),
        (".jpg", 14_000, 14_000, "picture of 14000 x 14000 pixels, allowed: at most 80000000 pixels"),
        (".jpg", 1, 65_500, "picture of 65500 x 1 pixels, allowed: at most 20000 pixels per side"),
        (".png", 10, 300, "picture of 300 x 10 pixels, allowed: the long side at most 20 times the short side"),
        (".jpg", 300, 10, "picture of 10 x 300 pixels, allowed: the long side at most 20 times the short side"),
    ],
)
def test_a_picture_beyond_a_limit_is_rejected_by_its_header(tmp_path, encode, suffix, height, width, reason):
    path = tmp_path / f"v{suffix}"
    path.write_bytes(tiny_png(height, width) if suffix == ".png" else with_size(encode(".jpg"), height, width))
    assert suffix == ".jpg" or path.stat().st_size == 74
    assert check_image(path)[1] == reason


def test_each_picture_beyond_a_limit_is_one_row_of_the_rejects(two_classes, encode):
    (two_classes / "wave/a_frame_1.png").write_bytes(tiny_png(40_000, 40_000))
    (two_classes / "wave/b_frame_1.jpg").write_bytes(with_size(encode(".jpg"), 14_000, 14_000))
    (two_classes / "wave/c_frame_1.jpg").write_bytes(with_size(encode(".jpg"), 1, 65_500))
    frames, rejected = catalog_frames(two_classes, full_decode=True)
    assert len(frames) == 6
    assert list(rejected["path"]) == ["wave/a_frame_1.png", "wave/b_frame_1.jpg", "wave/c_frame_1.jpg"]
    assert rejected["reason"].str.contains("allowed: at most").all()


def test_a_file_with_too_many_bytes_is_rejected(tmp_path, encode, monkeypatch):
    (tmp_path / "v.jpg").write_bytes(encode(".jpg"))
    monkeypatch.setattr(image_files, "MAX_IMAGE_BYTES", 100)
    assert check_image(tmp_path / "v.jpg")[1] == f"file of {len(encode('.jpg'))} bytes, allowed: at most 100"


@pytest.mark.parametrize(("height", "width"), [(8_000, 10_000), (1, 20), (4_000, 20_000)])
def test_a_picture_at_a_limit_is_accepted(height, width):
    assert size_fault(width, height) is None


def rare_subsampling(whole, factors):
    """The same JPEG with other sampling factors: libjpeg decodes them, some interfaces have no name for them."""
    content = bytearray(whole)
    start = content.index(b"\xff\xc0") + 11
    for component, factor in enumerate(factors):
        content[start + 3 * component] = factor
    return bytes(content)


@pytest.mark.parametrize("factors", [(0x42, 0x11, 0x11), (0x22, 0x12, 0x11), (0x14, 0x11, 0x11)])
def test_no_subsampling_ends_the_catalog(tmp_path, encode, factors):
    path = tmp_path / "v.jpg"
    path.write_bytes(rare_subsampling(encode(".jpg", "", 48, 64), factors))
    assert check_image(path)[1] is None
    fault = decode_fault(path)
    assert fault is None or fault.startswith("pixels cannot be decoded")
    assert read_frame(path).shape == (48, 64, 3)


def zeroed(whole):
    middle = len(whole) // 2
    return whole[: middle - 100] + bytes(200) + whole[middle + 100 :]


def test_a_jpeg_with_a_zeroed_middle_is_found_by_decoding_and_never_read_in_silence(tmp_path, encode, caplog):
    path = tmp_path / "v.jpg"
    path.write_bytes(zeroed(encode(".jpg", "", 240, 320)))
    assert check_image(path)[1] is None
    assert decode_fault(path).startswith("pixels cannot be decoded")
    assert caplog.records == []
    assert (read_frame(path) == cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)).all()
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert str(path) in record.message
    assert "frame_catalog.full_decode=true" in record.message


def save(tmp_path, picture, mode="RGB", **options):
    path = tmp_path / "v.jpg"
    Image.fromarray(picture).convert(mode).save(path, **options)
    return path


SMOOTH = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (61, 83, 3), dtype=np.uint8), (0, 0), 2)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 20}, {"quality": 100}])
def test_the_pixels_of_a_frame_are_those_of_opencv(tmp_path, caplog, mode, subsampling, options):
    options = options if mode == "L" else {**options, "subsampling": subsampling}
    path = save(tmp_path, SMOOTH, mode, **options)
    assert (read_frame(path) == cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)).all()
    assert caplog.records == []


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_of_a_frame_is_applied_as_by_opencv(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path, SMOOTH, exif=exif)
    frame = read_frame(path)
    assert frame.shape[:2] == ((61, 83) if orientation < 5 else (83, 61))
    assert (frame == cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)).all()


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_png_of_16_bits_is_reduced_as_the_embedding_reads_it(tmp_path, mode):
    values = np.arange(0, 65_536, 16, dtype=np.uint16).reshape(64, 64)
    cv2.imwrite(str(tmp_path / "v.png"), values)
    small = np.asarray(read_small(tmp_path / "v.png", mode, 16))
    assert (small.reshape(64, 64, -1)[..., 0] == values >> 8).all()
    assert (read_frame(tmp_path / "v.png")[..., 0] == values >> 8).all()
