"""Train a classifier on two embeddings files and keep the model of its best epoch."""

import logging
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import lightning
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader, Sampler, SequentialSampler

from hand_gestures.classifier.base import GestureNetwork
from hand_gestures.classifier.bundle import Bundle, load_bundle, save_bundle
from hand_gestures.classifier.networks import build_network, describe_network
from hand_gestures.parameters import NetworkParameters, TrainingParameters
from hand_gestures.store.fingerprint import require_same_fingerprint
from hand_gestures.store.hdf5_dataset import HDF5Dataset, identity_collate, mean_and_spread
from hand_gestures.store.selection import Embeddings
from hand_gestures.training.module import EpochMetrics, GestureModule, out_of_patience
from hand_gestures.training.sampler import RowSampler
from hand_gestures.utils.devices import choose_device, choose_precision
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.resumable import UnfinishedWork

logger = logging.getLogger(__name__)

BEST, LAST = "best", "last.ckpt"  # in the training folder: bundle of the best epoch so far, checkpoint of the last one
LIGHTNING_PRECISION: dict[str, Any] = {"float32": "32-true", "bfloat16": "bf16-mixed"}
# Lightning's warnings that do not apply: preloaded rows need no worker processes, a small set has fewer batches than
# the logging interval, and the folder of the checkpoint also holds the best epoch.
EXPECTED_WARNINGS = ".*does not have many workers.*|.*log_every_n_steps.*|Checkpoint directory .* is not empty"
# These change how fast a training runs, not its result: a training continues when they change.
SPEED_ONLY = {"device", "preload", "preload_share", "workers"}


class Training(NamedTuple):
    """The result of a training.

    Attributes:
        best: the model of the best epoch, as it was read back from disk.
        history: one row per epoch, columns as in `EpochMetrics`.
    """

    best: Bundle
    history: pd.DataFrame


def train_classifier(
    train_file: Embeddings,
    val_file: Embeddings,
    *,
    network: NetworkParameters,
    training: TrainingParameters,
    seed: int,
    folder: Path,
    on_epoch: Callable[[EpochMetrics], None],
) -> Training:
    """Train on one file, validate on the other after every epoch, and keep the best epoch (see `epoch_rank`).

    `folder` holds what is needed to continue after a kill. The next call with the same files and settings continues
    after the last complete epoch and gives the result of an undisturbed training.

    Args:
        train_file: embeddings (N, T, C, D) to train on, clean and augmented views.
        val_file: embeddings to validate on, made with the same fingerprint.
        network: which network, and its sizes.
        training: how it is trained.
        seed: of the initial weights, the order of the rows and dropout.
        folder: where the unfinished training is kept.
        on_epoch: called with the metrics of each epoch; after a resume also with those of earlier epochs.

    Raises:
        HandGesturesError: the files have different fingerprints, or fewer than two classes to train on.
    """
    require_same_fingerprint(train_file.header.fingerprint, val_file.header.fingerprint)
    _require_two_classes(train_file)
    lightning.seed_everything(seed, workers=True, verbose=False)
    _, frames, channels, width = train_file.header.shape
    architecture = describe_network(
        network.name,
        classes=len(train_file.header.class_names),
        channels=channels,
        frames=frames,
        width=width,
        hidden=network.hidden,
        layers=network.layers,
        dropout=network.dropout,
    )
    precision = choose_training_precision(training.precision, training.device)
    settings = training.model_dump(exclude=SPEED_ONLY) | {"precision": precision}
    work = UnfinishedWork(folder, "training")
    work.resume(
        {
            "architecture": architecture,
            "standardise": network.standardise,
            "training": settings,
            "seed": seed,
            "train": train_file.header.identity(),
            "validation": val_file.header.identity(),
        }
    )
    last = folder / LAST if (folder / LAST).is_file() else None
    history = _load_history(last)
    if history:
        logger.info("training continues after epoch %d of %d", len(history), training.epochs)

    train_data, val_data = (
        HDF5Dataset(file, training.preload, training.preload_share, training.preload_precision)
        for file in (train_file, val_file)
    )
    module = GestureModule(
        _new_network(architecture, train_data if network.standardise else None),
        training,
        class_weights=balanced_weights(train_file) if training.class_weights == "balanced" else None,
        seed=seed,
        history=history,
    )

    def after_epoch(metrics: EpochMetrics) -> None:
        if metrics is max(module.history, key=EpochMetrics.rank):
            save_bundle(_make_bundle(module.network, metrics, architecture, train_file), folder / BEST)
        logger.info(
            "epoch %d of %d: train loss %.3f, accuracy %.3f; validation loss %.3f, accuracy %.3f",
            metrics.epoch,
            training.epochs,
            metrics.train_loss,
            metrics.train_accuracy,
            metrics.val_loss,
            metrics.val_accuracy,
        )
        on_epoch(metrics)

    module.on_epoch = after_epoch
    for metrics in history:
        on_epoch(metrics)
    if not out_of_patience(history, training.patience):  # the kill may have come after the last epoch
        sampler = RowSampler(train_file, seed, training.views, training.view_sampling)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=EXPECTED_WARNINGS)
            _make_trainer(training, precision, folder).fit(
                module,
                _make_loader(train_data, training, sampler),
                _make_loader(val_data, training, SequentialSampler(val_data)),
                ckpt_path=last,
                weights_only=True,
            )
    best = load_bundle(folder / BEST)
    history_table = pd.DataFrame(module.history)
    work.remove()
    return Training(best, history_table)


