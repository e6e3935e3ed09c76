"""What a trained classifier does on one embeddings file."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, recall_score
from torch.utils.data import DataLoader

from hand_gestures.classifier import Bundle
from hand_gestures.embedding.store import EmbeddingFile
from hand_gestures.errors import HandGesturesError
from hand_gestures.training.hdf5_dataset import HDF5Dataset, as_it_is


class Evaluation(NamedTuple):
    """`probabilities` (N, classes); `channel_attention` (N, C); `sequence_attention` (N, C, T);
    `predictions`: one row a clip with sequence_id, true and predicted class and the latter's probability."""

    probabilities: np.ndarray
    channel_attention: np.ndarray
    sequence_attention: np.ndarray
    predictions: pd.DataFrame


@torch.inference_mode()
def evaluate_classifier(bundle: Bundle, file: EmbeddingFile, batch_size: int, device: torch.device) -> Evaluation:
    """Run every row of `file` through the network of `bundle`.

    Raises:
        HandGesturesError: the model was trained on embeddings made differently, or on other classes.
    """
    _require_same_contract(bundle, file)
    network = bundle.build().to(device)
    outputs = [
        [part.float().cpu().numpy() for part in network(batch.clip.to(device))]
        for batch in DataLoader(HDF5Dataset(file, preload=False), batch_size, collate_fn=as_it_is)
    ]
    logits, channels, steps = (np.concatenate(column) for column in zip(*outputs, strict=True))
    probabilities = torch.from_numpy(logits).double().softmax(dim=1).numpy()
    names = np.array(bundle.class_names)
    best = logits.argmax(axis=1)
    predictions = pd.DataFrame(
        {
            "sequence_id": file.sequence_ids,
            "view": file.views,
            "class_name": names[file.labels],
            "predicted": names[best],
            "probability": probabilities[np.arange(len(best)), best],
        }
    )
    predictions["correct"] = predictions["class_name"] == predictions["predicted"]
    return Evaluation(probabilities, channels, steps, predictions)


def summarise(evaluation: Evaluation, class_names: list[str], class_sets: dict[str, list[str]]) -> dict[str, float]:
    """Accuracy over clips, mean over classes, macro F1 and loss; classes without clips are left out of the means.

    For each of `class_sets` (name → classes) that has clips also `accuracy_{name}`, over the clips of those classes.
    """
    true, predicted = evaluation.predictions["class_name"], evaluation.predictions["predicted"]
    present = sorted(set(true))
    metrics = {
        "accuracy": float(accuracy_score(true, predicted)),
        "mean_class_accuracy": float(recall_score(true, predicted, labels=present, average="macro", zero_division=0)),
        "macro_f1": float(f1_score(true, predicted, labels=present, average="macro", zero_division=0)),
        "loss": float(log_loss(true, evaluation.probabilities, labels=class_names)),
        "clips": float(len(true)),
        "classes": float(len(present)),
    }
    for name, members in class_sets.items():
        chosen = true.isin(members)
        if chosen.any():
            metrics[f"accuracy_{name}"] = float(accuracy_score(true[chosen], predicted[chosen]))
    return metrics


def confusion(evaluation: Evaluation) -> pd.DataFrame:
    """Clips by true class (rows) and predicted class (columns), for the classes that occur in either."""
    true, predicted = evaluation.predictions["class_name"], evaluation.predictions["predicted"]
    names = sorted(set(true) | set(predicted))
    counts = confusion_matrix(true, predicted, labels=names)
    return pd.DataFrame(counts, index=pd.Index(names, name="true"), columns=names)


def _require_same_contract(bundle: Bundle, file: EmbeddingFile) -> None:
    contract: dict[str, tuple[Any, Any]] = {
        "class names": (list(bundle.class_names), list(file.header.class_names)),
        "channel names": (list(bundle.channel_names), list(file.header.channel_names)),
        "fingerprint": (bundle.fingerprint, file.header.fingerprint),
    }
    for what, (trained, found) in contract.items():
        if trained != found:
            raise HandGesturesError(
                f"a model reads only embeddings made like those it was trained on, but the {what} of {file.path} "
                f"differ from the model's; run feature_engineering and modeling again"
            )
