import numpy as np
import pytest

from hand_gestures.training.sampler import RowSampler
from hand_gestures.utils.errors import HandGesturesError


@pytest.fixture
def file(write_file):
    """Ten sequences of three views."""
    return write_file("a.h5", 10, views=3)


def epoch(sampler, number):
    sampler.set_epoch(number)
    return list(sampler)


def test_all_views_show_every_row_once_an_epoch_in_another_order(file):
    sampler = RowSampler(file, seed=1)
    first, second = epoch(sampler, 0), epoch(sampler, 1)
    assert len(sampler) == 30
    assert sorted(first) == sorted(second) == list(range(30))
    assert first != second


def test_an_epoch_depends_only_on_seed_and_epoch_number(file):
    sampler = RowSampler(file, seed=1, view_sampling="random")
    epochs = [epoch(sampler, number) for number in range(4)]
    assert epoch(RowSampler(file, seed=1, view_sampling="random"), 3) == epochs[3]
    assert epoch(RowSampler(file, seed=2, view_sampling="random"), 3) != epochs[3]


def test_random_views_show_one_view_of_each_sequence_and_over_many_epochs_all_views(file):
    sampler = RowSampler(file, seed=1, view_sampling="random")
    seen = [epoch(sampler, number) for number in range(40)]
    assert len(sampler) == 10
    for rows in seen:
        assert sorted(row // 3 for row in rows) == list(range(10))
    assert set(np.concatenate(seen)) == set(range(30))


@pytest.mark.parametrize(("view_sampling", "rows"), [("all", 20), ("random", 10)])
def test_only_the_first_views_are_shown_when_views_is_set(file, view_sampling, rows):
    sampler = RowSampler(file, seed=1, views=2, view_sampling=view_sampling)
    shown = np.concatenate([epoch(sampler, number) for number in range(40)])
    assert len(sampler) == rows
    assert set(file.views[shown]) == {0, 1}


def test_more_views_than_the_file_has_are_refused(file):
    with pytest.raises(HandGesturesError, match=r"training\.views .* is 4 and .*a\.h5 has 3; set it to null"):
        RowSampler(file, seed=1, views=4)
