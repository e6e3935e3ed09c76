"""A folder of frames that a node renders."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset


class FrameFolderDataset(AbstractDataset[Iterator[tuple[str, bytes]], Path]):
    """``FrameFolderDataset`` writes frames as they come and replaces the folder when the last one is there.

    ``save`` takes an iterator of (relative path, encoded image); ``load`` gives the folder.

    Example usage for the YAML API:

    .. code-block:: yaml

        sample_frames:
          type: hand_gestures.datasets.FrameFolderDataset
          filepath: data/01_raw/sample_frames
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """
        Args:
            filepath: the folder; what was in it is replaced by a save.
            metadata: anything, ignored by Kedro and read by plugins.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        return self._filepath

    def save(self, data: Iterator[tuple[str, bytes]]) -> None:
        partial = self._filepath.with_name(self._filepath.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        for name, image in data:
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(image)
        shutil.rmtree(self._filepath, ignore_errors=True)
        partial.replace(self._filepath)

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}
