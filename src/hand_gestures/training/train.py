"""Train a classifier on two embeddings files and keep the model of its best epoch."""

import copy
import io
import logging
import shutil
import sys
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import lightning
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch.utils.data import DataLoader, Sampler

from hand_gestures.augmentation.landmark_augmentation import LANDMARK_CHANNELS, LandmarkAugmentation
from hand_gestures.classifier.bundle import Bundle, load_bundle, save_bundle
from hand_gestures.classifier.networks import build_network, describe_network
from hand_gestures.parameters import LandmarkAugmentationParameters, NetworkParameters, TrainingParameters
from hand_gestures.store.file_description import require_same_contract
from hand_gestures.store.hdf5_dataset import HDF5Dataset, identity_collate, mean_and_spread
from hand_gestures.store.selection import Embeddings
from hand_gestures.training.module import (
    EpochMetrics,
    GestureModule,
    LandmarkChannels,
    NonFiniteError,
    out_of_patience,
)
from hand_gestures.training.sampler import RowSampler
from hand_gestures.utils.devices import choose_device, choose_precision, is_out_of_memory
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.resumable import UnfinishedWork, atomic_write
from hand_gestures.utils.threads import choose_threads, torch_threads

logger = logging.getLogger(__name__)

BEST, LAST = "best", "last.ckpt"  # in the training folder: bundle of the best epoch so far, checkpoint of the last one
WORK = "training"  # in log lines
LIGHTNING_PRECISION: dict[str, Any] = {"float32": "32-true", "bfloat16": "bf16-mixed", "float16": "16-mixed"}
# Warnings of Lightning that do not apply: preloaded rows need no worker processes, and a small set has fewer batches
# than Lightning's logging interval.
EXPECTED_WARNINGS = ".*does not have many workers.*|.*log_every_n_steps.*"
# These parameters change how fast a training runs, and no more than the last digits of its result: a training continues
# when they change.
SPEED_ONLY = {"device", "preload", "preload_share", "threads", "workers"}


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
    after the last complete epoch and gives the result of an undisturbed training. A finished training stays there until
    `finish_training`: if saving its result fails, the next call returns it without training again.

    Args:
        train_file: embeddings (N, T, C, D) to train on, clean and augmented views.
        val_file: embeddings to validate on, made with the same contract.
        network: which network, and its sizes.
        training: how it is trained.
        seed: decides the initial weights, the order of the rows and dropout.
        folder: where the unfinished training is kept.
        on_epoch: called with the metrics of each epoch; after a resume also with those of earlier epochs.

    Raises:
        HandGesturesError: the files have different contracts, there are fewer than two classes to train on,
            `training` asks for views or a device that do not exist, or a loss is not finite.
    """
    require_same_contract(train_file.header.contract, val_file.header.contract)
    _require_two_classes(train_file)
    # everything that can refuse the parameters comes before `resume`, which discards the work of other parameters
    device = choose_device(training.device)
    training = training.model_copy(update={"precision": choose_training_precision(training.precision, training.device)})
    sampler = RowSampler(train_file, seed, training.views, training.view_sampling)
    contract = _describe_model(network, train_file)
    work = UnfinishedWork(folder, WORK)
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

    for metrics in history:
        on_epoch(metrics)
    if _is_finished(history, training):
        logger.info("this training was finished by an earlier run, its model is saved again")
        return Training(load_bundle(folder / BEST), pd.DataFrame(history), True)

    train_data, val_data = (_load_data(file, training, device) for file in (train_file, val_file))
    lightning.seed_everything(seed, workers=True, verbose=False)
    untrained = build_network(contract.architecture)  # with the initial weights of this seed
    with torch_threads(choose_threads(training.threads, untrained)), _explain_non_finite(train_file, val_file, folder):
        if network.standardise:
            untrained.standardise_with(*mean_and_spread(train_data, sampler.rows))
        weights = balanced_weights(train_file, sampler.rows) if training.class_weights == "balanced" else None
        landmarks = find_landmark_channels(train_file, training.landmark_augmentation)
        end_of_epoch = _EndOfEpoch(folder, contract, on_epoch)
        finished = history
        parts = 1  # of a batch: one after the other, they need less memory
        while not _is_finished(finished, training):
            module = GestureModule(
                copy.deepcopy(untrained),
                training,
                class_weights=weights,
                seed=seed,
                landmarks=landmarks,
                history=finished,
            )
            trainer = _make_trainer(training, device, end_of_epoch, parts)
            loaders = _make_loader(train_data, training, parts, sampler), _make_loader(val_data, training, parts)
            if _fit(trainer, module, loaders, folder / LAST if finished else None):
                finished = module.history
                break
            del module, trainer, loaders  # they hold memory of the device
            parts = _split_batches(training.batch_size, parts, device)
            finished = _load_history(folder)
    return Training(load_bundle(folder / BEST), pd.DataFrame(finished), bool(history))


def finish_training(folder: Path) -> None:
    """Remove what a training keeps on disk; call it when its result is saved.

    Args:
        folder: that of `train_classifier`.
    """
    UnfinishedWork(folder, WORK).remove()


def choose_training_precision(precision: str, device: str) -> str:
    """Choose the precision to train in: `"auto"` is bfloat16 where the device computes in it, else float32.

    Args:
        precision: "auto", "float32", "bfloat16" or "float16".
        device: as in `choose_device`.

    Returns:
        "float32", "bfloat16" or, on a CUDA device without bfloat16, "float16".

    Raises:
        HandGesturesError: "float16" is asked for on another device than a CUDA device.
    """
    kind = choose_device(device).type
    if precision == "float16" and kind != "cuda":
        raise HandGesturesError(
            f"training.precision float16 needs a CUDA device, but the device is {kind}; set it to auto or float32"
        )
    if precision != "auto":
        return precision
    if kind == "cpu":
        # where the CPU has no bfloat16 instructions, mixed precision is slower than float32
        capabilities = torch.cpu.get_capabilities()
        return "bfloat16" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "float32"
    return choose_precision(precision, device)


def balanced_weights(file: Embeddings, rows: np.ndarray) -> torch.Tensor:
    """Loss factors with which every class has the same total weight.

    Args:
        file: embeddings.
        rows: the rows whose labels are counted, int64.

    Returns:
        float32 (classes,); their mean over the rows is 1, and a class without rows has 0.
    """
    counts = np.bincount(file.labels[rows], minlength=len(file.header.class_names))
    present = counts > 0
    factors = np.where(present, len(rows) / (present.sum() * np.maximum(counts, 1)), 0.0)
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
        with atomic_write(self.folder / LAST) as partial:
            trainer.save_checkpoint(partial)


class _CheckpointsInPlace(TorchCheckpointIO):
    """Writes a checkpoint to the path that it is given.

    Lightning writes to the system's temporary folder and moves the file. In a container that folder is often small, and
    on another disk, where a move is a copy.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        stream = io.BytesIO()  # torch hides why it cannot write to a file
        torch.save(checkpoint, stream)
        Path(path).write_bytes(stream.getbuffer())


