"""A folder of pictures that a node draws one by one."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path

from kedro_datasets._typing import ImagePreview

from hand_gestures.catalog_datasets.path_dataset import PathDataset
from hand_gestures.utils.resumable import atomic_write

PREVIEWS, PREVIEW_SIZE = 4, (480, 360)  # number of pictures, pixels of each


class ImageFolderDataset(PathDataset[Iterator[tuple[str, bytes]], Path]):
    """``ImageFolderDataset`` is a folder of pictures; it is replaced when the last picture is written.

    ``save`` takes an iterator of (relative path, encoded image); ``load`` returns the folder.

    Example usage for the YAML API:

    .. code-block:: yaml

        sample_frames:
          type: hand_gestures.catalog_datasets.ImageFolderDataset
          filepath: data/01_raw/sample_frames
    """

    def load(self) -> Path:
        return self._filepath

    def save(self, data: Iterator[tuple[str, bytes]]) -> None:
        with atomic_write(self._filepath, durable=False) as folder:  # pictures are cheap to draw again
            folder.mkdir()
            for name, image in data:
                path = folder / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(image)

    def preview(self) -> ImagePreview:
        """A few of the pictures, two per row, for Kedro-Viz, which squeezes pictures that are taller than wide."""
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
        for index, image in enumerate(images):
            sheet.paste(image, (width * (index % 2), height * (index // 2)))
        encoded = io.BytesIO()
        sheet.save(encoded, "PNG")
        return ImagePreview(base64.b64encode(encoded.getvalue()).decode())
