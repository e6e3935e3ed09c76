"""What an embeddings file was made from and how: two files compare only where their fingerprints agree."""

import hashlib
import json
from typing import Any

import numpy as np

from hand_gestures.store.embedding_file import EmbeddingFile, EmbeddingHeader
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.nested import first_difference


def fingerprint_digest(fingerprint: dict[str, Any]) -> str:
    """A short name for a fingerprint: twelve hex digits of its sha256."""
    return hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()[:12]


def content_digest(header: EmbeddingHeader) -> str:
    """A short name for what a file holds: its classes, channels, fingerprint and what its rows were made from."""
    return fingerprint_digest(
        {
            "class_names": header.class_names,
            "channel_names": header.channel_names,
            "fingerprint": header.fingerprint,
            "sources": header.sources,
        }
    )


def describe_file(file: EmbeddingFile) -> dict[str, Any]:
    """Rows, views, classes and fingerprint of an embeddings file."""
    rows, frames, channels, width = file.header.shape
    counts = np.bincount(file.labels, minlength=len(file.header.class_names))
    return {
        "file": file.path.name,
        "rows": rows,
        "sequences": len(set(file.sequence_ids)),
        "shape": [rows, frames, channels, width],
        "rows_by_class": dict(zip(file.header.class_names, counts.tolist(), strict=True)),
        "digest": fingerprint_digest(file.header.fingerprint),
        "fingerprint": file.header.fingerprint,
        "precision_error": file.header.precision_error,
    }


def require_same_fingerprint(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Raise `HandGesturesError` naming the first field in which two fingerprints differ."""
    differs = first_difference(one, other)
    if differs is not None:
        raise HandGesturesError(
            f"training and validation embeddings must be made alike, but their fingerprints differ in "
            f"{differs.field}: {differs.one} and {differs.other}; run feature_engineering for both"
        )