def find_landmark_channels(file: Embeddings, parameters: LandmarkAugmentationParameters) -> LandmarkChannels | None:
    """Find the channels of hand landmarks, and decide whether they may be mirrored.

    Args:
        file: the training embeddings.
        parameters: the random changes.

    Returns:
        The channels and their augmentation; None where the file has no landmarks. Clips are mirrored only where all
        channels are landmarks, because other channels cannot follow, and where `augmentation.horizontal_flip` allows
        it, because only then the classes of mirror images are known.
    """
    names, recipe = file.header.channel_names, file.header.recipe
    indices = [index for index, name in enumerate(names) if name in LANDMARK_CHANNELS]
    if not indices:
        return None
    mirrored_labels = None
    if len(indices) == len(names) and recipe["augmentation"]["horizontal_flip"] > 0:
        classes = list(file.header.class_names)
        mirrored_labels = [classes.index(recipe["mirrored_labels"][name]) for name in classes]
    return LandmarkChannels(indices, LandmarkAugmentation(parameters, mirrored_labels))


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


def _is_finished(history: list[EpochMetrics], training: TrainingParameters) -> bool:
    return len(history) >= training.epochs or out_of_patience(history, training.patience)


@contextmanager
def _explain_non_finite(train_file: Embeddings, val_file: Embeddings, folder: Path) -> Iterator[None]:
    """Turn a loss that is not finite into a sentence with a clip; the last complete epoch stays in `folder`."""
    try:
        yield
    except NonFiniteError as error:
        file = train_file if error.part == "training" else val_file
        clip = ""
        if error.rows:
            row = error.rows[0]
            clip = f", such as '{file.sequence_ids[row]}', view {file.views[row]} ({file.location(row)}),"
        kept = f"; the model of the best epoch before is in {folder / BEST}" if (folder / BEST).is_dir() else ""
        raise HandGesturesError(
            f"the loss must be a finite number, but in epoch {error.epoch} that of {len(error.rows)} of {error.clips} "
            f"{error.part} clips of a batch{clip} is not; repair or remove the clip if it is only this one, otherwise "
            f"set training.learning_rate lower or training.precision to float32{kept}"
        ) from error


