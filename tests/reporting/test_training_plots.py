import numpy as np
import pandas as pd
import pytest

from hand_gestures.evaluation import tables
from hand_gestures.evaluation.tables import TRUE_CLASS, confusion
from hand_gestures.reporting import training_plots as plots
from hand_gestures.reporting.plot_style import ORANGE

HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2, 3],
        "train_loss": [2.0, 1.0, 0.5],
        "train_accuracy": [0.3, 0.6, 0.9],
        "val_loss": [2.1, 1.5, 1.4],
        "val_accuracy": [0.2, 0.7, 0.7],
    }
)


def texts(figure):
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_curves_mark_the_best_epoch():
    figure = plots.training_curves(HISTORY)
    assert "best epoch, 3" in texts(figure)  # the lower loss of two equal accuracies
    assert "0.700" in texts(figure)


def test_a_single_epoch_is_a_visible_point_with_whole_numbers_on_the_axis():
    figure = plots.training_curves(HISTORY.head(1))
    figure.canvas.draw()
    for axes in figure.axes:
        assert all(line.get_marker() == "o" for line in axes.lines)
        assert {label.get_text() for label in axes.get_xticklabels()} <= {"0", "1", "2"}


def test_confusion_matrix_shows_counts_and_readable_names():
    counts = pd.DataFrame([[3, 1], [0, 4]], index=["swipe_left", "fist"], columns=["swipe_left", "fist"])
    shown = texts(plots.confusion_matrix(counts))
    assert "7 of 8 validation clips right" in shown
    assert "swipe left" in shown


def test_class_accuracy_counts_right_clips():
    predictions = pd.DataFrame({"class_name": ["a", "a", "b"], "correct": [True, False, True]})
    shown = texts(plots.class_accuracy(predictions))
    assert "1 of 2" in shown
    assert "0.667 over all clips" in shown


def groups(count, right=None):
    clips = [4] * count
    right = list(range(1, count + 1)) if right is None else right
    table = pd.DataFrame({"group": [f"person{n}" for n in range(count)], "clips": clips, "right": right})
    return table.assign(accuracy=table["right"] / table["clips"])


def marked(figure):
    return [label.get_text() for label in figure.axes[0].get_yticklabels() if label.get_color() == ORANGE]


def test_the_worst_group_is_on_top_and_marked():
    figure = plots.group_accuracy(groups(4))
    assert figure.axes[0].yaxis_inverted()
    assert marked(figure) == ["person0"]
    assert "1 of 4" in texts(figure)
    assert "0.625 over all clips" in texts(figure)


@pytest.mark.parametrize(("right", "worst"), [([0, 0, 4], ["person0", "person1"]), ([3, 3, 3], [])])
def test_equally_bad_groups_are_all_marked_and_no_group_if_all_are_equal(right, worst):
    assert marked(plots.group_accuracy(groups(3, right))) == worst


def test_of_very_many_groups_the_worst_are_drawn_and_the_title_says_so():
    figure = plots.group_accuracy(groups(500, [1] * 400 + [4] * 100))
    assert "the 60 worst of 500 groups" in texts(figure)
    assert len(figure.axes[0].get_yticklabels()) == 60
    assert "0.400 over all clips" in texts(figure)


def test_without_groups_the_plot_says_so_in_one_line():
    figure = plots.group_accuracy(groups(0))
    assert "No accuracy by group" in texts(figure)
    assert not figure.axes


def test_reliability_shows_accuracy_by_confidence_and_the_number_of_clips():
    predictions = pd.DataFrame({"confidence": [0.55, 0.58, 0.95], "correct": [True, False, True]})
    figure = plots.reliability_diagram(predictions)
    heights = [[bar.get_height() for bar in axes.patches] for axes in figure.axes]
    assert [height for height in heights[0] if height > 0] == [0.5, 1.0]
    assert [height for height in heights[1] if height > 0] == [2, 1]
    assert f"{(2 * 0.065 + 0.05) / 3:.3f}" in texts(figure)


@pytest.mark.parametrize("name", ["a" * 120, "50% $x_1$ of_it", "дві руки"])
def test_names_of_any_kind_leave_room_for_the_plot(tmp_path, name):
    predictions = pd.DataFrame({"class_name": [name, "b"], "predicted": ["b", "b"], "correct": [False, True]})
    counts = pd.DataFrame([[3, 1], [0, 4]], index=[name, "b"], columns=[name, "b"])
    drawn = [
        plots.class_accuracy(predictions),
        plots.group_accuracy(groups(2).assign(group=[name, "b"])),
        plots.confusion_matrix(counts),
    ]
    for figure in drawn:
        figure.savefig(tmp_path / "figure.png", dpi=50)
        assert figure.axes[0].get_window_extent().width > figure.bbox.width / 3


def test_both_ends_of_a_long_name_are_kept():
    shown = texts(plots.group_accuracy(groups(2).assign(group=[f"2021_{'x' * 60}_person1", "b"])))
    assert "2021 xx" in shown
    assert "…xxxxxxx person1" in shown


def test_a_confusion_matrix_of_very_many_classes_can_be_opened():
    names = [f"class{n}" for n in range(400)]
    figure = plots.confusion_matrix(pd.DataFrame(np.eye(400, dtype=int), index=names, columns=names))
    assert max(figure.get_size_inches()) * 150 < 8000


def scored(classes=1001):
    """Two clips of each class: of the first 50 classes both are mistaken for the next class, all others are right."""
    names = [f"class{n:04d}" for n in range(classes)]
    answers = [names[n + 1] if n < 50 else name for n, name in enumerate(names)]
    table = pd.DataFrame({"class_name": 2 * names, "predicted": 2 * answers})
    return table.assign(correct=table["class_name"] == table["predicted"])


def test_of_very_many_classes_the_matrix_has_those_with_the_most_frequent_mistakes():
    table = confusion(scored()).set_index(TRUE_CLASS)
    figure = plots.confusion_matrix(table)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(labels) == 60
    assert {f"class{n:04d}" for n in range(51)} <= set(labels)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == [*labels, "other"]
    assert "1902 of 2002 validation clips right; classes with the most frequent mistakes" in texts(figure)


def test_a_matrix_that_was_shortened_before_does_not_count_all_clips(monkeypatch):
    monkeypatch.setattr(tables, "MAX_CONFUSED", 80)
    shown = texts(plots.confusion_matrix(confusion(scored()).set_index(TRUE_CLASS)))
    assert "classes with the most frequent mistakes" in shown
    assert "clips right" not in shown


def test_of_very_many_classes_the_worst_are_drawn():
    figure = plots.class_accuracy(scored())
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(labels) == 60
    assert set(labels[:50]) == {f"class{n:04d}" for n in range(50)}
    assert "the 60 worst of 1001 classes" in texts(figure)
    assert "0.950 over all clips" in texts(figure)
