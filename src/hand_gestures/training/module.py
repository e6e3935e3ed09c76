"""What happens in a training step, and what is measured in an epoch."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import lightning
import numpy as np
import torch
from torch import nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from hand_gestures.augmentation.landmark_augmentation import LandmarkAugmentation
from hand_gestures.classifier.base import GestureNetwork
from hand_gestures.parameters import TrainingParameters
from hand_gestures.store.hdf5_dataset import EmbeddedClip
from hand_gestures.utils.rules import epoch_rank


class EpochMetrics(NamedTuple):
    """Metrics of one epoch.

    Attributes:
        epoch: counted from 1.
        train_loss: mean of the loss that is minimised, with class weights and label smoothing.
        train_accuracy: share of correct predictions while the epoch trained, with dropout.
        val_loss: mean cross entropy, without class weights and label smoothing.
        val_accuracy: share of correct predictions.
        learning_rate: that of the last step.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float

    def tracked(self) -> dict[str, float]:
        """All metrics by name, without the number of the epoch.

        Returns:
            What an experiment tracker logs with `epoch` as the step.
        """
        return {name: value for name, value in self._asdict().items() if name != "epoch"}

    def rank(self) -> tuple[float, float]:
        """Compare epochs.

        Returns:
            A sort key, higher is better (see `epoch_rank`).
        """
        return epoch_rank(self.val_accuracy, self.val_loss)


def out_of_patience(history: Sequence[EpochMetrics], patience: int | None) -> bool:
    """Whether training stops early.

    Args:
        history: the finished epochs.
        patience: epochs without a better one after which training stops; None never stops early.

    Returns:
        True where the best epoch is `patience` epochs or more ago.
    """
    if patience is None or not history:
        return False
    return history[-1].epoch - max(history, key=EpochMetrics.rank).epoch >= patience


class NonFiniteError(Exception):
    """The loss of some clips is not a finite number.

    Attributes:
        part: "training" or "validation".
        epoch: counted from 1.
        rows: rows of these clips in their embeddings file.
        clips: number of clips in the batch.
    """

    def __init__(self, part: str, epoch: int, rows: list[int], clips: int) -> None:
        super().__init__(part, epoch, rows, clips)
        self.part, self.epoch, self.rows, self.clips = part, epoch, rows, clips


class SplitMetrics(nn.Module):
    """Loss and accuracy of one split, collected over an epoch."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        # the progress bar reads the value after every step, so a cached one would be out of date
        self.loss = MeanMetric(compute_with_cache=False)
        self.accuracy = MulticlassAccuracy(classes, average="micro", compute_with_cache=False)

    def update(self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Add a batch.

        Args:
            loss: (), the mean loss of the batch.
            logits: (B, classes).
            labels: int64 (B,).
        """
        self.loss.update(loss.detach(), weight=len(labels))  # the last batch may be smaller: it counts for less
        self.accuracy.update(logits.detach(), labels)

    def values(self) -> dict[str, torch.Tensor]:
        """The metrics of the batches so far.

        Returns:
            Scalars `loss` and `accuracy`.
        """
        return {"loss": self.loss.compute(), "accuracy": self.accuracy.compute()}

    def finish(self) -> tuple[float, float]:
        """End the epoch; the next one starts from zero.

        Returns:
            Loss and accuracy of the epoch.
        """
        loss, accuracy = map(float, self.values().values())
        self.loss.reset()
        self.accuracy.reset()
        return loss, accuracy


class LandmarkChannels(NamedTuple):
    """The channels of hand landmarks among those of a clip, and how they are changed in each epoch.

    Attributes:
        indices: of these channels.
        augmentation: the random changes.
    """

    indices: list[int]
    augmentation: LandmarkAugmentation

    def augment(self, batch: EmbeddedClip, seed: int) -> EmbeddedClip:
        """Change the landmarks of a batch.

        Args:
            batch: clips (B, C, T, D) and labels (B,); they stay as they are.
            seed: of all random numbers.

        Returns:
            The changed batch.
        """
        clips = batch.clip.clone()
        generator = torch.Generator().manual_seed(seed)
        clips[:, self.indices], labels = self.augmentation(clips[:, self.indices], batch.label, generator)
        return batch._replace(clip=clips, label=labels)


