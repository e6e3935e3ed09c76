"""What a process knows of those that train with it: asked when it is needed, since only the process itself knows."""

import torch
from torch import distributed


def place() -> tuple[int, int]:
    """The rank of this process, and how many train together; (0, 1) where it trains alone."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def over_whole_batch(
    mean: torch.Tensor, labels: torch.Tensor, class_weights: torch.Tensor | None
) -> tuple[torch.Tensor, int | torch.Tensor]:
    """The loss that this process minimises so that all together minimise that of the whole batch, and the rows that
    it stands for.

    Gradients are averaged over the processes with equal weight. A mean over fewer rows, or over rarer classes, must
    count for as much less or more as it would in one mean over all rows.

    Args:
        mean: loss of this process's rows, weighted by class where there are weights.
        labels: (B,) of these rows.
        class_weights: (classes,) or None.
    """
    _, ranks = place()
    if ranks == 1:
        return mean, len(labels)
    rows = torch.ones_like(labels, dtype=torch.float32)
    weight = (rows if class_weights is None else class_weights[labels]).sum()
    total = torch.stack([weight, rows.sum()])
    distributed.all_reduce(total)
    return mean * weight * ranks / total[0], total[1] / ranks
