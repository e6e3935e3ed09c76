"""Train a classifier from two embeddings files and keep its best epoch."""

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import lightning
import pandas as pd
import torch
from torch.utils.data import DataLoader

from hand_gestures.classifier import Bundle, CNNBiLSTMWithAttention, load_bundle, save_bundle
from hand_gestures.embedding.device import choose_precision
from hand_gestures.embedding.fingerprint import require_same_fingerprint
from hand_gestures.embedding.store import EmbeddingFile
from hand_gestures.errors import HandGesturesError
from hand_gestures.training.hdf5_dataset import HDF5Dataset, as_it_is, mean_and_spread
from hand_gestures.training.module import EpochMetrics, GestureModule
from hand_gestures.training.row_sampler import RowSampler

logger = logging.getLogger(__name__)

LIGHTNING_PRECISION: dict[str, Any] = {"float32": "32-true", "bfloat16": "bf16-mixed"}


class Training(NamedTuple):
    """The best epoch's model as it was read back from disk, and one row an epoch (`EpochMetrics`)."""

    best: Bundle
    history: pd.DataFrame


def train_classifier(
    train_file: EmbeddingFile,
    val_file: EmbeddingFile,
    *,
    checkpoint: Path,
    hidden: int,
    layers: int,
    dropout: float,
    standardise: bool,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    gradient_clip: float,
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
) -> Training:
    """Train on one file, validate on the other after every epoch, keep the epoch with the best validation
    accuracy (of equals, the one with the lower loss) as a bundle in `checkpoint`.

    Raises:
        HandGesturesError: the files were not made alike, or hold fewer than two classes to train on.
    """
    require_same_fingerprint(train_file.header.fingerprint, val_file.header.fingerprint)
    _require_two_classes(train_file)
    lightning.seed_everything(seed, workers=True, verbose=False)
    train, val = (HDF5Dataset(file, preload, preload_share, preload_precision) for file in (train_file, val_file))
    _, frames, channels, width = train_file.header.shape
    architecture: dict[str, Any] = {
        "classes": len(train_file.header.class_names),
        "channels": channels,
        "width": width,
        "hidden": hidden,
        "layers": layers,
        "dropout": dropout,
    }
    network = CNNBiLSTMWithAttention(**architecture)
    if standardise:
        network.standardise_with(*mean_and_spread(train))

    history: list[EpochMetrics] = []

    def after_epoch(metrics: EpochMetrics) -> None:
        if not history or _rank(metrics) > max(map(_rank, history)):
            save_bundle(_bundle(network, architecture, train_file, frames, metrics), checkpoint)
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

    module = GestureModule(network, learning_rate, weight_decay, after_epoch)
    _fit(
        module,
        _loader(train, batch_size, workers, RowSampler(train_file, seed, views, view_sampling)),
        _loader(val, batch_size, workers),
        epochs=epochs,
        gradient_clip=gradient_clip,
        precision=precision,
        device=device,
    )
    return Training(load_bundle(checkpoint), pd.DataFrame(history))


def _loader(dataset: HDF5Dataset, batch_size: int, workers: int, sampler: RowSampler | None = None) -> DataLoader:
    workers = 0 if dataset.preloaded is not None else workers  # each would hold a copy
    return DataLoader(
        dataset,
        batch_size,
        sampler=sampler,
        collate_fn=as_it_is,
        num_workers=workers,
        persistent_workers=workers > 0,
        # fork would copy the locks of threads that this process has started
        multiprocessing_context="spawn" if workers else None,
        pin_memory=torch.cuda.is_available(),
    )


def _fit(
    module: GestureModule,
    train: DataLoader,
    val: DataLoader,
    *,
    epochs: int,
    gradient_clip: float,
    precision: str,
    device: str,
) -> None:
    precision = choose_precision(precision, device)
    kind, _, number = device.partition(":")
    # its messages go to the logger of whichever of its three packages was imported last
    for chatty in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        # preloaded rows need no loader processes; a small set has fewer batches than the logging interval
        warnings.filterwarnings("ignore", message=".*does not have many workers.*|.*log_every_n_steps.*")
        trainer = lightning.Trainer(
            max_epochs=epochs,
            accelerator="gpu" if kind == "cuda" else kind,
            devices=[int(number)] if number else 1,
            precision=LIGHTNING_PRECISION[precision],
            gradient_clip_val=gradient_clip,
            num_sanity_val_steps=0,
            deterministic="warn",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, train, val)


def _rank(metrics: EpochMetrics) -> tuple[float, float]:
    return metrics.val_accuracy, -metrics.val_loss


def _bundle(
    network: CNNBiLSTMWithAttention, architecture: dict, file: EmbeddingFile, frames: int, metrics: EpochMetrics
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


def _require_two_classes(file: EmbeddingFile) -> None:
    present = sorted({file.header.class_names[label] for label in file.labels})
    if len(present) < 2:
        raise HandGesturesError(
            f"training needs clips of at least two classes, but {file.path} holds only {present}; "
            "add frames of another class and run the pipelines again"
        )
