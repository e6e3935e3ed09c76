import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hand_gestures.comparison.pixel_baseline import average_pixels
from hand_gestures.utils.errors import HandGesturesError


def write_clip(folder, name, colours, size=(64, 48)):
    paths = [f"{name}-{index}.png" for index in range(len(colours))]
    for path, colour in zip(paths, colours, strict=True):
        Image.new("RGB", size, colour).save(folder / path)
    return {"sequence_id": name, "frames": paths}


def test_a_clip_is_the_mean_of_its_frames_regardless_of_their_order_and_size(tmp_path):
    red, blue = (200, 0, 0), (0, 0, 100)
    sequences = pd.DataFrame(
        [
            write_clip(tmp_path, "a", [red] * 16 + [blue] * 16),
            write_clip(tmp_path, "b", [blue] * 16 + [red] * 16, size=(300, 200)),
            write_clip(tmp_path, "c", [red] * 32),
        ]
    )
    table = average_pixels(sequences, tmp_path, processes=1)
    assert table["sequence_id"].tolist() == ["a", "b", "c"]
    a, b, c = table["pixels"]
    assert a.dtype == np.float32
    assert a.reshape(8, 8, 3) == pytest.approx(np.broadcast_to([100, 0, 50], (8, 8, 3)))
    assert (a == b).all()
    assert not (a == c).all()


def test_averaged_pixels_keep_their_positions(tmp_path):
    picture = np.zeros((80, 80, 3), np.uint8)
    picture[:40] = 255
    Image.fromarray(picture).save(tmp_path / "half.png")
    sequences = pd.DataFrame({"sequence_id": ["x"], "frames": [["half.png"] * 32]})
    (pixels,) = average_pixels(sequences, tmp_path, processes=1)["pixels"]
    assert (pixels.reshape(8, 8, 3)[:4] == 255).all()
    assert (pixels.reshape(8, 8, 3)[4:] == 0).all()


def test_the_error_names_a_missing_frame(tmp_path):
    sequences = pd.DataFrame({"sequence_id": ["x"], "frames": [["gone.png"] * 32]})
    with pytest.raises(HandGesturesError, match=r"gone\.png"):
        average_pixels(sequences, tmp_path, processes=1)


def test_no_sequences_give_an_empty_table(tmp_path):
    table = average_pixels(pd.DataFrame({"sequence_id": [], "frames": []}), tmp_path, processes=2)
    assert list(table.columns) == ["sequence_id", "pixels"]
    assert table.empty
