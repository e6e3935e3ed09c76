import matplotlib
import pandas as pd
import pytest

from hand_gestures.reporting.comparison_report import caveats, comparison_page, findings, variant_accuracy
from html_page import Page

NAN = float("nan")


def row(variant, accuracy, difference=NAN, low=NAN, high=NAN, verdict=None, **more):
    split = "random" if variant.endswith("random split") else "grouped"
    metrics = {"accuracy": accuracy, "loss": 0.5, "accuracy_direction_only": accuracy, "mean_class_accuracy": accuracy}
    cost = {"accuracy_spread": 0.01, "parameters": 1000, "seconds": 10.0} | more
    ends = {"difference": difference, "difference_low": low, "difference_high": high}
    size = {"seeds": 3, "clips": 40, "groups": 6}
    return {"variant": variant, "split": split, **size, **metrics, **cost, **ends, "verdict": verdict}


TABLE = pd.DataFrame(
    [
        row("bilstm", 0.9),
        row("linear_probe", 0.6, -0.3, -0.4, -0.2, "worse", parameters=100, seconds=1.0),
        row("attentive_probe", 0.92, 0.02, -0.01, 0.05, "no difference shown", seconds=NAN),
        row("nearest_neighbour", 0.2, -0.7, -0.8, -0.6, "worse", parameters=NAN, seconds=NAN, accuracy_spread=NAN),
        row("bilstm without left", 0.95, 0.05, 0.01, 0.09, "better"),
        row("bilstm without vit", 0.7, -0.2, -0.3, -0.1, "worse"),
        row("bilstm on 1 view", 0.9, 0.0, verdict="no difference shown"),
        row("bilstm on 1 view, random split", 0.97),
        row("nearest_neighbour, random split", 0.8),
    ]
)


def test_the_findings_follow_from_the_metrics():
    rows = findings(TABLE, 10).itertuples(index=False, name=None)
    found = {instead: (result, difference, interval) for instead, result, difference, interval in rows}
    assert found == {
        "linear probe": ("worse, with 0.10 of the parameters and 0.10 of the training time", -0.3, (-0.4, -0.2)),
        "attentive probe": ("no difference shown, with 1.00 of the parameters", 0.02, (-0.01, 0.05)),
        "bilstm without vit": ("worse", -0.2, (-0.3, -0.1)),
        "bilstm on 1 view": ("no difference shown", 0.0, None),
        "bilstm without left": ("better", 0.05, (0.01, 0.09)),
        "averaged pixels alone": (
            "accuracy 0.200, by chance 0.100; 0.800 if groups have clips in both splits: above chance it is room, "
            "clothes or light",
            None,
            None,
        ),
        "bilstm on 1 view, random split": ("0.970 compared with 0.900 grouped", pytest.approx(0.07), None),
    }
    assert list(found)[2] == "bilstm without vit"  # the most harmful loss of inputs first


def test_the_page_has_the_plot_and_a_row_for_each_variant(tmp_path):
    matplotlib.figure.Figure().savefig(tmp_path / "figure.png")
    page = Page(comparison_page(TABLE, 10, 0.9, "Only drawn hands.", tmp_path / "figure.png"))
    (text,) = page.all("body")
    assert (
        "9 variants on the same embeddings, compared with bilstm: accuracy 0.900 over 3 seeds, by chance 0.100." in text
    )
    for variant in TABLE["variant"]:
        assert variant.replace("_", " ") in text
    assert "90% interval" in text
    assert "Only drawn hands." in text
    assert "-0.400 to -0.200" in text


def test_caveats_say_what_a_comparison_needs_where_it_has_too_little_data(tmp_path):
    small = TABLE.assign(clips=4, groups=2, seeds=1, verdict="too little data to compare")
    assert caveats(small, 10)[0] == (
        "A comparison needs at least 20 clips, 6 groups where they are known, and 2 seeds for each network; here are "
        "4 clips of 2 groups and 1 seed."
    )
    small.to_csv(tmp_path / "comparison.csv", index=False)
    assert caveats(pd.read_csv(tmp_path / "comparison.csv"), 10) == caveats(small, 10)
    unknown = caveats(small.assign(groups=pd.array([None] * len(small), "Int64")), 10)[0]
    assert unknown.endswith("here are 4 clips and 1 seed.")
    assert "A comparison needs" not in " ".join(caveats(TABLE, 10))


def test_a_caveat_explains_perhaps_only_where_it_is_said():
    doubtful = TABLE.assign(verdict=TABLE["verdict"].replace("better", "perhaps better"))
    assert '"Perhaps": the interval of this difference does not contain 0, but' in caveats(doubtful, 10)[0]
    assert "among 6 differences" in caveats(doubtful, 10)[0]
    assert "Perhaps" not in " ".join(caveats(TABLE, 10))


def test_a_comparison_of_one_variant_has_no_verdict_to_explain(tmp_path):
    TABLE.head(1).to_csv(tmp_path / "comparison.csv", index=False)
    alone = pd.read_csv(tmp_path / "comparison.csv")
    assert findings(alone, 10).empty
    assert caveats(alone, 10) == caveats(TABLE.assign(verdict="worse"), 10)


def test_pixels_at_chance_are_no_sign_of_a_leak():
    pixels = TABLE[TABLE["variant"].isin(["bilstm", "nearest_neighbour"])]
    assert findings(pixels, 10)["result"].tolist() == [
        "accuracy 0.200, by chance 0.100: above chance it is room, clothes or light"
    ]
    assert findings(pixels, 5)["result"].tolist() == ["accuracy 0.200, by chance 0.200"]


def test_accuracies_at_chance_are_not_called_too_good():
    assert "too good" in " ".join(caveats(TABLE, 10))
    assert "too good" not in " ".join(caveats(TABLE.assign(accuracy=0.1), 10))


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_plot_has_a_row_for_each_variant_and_a_dot_for_each_seed(seeds):
    trials = pd.DataFrame(
        [
            {"variant": variant, "split": split, "seed": seed, "accuracy": accuracy + seed / 100}
            for variant, split, accuracy in zip(TABLE["variant"], TABLE["split"], TABLE["accuracy"], strict=True)
            for seed in range(seeds)
        ]
    )
    axes = variant_accuracy(trials).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        name.replace("_", " ") for name in TABLE["variant"]
    ]
    dots = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert [len(line.get_xdata()) for line in dots] == [seeds] * len(TABLE)
    assert dots[1].get_xdata()[0] == pytest.approx(0.6)
