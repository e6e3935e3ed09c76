"""What a training leaves while it runs, so that a kill costs at most the epoch in hand."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint

from hand_gestures.flatten import first_difference

logger = logging.getLogger(__name__)

BEST, LAST, IDENTITY = "best", "last.ckpt", "identity.json"


class TrainingFolder:
    """`best/`: the bundle of the best epoch so far; `last.ckpt`: everything that goes on from the last one;
    `identity.json`: of which training."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.best = folder / BEST

    def begin(self, identity: dict[str, Any]) -> Path | None:
        """Prepare for a training; the checkpoint to go on from, or None where it starts afresh."""
        self.folder.mkdir(parents=True, exist_ok=True)
        last, described = self.folder / LAST, self.folder / IDENTITY
        identity = json.loads(json.dumps(identity))  # as it will be read
        if last.is_file() and described.is_file():
            differs = first_difference(json.loads(described.read_text()), identity)
            if differs is None:
                logger.info("the training goes on where it was stopped")
                return last
            logger.warning("an unfinished training is removed: %s was %s and is now %s", *differs)
        last.unlink(missing_ok=True)
        shutil.rmtree(self.best, ignore_errors=True)
        described.write_text(json.dumps(identity))
        return None

    def keep_last(self) -> ModelCheckpoint:
        """Writes `last.ckpt` after every epoch, whole or not at all."""
        return ModelCheckpoint(
            self.folder, Path(LAST).stem, every_n_epochs=1, save_on_train_epoch_end=True, enable_version_counter=False
        )

    def finish(self) -> None:
        """The training is done: the next one starts afresh."""
        (self.folder / LAST).unlink(missing_ok=True)
        (self.folder / IDENTITY).unlink(missing_ok=True)
