import io
import logging

import numpy as np
import pytest
from PIL import Image

from hand_gestures.reporting import picture_sheets as module
from hand_gestures.reporting.picture_sheets import (
    BAR_HEIGHT,
    CAPTION_HEIGHT,
    MARGIN,
    STRIP_HEIGHT,
    TITLE_HEIGHT,
    draw_strips,
    film_strips,
)
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.names import safe_name
from scored_clips import FRAMES, colour_of, scored

ANSWERS = [
    ("fist", "fist", 0.6),
    ("fist", "fist", 0.9),
    ("fist", "wave", 0.7),
    ("fist", "wave", 0.8),
    ("wave", "wave", 0.5),
]


@pytest.fixture
def drawn(monkeypatch):
    """Draws the sheets, and gives the titles and strips that they were drawn from."""
    calls = []

    def keep(title, strips, note):
        calls.append((title, strips))
        return draw_strips(title, strips, note)

    monkeypatch.setattr(module, "draw_strips", keep)

    def draw(tables, folder):
        sheets = dict(film_strips(*tables, folder))
        return sheets, calls

    return draw


def test_each_class_shows_its_most_confident_right_and_wrong_clip(tmp_path, drawn):
    sheets, ((title, strips), (_, wave_strips)) = drawn(scored(ANSWERS, tmp_path), tmp_path)
    assert list(sheets) == ["fist.jpg", "wave.jpg"]
    assert title == "fist: 2 of 4 clips right"
    assert [strip.caption for strip in strips] == [
        "fist, right, confidence 0.90: v1, group person1; highest share: frame 17, 50.0%",
        "fist, predicted as wave, confidence 0.80: v3, group person0; highest share: frame 17, 50.0%",
    ]
    assert strips[0].colour != strips[1].colour
    assert [strip.caption[:11] for strip in wave_strips] == ["wave, right"]


def test_a_class_without_a_right_clip_shows_the_wrong_one(tmp_path, drawn):
    _, ((title, strips),) = drawn(scored([("fist", "wave", 0.7)], tmp_path), tmp_path)
    assert title == "fist: 0 of 1 clips right"
    assert [strip.caption[:23] for strip in strips] == ["fist, predicted as wave"]


