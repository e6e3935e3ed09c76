import numpy as np
import pandas as pd
import pytest

from hand_gestures.evaluation.attention import channel_statistics, frame_statistics
from hand_gestures.evaluation.faithfulness import COLUMNS
from hand_gestures.reporting import attention_plots as plots

CHANNELS = ["left_vit", "right_vit", "full_vit"]


def texts(figure):
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def channels(names=("fist", "wave"), weights=(0.5, 0.4, 0.1)):
    return channel_statistics(np.tile(weights, (len(names), 1)), names, CHANNELS)


def frames(names=("fist", "wave"), count=8):
    rng = np.random.default_rng(0)
    return frame_statistics(rng.dirichlet(np.ones(count), (len(names), 3)), names)


def colours(figure):
    (image,) = figure.axes[0].images
    return image


@pytest.mark.parametrize(
    ("draw", "statistics"),
    [(plots.channel_attention, channels()), (plots.frame_attention, frames())],
)
def test_bars_are_means_over_all_classes(draw, statistics, tmp_path):
    figure = draw(statistics)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    overall = statistics[statistics["class_name"] == "(all)"]
    assert heights == pytest.approx(overall["mean"].tolist())
    figure.savefig(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_a_map_has_a_row_for_each_class_and_one_for_all_in_multiples_of_the_equal_weight():
    weights = np.array([[0.5, 0.4, 0.1], [0.1, 0.2, 0.7]])
    figure = plots.channel_map(channel_statistics(weights, ["fist", "wave_it"], CHANNELS))
    np.testing.assert_allclose(colours(figure).get_array(), [*(3 * weights), 3 * weights.mean(axis=0)])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["fist", "wave it", "all classes"]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["left vit", "right vit", "full vit"]
    assert "mean weight, times the equal weight 1/3 = 0.333" in texts(figure)
    assert "Channel attention by class: over all, full vit has 1.20 times the equal weight" in texts(figure)


def test_the_equal_weight_has_the_middle_colour_and_weights_beyond_the_colours_are_marked():
    calm, wild = (
        colours(plots.channel_map(channels(weights=weights))) for weights in ((0.35, 0.33, 0.32), (0.98, 0.02, 0.0))
    )
    for image in (calm, wild):
        assert image.norm(1.0) == pytest.approx(0.5)
        assert image.norm(2.0) - 0.5 == pytest.approx(0.5 - image.norm(0.5))
    assert calm.norm.vmax == 1.25
    assert (wild.norm.vmax, wild.colorbar.extend) == (4, "both")
    assert calm.colorbar.extend == "neither"


def test_a_map_of_frames_has_a_column_for_each():
    figure = plots.frame_map(frames(count=32))
    assert colours(figure).get_array().shape == (3, 32)
    assert "frame" in texts(figure)


def test_one_class_and_equal_weights_are_drawn(tmp_path):
    figure = plots.channel_map(channels(["wave"], [1 / 3] * 3))
    figure.savefig(tmp_path / "a.png", dpi=40)
    assert "Channel attention by class: over all, weights are equal" in texts(figure)


def test_a_map_of_many_classes_names_its_columns_above_and_below_and_can_be_opened():
    many = [f"class{number}" for number in range(400)]
    for figure in (plots.channel_map(channels(many)), plots.frame_map(frames(many))):
        assert figure.get_size_inches()[1] * 150 < 16_000
        assert len(figure.axes[0].child_axes) == 1
    assert not plots.channel_map(channels()).axes[0].child_axes


def test_of_very_many_classes_a_map_has_those_that_differ_most_and_the_row_over_all():
    names = [f"class{number:04d}" for number in range(1001)]
    weights = np.tile([0.4, 0.4, 0.2], (1001, 1))
    weights[100:160] = [0.2, 0.4, 0.4]
    figure = plots.channel_map(channel_statistics(weights, names, CHANNELS))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [*names[100:160], "all classes"]
    assert "the 60 of 1001 that differ most:" in figure.get_suptitle().splitlines()[0]
    figure.draw_without_rendering()
    title = figure.texts[0].get_window_extent()
    assert figure.bbox.x0 <= title.x0
    assert title.x1 <= figure.bbox.x1


@pytest.mark.parametrize("name", ["a" * 120, "50% $x_1$ of_it", "дві руки"])
def test_names_of_any_kind_leave_room_for_the_colours(tmp_path, name):
    for figure in (plots.channel_map(channels([name, "b"])), plots.frame_map(frames([name]))):
        figure.savefig(tmp_path / "figure.png", dpi=50)
        assert figure.axes[0].get_window_extent().width > figure.bbox.width / 3


def test_a_stored_table_can_be_drawn_again(tmp_path):
    channels(["7", "NA"]).to_csv(tmp_path / "a.csv", index=False)
    again = pd.read_csv(tmp_path / "a.csv", dtype={"class_name": str}, keep_default_na=False)
    assert {"7", "NA"} <= set(texts(plots.channel_map(again)))


def measured(most, random, clips=100, axis="frames", length=32):
    """Accuracy after an eighth, a quarter and a half of an axis are removed; 1 before."""
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
    return [axes.get_title() for axes in plots.deletion_curves(table).axes]


@pytest.mark.parametrize(
    ("most", "random", "clips", "conclusion"),
    [
        ([0.9, 0.4, 0.2], [1.0, 0.95, 0.9], 100, "Yes: the most attended frames matter more than random ones."),
        ([1.0, 0.95, 0.9], [0.9, 0.4, 0.2], 100, "No: the most attended frames matter less than random ones."),
        (
            [0.9, 0.9, 0.2],
            [1.0, 0.95, 0.9],
            100,
            "Not shown that the most attended frames matter more than random ones.",
        ),
        ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], 4, "Not shown that the most attended frames matter more than random ones."),
        ([0.9, 0.4, 0.2], [1.0, 0.8, 0.9], 5, "Not shown that the most attended frames matter more than random ones."),
        (
            [1.0, 1.0, 1.0],
            [1.0, 1.0, 1.0],
            100,
            "Not shown that the most attended frames matter more than random ones.",
        ),
    ],
)
def test_the_title_is_the_conclusion_from_a_quarter_removed(most, random, clips, conclusion):
    (title,) = titles(measured(most, random, clips))
    assert title.startswith(conclusion)
    assert f"Accuracy: 1.00; without 8 of them {most[1]:.2f}, without 8 random ones {random[1]:.2f}." in title


def test_frames_and_channels_have_panels_beside_each_other(tmp_path):
    channels, frames = (
        measured([0.9, 0.9, 0.7], [1.0, 0.95, 0.9], axis=axis, length=length)  # the longest of the titles
        for axis, length in (("channels", 120), ("frames", 320))
    )
    figure = plots.deletion_curves(pd.concat([frames, channels], ignore_index=True))
    assert [axes.get_xlabel() for axes in figure.axes] == ["frames removed, of 320", "channels removed, of 120"]
    for axes, rows in zip(figure.axes, (frames, channels), strict=True):
        assert [line.get_ydata().tolist() for line in axes.lines] == [
            rows[column].tolist() for column in ("most_attended", "random", "least_attended")
        ]
    figure.savefig(tmp_path / "a.png", dpi=50)
    first, second = (axes.title.get_window_extent() for axes in figure.axes)
    assert 0 <= first.x0 < first.x1 < second.x0 < second.x1 <= figure.bbox.width


def test_without_a_measurement_the_plot_says_so():
    figure = plots.deletion_curves(pd.DataFrame(columns=COLUMNS))
    assert not figure.axes
    assert "evaluation.faithfulness_clips is 0" in figure.texts[0].get_text()
