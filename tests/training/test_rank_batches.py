import pytest
from torch.utils.data import SequentialSampler

from hand_gestures.training import rank_batches
from hand_gestures.training.rank_batches import RankBatches
from hand_gestures.training.row_sampler import RowSampler


@pytest.fixture
def parts(monkeypatch):
    """The batches of each rank."""

    def parts(sampler, size, ranks, **settings):
        batches = []
        for rank in range(ranks):
            monkeypatch.setattr(rank_batches, "place", lambda rank=rank: (rank, ranks))
            sampled = RankBatches(sampler, size, **settings)
            batches.append(list(sampled))
            assert len(sampled) == len(batches[-1])
        return batches

    return parts


@pytest.mark.parametrize("rows", [16, 17, 18, 21])
@pytest.mark.parametrize("ranks", [2, 4])
def test_in_step_all_ranks_together_train_on_the_batches_of_one(write_file, parts, rows, ranks):
    sampler = RowSampler(write_file("a.h5", rows), seed=1)
    (alone,) = parts(sampler, 8, 1, in_step=True)
    assert [row for batch in alone for row in batch] == list(sampler)
    shares = parts(sampler, 8, ranks, in_step=True)
    assert {len(share) for share in shares} == {len(alone)}
    for whole, *of_ranks in zip(alone, *shares, strict=True):
        assert set().union(*of_ranks) == set(whole)
        if len(whole) < ranks:
            assert of_ranks == [whole] * ranks  # else means over their rows would not weigh the same
        else:
            assert sum(map(len, of_ranks)) == len(whole)
            assert max(map(len, of_ranks)) - min(map(len, of_ranks)) <= 1


@pytest.mark.parametrize("rows", [1, 7, 16, 17, 18])
@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_out_of_step_every_row_goes_to_one_rank(parts, rows, ranks):
    shares = parts(SequentialSampler(range(rows)), 8, ranks, in_step=False)
    assert sorted(row for share in shares for batch in share for row in batch) == list(range(rows))
    assert all(batch for share in shares for batch in share)
