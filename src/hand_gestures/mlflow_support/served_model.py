"""A registered classifier as MLflow loads and serves it.

MLflow keeps this file with the bundle and runs it when the model is loaded; nothing is pickled.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from hand_gestures.classifier import load_bundle
from hand_gestures.utils.errors import HandGesturesError

CLIPS_AT_A_TIME = 64


class ServedClassifier(PythonModel):
    """Embeddings of clips as the HDF5 files hold them → the class of each."""

    def load_context(self, context: PythonModelContext) -> None:
        self.bundle = load_bundle(Path(context.artifacts["classifier"]))
        self.network = self.bundle.build()
        given = json.loads(Path(context.artifacts["channel_names.json"]).read_text())
        self.channels = [given.index(name) for name in self.bundle.channel_names]

    def predict(
        self, context: PythonModelContext, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """float32 (N, T, 12, D) → a row a clip: `predicted` class, its probability as `confidence`, and the
        `probabilities` of all classes by name."""
        clips = np.asarray(model_input, np.float32)
        if not np.isfinite(clips).all():
            raise HandGesturesError("embeddings must be finite numbers, but some are not; embed these clips again")
        names = self.bundle.class_names
        odds = self._probabilities(torch.from_numpy(clips)).double().numpy()
        return pd.DataFrame(
            {
                "predicted": [names[place] for place in odds.argmax(axis=1)],
                "confidence": odds.max(axis=1),
                "probabilities": [dict(zip(names, row, strict=True)) for row in odds.tolist()],
            }
        )

    @torch.inference_mode()
    def _probabilities(self, clips: torch.Tensor) -> torch.Tensor:
        """(N, T, 12, D) → (N, classes)."""
        taken = clips[:, :, self.channels].transpose(1, 2)  # time after channel, as the network wants it
        return torch.cat([self.network(part).logits.softmax(dim=1) for part in taken.split(CLIPS_AT_A_TIME)])


set_model(ServedClassifier())
