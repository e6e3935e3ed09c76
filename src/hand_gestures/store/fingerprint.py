"""The fingerprint of an embeddings file says how it was made: only files of equal fingerprints are comparable."""

import hashlib
import json
from typing import Any

import numpy as np

from hand_gestures.store.embedding_file import EmbeddingFile, EmbeddingHeader
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.nested import first_difference


def fingerprint_digest(fingerprint: dict[str, Any]) -> str:
    """A short name for a fingerprint.

    Args:
        fingerprint: what JSON can hold; the order of its keys does not matter.

    Returns:
        The first twelve hex digits of its sha256.
    """
    return hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()[:12]


def content_digest(header: EmbeddingHeader) -> str:
    """A short name for the content of a file.

    Args:
        header: its header.

    Returns:
        Twelve hex digits that depend on the classes, the channels, the fingerprint and the sources.
    """
    fields = ("class_names", "channel_names", "fingerprint", "sources")
    return fingerprint_digest({name: getattr(header, name) for name in fields})


def describe_file(file: EmbeddingFile) -> dict[str, Any]:
    """Describe an embeddings file for a JSON report.

    Args:
        file: the file; a selection does not do, because a report names whole files.

    Returns:
        Its name, numbers of rows and sequences, shape, rows of each class, digest, fingerprint and precision error.
    """
    header = file.header
    counts = np.bincount(file.labels, minlength=len(header.class_names))
    return {
        "file": file.path.name,
        "rows": len(file),
        "sequences": len(set(file.sequence_ids)),
        "shape": list(header.shape),
        "rows_by_class": dict(zip(header.class_names, counts.tolist(), strict=True)),
        "digest": fingerprint_digest(header.fingerprint),
        "fingerprint": header.fingerprint,
        "precision_error": header.precision_error,
    }


def require_same_fingerprint(train: dict[str, Any], val: dict[str, Any]) -> None:
    """Check that training and validation embeddings are made in the same way.

    Args:
        train: fingerprint of the training file.
        val: fingerprint of the validation file.

    Raises:
        HandGesturesError: they differ; the message names the first field that differs.
    """
    difference = first_difference(train, val)
    if difference is not None:
        raise HandGesturesError(
            f"training and validation embeddings must be made alike, but their fingerprints differ in "
            f"{difference.field}: {difference.first} and {difference.second}; run feature_engineering for both"
        )
