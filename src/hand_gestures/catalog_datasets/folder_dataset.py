"""A folder as a catalog entry."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hand_gestures.catalog_datasets.path_dataset import PathDataset


class FolderDataset(PathDataset[Callable[[Path], Any], Path]):
    """``FolderDataset`` loads the path of a folder; the node reads or writes what is in it.

    ``save`` takes a function and calls it with the path: the function fills the folder.

    Example usage for the YAML API:

    .. code-block:: yaml

        raw_frames:
          type: hand_gestures.catalog_datasets.FolderDataset
          filepath: data/01_raw/frames
    """

    def load(self) -> Path:
        return self._filepath

    def save(self, data: Callable[[Path], Any]) -> None:
        data(self._filepath)
