"""Each variant trained with each seed and scored on its validation clips; what is finished is never done again."""

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hand_gestures.classifier import Bundle
from hand_gestures.comparison.pixel_baseline import nearest_neighbour
from hand_gestures.comparison.variants import NEAREST_NEIGHBOUR, Variant
from hand_gestures.evaluation.evaluate import Evaluation, describe_predictions, evaluate_classifier
from hand_gestures.evaluation.summary import summarise
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.selection import Embeddings
from hand_gestures.training.module import EpochMetrics
from hand_gestures.training.train import train_classifier
from hand_gestures.utils.devices import choose_device

logger = logging.getLogger(__name__)

KEPT = ("accuracy", "mean_class_accuracy", "macro_f1", "loss")


@dataclass(frozen=True)
class Compared:
    """What all variants share.

    Attributes:
        train_file, val_file: of the grouped split.
        channel_names: those that variants see at most.
        random_sides: side of each sequence_id in the random split.
        pixels: of each sequence_id, for nearest neighbour.
        network, training: arguments of `train_classifier` beside `name`, `views`, `seed` and files.
        class_sets: name → classes whose accuracy is told apart.
    """

    train_file: EmbeddingFile
    val_file: EmbeddingFile
    channel_names: Sequence[str]
    random_sides: Mapping[str, str]
    pixels: Mapping[str, np.ndarray]
    network: Mapping[str, Any]
    training: Mapping[str, Any]
    class_sets: dict[str, list[str]]


class Trial(NamedTuple):
    """One variant with one seed.

    Attributes:
        figures: `KEPT` and the accuracy of each class set, on the validation clips.
        parameters: that are learnt; None where nothing is.
        seconds: of training; None where it was interrupted, or there was none.
        history: one dict an epoch (`EpochMetrics`).
        right: whether the answer was right, by sequence_id.
    """

    variant: Variant
    seed: int
    figures: dict[str, float]
    parameters: int | None
    seconds: float | None
    history: list[dict[str, float]]
    right: dict[str, bool]

    @property
    def name(self) -> str:
        return _name(self.variant, self.seed)

    def described(self) -> dict[str, str]:
        """What sets this trial apart, by name."""
        told = asdict(self.variant) | {"seed": self.seed, "parameters": self.parameters}
        return {name: str(value) for name, value in told.items() if value is not None}


def run_trials(variants: Sequence[Variant], seeds: Sequence[int], compared: Compared, folder: Path) -> Iterator[Trial]:
    """All trials, in order. Each is kept in `folder` as JSON when it ends, and taken from there when it is asked for
    again with the same files and settings: a kill costs at most the epoch in hand.

    Raises:
        HandGesturesError: as `train_classifier` and `evaluate_classifier`.
    """
    tasks = [(variant, seed) for variant in variants for seed in (seeds if _draws(variant) else seeds[:1])]
    for number, (variant, seed) in enumerate(tasks, start=1):
        trial = _finished_or_run(variant, seed, compared, folder)
        logger.info("%d of %d: %s, accuracy %.3f", number, len(tasks), trial.name, trial.figures["accuracy"])
        yield trial


def _draws(variant: Variant) -> bool:
    """Whether another seed may give another result."""
    return variant.network != NEAREST_NEIGHBOUR


def _name(variant: Variant, seed: int) -> str:
    return f"{variant.name}, seed {seed}" if _draws(variant) else variant.name


def _finished_or_run(variant: Variant, seed: int, compared: Compared, folder: Path) -> Trial:
    path = folder / f"{_name(variant, seed)}.json"
    train, val = variant.embeddings(
        compared.train_file, compared.val_file, compared.channel_names, compared.random_sides
    )
    identity = json.loads(
        json.dumps(
            {
                "network": dict(compared.network),
                "training": dict(compared.training),
                "class_sets": compared.class_sets,
                "train": train.header.identity(),
                "validation": val.header.identity(),
            }
        )
    )
    if path.is_file():
        kept = json.loads(path.read_text())
        if kept.pop("identity") == identity:
            return Trial(**kept | {"variant": Variant(**kept["variant"])})
    trial = _run(variant, seed, train, val, compared, folder)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(trial._asdict() | {"variant": asdict(variant), "identity": identity}))
    partial.replace(path)
    return trial


def _run(variant: Variant, seed: int, train: Embeddings, val: Embeddings, compared: Compared, folder: Path) -> Trial:
    if variant.network == NEAREST_NEIGHBOUR:
        probabilities = nearest_neighbour(train, val, compared.pixels)
        nothing = np.empty((len(val), 0))
        answers = Evaluation(probabilities, nothing, nothing, describe_predictions(probabilities, val))
        figures = _figures(answers, list(val.header.class_names), compared.class_sets)
        figures.pop("loss")  # of answers that are always sure it says nothing
        return Trial(variant, seed, figures, None, None, [], _right(answers))
    checkpoint = folder / "training"
    begun = (checkpoint / "last.ckpt").exists()
    started = time.monotonic()
    history: list[EpochMetrics] = []
    settings = dict(compared.training)
    trained = train_classifier(
        train,
        val,
        checkpoint=checkpoint,
        seed=seed,
        on_epoch=history.append,
        **dict(compared.network) | {"name": variant.network},
        **settings | {"views": variant.views or settings["views"]},
    )
    seconds = None if begun else time.monotonic() - started
    answers = evaluate_classifier(trained.best, val, settings["batch_size"], choose_device(settings["device"]))
    figures = _figures(answers, trained.best.class_names, compared.class_sets)
    epochs = [metrics._asdict() for metrics in history]
    return Trial(variant, seed, figures, _learnt(trained.best), seconds, epochs, _right(answers))


def _figures(answers: Evaluation, class_names: list[str], class_sets: dict[str, list[str]]) -> dict[str, float]:
    figures = summarise(answers, class_names, class_sets, draws=0)
    wanted = (*KEPT, *(f"accuracy_{name}" for name in class_sets))
    return {name: figures[name] for name in wanted if name in figures}


def _right(answers: Evaluation) -> dict[str, bool]:
    rows = answers.predictions
    return dict(zip(rows["sequence_id"], rows["correct"].tolist(), strict=True))


def _learnt(bundle: Bundle) -> int:
    return sum(value.numel() for value in bundle.build().parameters())
