import base64
import io

import numpy as np
import pytest
from PIL import Image

from hand_gestures.reporting import html as embedded_pictures
from hand_gestures.reporting.html import WIDTHS, embed_figure, embed_folder


def opened(picture):
    return Image.open(io.BytesIO(base64.b64decode(picture.uri.partition(",")[2])))


def noise(folder, count, width=400, height=300):
    """Pictures that hardly compress."""
    generator = np.random.default_rng(0)
    for number in range(count):
        pixels = generator.integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.jpg", quality=50)


def test_a_figure_loses_nothing(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "f.png", dpi=(150, 150))
    picture = embed_figure(tmp_path / "f.png")
    assert (np.asarray(opened(picture).convert("RGB")) == pixels).all()
    assert (picture.width, picture.height) == (26, 19)


def test_a_figure_that_is_longer_than_the_format_allows_stays_as_it_is(tmp_path):
    Image.new("RGB", (3, 17_000)).save(tmp_path / "f.png")
    picture = embed_figure(tmp_path / "f.png")
    assert picture.uri.startswith("data:image/png;")
    assert opened(picture).size == (3, 17_000)


def test_few_pictures_are_as_wide_as_a_page(tmp_path):
    Image.new("RGB", (3000, 2000)).save(tmp_path / "wide.png")
    Image.new("RGB", (500, 400)).save(tmp_path / "narrow.png")
    narrow, wide = embed_folder(tmp_path).pictures
    assert (wide.width, wide.height) == opened(wide).size == (WIDTHS[0], round(WIDTHS[0] * 2 / 3))
    assert (narrow.width, narrow.height) == (500, 400)


def test_many_pictures_are_smaller(tmp_path, monkeypatch):
    noise(tmp_path, 4, 1072, 300)
    at_full_width = sum(len(picture.uri) for picture in embed_folder(tmp_path).pictures) * 3 / 4
    monkeypatch.setattr(embedded_pictures, "FOLDER_BYTES", int(0.7 * at_full_width))
    small = embed_folder(tmp_path)
    assert len(small.pictures) == small.available == 4
    assert small.pictures[0].width == WIDTHS[1]


def test_pictures_of_very_many_classes_stay_within_their_bytes_and_the_rest_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded_pictures, "FOLDER_BYTES", 200_000)
    noise(tmp_path, 120, 100, 80)
    folder = embed_folder(tmp_path)
    assert folder.available == 120
    assert 0 < len(folder.pictures) < 120
    assert sum(len(picture.uri) for picture in folder.pictures) < 4 / 3 * 200_000 + 30 * len(folder.pictures)
    assert [picture.name for picture in folder.pictures] == [f"{number:03d}" for number in range(len(folder.pictures))]


def test_a_folder_that_is_empty_or_missing_has_no_pictures(tmp_path):
    assert embed_folder(tmp_path) == embed_folder(tmp_path / "none") == ([], 0)


@pytest.mark.parametrize(("mode", "name"), [("RGBA", "a.png"), ("L", "a.jpg"), ("P", "a.png"), ("CMYK", "a.jpeg")])
def test_pictures_of_any_mode_are_shown(tmp_path, mode, name):
    Image.new(mode, (40, 30)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    assert len(embed_folder(tmp_path).pictures) == 1
