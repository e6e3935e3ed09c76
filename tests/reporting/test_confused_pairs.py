import logging

import pytest

from hand_gestures.reporting import picture_sheets as module
from hand_gestures.reporting.picture_sheets import confused_pairs, draw_strips, most_confused
from scored_clips import scored


@pytest.fixture
def drawn(monkeypatch):
    """Draws the sheets, and gives the titles and strips that they were drawn from."""
    calls = []

    def keep(title, strips, note):
        calls.append((title, strips))
        return draw_strips(title, strips, note)

    monkeypatch.setattr(module, "draw_strips", keep)

    def draw(answers, folder):
        sequences, predictions, _ = scored(answers, folder)
        return dict(confused_pairs(sequences, predictions, folder)), calls

    return draw


def test_the_most_confident_mistakes_are_above_as_many_clips_of_the_predicted_class(tmp_path, drawn):
    wrong = [("fist", "wave", share) for share in (0.5, 0.9, 0.7, 0.6)]
    right = [("wave", "wave", share) for share in (0.8, 0.95, 0.99, 0.4, 0.3)]
    sheets, ((title, strips),) = drawn([*wrong, *right, ("fist", "fist", 0.9)], tmp_path)
    assert list(sheets) == ["01_fist_as_wave.jpg"]
    assert title == "fist as wave: 4 of 5 clips"
    captions = [strip.caption.partition(":")[0] for strip in strips]
    assert captions[:3] == [f"fist, predicted as wave, confidence {share}" for share in ("0.90", "0.70", "0.60")]
    assert captions[3:] == [f"wave, right, confidence {share}" for share in ("0.99", "0.95", "0.80")]
    assert [len(strip.pictures) for strip in strips] == [8] * 6


def test_the_title_says_if_no_clip_of_the_predicted_class_was_right(tmp_path, drawn):
    _, ((title, strips),) = drawn([("fist", "wave", 0.5)], tmp_path)
    assert title == "fist as wave: 1 of 1 clips; no clip of wave was right"
    assert len(strips) == 1


def test_pairs_are_ordered_by_count_and_then_by_name():
    answers = [("b", "a", 1), ("a", "c", 1), ("c", "a", 1), ("c", "a", 1), ("a", "b", 1), ("a", "a", 1)]
    assert most_confused(scored(answers)[1]) == [("c", "a", 2), ("a", "b", 1), ("a", "c", 1), ("b", "a", 1)]


def test_at_most_ten_pairs_are_drawn(tmp_path):
    sequences, predictions, _ = scored([(f"c{number:02d}", "wave", 0.5) for number in range(14)])
    names = [name for name, _ in confused_pairs(sequences, predictions, tmp_path)]
    assert names == [f"{rank:02d}_c{rank - 1:02d}_as_wave.jpg" for rank in range(1, 11)]


def test_without_mistakes_there_is_no_picture_and_the_log_says_so(tmp_path, drawn, caplog):
    with caplog.at_level(logging.INFO):
        assert drawn([("fist", "fist", 0.5)], tmp_path) == ({}, [])
    assert caplog.messages == ["all validation clips are right: there are no confused pairs to draw"]


def test_missing_frames_are_blank_and_counted(tmp_path, caplog):
    sequences, predictions, _ = scored([("fist", "wave", 0.5)])
    assert len(dict(confused_pairs(sequences, predictions, tmp_path))) == 1
    assert caplog.messages[0].startswith("8 of 8 frames in the pictures of confused pairs are blank")


@pytest.mark.parametrize("name", ["../../etc", "a/b\\c:d?", "手" * 120, "CON.", "a" * 250, "50% $x$"])
def test_file_names_are_safe_whatever_a_class_is_called(tmp_path, name):
    sequences, predictions, _ = scored([(name, "дві руки", 0.5)])
    ((file, sheet),) = confused_pairs(sequences, predictions, tmp_path)
    assert len(file.encode()) < 255
    assert not set(file) & set('/\\:*?"<>|$%#')
    (tmp_path / file).write_bytes(sheet)
    assert [path.name for path in tmp_path.iterdir()] == [file]


def test_plain_names_are_not_changed(tmp_path):
    sequences, predictions, _ = scored([("swipe_left", "дві руки", 0.5)])
    assert [file for file, _ in confused_pairs(sequences, predictions, tmp_path)] == ["01_swipe_left_as_дві руки.jpg"]
