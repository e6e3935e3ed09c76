"""Pictures inside a page, as data URIs, and how large they may make it."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

FOLDER_BYTES = 1_500_000  # of the pictures of a folder, all together; base64 makes them a third larger
WIDTHS = (1072, 800, 560)  # pixels; the first at which all pictures of a folder have room
QUALITY = 65  # of WebP: of such sheets half as large as JPEG
LONGEST_SIDE = 16_383  # pixels that WebP allows; without loss it makes figures a quarter of what PNG does
SUFFIXES = {".jpg", ".jpeg", ".png"}


class Embedded(NamedTuple):
    """A picture in a page; width and height as it is to be shown, CSS pixels."""

    name: str
    uri: str
    width: int
    height: int


class EmbeddedFolder(NamedTuple):
    """The pictures of a folder that had room, in the order of their names, and how many there are."""

    pictures: list[Embedded]
    available: int


def embed_figure(path: Path) -> Embedded:
    """A figure without loss, at the size it was drawn for."""
    with Image.open(path) as image:
        inches = [side / dots for side, dots in zip(image.size, image.info.get("dpi", (96, 96)), strict=True)]
        if max(image.size) > LONGEST_SIDE:
            uri = _uri("png", path.read_bytes())
        else:
            uri = _uri("webp", _packed(image, lossless=True))
    return Embedded(path.stem, uri, *(max(1, round(96 * side)) for side in inches))


def embed_folder(folder: Path) -> EmbeddedFolder:
    """The pictures of a folder, as wide as `FOLDER_BYTES` allows for all of them; where it does not even allow the
    smallest width, the first that have room."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    pictures: list[Embedded] = []
    for width in WIDTHS:
        pictures = list(_within(paths, width))
        if len(pictures) == len(paths):
            break
    return EmbeddedFolder(pictures, len(paths))


def _within(paths: list[Path], width: int) -> Iterator[Embedded]:
    """Pictures one by one, until the next would be too many bytes."""
    used = 0
    for path in paths:
        with Image.open(path) as image:
            small = image.convert("RGB")
        small.thumbnail((width, LONGEST_SIDE))
        encoded = _packed(small, quality=QUALITY)
        used += len(encoded)
        if used > FOLDER_BYTES:
            return
        yield Embedded(path.stem, _uri("webp", encoded), *small.size)


def _packed(image: Image.Image, **options: Any) -> bytes:
    encoded = io.BytesIO()
    image.save(encoded, "WEBP", **options)
    return encoded.getvalue()


def _uri(kind: str, encoded: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(encoded).decode()}"
