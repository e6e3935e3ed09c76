import pytest

from hand_gestures.reporting.dataset_plots import class_balance, clip_lengths
from small_sequences import alone, by_performer


def texts(figure):
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def split(sides=("train", "val", "test", "left_out")):
    sequences = by_performer(8, classes=3, takes=2)
    return sequences.assign(side=[sides[int(group[1:]) % len(sides)] for group in sequences["group"]])


def lengths(classes=3):
    sequences = by_performer(4, classes=classes, takes=1)
    return sequences.assign(available=[10 * (1 + n % 5) for n in range(len(sequences))])


def test_the_balance_has_clips_and_groups_of_each_split():
    shown = texts(class_balance(split()))
    assert "48 clips of 3 classes" in shown
    assert {f"{side}: 12 clips of 2 groups" for side in ("train", "val", "test", "left out")} <= set(shown)
    assert shown.count("4") >= 3 * 4


def test_an_empty_split_is_not_drawn():
    shown = texts(class_balance(split(("train", "val"))))
    assert {"train: 24 clips of 4 groups", "val: 24 clips of 4 groups"} <= set(shown)
    assert not any("test" in text for text in shown)


def test_without_groups_only_clips_are_counted():
    table = split(("train", "val")).assign(group=lambda clips: clips["sequence_id"])
    assert "train: 24 clips" in texts(class_balance(table))


def test_a_segment_without_room_for_its_number_has_none():
    table = alone({"wave": 200}).assign(side=["train"] * 198 + ["val"] * 2)
    shown = texts(class_balance(table))
    assert "198" in shown
    assert "2" not in shown


def test_one_clip_of_one_group_is_in_the_singular():
    table = by_performer(2, classes=1, takes=1).assign(side=["train", "val"])
    assert {"train: 1 clip of 1 group", "val: 1 clip of 1 group"} <= set(texts(class_balance(table)))


def test_lengths_count_the_videos_that_are_shorter_than_a_clip():
    shown = texts(clip_lengths(lengths(), 32))
    assert "12 videos, 8 shorter than a clip" in shown
    assert "class0" in shown


@pytest.mark.parametrize("name", ["a" * 120, "50% $x_1$ of_it", "дві руки"])
def test_names_of_any_kind_are_drawn(tmp_path, name):
    odd = split().replace({"class_name": {"class0": name}})
    for figure in (class_balance(odd), clip_lengths(odd.assign(available=8), 32)):
        figure.savefig(tmp_path / "figure.png", dpi=50)
        width = max(label.get_window_extent().width for label in figure.axes[0].get_yticklabels())
        assert width < figure.bbox.width / 2


def test_a_dollar_sign_starts_no_formula():
    figure = class_balance(split().replace({"class_name": {"class0": "50$ or 60$"}}))
    assert r"50\$ or 60\$" in texts(figure)


def test_of_very_many_classes_those_with_the_fewest_clips_are_drawn():
    clips = {f"class{number:03d}": 1 + (number * 7) % 600 // 60 for number in range(600)}
    table = alone(clips).assign(side="train")
    figure = class_balance(table)
    assert figure.get_size_inches()[1] * 150 < 4000
    labels = figure.axes[0].get_yticklabels()
    assert {label.get_fontsize() for label in labels} == {10}
    assert {label.get_text() for label in labels} == {name for name, count in clips.items() if count == 1}
    assert f"{len(table)} clips of 600 classes; the 60 classes with the fewest clips" in texts(figure)
    assert f"train: {len(table)} clips" in texts(figure)


def test_of_very_many_classes_those_with_the_shortest_videos_are_drawn():
    table = alone({f"class{number:03d}": 2 for number in range(600)})
    table["available"] = [10 if number % 10 else 5 for number in range(600) for _ in range(2)]
    figure = clip_lengths(table, 8)
    assert {label.get_text()[-1] for label in figure.axes[0].get_yticklabels()} == {"0"}
    assert "1200 videos, 120 shorter than a clip; the 60 classes with the shortest videos" in texts(figure)
