import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hand_gestures.reporting import picture_sheets as module
from hand_gestures.reporting.html import embed_folder
from hand_gestures.reporting.picture_sheets import (
    CAPTION_HEIGHT,
    CONTACT_HEIGHT,
    MARGIN,
    TITLE_HEIGHT,
    MarkedHands,
    Strip,
    contact_sheets,
    draw_strips,
    thumbnail,
)
from hand_gestures.reporting.plot_style import SPLIT_COLOURS
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.names import safe_name
from small_sequences import by_performer


def colour_of(number):
    return (40 * number % 256, 255 - 20 * number, 90)


@pytest.fixture
def picture(tmp_path):
    """Writes a picture of one colour, its number's."""

    def write(number=0, width=64, height=48, **options):
        path = tmp_path / f"{number}-{width}-{height}.png"
        Image.new("RGB", (width, height), colour_of(number)).save(path, **options)
        return path

    return write


def sheets(folder, sequences, clips=8, frames=4, sides=None, hands=None):
    Image.new("RGB", (64, 48)).save(folder / "v.png")
    sequences = sequences.assign(frames=[["v.png"] * 6] * len(sequences))
    sides = np.full(len(sequences), "train", object) if sides is None else sides
    return dict(contact_sheets(sequences, sides, folder, clips, frames, hands))


def drawn(monkeypatch, *arguments, **options):
    """The titles and strips of the sheets of `sheets`."""
    calls = []

    def keep(title, strips, note):
        calls.append((title, strips))
        return draw_strips(title, strips, note)

    monkeypatch.setattr(module, "draw_strips", keep)
    sheets(*arguments, **options)
    return calls


def groups(strips):
    return [strip.caption.rpartition("group ")[2] for strip in strips]


def sheet_of(title, *paths, caption="train: v, group g", colour="#000000"):
    """A sheet with one strip of these pictures."""
    return draw_strips(title, [Strip(caption, colour, [thumbnail(path, CONTACT_HEIGHT) for path in paths])])


def test_each_class_is_a_jpeg_of_its_name(tmp_path):
    found = sheets(tmp_path, by_performer(2, classes=3))
    assert list(found) == ["class0.jpg", "class1.jpg", "class2.jpg"]
    assert {Image.open(io.BytesIO(sheet)).format for sheet in found.values()} == {"JPEG"}


def test_clips_are_spread_over_the_groups(tmp_path, monkeypatch):
    ((title, strips),) = drawn(monkeypatch, tmp_path, by_performer(8, classes=1, takes=5), clips=4)
    assert title == "class0: 4 of 40 clips"
    assert groups(strips) == ["p00", "p02", "p05", "p07"]
    assert {len(strip.pictures) for strip in strips} == {4}


def test_fewer_clips_than_rows_are_all_shown(tmp_path, monkeypatch):
    ((title, strips),) = drawn(monkeypatch, tmp_path, by_performer(2, classes=1, takes=1), clips=9, frames=20)
    assert title == "class0: 2 of 2 clips"
    assert {len(strip.pictures) for strip in strips} == {6}


def test_each_clip_has_its_split_whatever_the_order(tmp_path, monkeypatch):
    sequences = by_performer(4, classes=1, takes=1).iloc[::-1]
    sides = sequences["group"].map({"p00": "train", "p01": "val", "p02": "test", "p03": "left_out"}).to_numpy()
    ((_, strips),) = drawn(monkeypatch, tmp_path, sequences, sides=sides)
    shown = [strip.caption.partition(":")[0] for strip in strips]
    assert list(zip(groups(strips), shown, strict=True)) == [
        ("p00", "train"),
        ("p01", "val"),
        ("p02", "test"),
        ("p03", "left out"),
    ]
    assert [strip.colour for strip in strips] == list(SPLIT_COLOURS.values())


def pixels(sheet):
    return {tuple(int(value) for value in pixel) for pixel in np.unique(np.asarray(sheet).reshape(-1, 3), axis=0)}


