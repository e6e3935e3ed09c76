import numpy as np
import pytest
from scipy.stats import binomtest

from hand_gestures.evaluation import intervals as bootstrap
from hand_gestures.evaluation.intervals import bootstrap_intervals, exact_interval

CORRECT = np.repeat([1.0, 0.0, 1.0, 1.0, 0.0, 1.0], 10)  # all clips of a group are correct or all are wrong
GROUPS = np.repeat([f"person{n}" for n in range(6)], 10)
ALONE = [f"clip{n}" for n in range(60)]


def accuracy(weights, correct=CORRECT):
    return {"accuracy": weights @ correct / weights.sum(axis=1)}


def intervals(groups, measure=accuracy, draws=1000, level=0.95, seed=1):
    return bootstrap_intervals(measure, groups, draws, level, seed)


def width(interval):
    return interval[1] - interval[0]


def test_correlated_clips_of_a_group_give_a_wider_interval():
    grouped, plain = intervals(GROUPS)["accuracy"], intervals(ALONE)["accuracy"]
    assert width(grouped) > 2 * width(plain)


def test_without_groups_the_interval_is_that_of_the_binomial_distribution():
    low, high = intervals(ALONE, draws=20_000)["accuracy"]
    spread = 1.96 * np.sqrt(2 / 3 * 1 / 3 / 60)
    assert (low, high) == pytest.approx((2 / 3 - spread, 2 / 3 + spread), abs=0.02)


def test_a_draw_has_as_many_groups_as_exist_and_all_clips_of_each():
    seen = []
    intervals(GROUPS, lambda weights: seen.append(weights) or accuracy(weights), draws=50)
    drawn = seen[0].reshape(50, 6, 10)
    assert (drawn == drawn[:, :, :1]).all()
    assert (drawn[:, :, 0].sum(axis=1) == 6).all()
    assert drawn.max() > 1


def test_the_seed_decides_the_interval():
    measure = lambda weights: accuracy(weights, np.linspace(0, 1, 60))  # noqa: E731
    assert intervals(ALONE, measure) == intervals(ALONE, measure)
    assert intervals(ALONE, measure) != intervals(ALONE, measure, seed=2)


def test_draws_in_small_blocks_give_the_same_interval(monkeypatch):
    at_once = intervals(GROUPS)
    monkeypatch.setattr(bootstrap, "MAX_CELLS", 60 * 7)
    assert intervals(GROUPS) == at_once


def test_a_higher_level_gives_a_wider_interval():
    assert width(intervals(ALONE, level=0.99)["accuracy"]) > width(intervals(ALONE, level=0.8)["accuracy"])


@pytest.mark.parametrize("case", [{"groups": ["one"] * 60}, {"groups": GROUPS, "draws": 0}])
def test_one_group_or_no_draw_gives_no_interval(case):
    assert intervals(**case) == {}


def test_predictions_that_are_all_correct_have_no_interval():
    assert intervals(GROUPS, lambda weights: accuracy(weights, np.ones(60))) == {}


@pytest.mark.parametrize(("units", "low"), [(72, 0.950), (6, 0.541)])
def test_the_exact_interval_of_units_that_are_all_correct_or_all_wrong_follows_the_rule_of_three(units, low):
    assert exact_interval(1.0, units, 0.95) == (pytest.approx(low, abs=5e-4), 1.0)
    assert exact_interval(0.0, units, 0.95) == (0.0, pytest.approx(1 - low, abs=5e-4))
    assert exact_interval(1.0, units, 0.95)[0] == pytest.approx(1 - 3 / units, abs=0.05)


@pytest.mark.parametrize(("right", "units"), [(0, 4), (1, 4), (3, 7), (71, 72), (72, 72)])
def test_the_exact_interval_is_that_of_clopper_and_pearson(right, units):
    expected = binomtest(right, units).proportion_ci(0.9, method="exact")
    assert exact_interval(right / units, units, 0.9) == pytest.approx((expected.low, expected.high))


def test_the_exact_interval_contains_an_accuracy_between_two_numbers_of_units():
    low, high = exact_interval(0.75, 2, 0.95)
    assert exact_interval(0.5, 2, 0.95)[0] < low < 0.75 < high < 1


def test_draws_without_a_clip_of_a_subset_are_ignored():
    few = np.arange(60) < 2  # of one group

    def measure(weights):
        total = weights[:, few].sum(axis=1)
        return {"accuracy": weights[:, few] @ [0, 1] / np.where(total, total, np.nan)}

    assert intervals(GROUPS, measure) == {}
    low, high = intervals(ALONE, measure)["accuracy"]
    assert (low, high) == (0, 1)


def test_the_interval_of_a_biased_metric_is_reflected_at_the_metric():
    noise = np.random.default_rng(3).normal(0, 1, 60)

    def distance(weights):
        return {name: np.abs(weights @ noise / weights.sum(axis=1)) for name in ("ece", "other")}

    found = intervals(ALONE, distance)
    metric = distance(np.ones((1, 60)))["ece"][0]
    assert found["ece"][0] == max(0.0, 2 * metric - found["other"][1])
    assert found["ece"][0] <= metric <= found["ece"][1]
    assert found["ece"][1] < found["other"][1]


@pytest.mark.parametrize("seed", range(20))
def test_every_interval_contains_its_metric(seed):
    scores = np.random.default_rng(seed).exponential(1, 12)

    def measure(weights):
        skewed = np.abs(weights @ (scores - 1)) / weights.sum(axis=1)
        return {"ece": skewed, "loss": skewed}

    for name, (low, high) in intervals(ALONE[:12], measure, draws=50).items():
        assert low <= measure(np.ones((1, 12)))[name][0] <= high
