import numpy as np
import pandas as pd
import pytest

from hand_gestures.evaluation.attention import channel_statistics, frame_statistics
from hand_gestures.reporting import attention_plots as attention_figures

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
    [(attention_figures.channel_attention, channels()), (attention_figures.frame_attention, frames())],
)
def test_bars_are_those_over_all_classes(draw, statistics, tmp_path):
    figure = draw(statistics)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    overall = statistics[statistics["class_name"] == "(all)"]
    assert heights == pytest.approx(overall["mean"].tolist())
    figure.savefig(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_a_map_has_a_row_for_each_class_and_one_for_all_in_multiples_of_the_equal_weight():
    weights = np.array([[0.5, 0.4, 0.1], [0.1, 0.2, 0.7]])
    figure = attention_figures.channel_map(channel_statistics(weights, ["fist", "wave_it"], CHANNELS))
    np.testing.assert_allclose(colours(figure).get_array(), [*(3 * weights), 3 * weights.mean(axis=0)])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["fist", "wave it", "all classes"]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["left vit", "right vit", "full vit"]
    assert "mean weight, times the equal weight 1/3 = 0.333" in texts(figure)
    assert "Channel attention by class: over all, full vit has 1.20 times the equal weight" in texts(figure)


def test_the_equal_weight_is_the_middle_of_the_colours_and_what_is_beyond_them_is_shown_as_such():
    calm, wild = (
        colours(attention_figures.channel_map(channels(weights=weights)))
        for weights in ((0.35, 0.33, 0.32), (0.98, 0.02, 0.0))
    )
    for image in (calm, wild):
        assert image.norm(1.0) == pytest.approx(0.5)
        assert image.norm(2.0) - 0.5 == pytest.approx(0.5 - image.norm(0.5))
    assert calm.norm.vmax == 1.25
    assert (wild.norm.vmax, wild.colorbar.extend) == (4, "both")
    assert calm.colorbar.extend == "neither"


def test_a_map_of_frames_has_a_column_for_each():
    figure = attention_figures.frame_map(frames(count=32))
    assert colours(figure).get_array().shape == (3, 32)
    assert "frame" in texts(figure)


def test_one_class_and_equal_weights_are_drawn(tmp_path):
    figure = attention_figures.channel_map(channels(["wave"], [1 / 3] * 3))
    figure.savefig(tmp_path / "a.png", dpi=40)
    assert "Channel attention by class: over all, weights are equal" in texts(figure)


def test_of_many_classes_the_columns_are_named_above_and_below_and_the_picture_can_be_opened():
    many = [f"class{number}" for number in range(400)]
    for figure in (attention_figures.channel_map(channels(many)), attention_figures.frame_map(frames(many))):
        assert figure.get_size_inches()[1] * 150 < 16_000
        assert len(figure.axes[0].child_axes) == 1
    assert not attention_figures.channel_map(channels()).axes[0].child_axes


@pytest.mark.parametrize("name", ["a" * 120, "50% $x_1$ of_it", "дві руки"])
def test_names_of_any_kind_leave_room_for_the_colours(tmp_path, name):
    for figure in (attention_figures.channel_map(channels([name, "b"])), attention_figures.frame_map(frames([name]))):
        figure.savefig(tmp_path / "figure.png", dpi=50)
        assert figure.axes[0].get_window_extent().width > figure.bbox.width / 3


def test_what_was_written_can_be_drawn_again(tmp_path):
    channels(["7", "NA"]).to_csv(tmp_path / "a.csv", index=False)
    again = pd.read_csv(tmp_path / "a.csv", dtype={"class_name": str}, keep_default_na=False)
    assert {"7", "NA"} <= set(texts(attention_figures.channel_map(again)))