def test_frames_are_side_by_side_in_order(picture):
    sheet = sheet_of("wave", *(picture(number) for number in range(4)))
    width = 64 * CONTACT_HEIGHT // 48
    line = [sheet.getpixel((MARGIN + number * (width + 2) + width // 2, sheet.height - 60)) for number in range(4)]
    assert line == [colour_of(number) for number in range(4)]


@pytest.mark.parametrize("colour", list(SPLIT_COLOURS.values()))
def test_the_colour_of_a_split_marks_its_clips(picture, colour):
    assert tuple(bytes.fromhex(colour[1:])) in pixels(sheet_of("wave", picture(), colour=colour))


@pytest.mark.parametrize("name", ["дві руки", "手", "a:b\\c?*", "50% of #1", "x" * 200, "two\nlines", " "])
def test_names_of_any_kind_fit_on_the_sheet(picture, name):
    plain = sheet_of("wave", picture(), picture(1))
    sheet = sheet_of(name, picture(), picture(1), caption=f"train: {name}, group {name}g")
    assert sheet.height == plain.height
    right_margin = np.asarray(sheet)[:, -MARGIN:]
    assert (right_margin == 255).all()


def test_a_sheet_of_a_class_with_a_name_of_any_kind(tmp_path):
    sequences = by_performer(2, classes=1).assign(class_name="50% 手 a:b\\c?")
    assert list(sheets(tmp_path, sequences)) == [safe_name("50% 手 a:b\\c?") + ".jpg"]


@pytest.mark.parametrize("name", ["what?", "a#b", "手" * 60, "=1+1", "CON"])
def test_a_page_shows_the_name_of_the_class_and_not_of_the_file(tmp_path, name):
    folder = tmp_path / "sheets"
    folder.mkdir()
    for file, content in sheets(tmp_path, by_performer(2, classes=1).assign(class_name=name)).items():
        assert file != f"{name}.jpg"
        (folder / file).write_bytes(content)
    assert [picture.name for picture in embed_folder(folder).pictures] == [name]


def test_classes_that_differ_only_in_case_have_different_files_on_any_disk(tmp_path):
    sequences = by_performer(2, classes=2)
    files = list(sheets(tmp_path, sequences.replace({"class0": "Wave", "class1": "wave"})))
    assert len({file.casefold() for file in files}) == 2


def test_narrow_and_wide_pictures_keep_their_shape(picture):
    sheet = sheet_of("wave", picture(1, 20, 200), picture(2, 300, 40))
    assert sheet.width >= 2 * MARGIN + 10 + 720
    assert {colour_of(1), colour_of(2)} <= pixels(sheet)


def test_a_picture_is_upright_as_the_network_sees_it(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    Image.new("RGB", (80, 40), (200, 30, 30)).save(tmp_path / "v.jpg", exif=exif)
    sheet = sheet_of("wave", tmp_path / "v.jpg")
    red = np.asarray(sheet)[..., 0].astype(int) - np.asarray(sheet)[..., 1] > 100
    assert np.ptp(np.flatnonzero(red.any(axis=1))) > np.ptp(np.flatnonzero(red.any(axis=0)))


def test_a_missing_picture_is_named(tmp_path):
    with pytest.raises(HandGesturesError, match=r"gone\.jpg cannot be decoded"):
        sheet_of("wave", tmp_path / "gone.jpg")


def test_sheets_are_made_one_by_one(tmp_path):
    sequences = pd.concat([by_performer(1, classes=1), by_performer(1, classes=2)])
    Image.new("RGB", (64, 48)).save(tmp_path / "v.png")
    sequences = sequences.assign(frames=[["v.png" if name == "class0" else "gone"] for name in sequences["class_name"]])
    passing = contact_sheets(sequences, np.full(len(sequences), "train", object), tmp_path, 8, 4)
    assert next(passing)[0] == "class0.jpg"


def test_hands_are_marked_on_the_frames_that_were_searched(tmp_path, picture):
    Image.new("RGB", (64, 48)).save(tmp_path / "black.png")
    sequences = by_performer(1, classes=1, takes=2).assign(frames=[[picture().name] * 3 + ["black.png"] * 3] * 2)
    boxes = np.full((2, 2, 4), np.nan, np.float32)
    boxes[1, 0] = 0.25, 0.5, 0.75, 1.0
    marked = dict(zip(sequences["sequence_id"], (boxes, np.full_like(boxes, np.nan)), strict=True))
    hands = MarkedHands((0, 4), marked)
    ((_, encoded),) = contact_sheets(sequences, np.full(2, "train", object), tmp_path, 8, 8, hands)
    sheet = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB")).astype(int)
    width = CONTACT_HEIGHT * 64 // 48
    first, top = MARGIN, TITLE_HEIGHT + 6 + CAPTION_HEIGHT
    second = first + width + 2
    assert abs(sheet[top + 10, first + 10] - colour_of(0)).max() < 20  # step 0
    assert sheet[top + 10, second + 10].max() < 20  # step 4 shows the other picture
    orange = (sheet - (0xF5, 0xA6, 0x23) < 60).all(axis=2) & (sheet[..., 0] > 180) & (sheet[..., 2] < 110)
    found = np.argwhere(orange[top : top + CONTACT_HEIGHT, second : second + width])
    assert abs(found.min(axis=0) - (CONTACT_HEIGHT / 2, width / 4)).max() <= 2
    assert abs(found.max(axis=0) - (CONTACT_HEIGHT - 1, 3 * width / 4)).max() <= 2


def test_a_clip_without_any_hand_says_so(tmp_path, monkeypatch):
    sequences = by_performer(1, classes=1, takes=2)
    boxes = {
        name: np.full((2, 1, 4), index * np.nan if index else 0.5)
        for index, name in enumerate(sequences["sequence_id"])
    }
    ((_, strips),) = drawn(monkeypatch, tmp_path, sequences, hands=MarkedHands((0, 4), boxes))
    assert [strip.caption.endswith(", no hand found") for strip in strips] == [False, True]
