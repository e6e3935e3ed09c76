"""Which rows an epoch shows, and in which order: a pure function of seed and epoch."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from torch.utils.data import Sampler

from hand_gestures.store.selection import Embeddings
from hand_gestures.utils.errors import HandGesturesError


class RowSampler(Sampler[int]):
    """Rows of an embeddings file in random order.

    Args:
        file: whose rows are drawn.
        seed: with the epoch it decides the order, and the views where they are drawn.
        views: only the first so many views of each sequence; None takes all.
        view_sampling: "all" shows every view once an epoch, "random" one view of each sequence, another each epoch.

    Raises:
        HandGesturesError: the file has fewer views than are asked for.
    """

    def __init__(
        self, file: Embeddings, seed: int, views: int | None = None, view_sampling: Literal["all", "random"] = "all"
    ) -> None:
        there = int(file.views.max(initial=0)) + 1
        if views is not None and views > there:
            raise HandGesturesError(
                f"training.views must be among the views of the file, but is {views} and {file.path} has {there}; "
                "set it to null, or augmentation.views higher and run feature_engineering again"
            )
        rows = np.flatnonzero(file.views < (views or there))
        # rows of a sequence stand together: one line a sequence or, where all are shown, a line a row
        self.choices = rows.reshape(-1, views or there) if view_sampling == "random" else rows[:, None]
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning says so before each epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self.seed, self.epoch))
        lines = rng.permutation(len(self.choices))
        return iter(self.choices[lines, rng.integers(self.choices.shape[1], size=len(lines))].tolist())

    def __len__(self) -> int:
        return len(self.choices)
