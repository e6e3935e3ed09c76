"""Which rows of an embeddings file an epoch shows, and in which order."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from torch.utils.data import Sampler

from hand_gestures.store.selection import Embeddings
from hand_gestures.utils.errors import HandGesturesError


class RowSampler(Sampler[int]):
    """Rows of an embeddings file in random order: a pure function of the seed and the epoch.

    That is why a resumed training sees the same rows as an undisturbed one, without any saved random state.

    Args:
        file: the embeddings; the views of a sequence are consecutive rows, the clean view first.
        seed: decides, with the epoch, the order of the rows and which views are drawn.
        views: use only the first `views` views of each sequence; None uses all.
        view_sampling: "all" shows every view in every epoch, "random" one random view of each sequence.

    Attributes:
        rows: all rows that are ever shown, int64, ascending.

    Raises:
        HandGesturesError: the file has fewer views than `views`.

    Example:
        >>> sampler = RowSampler(file, seed=1, view_sampling="random")
        >>> sampler.set_epoch(3)
        >>> rows = list(sampler)  # one row per sequence
    """

    def __init__(
        self, file: Embeddings, seed: int, views: int | None = None, view_sampling: Literal["all", "random"] = "all"
    ) -> None:
        available = int(file.views.max(initial=0)) + 1
        if views is not None and views > available:
            raise HandGesturesError(
                f"training.views must not exceed the views of the file, but it is {views} and {file.path} has "
                f"{available}; set it to null, or increase augmentation.views and run feature_engineering again"
            )
        used = views or available
        self.rows = np.flatnonzero(file.views < used)
        # one line per draw: the views of a sequence to choose from, or a single row where every view is shown
        self.choices = self.rows.reshape(-1, used) if view_sampling == "random" else self.rows[:, None]
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch. Lightning calls this before each epoch.

        Args:
            epoch: counted from 0.
        """
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng((self.seed, self.epoch))
        lines = rng.permutation(len(self.choices))
        columns = rng.integers(self.choices.shape[1], size=len(lines))
        return iter(self.choices[lines, columns].tolist())

    def __len__(self) -> int:
        return len(self.choices)
