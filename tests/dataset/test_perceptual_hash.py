import cv2
import numpy as np
import pandas as pd
import pytest

from hand_gestures.dataset.leak_audit import hash_clips, key_frames
from hand_gestures.utils.errors import HandGesturesError


def scene(seed, height=120, width=160):
    """Large soft shapes, as pictures of the world have; RGB."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def hash_pictures(folder, *pictures, suffix=".png", processes=1):
    """Hashes of clips that show one picture each."""
    frames = []
    for number, picture in enumerate(pictures):
        frames.append([f"{number}{suffix}"] * 4)
        cv2.imwrite(str(folder / frames[-1][0]), picture)
    return hash_clips(pd.DataFrame({"frames": frames}), folder, 2, processes)


def bits_apart(hashes, one, other):
    return int(np.bitwise_count(hashes.bits[one, 0] ^ hashes.bits[other, 0]))


def test_the_first_and_the_last_frame_are_hashed():
    paths = [f"f{n}" for n in range(32)]
    assert key_frames(paths, 3) == ["f0", "f16", "f31"]
    assert key_frames(paths, 2) == ["f0", "f31"]
    assert key_frames(["a", "b"], 3) == ["a", "b"]


def test_hashes_are_ordered_by_clip_and_frame(tmp_path):
    for number in range(6):
        cv2.imwrite(str(tmp_path / f"{number}.png"), scene(number))
    clips = pd.DataFrame({"frames": [["0.png", "1.png", "2.png"], ["3.png", "4.png", "5.png"]]})
    hashes = hash_clips(clips, tmp_path, 3, 1)
    assert hashes.bits.shape == hashes.usable.shape == (2, 3)
    assert hashes.bits.dtype == np.uint64
    assert hashes.usable.all()
    assert len(np.unique(hashes.bits)) == 6


def test_other_light_size_and_compression_change_few_bits_and_another_scene_many(tmp_path):
    picture = scene(1)
    darker = (picture * 0.7).astype(np.uint8)
    smaller = cv2.resize(picture, (80, 60), interpolation=cv2.INTER_AREA)
    hashes = hash_pictures(tmp_path, picture, darker, smaller, scene(2), suffix=".jpg")
    assert max(bits_apart(hashes, 0, 1), bits_apart(hashes, 0, 2)) <= 4
    assert bits_apart(hashes, 0, 3) >= 16


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_frame_of_one_colour_is_not_usable(tmp_path, suffix):
    flat = np.full((60, 80, 3), (20, 90, 200), np.uint8)
    assert hash_pictures(tmp_path, flat, scene(1), suffix=suffix).usable.tolist() == [[False] * 2, [True] * 2]


def test_any_number_of_processes_gives_the_same_hashes(tmp_path, monkeypatch):
    monkeypatch.setattr("hand_gestures.dataset.leak_audit.WORTH_A_PROCESS", 1)
    pictures = [scene(number) for number in range(5)]
    one, two = (hash_pictures(tmp_path, *pictures, processes=processes) for processes in (1, 2))
    assert (one.bits == two.bits).all()


@pytest.mark.parametrize("content", [None, b"", b"\xff\xd8\xff" + b"x" * 300 + b"\xff\xd9", b"\x89PNG\r\n\x1a\nxxxxxx"])
def test_an_error_names_a_frame_that_cannot_be_decoded(tmp_path, content):
    if content is not None:
        (tmp_path / "v.jpg").write_bytes(content)
    with pytest.raises(HandGesturesError, match=r"cannot be decoded .* run data_processing again") as caught:
        hash_clips(pd.DataFrame({"frames": [["v.jpg"]]}), tmp_path, 2, 1)
    assert str(tmp_path / "v.jpg") in str(caught.value)
    assert "\n" not in str(caught.value)