def _load_data(file: Embeddings, training: TrainingParameters, device: torch.device) -> HDF5Dataset:
    return HDF5Dataset(file, training.preload, training.preload_share, training.preload_precision, device)


def _fit(
    trainer: lightning.Trainer, module: GestureModule, loaders: tuple[DataLoader, DataLoader], checkpoint: Path | None
) -> bool:
    """Train to the last epoch; False where the device has too little memory for a batch."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=EXPECTED_WARNINGS)
        try:
            trainer.fit(module, *loaders, ckpt_path=checkpoint, weights_only=True)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return False
    return True


def _split_batches(batch_size: int, parts: int, device: torch.device) -> int:
    """Twice as many parts of a batch, after `parts` parts did not fit in memory."""
    if batch_size % (2 * parts):
        raise HandGesturesError(
            f"a training batch of {batch_size // parts} clips must fit in the memory of {device}, but does not; free "
            "memory there, or set training.batch_size or network.hidden lower"
        )
    if device.type == "cuda":
        torch.cuda.empty_cache()  # blocks of the larger batch would not fit the smaller one
    logger.warning(
        "%s is out of memory: training continues with batches of %d clips, and %d of them make a step",
        device,
        batch_size // (2 * parts),
        2 * parts,
    )
    return 2 * parts


def _make_loader(
    dataset: HDF5Dataset, training: TrainingParameters, parts: int, sampler: Sampler[int] | None = None
) -> DataLoader:
    """Parts of batches of a dataset in the order of the sampler, or of the file."""
    workers = 0 if dataset.preloaded is not None else training.workers  # each worker would hold a copy
    return DataLoader(
        dataset,
        training.batch_size // parts,
        sampler=sampler,
        collate_fn=identity_collate,
        num_workers=workers,
        persistent_workers=workers > 0,
        # fork would copy locks that threads of this process hold
        multiprocessing_context="spawn" if workers else None,
        pin_memory=torch.cuda.is_available() and not (dataset.preloaded is not None and dataset.preloaded.is_cuda),
    )


def _make_trainer(
    training: TrainingParameters, device: torch.device, end_of_epoch: Checkpoint, parts: int
) -> lightning.Trainer:
    # Lightning logs under the name of whichever of its three packages was imported last
    for name in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return lightning.Trainer(
        max_epochs=training.epochs,
        accelerator=device.type,
        devices=1 if device.index is None else [device.index],
        precision=LIGHTNING_PRECISION[training.precision],
        gradient_clip_val=training.gradient_clip,
        accumulate_grad_batches=parts,
        num_sanity_val_steps=0,
        # "warn" and not True: a network for which a library has no deterministic kernel still trains
        deterministic="warn",
        logger=False,
        callbacks=[end_of_epoch],
        plugins=[_CheckpointsInPlace()],
        enable_progress_bar=sys.stderr.isatty(),
        enable_model_summary=False,
    )