def test_each_frame_has_its_own_bar_below_it(tmp_path, drawn):
    sheets, ((_, (strip,)),) = drawn(scored([("fist", "fist", 0.9)], tmp_path), tmp_path)
    assert len(strip.pictures) == 16
    shown = np.unique(np.linspace(0, FRAMES - 1, 16).round().astype(int))
    for step, tile in zip(shown, strip.pictures, strict=True):
        pixels = np.asarray(tile).astype(int)
        assert tuple(pixels[STRIP_HEIGHT // 2, tile.width // 2]) == colour_of(0, step)
        blue = (
            (pixels[STRIP_HEIGHT + 4 : STRIP_HEIGHT + 4 + BAR_HEIGHT, tile.width // 2] == (0x2F, 0x6F, 0x9F))
            .all(axis=1)
            .sum()
        )
        assert abs(blue - (BAR_HEIGHT if step == 17 else 1)) <= 2
    sheet = Image.open(io.BytesIO(sheets["fist.jpg"]))
    at_first_frame = sheet.getpixel((MARGIN + 30, TITLE_HEIGHT + 6 + CAPTION_HEIGHT + 30))
    assert np.abs(np.array(at_first_frame) - colour_of(0, 0)).max() < 20


def test_all_bars_of_a_sheet_have_the_same_scale(tmp_path, drawn):
    sequences, predictions, attention = scored([("fist", "fist", 0.9), ("fist", "wave", 0.8)], tmp_path)
    attention.at[1, "frame_weights"] = np.full(FRAMES, 1 / FRAMES)
    _, ((_, strips),) = drawn((sequences, predictions, attention), tmp_path)
    tile = np.asarray(strips[1].pictures[8])
    blue = (
        (tile[STRIP_HEIGHT + 4 : STRIP_HEIGHT + 4 + BAR_HEIGHT, tile.shape[1] // 2] == (0x2F, 0x6F, 0x9F))
        .all(axis=1)
        .sum()
    )
    assert blue == pytest.approx(BAR_HEIGHT / FRAMES / 0.5, abs=1)


def test_missing_frames_are_blank_and_one_warning_says_how_many_and_why(tmp_path, drawn, caplog):
    tables = scored(ANSWERS, tmp_path)
    (tmp_path / "v1-0.png").unlink()
    (tmp_path / "v4-31.png").unlink()
    with caplog.at_level(logging.WARNING):
        _, ((_, strips), _) = drawn(tables, tmp_path)
    (line,) = caplog.messages
    assert line.startswith("2 of 48 frames in the film strips are blank because their files are missing, for example ")
    assert str(tmp_path / "v1-0.png") in line
    assert colour_of(1, 0) not in {colour for _, colour in strips[0].pictures[0].getcolors()}


def test_weights_are_drawn_even_without_any_frame(tmp_path, caplog):
    assert len(dict(film_strips(*scored(ANSWERS), tmp_path / "nowhere"))) == 2
    assert len(caplog.messages) == 1


def test_a_file_that_is_no_picture_is_named(tmp_path):
    tables = scored(ANSWERS, tmp_path)
    (tmp_path / "v1-0.png").write_text("no picture")
    with pytest.raises(HandGesturesError, match=r"v1-0\.png cannot be decoded"):
        dict(film_strips(*tables, tmp_path))


@pytest.mark.parametrize("size", [(30, 200), (400, 40)])
@pytest.mark.parametrize("name", ["a" * 120, "50% 手 a:b\\c?", "дві руки"])
def test_pictures_and_names_of_any_shape_are_drawn(tmp_path, size, name):
    ((file, _),) = film_strips(*scored([(name, name, 1.0), (name, "b" * 120, 0.3)], tmp_path, size), tmp_path)
    assert file == f"{safe_name(name)}.jpg"


def test_a_very_long_class_name_leaves_room_for_confidence_and_clip(tmp_path, drawn):
    _, ((_, (strip,)),) = drawn(scored([("a" * 120, "b" * 120, 0.25)], tmp_path), tmp_path)
    assert len(strip.caption) < 200
    assert "confidence 0.25: v0, group person0" in strip.caption


def test_only_clean_views_are_shown(tmp_path, drawn):
    sequences, predictions, attention = scored(ANSWERS[:2], tmp_path)
    predictions.loc[1, "view"] = attention.loc[1, "view"] = 1
    _, ((title, _),) = drawn((sequences, predictions, attention), tmp_path)
    assert title == "fist: 1 of 1 clips right"


def test_tables_about_different_clips_are_refused(tmp_path):
    sequences, predictions, attention = scored(ANSWERS)
    with pytest.raises(
        HandGesturesError, match=r"1 are missing, for example 'fist/v0'; run feature_engineering and mod"
    ):
        next(film_strips(sequences[1:], predictions, attention, tmp_path))
    with pytest.raises(HandGesturesError, match="of 5 clips only 4 have them"):
        next(film_strips(sequences, predictions, attention[1:], tmp_path))
    shorter = sequences.assign(frames=[frames[:16] for frames in sequences["frames"]])
    with pytest.raises(HandGesturesError, match="of 5 clips only 0 have them"):
        next(film_strips(shorter, predictions, attention, tmp_path))


def test_classes_that_differ_only_in_case_have_different_files_on_any_disk(tmp_path):
    files = [
        file for file, _ in film_strips(*scored([("Wave", "Wave", 0.9), ("wave", "Wave", 0.6)], tmp_path), tmp_path)
    ]
    assert len({file.casefold() for file in files}) == 2
