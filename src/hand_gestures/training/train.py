"""Train a classifier on two embeddings files and keep the model of its best epoch."""

import logging
import shutil
import sys
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import lightning
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import Checkpoint
from torch.utils.data import DataLoader, Sampler

from hand_gestures.classifier.bundle import Bundle, load_bundle, save_bundle
from hand_gestures.classifier.networks import build_network, describe_network
from hand_gestures.parameters import NetworkParameters, TrainingParameters
from hand_gestures.store.file_description import require_same_contract
from hand_gestures.store.hdf5_dataset import HDF5Dataset, identity_collate, mean_and_spread
from hand_gestures.store.selection import Embeddings
from hand_gestures.training.module import EpochMetrics, GestureModule, out_of_patience
from hand_gestures.training.sampler import RowSampler
from hand_gestures.utils.devices import choose_device, choose_precision
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.resumable import UnfinishedWork, atomic_write

logger = logging.getLogger(__name__)

BEST, LAST = "best", "last.ckpt"  # in the training folder: bundle of the best epoch so far, checkpoint of the last one
LIGHTNING_PRECISION: dict[str, Any] = {"float32": "32-true", "bfloat16": "bf16-mixed"}
# Warnings of Lightning that do not apply: preloaded rows need no worker processes, and a small set has fewer batches
# than Lightning's logging interval.
EXPECTED_WARNINGS = ".*does not have many workers.*|.*log_every_n_steps.*"
# These parameters change how fast a training runs, not its result: a training continues when they change.
SPEED_ONLY = {"device", "preload", "preload_share", "workers"}


