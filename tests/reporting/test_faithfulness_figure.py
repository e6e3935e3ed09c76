import pandas as pd
import pytest

from hand_gestures.evaluation.faithfulness import COLUMNS
from hand_gestures.reporting.attention_plots import deletion_curves


def measured(most, random, clips=100, axis="frames", length=32):
    """What is left of an accuracy of 1 where an eighth, a quarter and a half are removed."""
    removed = [0, length // 8, length // 4, length // 2]
    table = pd.DataFrame({"axis": axis, "removed": removed, "most_attended": [1.0, *most], "random": [1.0, *random]})
    return table.assign(
        share=table["removed"] / length,
        random_lowest=table["random"] - 0.02,
        random_highest=table["random"] + 0.01,
        least_attended=1.0,
        clips=clips,
    )[COLUMNS]


def titles(table):
    return [axes.get_title() for axes in deletion_curves(table).axes]


@pytest.mark.parametrize(
    ("most", "random", "clips", "said"),
    [
        ([0.9, 0.4, 0.2], [1.0, 0.95, 0.9], 100, "Yes: the most attended frames matter more than random ones."),
        ([1.0, 0.95, 0.9], [0.9, 0.4, 0.2], 100, "No: the most attended frames matter less than random ones."),
        (
            [0.9, 0.9, 0.2],
            [1.0, 0.95, 0.9],
            100,
            "Not shown that the most attended frames matter more than random ones.",
        ),
        ([0.9, 0.4, 0.2], [1.0, 0.8, 0.9], 5, "Not shown that the most attended frames matter more than random ones."),
        (
            [1.0, 1.0, 1.0],
            [1.0, 1.0, 1.0],
            100,
            "Not shown that the most attended frames matter more than random ones.",
        ),
    ],
)
def test_the_title_says_what_was_found_where_a_quarter_is_removed(most, random, clips, said):
    (title,) = titles(measured(most, random, clips))
    assert title.startswith(said)
    assert f"Accuracy: 1.00; without 8 of them {most[1]:.2f}, without 8 random ones {random[1]:.2f}." in title


def test_frames_and_channels_stand_beside_each_other(tmp_path):
    channels, frames = (
        measured([0.9, 0.9, 0.7], [1.0, 0.95, 0.9], axis=axis, length=length)  # the longest of the titles
        for axis, length in (("channels", 120), ("frames", 320))
    )
    figure = deletion_curves(pd.concat([frames, channels], ignore_index=True))
    assert [axes.get_xlabel() for axes in figure.axes] == ["frames removed, of 320", "channels removed, of 120"]
    for axes, rows in zip(figure.axes, (frames, channels), strict=True):
        assert [line.get_ydata().tolist() for line in axes.lines] == [
            rows[column].tolist() for column in ("most_attended", "random", "least_attended")
        ]
    figure.savefig(tmp_path / "a.png", dpi=50)
    first, second = (axes.title.get_window_extent() for axes in figure.axes)
    assert 0 <= first.x0 < first.x1 < second.x0 < second.x1 <= figure.bbox.width


def test_where_nothing_was_measured_the_figure_says_so():
    figure = deletion_curves(pd.DataFrame(columns=COLUMNS))
    assert not figure.axes
    assert "evaluation.faithfulness_clips is 0" in figure.texts[0].get_text()
