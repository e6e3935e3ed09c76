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


def verdicts(trials, groups=GROUPS, level=0.95, draws=500):
    return compare_variants(trials, groups, draws=draws, level=level, seed=3)["verdict"].tolist()[1:]


def people(persons, takes):
    clips = [f"wave/p{person:02d}-{take}" for person in range(persons) for take in range(takes)]
    return clips, {clip: clip[5:8] for clip in clips}


def both_seeds(variant, wrong, clips):
    return [trial(variant, seed, wrong, clips) for seed in (1, 2)]


@pytest.mark.parametrize(
    ("persons", "takes", "verdict"),
    [
        (2, 2, "too little data to compare"),  # 4 clips
        (5, 40, "too little data to compare"),  # 200 clips, but 5 groups
        (6, 3, "too little data to compare"),  # 6 groups, but 18 clips
        (6, 40, "worse"),
    ],
)
def test_a_verdict_needs_enough_clips_and_enough_groups(persons, takes, verdict):
    clips, groups = people(persons, takes)
    wrong = {index for index in range(len(clips)) if index % takes != 0}
    trials = [*both_seeds(BILSTM, set(), clips), *both_seeds(PROBE, wrong, clips)]
    assert verdicts(trials, groups) == [verdict]
    table = compare_variants(trials, groups, 500, 0.95, 3)
    assert table[["clips", "groups"]].to_numpy().tolist() == [[len(clips), persons]] * 2


def test_where_groups_are_unknown_clips_are_counted():
    clips, _ = people(20, 1)
    trials = [*both_seeds(BILSTM, set(), clips), *both_seeds(PROBE, set(range(15)), clips)]
    alone = {clip: clip for clip in clips}
    assert verdicts(trials, alone) == ["worse"]
    assert compare_variants(trials, alone, 500, 0.95, 3)["groups"].isna().all()
    fewer = [single._replace(right=dict(list(single.right.items())[:19])) for single in trials]
    assert verdicts(fewer, alone) == ["too little data to compare"]


def test_a_verdict_needs_two_seeds_of_everything_that_is_trained():
    clips, groups = people(8, 5)
    wrong = set(range(0, 40, 2))
    one, two = [trial(BILSTM, 1, set(), clips)], both_seeds(BILSTM, set(), clips)
    pixels = trial(Variant("nearest_neighbour"), 1, wrong, clips)._replace(parameters=None)
    probe = both_seeds(PROBE, wrong, clips)
    assert verdicts([*one, *probe, pixels], groups) == [*["too little data to compare"] * 2]
    assert verdicts([*two, probe[0], pixels], groups) == ["too little data to compare", "worse"]
    assert verdicts([*two, *probe, pixels], groups) == ["worse", "worse"]


def test_with_many_comparisons_a_difference_that_only_its_own_interval_shows_is_no_more_than_perhaps():
    clips, groups = people(12, 5)
    wrong = {0, 5, 10, 15, 20, 25}  # one clip of each of six persons
    others = [Variant("bilstm", views=views) for views in range(1, 9)]
    first = both_seeds(BILSTM, wrong, clips)
    better = both_seeds(PROBE, {0, 5}, clips)  # four persons differ
    assert verdicts([*first, *better], groups) == ["better"]
    same = [single for variant in others for single in both_seeds(variant, wrong, clips)]
    assert verdicts([*first, *better, *same], groups) == ["perhaps better", *["no difference shown"] * 8]


def test_the_same_difference_in_every_group_is_judged_by_the_number_of_groups():
    clips, groups = people(8, 5)
    each = {index for index in range(40) if index % 5 == 0}
    first, worse = both_seeds(BILSTM, set(), clips), both_seeds(PROBE, each, clips)
    table = compare_variants([*first, *worse], groups, 500, 0.95, 3)
    assert np.isnan(table["difference_low"].iloc[1])
    assert table["verdict"].tolist()[1:] == ["worse"]
    others = [single for views in range(1, 9) for single in both_seeds(Variant("bilstm", views=views), set(), clips)]
    assert verdicts([*first, *worse, *others], groups)[0] == "perhaps worse"
    assert verdicts([*first, *worse], groups, draws=0)[0] == "no difference shown"


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
