import numpy as np
import pytest

from hand_gestures.comparison.table import compare_variants, tabulate_trials
from hand_gestures.comparison.variants import Trial, Variant

CLIPS = [f"wave/p{person}-{take}" for person in range(8) for take in range(2)]
GROUPS = {clip: clip[5:7] for clip in CLIPS}


def trial(variant, seed, wrong, clips=CLIPS, seconds=2.0):
    right = {clip: index not in wrong for index, clip in enumerate(clips)}
    accuracy = float(np.mean(list(right.values())))
    metrics = {"accuracy": accuracy, "loss": 1 - accuracy, "accuracy_waves": accuracy}
    return Trial(variant, seed, metrics, 100, seconds, [{"epoch": 1}], right)


def compare(trials):
    return compare_variants(trials, GROUPS, draws=500, level=0.9, seed=3)


BILSTM, PROBE = Variant("bilstm"), Variant("linear_probe")


def test_mean_spread_and_median_are_taken_over_the_seeds():
    table = compare([trial(BILSTM, 1, {0}), trial(BILSTM, 2, {0, 1, 2}, seconds=4.0), trial(PROBE, 1, {5})])
    assert table["variant"].tolist() == ["bilstm", "linear_probe"]
    first, second = table.iloc[0], table.iloc[1]
    assert first["seeds"] == 2
    assert first["accuracy"] == pytest.approx(14 / 16)
    assert first["accuracy_spread"] == pytest.approx(np.std([15 / 16, 13 / 16], ddof=1))
    assert first["accuracy_waves"] == pytest.approx(14 / 16)
    assert first["seconds"] == 3.0
    assert np.isnan(second["accuracy_spread"])


def test_a_difference_is_paired_by_clip_and_its_interval_resamples_groups():
    table = compare([trial(BILSTM, 1, set()), trial(PROBE, 1, {0, 1, 2, 3, 4, 5})])  # three of eight persons
    row = table.iloc[1]
    assert row["difference"] == pytest.approx(-6 / 16)
    assert -0.75 < row["difference_low"] < -6 / 16 < row["difference_high"] <= -0.1
    clip_by_clip = compare_variants(
        [trial(BILSTM, 1, set()), trial(PROBE, 1, {0, 1, 2, 3, 4, 5})], {clip: clip for clip in CLIPS}, 500, 0.9, 3
    ).iloc[1]
    width = row["difference_high"] - row["difference_low"]
    assert width > clip_by_clip["difference_high"] - clip_by_clip["difference_low"]


def test_the_same_mistakes_make_no_difference():
    row = compare([trial(BILSTM, 1, {0, 5}), trial(PROBE, 1, {0, 5})]).iloc[1]
    assert row["difference"] == 0
    assert np.isnan(row["difference_low"])


def test_a_variant_is_not_compared_with_itself_or_with_other_clips():
    elsewhere = trial(Variant("bilstm", views=1, split="random"), 1, {0}, clips=CLIPS[4:])
    table = compare([trial(BILSTM, 1, {1}), elsewhere])
    assert table[["difference", "difference_low", "difference_high"]].isna().all(axis=None)
    assert table["split"].tolist() == ["grouped", "random"]


def test_the_table_of_trials_has_one_row_per_trial():
    untrained = trial(Variant("nearest_neighbour"), 1, {2})._replace(parameters=None, seconds=None, history=[])
    table = tabulate_trials([trial(Variant("bilstm", "left", 1), 7, {1}), untrained])
    assert table.iloc[0][["variant", "without", "views", "seed", "epochs"]].tolist() == [
        "bilstm without left on 1 view",
        "left",
        1,
        7,
        1,
    ]
    assert table.iloc[1][["parameters", "seconds", "views"]].isna().all()
