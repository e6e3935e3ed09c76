"""Faithfulness of attention: do the attended frames and channels decide the prediction?

A high attention weight need not matter for the prediction (Jain and Wallace 2019, "Attention is not Explanation";
Serrano and Smith 2019, "Is Attention Interpretable?"). This is the deletion test of Petsiuk, Das and Saenko 2018
("RISE"), with accuracy instead of the probability of a class: remove the most attended parts of each clip, and compare
the accuracy with that after removing as many random parts. The network was never trained on clips with removed parts,
so only the difference between these accuracies is a result about attention, not how far both fall.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from einops import rearrange

from hand_gestures.classifier import Bundle
from hand_gestures.evaluation.attention import frame_weights
from hand_gestures.evaluation.evaluate import batches, prepare_network
from hand_gestures.store.selection import Embeddings
from hand_gestures.utils.progress import progress
from hand_gestures.utils.threads import choose_threads, torch_threads

AXES = {"frames": "b t -> b 1 t 1", "channels": "b c -> b c 1 1"}  # axis → how its mask is aligned with (B, C, T, D)
DIVISORS = (8, 4, 2)  # remove an eighth, a quarter and a half of an axis
WEIGHT_DECIMALS = 6  # weights that are equal to so many decimals are removed in random order
ACCURACIES = ["most_attended", "random", "random_lowest", "random_highest", "least_attended"]
COLUMNS = ["axis", "removed", "share", *ACCURACIES, "clips"]


@torch.inference_mode()
def measure_faithfulness(
    bundle: Bundle, file: Embeddings, *, clips: int, draws: int, batch_size: int, device: torch.device, seed: int
) -> pd.DataFrame:
    """Measure the accuracy after removing frames or channels, chosen by attention and at random.

    A removed part is replaced by the network's input mean, which standardisation turns into 0. Frames (in all
    channels) are ranked by `frame_weights`, channels (in all frames) by channel attention, separately in each clip.

    Args:
        bundle: the trained model.
        file: embeddings with the classes and the contract of its training file; only clean views are used.
        clips: largest number of clips, chosen by `seed`; 0 measures nothing.
        draws: number of random choices per clip.
        batch_size: clips per batch; the result does not depend on it.
        device: where the network runs.
        seed: of the clips and the random choices.

    Returns:
        `COLUMNS`: one row per axis and number of `removed` parts, starting with 0. `share` is `removed` divided by the
        length of the axis; the accuracies are those after removing the `most_attended`, `random` (mean over the draws,
        with `random_lowest` and `random_highest`) and the `least_attended` parts. Empty where nothing is measured.

    Raises:
        HandGesturesError: the model was trained on other classes or on embeddings with another contract.
    """
    network, file = prepare_network(bundle, file, device)
    rows, noise = _draw(file, clips, draws, seed)
    if not rows:
        return pd.DataFrame(columns=COLUMNS)
    lengths = _lengths(file)
    counts = {axis: sorted({max(1, length // divisor) for divisor in DIVISORS}) for axis, length in lengths.items()}
    correct = {axis: np.zeros((1 + len(counts[axis]), 2 + draws), int) for axis in AXES}
    start = 0
    loader = batches(file, batch_size, rows)
    with torch_threads(choose_threads("auto", network)):
        for batch in progress(loader, len(loader), "measuring faithfulness", quiet_seconds=5):
            inputs, labels = batch.clip.to(device), batch.label.to(device)
            logits, *attention = network(inputs)
            by_channel, by_frame = (weights.float().cpu().numpy() for weights in attention)
            stop = start + len(labels)
            for axis, weights in (("frames", frame_weights(by_channel, by_frame)), ("channels", by_channel)):
                # noise belongs to clips, not to batches: another batch size removes the same parts
                orders = _removal_orders(weights, noise[axis][start:stop])
                masks = [order < count for count in counts[axis] for order in orders]
                remaining = (_remove(inputs, mask, axis, network.mean) for mask in masks)
                after = [_count_correct(network(clip).logits, labels) for clip in remaining]
                correct[axis][0] += _count_correct(logits, labels)  # nothing removed: the same in every order
                correct[axis][1:] += np.reshape(after, (-1, len(orders)))
            start = stop
    tables = [_table(axis, [0, *counts[axis]], lengths[axis], correct[axis], len(rows)) for axis in AXES]
    return pd.concat(tables, ignore_index=True)


def faithfulness(table: pd.DataFrame) -> dict[str, float]:
    """Reduce the measurement to one metric per axis.

    Args:
        table: from `measure_faithfulness`.

    Returns:
        `faithfulness_{axis}`: accuracy after removing a random quarter of the axis minus accuracy after removing the
        most attended quarter. Positive where attention finds what matters, 0 where it does so no better than chance.
    """
    rows = quarters(table)
    differences = (rows["random"] - rows["most_attended"]).astype(float)
    return {f"faithfulness_{axis}": difference for axis, difference in zip(rows["axis"], differences, strict=True)}


def quarters(table: pd.DataFrame) -> pd.DataFrame:
    """Select the row of each axis whose `share` is nearest to a quarter.

    Args:
        table: from `measure_faithfulness`.

    Returns:
        At most one row per axis, never the one without removed parts.
    """
    removed = table[table["removed"] > 0]
    return removed.loc[(removed["share"] - 1 / 4).abs().groupby(removed["axis"], sort=False).idxmin()]


def _draw(file: Embeddings, clips: int, draws: int, seed: int) -> tuple[list[int], dict[str, np.ndarray]]:
    """The rows to use, ascending, and for each axis random numbers (rows, 1 + draws, length): the first set breaks
    ties between equal weights, the others are the draws."""
    rng = np.random.default_rng(seed)
    clean = np.flatnonzero(file.views == 0)
    rows = np.sort(rng.choice(clean, min(clips, len(clean)), replace=False)).tolist()
    return rows, {axis: rng.random((len(rows), 1 + draws, length)) for axis, length in _lengths(file).items()}


def _lengths(file: Embeddings) -> dict[str, int]:
    _, frames, channels, _ = file.header.shape
    return {"frames": frames, "channels": channels}


def _removal_orders(weights: np.ndarray, noise: np.ndarray) -> list[np.ndarray]:
    """When each position of each clip is removed, int (B, length) with 0 for the first: by falling weight, by rising
    weight, and once for each draw."""
    falling = np.lexsort((noise[:, 0], -weights.round(WEIGHT_DECIMALS))).argsort(axis=1)  # argsort: order → rank
    rising = falling.shape[1] - 1 - falling
    return [falling, rising, *noise[:, 1:].argsort(axis=2).swapaxes(0, 1)]


def _remove(inputs: torch.Tensor, removed: np.ndarray, axis: str, mean: torch.Tensor) -> torch.Tensor:
    """Clips (B, C, T, D) with `mean` (C, 1, D) at the `removed` positions, bool (B, length of the axis)."""
    mask = rearrange(torch.from_numpy(removed).to(inputs.device), AXES[axis])
    return torch.where(mask, mean, inputs)


def _count_correct(logits: torch.Tensor, labels: torch.Tensor) -> int:
    return int((logits.argmax(dim=1) == labels).sum())


def _table(axis: str, removed: Sequence[int], length: int, correct: np.ndarray, clips: int) -> pd.DataFrame:
    """Accuracies from counts `correct` (removed, orders), orders as in `_removal_orders`."""
    accuracy, of_draws = correct / clips, correct[:, 2:]
    return pd.DataFrame(
        {
            "axis": axis,
            "removed": removed,
            "share": np.array(removed) / length,
            "most_attended": accuracy[:, 0],
            "random": of_draws.mean(axis=1) / clips,
            "random_lowest": of_draws.min(axis=1) / clips,
            "random_highest": of_draws.max(axis=1) / clips,
            "least_attended": accuracy[:, 1],
            "clips": clips,
        }
    )
