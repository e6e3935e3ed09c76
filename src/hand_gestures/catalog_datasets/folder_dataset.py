"""A folder as a catalog entry."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset


class FolderDataset(AbstractDataset[Callable[[Path], Any], Path]):
    """``FolderDataset`` loads the path of a folder; the node reads or writes what is in it.

    ``save`` takes a function and calls it with the path: the function fills the folder.

    Example usage for the YAML API:

    .. code-block:: yaml

        raw_frames:
          type: hand_gestures.catalog_datasets.FolderDataset
          filepath: data/01_raw/frames
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """
        Args:
            filepath: the folder; it need not exist.
            metadata: ignored by Kedro and read by plugins.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        return self._filepath

    def save(self, data: Callable[[Path], Any]) -> None:
        data(self._filepath)

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}
