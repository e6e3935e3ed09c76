"""What an embeddings file is, in words and digests: for reports, for MLflow, and to compare two files."""

from typing import Any

import numpy as np

from hand_gestures.store.embedding_file import EmbeddingFile, EmbeddingHeader
from hand_gestures.utils.contract import short_digest
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.nested import first_difference


def content_digest(header: EmbeddingHeader) -> str:
    """A short name for the content of a file.

    Args:
        header: its header.

    Returns:
        Twelve hex digits that depend on the classes, the channels, the contract and the rows.
    """
    fields = ("class_names", "channel_names", "contract", "rows_digest")
    return short_digest({name: getattr(header, name) for name in fields})


def describe_file(file: EmbeddingFile) -> dict[str, Any]:
    """Describe an embeddings file for a JSON report.

    Args:
        file: the file; a selection does not do, because a report names whole files.

    Returns:
        Its name, numbers of rows and sequences, shape, rows of each class, the digest of the contract, contract, view
        recipe, provenance and precision error.
    """
    header = file.header
    counts = np.bincount(file.labels, minlength=len(header.class_names))
    return {
        "file": file.path.name,
        "rows": len(file),
        "sequences": len(set(file.sequence_ids)),
        "shape": list(header.shape),
        "rows_by_class": dict(zip(header.class_names, counts.tolist(), strict=True)),
        "digest": short_digest(header.contract),
        "contract": header.contract,
        "recipe": header.recipe,
        "provenance": header.provenance,
        "precision_error": header.precision_error,
    }


def require_same_contract(train: dict[str, Any], val: dict[str, Any]) -> None:
    """Check that training and validation embeddings can be used together.

    Args:
        train: contract of the training file.
        val: contract of the validation file.

    Raises:
        HandGesturesError: they differ; the message names the first field that differs.
    """
    difference = first_difference(train, val)
    if difference is not None:
        raise HandGesturesError(
            f"training and validation embeddings must be made alike, but their contracts differ in "
            f"{difference.field}: {difference.first} and {difference.second}; run feature_engineering for both"
        )
