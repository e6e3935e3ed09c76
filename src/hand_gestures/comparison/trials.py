"""Train and evaluate each variant with each seed. A finished trial is kept on disk and never repeated."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hand_gestures.comparison.pixel_baseline import nearest_neighbour
from hand_gestures.comparison.variants import Trial, Variant, trial_name
from hand_gestures.evaluation.evaluate import Evaluation, describe_predictions, evaluate_classifier
from hand_gestures.evaluation.summary import summarise
from hand_gestures.parameters import NetworkParameters, TrainingParameters
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.selection import Embeddings
from hand_gestures.training.train import (
    SPEED_ONLY,
    choose_training_precision,
    finish_training,
    train_classifier,
)
from hand_gestures.utils.devices import choose_device
from hand_gestures.utils.names import safe_name
from hand_gestures.utils.resumable import identity_difference, read_json, write_json

logger = logging.getLogger(__name__)

TRAINING = "training"  # folder of the unfinished training
COMPARED_METRICS = ("accuracy", "mean_class_accuracy", "macro_f1", "loss")


@dataclass(frozen=True)
class Compared:
    """What all variants share.

    Attributes:
        train_file: training clips of the grouped split.
        val_file: validation clips of the grouped split.
        channel_names: the channels that variants may use.
        random_sides: sequence_id to its split in the random split.
        pixels: sequence_id to averaged pixels, for nearest neighbour.
        network: sizes of the networks; each variant has its own `name`.
        training: how every network is trained; a variant may have fewer `views`.
        class_sets: name to classes whose accuracy is reported together.

    Example:
        >>> compared = Compared(train, val, names, sides, pixels, network, training, class_sets={})
        >>> trials = list(run_trials([Variant("bilstm")], [1, 2], compared, folder))
    """

    train_file: EmbeddingFile
    val_file: EmbeddingFile
    channel_names: Sequence[str]
    random_sides: Mapping[str, str]
    pixels: Mapping[str, np.ndarray]
    network: NetworkParameters
    training: TrainingParameters
    class_sets: dict[str, list[str]]

    def identity(self, train: Embeddings, val: Embeddings) -> dict[str, Any]:
        """What decides the result of a trial on these embeddings, beside the variant and the seed."""
        precision = choose_training_precision(self.training.precision, self.training.device)
        return {
            "network": self.network.model_dump(),
            # each trial has its own seed
            "training": self.training.model_dump(exclude=SPEED_ONLY | {"seed"}) | {"precision": precision},
            "train": train.header.identity(),
            "validation": val.header.identity(),
        }


def run_trials(variants: Sequence[Variant], seeds: Sequence[int], compared: Compared, folder: Path) -> Iterator[Trial]:
    """Run all trials, in order.

    Each trial is kept in `folder` as JSON when it ends, and read from there when it is wanted again with the same files
    and settings. A kill costs at most the current epoch.

    Args:
        variants: what is compared.
        seeds: each variant is trained once with each; nearest neighbour runs once.
        compared: what all variants share.
        folder: where finished trials and the unfinished training are kept.

    Yields:
        Each trial when it ends.

    Raises:
        HandGesturesError: as `train_classifier`, `evaluate_classifier` and `nearest_neighbour`.
    """
    planned = [(variant, seed) for variant in variants for seed in (seeds if variant.trained else seeds[:1])]
    for number, (variant, seed) in enumerate(planned, start=1):
        trial = _read_or_run(variant, seed, compared, folder)
        logger.info("trial %d of %d: %s, accuracy %.3f", number, len(planned), trial.name, trial.metrics["accuracy"])
        yield trial


def _read_or_run(variant: Variant, seed: int, compared: Compared, folder: Path) -> Trial:
    path = folder / f"{safe_name(trial_name(variant, seed))}.json"
    train, val = variant.embeddings(
        compared.train_file, compared.val_file, compared.channel_names, compared.random_sides
    )
    identity = compared.identity(train, val)
    kept = _read_trial(path, variant, identity)
    if kept is not None:
        return _with_class_sets(kept, val, compared.class_sets)
    if variant.trained:
        trial = _train(variant, seed, train, val, compared, folder / TRAINING)
    else:
        trial = _compare_pixels(variant, seed, train, val, compared)
    trial = _with_class_sets(trial, val, compared.class_sets)
    write_json(path, {"identity": identity, "trial": trial._asdict() | {"variant": asdict(variant)}})
    finish_training(folder / TRAINING)
    return trial


def _read_trial(path: Path, variant: Variant, identity: Mapping[str, Any]) -> Trial | None:
    """The finished trial of this identity; None where there is none, or where its file is damaged."""
    if not path.exists():
        return None
    try:
        saved = read_json(path)
        if identity_difference(saved["identity"], identity) is not None:
            return None
        trial = Trial(**saved["trial"] | {"variant": variant})
        # the types that the table and the report need; a file of an earlier version has other fields
        _ = trial.name, trial.metrics["accuracy"], {name: float(value) for name, value in trial.metrics.items()}
        _ = [dict(epoch) for epoch in trial.history], dict(trial.right)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        logger.warning("%s is damaged or of an earlier version, its trial runs again (%s)", path, repr(error)[:200])
        return None
    return trial


def _train(variant: Variant, seed: int, train: Embeddings, val: Embeddings, compared: Compared, folder: Path) -> Trial:
    training = compared.training.model_copy(update={"views": variant.views or compared.training.views})
    started = time.monotonic()
    trained = train_classifier(
        train,
        val,
        network=compared.network.model_copy(update={"name": variant.network}),
        training=training,
        seed=seed,
        folder=folder,
        on_epoch=lambda metrics: None,
    )
    # how long an interrupted training took in all is not known
    seconds = None if trained.resumed else time.monotonic() - started
    evaluation = evaluate_classifier(trained.best, val, training.batch_size, choose_device(training.device))
    metrics = _measure(evaluation, trained.best.class_names)
    parameters = sum(value.numel() for value in trained.best.build().parameters())
    history: list[Any] = trained.history.to_dict("records")
    return Trial(variant, seed, metrics, parameters, seconds, history, _right(evaluation))


def _compare_pixels(variant: Variant, seed: int, train: Embeddings, val: Embeddings, compared: Compared) -> Trial:
    probabilities = nearest_neighbour(train, val, compared.pixels)
    no_attention = np.empty((len(val), 0))
    evaluation = Evaluation(probabilities, no_attention, no_attention, describe_predictions(probabilities, val))
    metrics = _measure(evaluation, list(val.header.class_names))
    metrics.pop("loss")  # every probability is 0 or 1, so the loss means nothing
    return Trial(variant, seed, metrics, None, None, [], _right(evaluation))


def _measure(evaluation: Evaluation, class_names: list[str]) -> dict[str, float]:
    measured = summarise(evaluation, class_names, {}, draws=0)  # intervals are made over all trials, in table.py
    return {name: measured[name] for name in COMPARED_METRICS if name in measured}


def _with_class_sets(trial: Trial, val: Embeddings, class_sets: Mapping[str, Sequence[str]]) -> Trial:
    """The trial with the accuracy of these class sets, where they have clips; a finished trial may have had others."""
    class_names = val.header.class_names
    classes = {name: class_names[label] for name, label in zip(val.sequence_ids, val.labels, strict=True)}
    metrics = {name: trial.metrics[name] for name in COMPARED_METRICS if name in trial.metrics}
    for name, members in class_sets.items():
        right = [correct for sequence_id, correct in trial.right.items() if classes.get(sequence_id) in members]
        if right:
            metrics[f"accuracy_{name}"] = float(np.mean(right))
    return trial._replace(metrics=metrics)


def _right(evaluation: Evaluation) -> dict[str, bool]:
    rows = evaluation.predictions
    return dict(zip(rows["sequence_id"], rows["correct"].tolist(), strict=True))