class GestureModule(lightning.LightningModule):
    """Trains a network with RAdam on cross entropy (Liu et al., "On the Variance of the Adaptive Learning Rate and
    Beyond", 2020) and one cycle of the learning rate (Smith and Topin, "Super-Convergence", 2018).

    What a step draws at random (dropout) depends only on the seed, the epoch and the step. An epoch that is repeated
    after a kill therefore gives the same result.

    Args:
        network: the network to train.
        training: learning rate, weight decay, label smoothing and patience.
        class_weights: factor of each class in the loss, float32 (classes,), or None.
        seed: seed of what is drawn at random.
        landmarks: the channels of hand landmarks; None where there are none.
        history: the epochs that an interrupted training has finished.

    Attributes:
        history: the metrics of all finished epochs.

    Example:
        >>> module = GestureModule(network, training, class_weights=None, seed=42)
        >>> lightning.Trainer(max_epochs=training.epochs).fit(module, train_loader, val_loader)
        >>> module.history[-1].val_accuracy
    """

    def __init__(
        self,
        network: GestureNetwork,
        training: TrainingParameters,
        *,
        class_weights: torch.Tensor | None,
        seed: int,
        landmarks: LandmarkChannels | None = None,
        history: Sequence[EpochMetrics] = (),
    ) -> None:
        super().__init__()
        self.network = network
        self.parameters_of_training = training  # `self.training` is the train mode of nn.Module
        self.loss = nn.CrossEntropyLoss(class_weights, label_smoothing=training.label_smoothing)
        self.seed = seed
        self.landmarks = landmarks
        self.history = list(history)
        self.train_metrics = SplitMetrics(network.classes)
        self.val_metrics = SplitMetrics(network.classes)
        self.last_learning_rate = 0.0

    def training_step(self, batch: EmbeddedClip, step: int) -> torch.Tensor:
        """Compute the loss of a batch and add it to the metrics.

        Args:
            batch: clips float32 (B, C, T, D) and labels (B,).
            step: number of the batch in this epoch.

        Returns:
            The loss, ().

        Raises:
            NonFiniteError: the loss is not finite. The weights are still those of the step before.
        """
        # the last 0 was once the index of the process; it stays, so that earlier results can be reproduced
        seeds = np.random.SeedSequence((self.seed, self.current_epoch, step, 0))
        torch.manual_seed(int(seeds.generate_state(1)[0]))
        if self.landmarks is not None:
            batch = self.landmarks.augment(batch, int(seeds.generate_state(2)[1]))
        # read before the step: the scheduler has already moved on when the epoch ends
        self.last_learning_rate = self.optimizers(use_pl_optimizer=False).param_groups[0]["lr"]  # type: ignore[union-attr]
        logits = self.network(batch.clip).logits  # (B, classes)
        loss = self.loss(logits, batch.label)
        self._require_finite("training", loss, logits, batch)
        self.train_metrics.update(loss, logits, batch.label)
        if self.trainer.progress_bar_callback is not None:
            self.log_dict(self.train_metrics.values(), prog_bar=True, batch_size=len(batch.label))
        return loss

    def validation_step(self, batch: EmbeddedClip, _: int) -> None:
        """Add a batch to the validation metrics.

        Args:
            batch: clips float32 (B, C, T, D) and labels (B,).

        Raises:
            NonFiniteError: the loss is not finite.
        """
        # plain cross entropy, so that losses can be compared between trainings with other weights and smoothing
        logits = self.network(batch.clip).logits  # (B, classes)
        loss = nn.functional.cross_entropy(logits, batch.label)
        self._require_finite("validation", loss, logits, batch)
        self.val_metrics.update(loss, logits, batch.label)

    def _require_finite(self, part: str, loss: torch.Tensor, logits: torch.Tensor, batch: EmbeddedClip) -> None:
        if torch.isfinite(loss):
            return
        losses = nn.functional.cross_entropy(logits.float(), batch.label, reduction="none")  # (B,)
        raise NonFiniteError(part, self.current_epoch + 1, batch.row[~torch.isfinite(losses)].tolist(), len(losses))

    def on_train_epoch_end(self) -> None:
        """Append the metrics of the epoch; Lightning has run its validation before."""
        train, val = self.train_metrics.finish(), self.val_metrics.finish()
        self.history.append(EpochMetrics(self.current_epoch + 1, *train, *val, self.last_learning_rate))
        self.trainer.should_stop = out_of_patience(self.history, self.parameters_of_training.patience)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the history to the checkpoint.

        Args:
            checkpoint: what Lightning saves. Only plain types are added: it is read with `weights_only=True`.
        """
        checkpoint["history"] = [tuple(metrics) for metrics in self.history]

    def configure_optimizers(self) -> Any:
        """Make the optimizer and its schedule.

        Returns:
            RAdam, and a cycle over all steps of the training that moves on with every step.
        """
        training = self.parameters_of_training
        optimizer = torch.optim.RAdam(
            self.network.parameters(),
            lr=training.learning_rate,
            weight_decay=training.weight_decay,
            decoupled_weight_decay=True,
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=training.learning_rate, total_steps=int(self.trainer.estimated_stepping_batches)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
