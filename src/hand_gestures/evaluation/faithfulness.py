"""Does attention point at what the answer rests on?

A weight that is high need not matter (Jain and Wallace 2019, "Attention is not Explanation"; Serrano and Smith 2019,
"Is Attention Interpretable?"), so it is tried: what is attended most is taken away, and the accuracy that is left is
compared with that after as much was taken away at random. It is the deletion test of Petsiuk, Das and Saenko 2018
("RISE") with accuracy in place of a class's probability. The network never saw clips with parts missing: only the
difference between the ways of choosing them tells of attention, not how far accuracy falls.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from einops import rearrange
from torch.utils.data import DataLoader

from hand_gestures.classifier import Bundle
from hand_gestures.evaluation.attention import frame_weights
from hand_gestures.evaluation.evaluate import require_same_contract
from hand_gestures.store.hdf5_dataset import HDF5Dataset, identity_collate
from hand_gestures.store.selection import Embeddings, select_channels

AXES = {"frames": "b t -> b 1 t 1", "channels": "b c -> b c 1 1"}  # what is taken away, and where it stands in a clip
PARTS = (8, 4, 2)  # an eighth, a quarter and a half of an axis
EQUAL = 6  # decimals: weights that do not differ in these are taken in random order
COLUMNS = [
    "axis",
    "removed",
    "share",
    "most_attended",
    "random",
    "random_lowest",
    "random_highest",
    "least_attended",
    "clips",
]


@torch.inference_mode()
def measure_faithfulness(
    bundle: Bundle, file: Embeddings, *, clips: int, draws: int, batch_size: int, device: torch.device, seed: int
) -> pd.DataFrame:
    """Accuracy with parts of the clips taken away: one row for each axis and number of places `removed`, none first.

    Taken away means: replaced by the network's `mean`, which it standardises to 0. Frames (of all channels) are ranked
    by `frame_weights`, channels (in all frames) by channel attention, in each clip for itself.

    Args:
        bundle: the model as it lies on disk.
        file: embeddings made like those that it was trained on; only clean views are used.
        clips: so many of them at most, chosen by `seed`; 0 measures nothing.
        draws: random choices of what is removed, in each clip for itself.
        batch_size: clips at a time.
        device: where the network runs.
        seed: of the clips and the random choices.

    Returns:
        `COLUMNS`: accuracy without the `most_attended`, without `random` ones (mean over the draws, beside the
        `random_lowest` and `random_highest`) and without the `least_attended`; `share` is `removed` by the length of
        the axis. Empty where nothing is measured.

    Raises:
        HandGesturesError: the model was trained on embeddings made differently, or on other classes.
    """
    require_same_contract(bundle, file)
    file = select_channels(file, bundle.channel_names)
    rows, chance = _draw(file, clips, draws, seed)
    if not rows:
        return pd.DataFrame(columns=COLUMNS)
    network = bundle.build().to(device)
    lengths = _lengths(file)
    removed = {axis: sorted({max(1, length // part) for part in PARTS}) for axis, length in lengths.items()}
    hits = {axis: np.zeros((1 + len(removed[axis]), 2 + draws), int) for axis in AXES}
    done = 0
    for batch in DataLoader(HDF5Dataset(file, preload=False), batch_size, sampler=rows, collate_fn=identity_collate):
        clip, label = batch.clip.to(device), batch.label.to(device)
        logits, *attention = network(clip)
        by_channel, by_step = (weights.float().cpu().numpy() for weights in attention)
        for axis, weights in (("frames", frame_weights(by_channel, by_step)), ("channels", by_channel)):
            hits[axis][0] += _right(logits, label)
            for which, ranks in enumerate(_ranks(weights, chance[axis][done : done + len(label)])):
                for level, count in enumerate(removed[axis], start=1):
                    left = _without(clip, ranks < count, axis, network.mean)
                    hits[axis][level, which] += _right(network(left).logits, label)
        done += len(label)
    tables = [_table(axis, [0, *removed[axis]], lengths[axis], hits[axis], len(rows)) for axis in AXES]
    return pd.concat(tables, ignore_index=True)


def faithfulness(table: pd.DataFrame) -> dict[str, float]:
    """`faithfulness_{axis}`: how much more accuracy falls without the most attended quarter of an axis than without a
    random one. Positive where attention points at what matters, 0 where it tells no more than chance."""
    rows = quarters(table)
    differences = (rows["random"] - rows["most_attended"]).astype(float)
    return {f"faithfulness_{axis}": difference for axis, difference in zip(rows["axis"], differences, strict=True)}


def quarters(table: pd.DataFrame) -> pd.DataFrame:
    """The row of each axis where a quarter of it is removed, or what comes nearest."""
    some = table[table["removed"] > 0]
    return some.loc[(some["share"] - 1 / 4).abs().groupby(some["axis"], sort=False).idxmin()]


def _draw(file: Embeddings, clips: int, draws: int, seed: int) -> tuple[list[int], dict[str, np.ndarray]]:
    """The rows that are used, ascending, and for each axis random numbers (rows, 1 + draws, length): one to choose
    among equal weights and one for each draw."""
    rng = np.random.default_rng(seed)
    clean = np.flatnonzero(file.views == 0)
    rows = np.sort(rng.choice(clean, min(clips, len(clean)), replace=False)).tolist()
    return rows, {axis: rng.random((len(rows), 1 + draws, length)) for axis, length in _lengths(file).items()}


def _lengths(file: Embeddings) -> dict[str, int]:
    _, frames, channels, _ = file.header.shape
    return {"frames": frames, "channels": channels}


def _ranks(weights: np.ndarray, chance: np.ndarray) -> list[np.ndarray]:
    """When each place of each clip is taken away, each (B, length): the most attended first, the least attended first,
    and in the random order of each draw."""
    most = np.lexsort((chance[:, 0], -weights.round(EQUAL))).argsort(axis=1)
    return [most, most.shape[1] - 1 - most, *chance[:, 1:].argsort(axis=2).swapaxes(0, 1)]


def _without(clips: torch.Tensor, gone: np.ndarray, axis: str, mean: torch.Tensor) -> torch.Tensor:
    """The clips (B, C, T, D) with the mean (C, 1, D) where they are `gone`, bool (B, length of the axis)."""
    return torch.where(rearrange(torch.from_numpy(gone).to(clips.device), AXES[axis]), mean, clips)


def _right(logits: torch.Tensor, labels: torch.Tensor) -> int:
    return int((logits.argmax(dim=1) == labels).sum())


def _table(axis: str, removed: Sequence[int], length: int, hits: np.ndarray, clips: int) -> pd.DataFrame:
    accuracy, by_chance = hits / clips, hits[:, 2:]
    return pd.DataFrame(
        {
            "axis": axis,
            "removed": removed,
            "share": np.array(removed) / length,
            "most_attended": accuracy[:, 0],
            "random": by_chance.mean(axis=1) / clips,
            "random_lowest": by_chance.min(axis=1) / clips,
            "random_highest": by_chance.max(axis=1) / clips,
            "least_attended": accuracy[:, 1],
            "clips": clips,
        }
    )
