"""What a trained classifier does on one embeddings file."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader

from hand_gestures.classifier import Bundle
from hand_gestures.evaluation.metrics import TOP, rank_classes
from hand_gestures.store.hdf5_dataset import HDF5Dataset, identity_collate
from hand_gestures.store.selection import Embeddings, select_channels
from hand_gestures.utils.errors import HandGesturesError

RANKED = " > "  # between the names of the most likely classes


class Evaluation(NamedTuple):
    """`probabilities` (N, classes); `channel_attention` (N, C); `sequence_attention` (N, C, T);
    `predictions`: one row a clip with sequence_id, view, group, class_name, predicted, correct, confidence (the
    probability of what is predicted), most_likely (up to five classes, the likeliest first) and hand_found (in one of
    the searched frames at least; missing where none was searched)."""

    probabilities: np.ndarray
    channel_attention: np.ndarray
    sequence_attention: np.ndarray
    predictions: pd.DataFrame


@torch.inference_mode()
def evaluate_classifier(
    bundle: Bundle,
    file: Embeddings,
    batch_size: int,
    device: torch.device,
    groups: Mapping[str, str] | None = None,
) -> Evaluation:
    """Run every row of `file`, in the channels that it takes, through the network of `bundle`; there may be none.

    Args:
        bundle: the model as it lies on disk.
        file: embeddings made like those that it was trained on.
        batch_size: clips at a time.
        device: where the network runs.
        groups: group of each sequence_id; without, each sequence is a group of its own.

    Raises:
        HandGesturesError: the model was trained on embeddings made differently, or on other classes; or the groups
            are those of other sequences.
    """
    require_same_contract(bundle, file)
    file = select_channels(file, bundle.channel_names)
    network = bundle.build().to(device)
    outputs = [
        [part.float().cpu().numpy() for part in network(batch.clip.to(device))]
        for batch in DataLoader(HDF5Dataset(file, preload=False), batch_size, collate_fn=identity_collate)
    ]
    _, frames, channels, _ = file.header.shape
    nothing = [np.empty((0, *shape)) for shape in ((len(bundle.class_names),), (channels,), (channels, frames))]
    logits, by_channel, by_step = (np.concatenate(column) for column in zip(nothing, *outputs, strict=True))
    probabilities = torch.from_numpy(logits).softmax(dim=1).numpy()
    return Evaluation(probabilities, by_channel, by_step, describe_answers(probabilities, file, groups))


def describe_answers(
    probabilities: np.ndarray, file: Embeddings, groups: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """The `predictions` of an `Evaluation`, from probabilities (N, classes) for the rows of `file`."""
    names = np.array(file.header.class_names, object)
    ranking = rank_classes(probabilities)
    scores = file.hands[1]
    searched = scores.shape[1] > 0
    table = pd.DataFrame(
        {
            "sequence_id": file.sequence_ids,
            "view": file.views,
            "group": _groups(file, groups),
            "class_name": names[file.labels],
            "predicted": names[ranking[:, 0]],
            "correct": ranking[:, 0] == file.labels,
            "confidence": probabilities.max(axis=1),
            "most_likely": [RANKED.join(names[row]) for row in ranking[:, :TOP]],
            "hand_found": pd.array(np.isfinite(scores).any(axis=(1, 2)) if searched else [None] * len(file), "boolean"),
        }
    )
    return table.astype({"correct": bool})


def _groups(file: Embeddings, groups: Mapping[str, str] | None) -> list[str]:
    if groups is None:
        return file.sequence_ids
    strangers = [sequence_id for sequence_id in file.sequence_ids if sequence_id not in groups]
    if strangers:
        raise HandGesturesError(
            f"every clip of {file.path} must stand in the split that groups it, but {len(strangers)} do not, "
            f"{strangers[0]!r} for one; run data_processing and feature_engineering again"
        )
    return [groups[sequence_id] for sequence_id in file.sequence_ids]


def require_same_contract(bundle: Bundle, file: Embeddings) -> None:
    contract: dict[str, tuple[Any, Any]] = {
        "class names": (list(bundle.class_names), list(file.header.class_names)),
        "fingerprint": (bundle.fingerprint, file.header.fingerprint),
    }
    for what, (trained, found) in contract.items():
        if trained != found:
            raise HandGesturesError(
                f"a model reads only embeddings made like those it was trained on, but the {what} of {file.path} "
                f"differ from the model's; run feature_engineering and modeling again"
            )
