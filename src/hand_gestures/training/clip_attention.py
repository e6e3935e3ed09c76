"""What both attention layers together look at in a clip."""

import numpy as np
import pandas as pd
from einops import einsum

from hand_gestures.training.evaluate import Evaluation


def frame_weights(channel_attention: np.ndarray, sequence_attention: np.ndarray) -> np.ndarray:
    """(N, C) and (N, C, T) → (N, T), each row summing to 1: the share of each time step in what is pooled over time
    and then over channels."""
    return einsum(channel_attention, sequence_attention, "n c, n c t -> n t")


def clip_attention(evaluation: Evaluation) -> pd.DataFrame:
    """One row a clip: sequence_id, view, class_name, predicted, correct, `channel_weights` (C of them) and
    `frame_weights` (T)."""
    told = evaluation.predictions[["sequence_id", "view", "class_name", "predicted", "correct"]]
    return told.assign(
        channel_weights=list(evaluation.channel_attention),
        frame_weights=list(frame_weights(evaluation.channel_attention, evaluation.sequence_attention)),
    )
