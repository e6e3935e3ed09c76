"""Fixtures that several rooms share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hand_gestures.embedding.store import EmbeddingFile, write_embeddings
from small_embeddings import embedded_view, embedding_stream


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[..., EmbeddingFile]:
    """Writes an embeddings file with `clips` rows of alternating classes, numbered from `first`."""

    def write(name: str, clips: int, first: int = 0, fingerprint: dict | None = None) -> EmbeddingFile:
        path = tmp_path / name
        write_embeddings(
            path, embedding_stream([embedded_view(n % 3, n) for n in range(first, first + clips)], fingerprint)
        )
        return EmbeddingFile(path)

    return write
