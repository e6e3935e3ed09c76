"""A trained classifier as a catalog entry."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

if TYPE_CHECKING:
    from hand_gestures.classifier import Bundle


class BundleDataset(AbstractDataset["Bundle", "Bundle"]):
    """``BundleDataset`` keeps a trained classifier as a folder with safetensors and JSON, nothing pickled.

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
            metadata: anything, ignored by Kedro and read by plugins.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> "Bundle":
        from hand_gestures.classifier import load_bundle  # imports torch

        return load_bundle(self._filepath)

    def save(self, data: "Bundle") -> None:
        from hand_gestures.classifier import save_bundle

        save_bundle(data, self._filepath)

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}