def choose_training_precision(precision: str, device: str) -> str:
    """The precision to train in: `"auto"` is bfloat16 where the device computes in it, else float32.

    Args:
        precision: "auto", "float32" or "bfloat16".
        device: as in `choose_device`.
    """
    if precision != "auto":
        return precision
    if choose_device(device).type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return "bfloat16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "float32"
    return choose_precision(precision, device)


def balanced_weights(file: Embeddings) -> torch.Tensor:
    """Loss factors (classes,), float32, with which all classes weigh the same; their mean over the rows is 1."""
    counts = np.bincount(file.labels, minlength=len(file.header.class_names))
    present = counts > 0
    factors = np.where(present, len(file) / (present.sum() * np.maximum(counts, 1)), 0.0)
    return torch.from_numpy(factors).float()


def _new_network(architecture: dict[str, Any], standardise_with: HDF5Dataset | None) -> GestureNetwork:
    network = build_network(architecture)
    if standardise_with is not None:
        network.standardise_with(*mean_and_spread(standardise_with))
    return network


def _make_trainer(training: TrainingParameters, precision: str, folder: Path) -> lightning.Trainer:
    kind, _, index = training.device.partition(":")
    # Lightning logs under the name of whichever of its three packages was imported last
    for name in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)
    keep_last = ModelCheckpoint(
        folder, Path(LAST).stem, every_n_epochs=1, save_on_train_epoch_end=True, enable_version_counter=False
    )
    return lightning.Trainer(
        max_epochs=training.epochs,
        accelerator="gpu" if kind == "cuda" else kind,
        devices=[int(index)] if index else 1,
        precision=LIGHTNING_PRECISION[precision],
        gradient_clip_val=training.gradient_clip,
        num_sanity_val_steps=0,
        deterministic="warn",
        logger=False,
        callbacks=[keep_last],
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
    )


def _make_loader(dataset: HDF5Dataset, training: TrainingParameters, sampler: Sampler[int]) -> DataLoader:
    workers = 0 if dataset.preloaded is not None else training.workers  # each worker would hold a copy
    return DataLoader(
        dataset,
        training.batch_size,
        sampler=sampler,
        collate_fn=identity_collate,
        num_workers=workers,
        persistent_workers=workers > 0,
        # fork would copy locks that threads of this process hold
        multiprocessing_context="spawn" if workers else None,
        pin_memory=torch.cuda.is_available(),
    )


def _load_history(checkpoint: Path | None) -> list[EpochMetrics]:
    if checkpoint is None:
        return []
    return [EpochMetrics(*metrics) for metrics in torch.load(checkpoint, weights_only=True)["history"]]


def _make_bundle(
    network: GestureNetwork, metrics: EpochMetrics, architecture: dict[str, Any], file: Embeddings
) -> Bundle:
    return Bundle(
        weights={name: value.detach().cpu().clone() for name, value in network.state_dict().items()},
        architecture=architecture,
        class_names=list(file.header.class_names),
        channel_names=list(file.header.channel_names),
        frames_per_clip=file.header.shape[1],
        fingerprint=file.header.fingerprint,
        metrics=metrics._asdict(),
    )


def _require_two_classes(file: Embeddings) -> None:
    present = sorted({file.header.class_names[label] for label in file.labels})
    if len(present) < 2:
        raise HandGesturesError(
            f"training needs clips of at least two classes, but {file.path} holds only {present}; "
            "add frames of another class and run the pipelines again"
        )
