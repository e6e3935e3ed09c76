"""Train a classifier from two embeddings files and keep its best epoch."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import lightning
import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Sampler, SequentialSampler

from hand_gestures.classifier import Bundle, GestureNetwork, build_network, describe_network, load_bundle
from hand_gestures.embedding.device import choose_device, choose_precision
from hand_gestures.embedding.fingerprint import require_same_fingerprint
from hand_gestures.embedding.selection import Embeddings
from hand_gestures.errors import HandGesturesError
from hand_gestures.training.fit import Fit
from hand_gestures.training.hdf5_dataset import HDF5Dataset, as_it_is, mean_and_spread
from hand_gestures.training.module import EpochMetrics, GestureModule, out_of_patience
from hand_gestures.training.rank_batches import RankBatches
from hand_gestures.training.resume import TrainingFolder
from hand_gestures.training.row_sampler import RowSampler
from hand_gestures.training.together import fit_together, kind_of_devices

logger = logging.getLogger(__name__)


class Training(NamedTuple):
    """The best epoch's model as it was read back from disk, and one row an epoch (`EpochMetrics`)."""

    best: Bundle
    history: pd.DataFrame


def train_classifier(
    train_file: Embeddings,
    val_file: Embeddings,
    *,
    checkpoint: Path,
    name: str,
    hidden: int,
    layers: int,
    dropout: float,
    standardise: bool,
    epochs: int,
    patience: int | None,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    gradient_clip: float,
    label_smoothing: float,
    class_weights: Literal["none", "balanced"],
    precision: Literal["auto", "float32", "bfloat16"],
    device: str,
    preload: bool | Literal["auto"],
    preload_share: float,
    preload_precision: Literal["float32", "float16"],
    views: int | None,
    view_sampling: Literal["all", "random"],
    workers: int,
    seed: int,
    on_epoch: Callable[[EpochMetrics], None],
    devices: int = 1,
) -> Training:
    """Train on one file, validate on the other after every epoch, keep the epoch with the best validation
    accuracy (of equals, the one with the lower loss).

    The folder `checkpoint` holds what a run that was killed needs to go on from its last whole epoch: with the same
    files and settings the next call does so, and gives what an undisturbed one would have given.

    Several `devices` share each batch; with one, everything happens in this process.

    Raises:
        HandGesturesError: the files were not made alike, or hold fewer than two classes to train on; or there are
            not so many devices.
    """
    require_same_fingerprint(train_file.header.fingerprint, val_file.header.fingerprint)
    _require_two_classes(train_file)
    if devices > 1:
        device = kind_of_devices(device, devices)
    lightning.seed_everything(seed, workers=True, verbose=False)
    _, frames, channels, width = train_file.header.shape
    architecture = describe_network(
        name,
        classes=len(train_file.header.class_names),
        channels=channels,
        frames=frames,
        width=width,
        hidden=hidden,
        layers=layers,
        dropout=dropout,
    )
    computed_in = choose_training_precision(precision, device)
    folder = TrainingFolder(checkpoint)
    last = folder.begin(
        {
            "architecture": architecture,
            "standardise": standardise,
            "epochs": epochs,
            "patience": patience,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "weight_decay": weight_decay,
            "gradient_clip": gradient_clip,
            "label_smoothing": label_smoothing,
            "class_weights": class_weights,
            "precision": computed_in,
            "devices": devices,
            "preload_precision": preload_precision,
            "views": views,
            "view_sampling": view_sampling,
            "seed": seed,
            "train": train_file.header.identity(),
            "validation": val_file.header.identity(),
        }
    )
    train, val = (
        HDF5Dataset(file, preload, preload_share, preload_precision, shared=devices > 1)
        for file in (train_file, val_file)
    )
    network = build_network(architecture)
    if standardise:
        network.standardise_with(*mean_and_spread(train))

    history = _history(last)

    def report(metrics: EpochMetrics) -> None:
        history.append(metrics)
        logger.info(
            "epoch %d of %d: train loss %.3f, accuracy %.3f; validation loss %.3f, accuracy %.3f",
            metrics.epoch,
            epochs,
            metrics.train_loss,
            metrics.train_accuracy,
            metrics.val_loss,
            metrics.val_accuracy,
        )
        on_epoch(metrics)

    module = GestureModule(
        network,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
        class_weights=balanced_weights(train_file) if class_weights == "balanced" else None,
        seed=seed,
        patience=patience,
    )
    module.history = list(history)
    for metrics in history:  # whoever follows the epochs sees all of them
        on_epoch(metrics)
    if not out_of_patience(history, patience):  # it may have been killed when it was done
        fit = Fit(
            module,
            _loader(train, batch_size, workers, RowSampler(train_file, seed, views, view_sampling), in_step=True),
            _loader(val, batch_size, workers, SequentialSampler(val), in_step=False),
            folder,
            last,
            partial(_bundle, architecture=architecture, file=train_file, frames=frames),
            epochs,
            gradient_clip,
            computed_in,
            device,
        )
        if devices == 1:
            fit(report)
        else:
            fit_together(fit, devices, report)
    best = load_bundle(folder.best)
    folder.finish()
    return Training(best, pd.DataFrame(history))


def choose_training_precision(precision: str, device: str) -> str:
    """`"auto"` is bfloat16 where the device computes in it, on a CPU too; else float32."""
    if precision != "auto":
        return precision
    if choose_device(device).type == "cpu":
        known = torch.cpu.get_capabilities()
        return "bfloat16" if known.get("avx512_bf16") or known.get("amx_bf16") else "float32"
    return choose_precision(precision, device)


def _loader(dataset: HDF5Dataset, batch_size: int, workers: int, sampler: Sampler[int], *, in_step: bool) -> DataLoader:
    workers = 0 if dataset.preloaded is not None else workers  # each would hold a copy
    return DataLoader(
        dataset,
        batch_sampler=RankBatches(sampler, batch_size, in_step=in_step),
        collate_fn=as_it_is,
        num_workers=workers,
        persistent_workers=workers > 0,
        # fork would copy the locks of threads that this process has started
        multiprocessing_context="spawn" if workers else None,
        pin_memory=torch.cuda.is_available(),
    )


def _history(checkpoint: Path | None) -> list[EpochMetrics]:
    if checkpoint is None:
        return []
    return [EpochMetrics(*metrics) for metrics in torch.load(checkpoint, weights_only=True)["history"]]


def balanced_weights(file: Embeddings) -> torch.Tensor:
    """A factor for each class that makes all of them weigh the same; 1 on average over the rows."""
    counts = np.bincount(file.labels, minlength=len(file.header.class_names))
    present = counts > 0
    factors = np.where(present, len(file) / (present.sum() * np.maximum(counts, 1)), 0.0)
    return torch.from_numpy(factors).float()


def _bundle(
    network: GestureNetwork, metrics: EpochMetrics, *, architecture: dict, file: Embeddings, frames: int
) -> Bundle:
    return Bundle(
        weights={name: value.detach().cpu().clone() for name, value in network.state_dict().items()},
        architecture=architecture,
        class_names=list(file.header.class_names),
        channel_names=list(file.header.channel_names),
        frames_per_clip=frames,
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
