"""The class of the clip that looks most alike in averaged pixels."""

from collections.abc import Mapping

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from hand_gestures.embedding.selection import Embeddings
from hand_gestures.errors import HandGesturesError


def nearest_neighbour(train: Embeddings, val: Embeddings, pixels: Mapping[str, np.ndarray]) -> np.ndarray:
    """Probabilities (N, classes), each 0 or 1, for the rows of `val`, by the clips of `train`.

    Args:
        pixels: of each sequence_id, arrays of one length.
    """
    known = _look_up(train, pixels)
    model = KNeighborsClassifier(1).fit(known, train.labels)
    labels = model.predict(_look_up(val, pixels))
    return np.eye(len(val.header.class_names))[labels]


def _look_up(file: Embeddings, pixels: Mapping[str, np.ndarray]) -> np.ndarray:
    strangers = [name for name in file.sequence_ids if name not in pixels]
    if strangers:
        raise HandGesturesError(
            f"every clip of {file.path} must be among the sequences whose pixels are averaged, but {len(strangers)} "
            f"are not, {strangers[0]!r} for one; run data_processing and feature_engineering again"
        )
    return np.stack([pixels[name] for name in file.sequence_ids])
