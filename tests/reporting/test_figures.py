import pandas as pd
import pytest

from hand_gestures.reporting import figures

HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2, 3],
        "train_loss": [2.0, 1.0, 0.5],
        "train_accuracy": [0.3, 0.6, 0.9],
        "val_loss": [2.1, 1.5, 1.4],
        "val_accuracy": [0.2, 0.7, 0.7],
    }
)
STATISTICS = pd.DataFrame(
    {"mean": [0.6, 0.4], "lowest": [0.5, 0.2], "highest": [0.8, 0.5], "times_highest": [3, 1], "times_lowest": [1, 3]}
)


def texts(figure):
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_curves_mark_the_epoch_that_was_kept():
    figure = figures.training_curves(HISTORY)
    assert "best epoch, 3" in texts(figure)  # the lower loss of two equal accuracies
    assert "0.700" in texts(figure)


def test_confusion_matrix_shows_counts_and_readable_names():
    counts = pd.DataFrame([[3, 1], [0, 4]], index=["swipe_left", "fist"], columns=["swipe_left", "fist"])
    shown = texts(figures.confusion_matrix(counts))
    assert "7 of 8 validation clips right" in shown
    assert "swipe left" in shown


def test_class_accuracy_counts_right_clips():
    predictions = pd.DataFrame({"class_name": ["a", "a", "b"], "correct": [True, False, True]})
    shown = texts(figures.class_accuracy(predictions))
    assert "1 of 2" in shown
    assert "0.667 over all clips" in shown


@pytest.mark.parametrize(
    ("draw", "names"),
    [
        (figures.channel_attention, {"channel": ["full_vit", "left_vit"]}),
        (figures.frame_attention, {"frame": [0, 1]}),
    ],
)
def test_attention_figures_are_drawn_to_a_file(draw, names, tmp_path):
    draw(STATISTICS.assign(**names)).savefig(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 10_000
