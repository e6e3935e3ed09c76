"""The training step and what is measured after each epoch."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import lightning
import numpy as np
import torch
from torch import nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy

from hand_gestures.classifier.base import GestureNetwork
from hand_gestures.parameters import TrainingParameters
from hand_gestures.store.hdf5_dataset import EmbeddedClip
from hand_gestures.utils.rules import epoch_rank


class EpochMetrics(NamedTuple):
    """Mean loss and share of right answers of both splits after one epoch, counted from 1, and the learning
    rate of its last step. The training loss is the one that is minimised, the validation loss plain cross entropy."""

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float

    def tracked(self) -> dict[str, float]:
        """All but the epoch's number."""
        return {name: value for name, value in self._asdict().items() if name != "epoch"}

    def rank(self) -> tuple[float, float]:
        """The better of two epochs ranks higher: by validation accuracy, of equals by the lower loss."""
        return epoch_rank(self.val_accuracy, self.val_loss)


def out_of_patience(history: list[EpochMetrics], patience: int | None) -> bool:
    """Whether the last `patience` epochs brought nothing better; None has no end."""
    if patience is None or not history:
        return False
    return history[-1].epoch - max(history, key=EpochMetrics.rank).epoch >= patience


class SplitMetrics(nn.Module):
    """Loss and accuracy of one split over an epoch."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.loss = MeanMetric(compute_with_cache=False)
        self.accuracy = MulticlassAccuracy(classes, average="micro", compute_with_cache=False)

    def update(self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Add a batch: its mean loss, logits (B, classes) and labels (B,)."""
        self.loss.update(loss.detach(), weight=len(labels))
        self.accuracy.update(logits.detach(), labels)

    def values(self) -> dict[str, torch.Tensor]:
        """Loss and accuracy so far."""
        return {"loss": self.loss.compute(), "accuracy": self.accuracy.compute()}

    def finish(self) -> tuple[float, float]:
        """Loss and accuracy since the last call."""
        loss, accuracy = map(float, self.values().values())
        self.loss.reset()
        self.accuracy.reset()
        return loss, accuracy


class GestureModule(lightning.LightningModule):
    """RAdam on cross entropy, with a OneCycleLR schedule that is stepped with every batch.

    What a step draws at random (dropout) depends only on `seed`, the epoch and the step, so that an epoch that is run
    again after a kill gives the same result.

    Args:
        network: the network to train.
        training: learning rate, weight decay, label smoothing and patience.
        class_weights: (classes,) factors of the loss, or None.
        seed: of what is drawn at random.
        history: metrics of the epochs that an interrupted training has finished.

    Attributes:
        on_epoch: called with the metrics of each finished epoch.
    """

    on_epoch: Callable[[EpochMetrics], None]

    def __init__(
        self,
        network: GestureNetwork,
        training: TrainingParameters,
        *,
        class_weights: torch.Tensor | None,
        seed: int,
        history: Sequence[EpochMetrics] = (),
    ) -> None:
        super().__init__()
        self.network = network
        self.training_parameters = training
        self.loss = nn.CrossEntropyLoss(class_weights, label_smoothing=training.label_smoothing)
        self.seed = seed
        self.history = list(history)
        self.train_metrics = SplitMetrics(network.classes)
        self.val_metrics = SplitMetrics(network.classes)
        self.last_learning_rate = 0.0

    def training_step(self, batch: EmbeddedClip, step: int) -> torch.Tensor:
        draw = np.random.SeedSequence((self.seed, self.current_epoch, step, 0))
        torch.manual_seed(int(draw.generate_state(1)[0]))
        self.last_learning_rate = self.optimizers(use_pl_optimizer=False).param_groups[0]["lr"]  # type: ignore[union-attr]
        logits = self.network(batch.clip).logits
        loss = self.loss(logits, batch.label)
        self.train_metrics.update(loss, logits, batch.label)
        if self.trainer.progress_bar_callback is not None:
            self.log_dict(self.train_metrics.values(), prog_bar=True, batch_size=len(batch.label))
        return loss

    def validation_step(self, batch: EmbeddedClip, _: int) -> None:
        logits = self.network(batch.clip).logits
        self.val_metrics.update(nn.functional.cross_entropy(logits, batch.label), logits, batch.label)

    def on_train_epoch_end(self) -> None:  # validation of the same epoch has run by then
        train, val = self.train_metrics.finish(), self.val_metrics.finish()
        self.history.append(EpochMetrics(self.current_epoch + 1, *train, *val, self.last_learning_rate))
        self.on_epoch(self.history[-1])
        self.trainer.should_stop = out_of_patience(self.history, self.training_parameters.patience)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["history"] = [tuple(metrics) for metrics in self.history]

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.RAdam(
            self.network.parameters(),
            lr=self.training_parameters.learning_rate,
            weight_decay=self.training_parameters.weight_decay,
            decoupled_weight_decay=True,
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=self.training_parameters.learning_rate,
            total_steps=int(self.trainer.estimated_stepping_batches),
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
