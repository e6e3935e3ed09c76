"""A folder of frames that a node renders."""

import shutil
from collections.abc import Iterator

from hand_gestures.datasets.folder_dataset import FolderDataset


class FrameFolderDataset(FolderDataset):
    """``FrameFolderDataset`` is a folder that frames can be saved to: it is replaced when the last one is there.

    ``save`` takes an iterator of (relative path, encoded image); ``load`` gives the folder.

    Example usage for the YAML API:

    .. code-block:: yaml

        sample_frames:
          type: hand_gestures.datasets.FrameFolderDataset
          filepath: data/01_raw/sample_frames
    """

    def save(self, data: Iterator[tuple[str, bytes]]) -> None:
        partial = self._filepath.with_name(self._filepath.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        for name, image in data:
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(image)
        shutil.rmtree(self._filepath, ignore_errors=True)
        partial.replace(self._filepath)
