"""Embeddings in gzip HDF5 as a catalog entry."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import TablePreview

from hand_gestures.store.embedding_file import EmbeddingFile, PendingEmbeddings
from hand_gestures.store.write import write_embeddings


class EmbeddingsDataset(AbstractDataset[PendingEmbeddings, EmbeddingFile]):
    """``EmbeddingsDataset`` computes pending embeddings while it saves them, and loads a light handle on the file.

    The file appears when it is complete. A failed save leaves the old file; the next save continues the failed one.

    Example usage for the YAML API:

    .. code-block:: yaml

        train_embeddings:
          type: hand_gestures.catalog_datasets.EmbeddingsDataset
          filepath: data/05_model_input/preprocessed_train_dataset.h5
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """
        Args:
            filepath: the HDF5 file.
            metadata: ignored by Kedro and read by plugins.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> EmbeddingFile:
        return EmbeddingFile(self._filepath)

    def save(self, data: PendingEmbeddings) -> None:
        write_embeddings(self._filepath, data)

    def preview(self) -> TablePreview:
        """Number of clean and augmented rows by class, for Kedro-Viz."""
        file = self.load()
        rows = [
            [
                name,
                *(
                    int(((file.labels == label) & (file.views > 0 if augmented else file.views == 0)).sum())
                    for augmented in (False, True)
                ),
            ]
            for label, name in enumerate(file.header.class_names)
        ]
        return TablePreview({"index": list(range(len(rows))), "columns": ["class", "clean", "augmented"], "data": rows})

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}
