"""Embeddings in gzip HDF5 as a catalog entry."""

from kedro_datasets._typing import TablePreview

from hand_gestures.catalog_datasets.path_dataset import PathDataset
from hand_gestures.store.embedding_file import EmbeddingFile, PendingEmbeddings
from hand_gestures.store.write import write_embeddings


class EmbeddingsDataset(PathDataset[PendingEmbeddings, EmbeddingFile]):
    """``EmbeddingsDataset`` computes pending embeddings while it saves them, and loads a light handle on the file.

    The file appears when it is complete. A failed save leaves the old file; the next save continues the failed one.

    Example usage for the YAML API:

    .. code-block:: yaml

        train_embeddings:
          type: hand_gestures.catalog_datasets.EmbeddingsDataset
          filepath: data/05_model_input/preprocessed_train_dataset.h5
    """

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
