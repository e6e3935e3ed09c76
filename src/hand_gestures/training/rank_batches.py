"""Which part of each batch a process trains on, where several train together."""

from collections.abc import Iterator

from torch.utils.data import BatchSampler, Sampler

from hand_gestures.training.ranks import place


class RankBatches(BatchSampler):
    """Every so-many-th row of each batch of `size` rows: all processes together see the batches that one alone would.

    Args:
        sampler: gives the rows of an epoch, in the same order in every process.
        size: rows of a whole batch.
        in_step: every process gets as many batches as the others, as training needs it: a last batch with fewer rows
            than processes goes whole to each of them, and counts as often in the figures of training. Without, every
            row goes to one process, as figures need it, and some may get no part of the last batch.
    """

    def __init__(self, sampler: Sampler[int], size: int, *, in_step: bool) -> None:
        super().__init__(sampler, size, drop_last=False)
        self.in_step = in_step

    def __iter__(self) -> Iterator[list[int]]:
        rank, ranks = place()
        for batch in super().__iter__():
            whole = self.in_step and len(batch) < ranks
            part = batch if whole else batch[rank::ranks]
            if part:
                yield part

    def __len__(self) -> int:
        batches, (rank, _) = super().__len__(), place()
        last = len(self.sampler) - (batches - 1) * self.batch_size  # type: ignore[arg-type]
        return batches if self.in_step or rank < last else batches - 1
