"""A folder of pictures that a node makes one by one."""

import base64
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from kedro_datasets._typing import ImagePreview

PREVIEWS, PREVIEW_SIZE = 4, (480, 360)  # pictures, pixels


class ImageFolderDataset(AbstractDataset[Iterator[tuple[str, bytes]], Path]):
    """``ImageFolderDataset`` is a folder of pictures: it is replaced when the last one is there.

    ``save`` takes an iterator of (relative path, encoded image); ``load`` gives the folder.

    Example usage for the YAML API:

    .. code-block:: yaml

        sample_frames:
          type: hand_gestures.catalog_datasets.ImageFolderDataset
          filepath: data/01_raw/sample_frames
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """
        Args:
            filepath: the folder.
            metadata: anything, ignored by Kedro and read by plugins.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Path:
        return self._filepath

    def save(self, data: Iterator[tuple[str, bytes]]) -> None:
        partial = self._filepath.with_name(self._filepath.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, image in data:
            path = partial / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(image)
        shutil.rmtree(self._filepath, ignore_errors=True)
        partial.replace(self._filepath)

    def preview(self) -> ImagePreview:
        """A few of the pictures, two in a row, for kedro viz: it squeezes whatever is taller than wide."""
        from PIL import Image

        paths = sorted(path for path in self._filepath.rglob("*.jpg"))
        chosen = paths[:: max(1, -(-len(paths) // PREVIEWS))]
        images = []
        for path in chosen:
            with Image.open(path) as picture:
                picture.thumbnail(PREVIEW_SIZE)
                images.append(picture.convert("RGB"))
        images = images or [Image.new("RGB", (PREVIEW_SIZE[0], 1), "white")]
        width, height = max(i.width for i in images), max(i.height for i in images)
        sheet = Image.new("RGB", (width * min(2, len(images)), height * -(-len(images) // 2)), "white")
        for place, image in enumerate(images):
            sheet.paste(image, (width * (place % 2), height * (place // 2)))
        encoded = io.BytesIO()
        sheet.save(encoded, "PNG")
        return ImagePreview(base64.b64encode(encoded.getvalue()).decode())

    def _exists(self) -> bool:
        return self._filepath.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}
