"""Run a trained classifier on an embeddings file and describe each prediction."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader

from hand_gestures.classifier.base import GestureNetwork
from hand_gestures.classifier.bundle import Bundle
from hand_gestures.evaluation.metrics import rank_classes
from hand_gestures.store.hdf5_dataset import HDF5Dataset, identity_collate
from hand_gestures.store.selection import Embeddings, select_channels
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.nested import first_difference
from hand_gestures.utils.progress import progress
from hand_gestures.utils.rules import pluralise
from hand_gestures.utils.threads import choose_threads, torch_threads

RANK_SEPARATOR = " > "  # between class names in `most_likely`


class Evaluation(NamedTuple):
    """Output of a classifier for N clips, over K classes, C channels and T frames.

    Attributes:
        probabilities: float32 (N, K).
        channel_attention: float32 (N, C), rows sum to 1.
        sequence_attention: float32 (N, C, T), sums to 1 over T.
        predictions: one row per clip, as `describe_predictions` gives it.

    Example:
        >>> evaluation = evaluate_classifier(bundle, file, 32, torch.device("cpu"))
        >>> evaluation.predictions["correct"].mean()
    """

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
    """Run every row of `file`, possibly none, through the network of `bundle`.

    Args:
        bundle: the trained model.
        file: embeddings with the classes and the contract of its training file; more channels are allowed.
        batch_size: clips per batch.
        device: where the network runs.
        groups: group by sequence_id; None makes each sequence a group of its own.

    Returns:
        The output for each row, in the order of the file.

    Raises:
        HandGesturesError: the model was trained on other classes or on embeddings with another contract, or a
            sequence of the file is missing in `groups`.
    """
    network, file = prepare_network(bundle, file, device)
    loader = batches(file, batch_size)
    with torch_threads(choose_threads("auto", network)):
        outputs = [
            [part.float().cpu().numpy() for part in network(batch.clip.to(device))]
            for batch in progress(loader, len(loader), "evaluating batches", quiet_seconds=5)
        ]
    _, frames, channels, _ = file.header.shape
    # without any batch, these give the results their shapes
    empty = [np.empty((0, *shape)) for shape in ((len(bundle.class_names),), (channels,), (channels, frames))]
    logits, by_channel, by_frame = (np.concatenate(parts) for parts in zip(empty, *outputs, strict=True))
    probabilities = torch.from_numpy(logits).softmax(dim=1).numpy()
    return Evaluation(probabilities, by_channel, by_frame, describe_predictions(probabilities, file, groups))


def describe_predictions(
    probabilities: np.ndarray, file: Embeddings, groups: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Describe the prediction for each row of an embeddings file.

    Args:
        probabilities: float (N, K) for the N rows and K classes of `file`.
        file: the embeddings.
        groups: group by sequence_id; None makes each sequence a group of its own.

    Returns:
        One row per clip: `sequence_id`, `view`, `group`, `class_name`, `predicted`, `correct`, `confidence` (the
        probability of the predicted class), `most_likely` (up to five classes, the most probable first) and
        `hand_found` (in at least one of the searched frames; missing where no frame was searched).

    Raises:
        HandGesturesError: a sequence of the file is missing in `groups`.
    """
    names = np.array(file.header.class_names, object)
    ranking = rank_classes(probabilities)
    _, hand_scores = file.hands  # (N, searched frames, hands), NaN where no hand was found
    searched = hand_scores.shape[1] > 0
    found = np.isfinite(hand_scores).any(axis=(1, 2)) if searched else [None] * len(file)
    table = pd.DataFrame(
        {
            "sequence_id": file.sequence_ids,
            "view": file.views,
            "group": groups_of_rows(file, groups),
            "class_name": names[file.labels],
            "predicted": names[ranking[:, 0]],
            "correct": ranking[:, 0] == file.labels,
            "confidence": probabilities.max(axis=1),
            "most_likely": [RANK_SEPARATOR.join(names[classes]) for classes in ranking],
            "hand_found": pd.array(found, "boolean"),
        }
    )
    return table.astype({"correct": bool})  # an empty column has no type yet


def prepare_network(bundle: Bundle, file: Embeddings, device: torch.device) -> tuple[GestureNetwork, Embeddings]:
    """Build the network of a bundle and select the channels that it reads.

    Args:
        bundle: the trained model.
        file: embeddings with at least its channels.
        device: where the network will run.

    Returns:
        The network on `device` in eval mode, and `file` with the channels of the bundle alone.

    Raises:
        HandGesturesError: the model was trained on other classes, on clips of another length or another order of
            channels, or on embeddings with another contract.
    """
    selected = select_channels(file, bundle.channel_names)  # in the order of the file
    for what, trained, found in (
        ("list of class names", list(bundle.class_names), list(file.header.class_names)),
        ("number of frames", bundle.frames_per_clip, file.header.shape[1]),
        ("order of channels", list(bundle.channel_names), list(selected.header.channel_names)),
    ):
        if trained != found:
            raise HandGesturesError(
                f"a model reads only embeddings made like those it was trained on, but the {what} of {file.path} "
                f"differs from the model's; run feature_engineering and modeling again"
            )
    if difference := first_difference(bundle.contract, file.header.contract):
        raise HandGesturesError(
            f"a model reads only embeddings made like those it was trained on, but in the embedding contract "
            f"{difference.field} is {difference.first} for the model and {difference.second} for {file.path}; run "
            "feature_engineering and modeling again"
        )
    return bundle.build().to(device), selected


def batches(file: Embeddings, batch_size: int, rows: Sequence[int] | None = None) -> DataLoader:
    """Read rows of `file` in order, all of them by default, as batches `EmbeddedClip` of clips (B, C, T, D)."""
    dataset = HDF5Dataset(file, preload=False)  # each row is read once
    return DataLoader(dataset, batch_size, sampler=rows, collate_fn=identity_collate)


def groups_of_rows(file: Embeddings, groups: Mapping[str, str] | None) -> list[str]:
    """The group of each row of an embeddings file.

    Args:
        file: the embeddings.
        groups: group by sequence_id; None makes each sequence a group of its own.

    Returns:
        N groups.

    Raises:
        HandGesturesError: a sequence of the file is missing in `groups`.
    """
    if groups is None:
        return file.sequence_ids
    missing = [sequence_id for sequence_id in file.sequence_ids if sequence_id not in groups]
    if missing:
        raise HandGesturesError(
            f"the split must contain every clip of {file.path}, but {pluralise(len(missing), 'clip')} of the file "
            f"cannot be found there, for example {missing[0]!r}; run data_processing and feature_engineering again"
        )
    return [groups[sequence_id] for sequence_id in file.sequence_ids]
