"""A registered classifier as MLflow loads and serves it.

MLflow stores this file with the bundle and runs it when the model is loaded; nothing is pickled.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from hand_gestures.classifier.bundle import load_bundle
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.nested import parse_json

BATCH_SIZE = 64  # clips


class ServedClassifier(PythonModel):
    """Predicts the class of clips from their embeddings, in the layout of the HDF5 files."""

    def load_context(self, context: PythonModelContext) -> None:
        self.bundle = load_bundle(Path(context.artifacts["classifier"]))
        self.network = self.bundle.build()
        path = Path(context.artifacts["channel_names.json"])
        try:
            stored = list(parse_json(path.read_bytes()))
            self.channels = [stored.index(name) for name in self.bundle.channel_names]
        except (ValueError, TypeError) as error:
            raise HandGesturesError(
                f"a served model needs a list with the names of its channels, but {path} is not one ({error}); "
                "register the model again"
            ) from error

    def predict(
        self, context: PythonModelContext, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Predict clips.

        Args:
            context: not used.
            model_input: float32 (N, T, C, D), channels as in the embeddings file that the model was validated on.
            params: not used.

        Returns:
            One row per clip: `predicted`, its probability as `confidence`, and `probabilities` of all classes by name.

        Raises:
            HandGesturesError: a number is NaN or infinite.
        """
        clips = np.asarray(model_input, np.float32)
        if not np.isfinite(clips).all():
            raise HandGesturesError(
                "embeddings must be finite numbers, but some are NaN or infinite; embed these clips again"
            )
        names = self.bundle.class_names
        probabilities = self._probabilities(torch.from_numpy(clips)).double().numpy()
        return pd.DataFrame(
            {
                "predicted": [names[index] for index in probabilities.argmax(axis=1)],
                "confidence": probabilities.max(axis=1),
                "probabilities": [dict(zip(names, row, strict=True)) for row in probabilities.tolist()],
            }
        )

    @torch.inference_mode()
    def _probabilities(self, clips: torch.Tensor) -> torch.Tensor:
        """(N, T, C, D) → (N, classes)."""
        channels_first = clips[:, :, self.channels].transpose(1, 2)  # the network takes (N, C, T, D)
        return torch.cat([self.network(batch).logits.softmax(dim=1) for batch in channels_first.split(BATCH_SIZE)])


set_model(ServedClassifier())
