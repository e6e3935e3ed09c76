"""A trained classifier as a catalog entry."""

from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from hand_gestures.classifier.bundle import Bundle, load_bundle, save_bundle


class BundleDataset(AbstractDataset[Bundle, Bundle]):
    """``BundleDataset`` stores a trained classifier as a folder with safetensors and JSON; nothing is pickled.

    Example usage for the YAML API:

    .. code-block:: yaml

        classifier:
          type: hand_gestures.catalog_datasets.BundleDataset
          filepath: data/06_models/classifier
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """
        Args:
            filepath: the folder.
            metadata: ignored by Kedro and read by plugins.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Bundle:
        return load_bundle(self._filepath)

    def save(self, data: Bundle) -> None:
        save_bundle(data, self._filepath)

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}
