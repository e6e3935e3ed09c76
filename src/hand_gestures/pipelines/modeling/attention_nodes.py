"""Whether attention points at what matters. torch is imported where it is used: the CLI starts without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from hand_gestures.mlflow_support import tracking
from hand_gestures.parameters import EvaluationParameters, TrainingParameters

if TYPE_CHECKING:
    from hand_gestures.classifier import Bundle
    from hand_gestures.store.embedding_file import EmbeddingFile
else:  # Kedro resolves annotations as it starts, and these would import torch
    Bundle = EmbeddingFile = Any


def measure_faithfulness(
    classifier: Bundle,
    val_embeddings: EmbeddingFile,
    training: TrainingParameters,
    evaluation: EvaluationParameters,
    seed: int,
) -> pd.DataFrame:
    """Accuracy without the most attended frames and channels, beside that without as many others."""
    from hand_gestures.evaluation import faithfulness
    from hand_gestures.utils.devices import choose_device

    table = faithfulness.measure_faithfulness(
        classifier,
        val_embeddings,
        clips=evaluation.faithfulness_clips,
        draws=evaluation.faithfulness_draws,
        batch_size=training.batch_size,
        device=choose_device(training.device),
        seed=seed,
    )
    tracking.log_metrics(faithfulness.faithfulness(table))
    return table
