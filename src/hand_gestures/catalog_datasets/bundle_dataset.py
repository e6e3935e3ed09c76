"""A trained classifier as a catalog entry."""

from hand_gestures.catalog_datasets.path_dataset import PathDataset
from hand_gestures.classifier.bundle import Bundle, load_bundle, save_bundle


class BundleDataset(PathDataset[Bundle, Bundle]):
    """``BundleDataset`` stores a trained classifier as a folder with safetensors and JSON; nothing is pickled.

    Example usage for the YAML API:

    .. code-block:: yaml

        classifier:
          type: hand_gestures.catalog_datasets.BundleDataset
          filepath: data/06_models/classifier
    """

    def load(self) -> Bundle:
        return load_bundle(self._filepath)

    def save(self, data: Bundle) -> None:
        save_bundle(data, self._filepath)