class Training(NamedTuple):
    """The result of a training.

    Attributes:
        best: the model of the best epoch, read back from the disk.
        history: one row per epoch, columns as in `EpochMetrics`.
        resumed: whether an interrupted training was continued.
    """

    best: Bundle
    history: pd.DataFrame
    resumed: bool


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
    after the last complete epoch and gives the result of an undisturbed training. The folder is removed at the end.

    Args:
        train_file: embeddings (N, T, C, D) to train on, clean and augmented views.
        val_file: embeddings to validate on, made with the same contract.
        network: which network, and its sizes.
        training: how it is trained.
        seed: decides the initial weights, the order of the rows and dropout.
        folder: where the unfinished training is kept.
        on_epoch: called with the metrics of each epoch; after a resume also with those of earlier epochs.

    Raises:
        HandGesturesError: the files have different contracts, there are fewer than two classes to train on, or
            `training` asks for views or a device that do not exist.
    """
    require_same_contract(train_file.header.contract, val_file.header.contract)
    _require_two_classes(train_file)
    # everything that can refuse the parameters comes before `resume`, which discards the work of other parameters
    device = choose_device(training.device)
    training = training.model_copy(update={"precision": choose_training_precision(training.precision, training.device)})
    sampler = RowSampler(train_file, seed, training.views, training.view_sampling)
    contract = _describe_model(network, train_file)
    work = UnfinishedWork(folder, "training")
    work.resume(
        {
            "architecture": contract.architecture,
            "standardise": network.standardise,
            "training": training.model_dump(exclude=SPEED_ONLY | {"seed"}),
            "seed": seed,
            "train": train_file.header.identity(),
            "validation": val_file.header.identity(),
        }
    )
    history = _load_history(folder)

    train_data, val_data = _load_data(train_file, training), _load_data(val_file, training)
    module = _make_module(contract.architecture, network.standardise, train_data, training, seed, history)
    for metrics in history:
        on_epoch(metrics)
    if not out_of_patience(history, training.patience):  # the kill may have come after the last epoch
        trainer = _make_trainer(training, device, _EndOfEpoch(folder, contract, on_epoch))
        loaders = _make_loader(train_data, training, sampler), _make_loader(val_data, training)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=EXPECTED_WARNINGS)
            trainer.fit(module, *loaders, ckpt_path=folder / LAST if history else None, weights_only=True)
    best = load_bundle(folder / BEST)
    work.remove()
    return Training(best, pd.DataFrame(module.history), bool(history))


def choose_training_precision(precision: str, device: str) -> str:
    """Choose the precision to train in: `"auto"` is bfloat16 where the device computes in it, else float32.

    Args:
        precision: "auto", "float32" or "bfloat16".
        device: as in `choose_device`.

    Returns:
        "float32" or "bfloat16".
    """
    if precision != "auto":
        return precision
    if choose_device(device).type == "cpu":
        # where the CPU has no bfloat16 instructions, mixed precision is slower than float32
        capabilities = torch.cpu.get_capabilities()
        return "bfloat16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "float32"
    return choose_precision(precision, device)


def balanced_weights(file: Embeddings) -> torch.Tensor:
    """Loss factors with which every class has the same total weight.

    Args:
        file: embeddings whose N labels are counted.

    Returns:
        float32 (classes,); their mean over the rows is 1, and a class without rows has 0.
    """
    counts = np.bincount(file.labels, minlength=len(file.header.class_names))
    present = counts > 0
    factors = np.where(present, len(file) / (present.sum() * np.maximum(counts, 1)), 0.0)
    return torch.from_numpy(factors).float()


class _EndOfEpoch(Checkpoint):
    """Keeps the model if its epoch is the best one, reports the epoch, then writes the checkpoint.

    Lightning calls a `Checkpoint` after the module, which has measured the epoch by then. The checkpoint comes last:
    an epoch whose report a kill interrupted is trained and reported again.
    """

    def __init__(self, folder: Path, contract: Bundle, on_epoch: Callable[[EpochMetrics], None]) -> None:
        self.folder = folder
        self.contract = contract
        self.on_epoch = on_epoch

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, GestureModule)
        metrics = module.history[-1]
        if metrics is max(module.history, key=EpochMetrics.rank):
            weights = module.network.copy_weights()
            save_bundle(replace(self.contract, weights=weights, metrics=metrics._asdict()), self.folder / BEST)
        logger.info(
            "epoch %(epoch)d of %(epochs)d: train loss %(train_loss).3f, accuracy %(train_accuracy).3f; "
            "validation loss %(val_loss).3f, accuracy %(val_accuracy).3f",
            metrics._asdict() | {"epochs": trainer.max_epochs},
        )
        self.on_epoch(metrics)
        # Lightning writes to the system's temporary folder and moves the file, which on another disk is a slow copy:
        # a kill could leave half a checkpoint
        with atomic_write(self.folder / LAST) as partial:
            trainer.save_checkpoint(partial)


def _require_two_classes(file: Embeddings) -> None:
    present = sorted({file.header.class_names[label] for label in file.labels})
    if len(present) < 2:
        raise HandGesturesError(
            f"training needs clips of at least two classes, but {file.path} holds only {present}; "
            "add frames of another class and run the pipelines again"
        )


def _describe_model(network: NetworkParameters, file: Embeddings) -> Bundle:
    """The bundle of this training, still without weights and metrics."""
    header = file.header
    _, frames, channels, width = header.shape
    architecture = describe_network(
        **network.model_dump(exclude={"standardise"}),
        classes=len(header.class_names),
        channels=channels,
        frames=frames,
        width=width,
    )
    names = list(header.class_names), list(header.channel_names)
    return Bundle({}, architecture, *names, frames, header.contract, provenance=header.provenance)


def _load_history(folder: Path) -> list[EpochMetrics]:
    """The epochs that an interrupted training has finished; none where its files are damaged, and it starts afresh."""
    checkpoint = folder / LAST
    if not checkpoint.is_file():
        return []
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            damaged = archive.testzip()  # torch does not compare the checksums: it would continue with wrong weights
        if damaged:
            raise ValueError(f"{damaged} is damaged")
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        history = [EpochMetrics(*metrics) for metrics in state["history"]]
        if not state["state_dict"] or not state["optimizer_states"] or not history:
            raise ValueError("it holds no finished epoch")
        load_bundle(folder / BEST)  # it is read at the end of the training
    except Exception as error:  # torch raises almost any class for a damaged file, EOFError among them
        logger.warning(
            "training starts afresh, because the checkpoint %s cannot be read (%s)",
            checkpoint,
            f"{type(error).__name__}: {' '.join(str(error).split())}"[:300],
        )
        checkpoint.unlink()
        shutil.rmtree(folder / BEST, ignore_errors=True)
        return []
    logger.info("training continues after epoch %d", len(history))
    return history


def _load_data(file: Embeddings, training: TrainingParameters) -> HDF5Dataset:
    return HDF5Dataset(file, training.preload, training.preload_share, training.preload_precision)


def _make_module(
    architecture: dict[str, Any],
    standardise: bool,
    train_data: HDF5Dataset,
    training: TrainingParameters,
    seed: int,
    history: list[EpochMetrics],
) -> GestureModule:
    """The module with the initial weights of this seed; a checkpoint may replace them."""
    lightning.seed_everything(seed, workers=True, verbose=False)
    network = build_network(architecture)
    if standardise:
        network.standardise_with(*mean_and_spread(train_data))
    weights = balanced_weights(train_data.file) if training.class_weights == "balanced" else None
    return GestureModule(network, training, class_weights=weights, seed=seed, history=history)


def _make_loader(dataset: HDF5Dataset, training: TrainingParameters, sampler: Sampler[int] | None = None) -> DataLoader:
    """Batches of a dataset in the order of the sampler, or of the file."""
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


def _make_trainer(training: TrainingParameters, device: torch.device, end_of_epoch: Checkpoint) -> lightning.Trainer:
    # Lightning logs under the name of whichever of its three packages was imported last
    for name in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return lightning.Trainer(
        max_epochs=training.epochs,
        accelerator=device.type,
        devices=1 if device.index is None else [device.index],
        precision=LIGHTNING_PRECISION[training.precision],
        gradient_clip_val=training.gradient_clip,
        num_sanity_val_steps=0,
        # "warn" and not True: a network for which a library has no deterministic kernel still trains
        deterministic="warn",
        logger=False,
        callbacks=[end_of_epoch],
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
    )
