import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hand_gestures.utils.rules import best_epoch, epoch_rank, evenly_spaced, groups_known, pluralise


@pytest.mark.parametrize(("count", "text"), [(0, "0 clips"), (1, "1 clip"), (2, "2 clips")])
def test_a_noun_has_an_s_unless_there_is_one(count, text):
    assert pluralise(count, "clip") == text


@given(st.integers(1, 500), st.integers(1, 500))
def test_evenly_spaced_indices_are_distinct_and_hold_the_first_item(available, wanted):
    indices = evenly_spaced(available, wanted)
    assert len(indices) == min(available, wanted)
    assert indices[0] == 0
    assert (np.diff(indices) > 0).all()
    if wanted > 1:
        assert indices[-1] == available - 1


def test_gaps_between_evenly_spaced_indices_differ_by_one_at_most():
    gaps = np.diff(evenly_spaced(32, 8))
    assert gaps.max() - gaps.min() <= 1


def test_groups_are_known_with_one_clip_per_performer():
    assert groups_known(["wave/anna-1", "fist/ben-1"], ["anna", "ben"])


def test_groups_are_unknown_where_every_clip_is_its_own_group():
    assert not groups_known(["wave/1", "fist/1"], ["wave/1", "fist/1"])
    assert not groups_known([], [])


def test_one_clip_that_the_pattern_does_not_match_does_not_hide_the_others():
    assert groups_known(["wave/anna-1", "fist/x"], ["anna", "fist/x"])


def test_accuracy_decides_then_the_lower_loss():
    ranks = [epoch_rank(0.5, 0.1), epoch_rank(0.9, 0.4), epoch_rank(0.9, 0.3)]
    assert sorted(ranks) == ranks


def test_a_metric_that_is_nan_ranks_below_every_number():
    assert epoch_rank(0.9, math.nan) < epoch_rank(0.9, 1e9)
    assert epoch_rank(math.nan, 0.0) < epoch_rank(0.0, 1e9)


def history(*rows):
    return pd.DataFrame(
        [(epoch, *row) for epoch, row in enumerate(rows, start=1)], columns=["epoch", "val_accuracy", "val_loss"]
    )


@pytest.mark.parametrize(
    ("rows", "epoch"),
    [
        ([(0.5, 1.0), (0.9, 0.5), (0.9, 0.4)], 3),
        ([(0.9, 0.4), (0.9, 0.4), (0.2, 0.1)], 1),
        ([(0.9, math.nan), (0.9, 0.5)], 2),
        ([(0.9, math.nan), (0.8, 0.5)], 1),
        ([(math.nan, math.nan), (math.nan, math.nan)], 1),
    ],
)
def test_the_best_epoch_is_the_first_of_the_highest_rank(rows, epoch):
    assert best_epoch(history(*rows))["epoch"] == epoch
