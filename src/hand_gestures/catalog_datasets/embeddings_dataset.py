"""Embeddings in gzip HDF5 as a catalog entry."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import TablePreview

from hand_gestures.store.embedding_file import EmbeddingFile, PendingEmbeddings
from hand_gestures.store.write import write_embeddings


class EmbeddingsDataset(AbstractDataset[PendingEmbeddings, EmbeddingFile]):
    """``EmbeddingsDataset`` writes a stream of embeddings row by row and gives a light handle to read them.

    The file appears when it is whole; a failed save leaves what was there.

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
            metadata: anything, ignored by Kedro and read by plugins.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> EmbeddingFile:
        return EmbeddingFile(self._filepath)

    def save(self, data: PendingEmbeddings) -> None:
        write_embeddings(self._filepath, data)

    def preview(self) -> TablePreview:
        """Rows by class, clean and augmented, for kedro viz."""
        file = self.load()
        names = file.header.class_names
        rows = [
            [
                name,
                int(((file.labels == i) & (file.views == 0)).sum()),
                int(((file.labels == i) & (file.views > 0)).sum()),
            ]
            for i, name in enumerate(names)
        ]
        return TablePreview({"index": list(range(len(rows))), "columns": ["class", "clean", "augmented"], "data": rows})

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}
