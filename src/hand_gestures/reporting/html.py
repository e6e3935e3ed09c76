"""HTML pages that need no other file: templates with styles and pictures inside, nothing is fetched or run."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from hand_gestures.utils.rules import pluralise

Cell = str | float | tuple[float, float] | None  # a pair is an interval
MISSING = "\N{EN DASH}"
MAX_TABLE_ROWS = 200  # of a table on a page; the file beside it has all rows
FOLDER_BYTES = 1_500_000  # for all pictures of a folder together; base64 adds a third
PICTURE_WIDTHS = (1072, 800, 560)  # pixels; the first at which all pictures of a folder fit into `FOLDER_BYTES`
WEBP_QUALITY = 65  # half the size of JPEG for contact sheets
MAX_WEBP_SIDE = 16_383  # pixels, a limit of the format; lossless WebP makes plots a quarter of their PNG size
PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png"}


def render(template: str, **values: Any) -> str:
    """Render a page.

    Args:
        template: file in `templates/`.
        values: what the template shows; names of classes, groups and files are escaped.

    Returns:
        HTML.

    Raises:
        jinja2.UndefinedError: the template asks for a value that is missing.
    """
    return environment().get_template(template).render(values)


def environment() -> Environment:
    """Jinja with the filters that the macros use; autoescape is on because names are the user's."""
    jinja = Environment(
        loader=PackageLoader("hand_gestures.reporting"),
        autoescape=True,
        undefined=StrictUndefined,  # a missing value is an error instead of an empty cell
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.globals["max_table_rows"] = MAX_TABLE_ROWS
    jinja.filters |= {
        "cell_text": cell_text,
        "embed_folder": embed_folder,
        "embed_plot": embed_plot,
        "numeric_columns": numeric_columns,
        "pluralise": pluralise,
    }
    return jinja


def text_table(columns: list[str], rows: list[Any]) -> pd.DataFrame:
    """A table for a page, where every cell stays as it is.

    Args:
        columns: headings; a name may occur twice.
        rows: a `Cell` per column.

    Returns:
        Columns of type object: pandas would turn a count beside a missing one into 3.0.
    """
    return pd.DataFrame(rows, columns=columns, dtype=object)


def cell_text(cell: Any, digits: int = 3) -> str:
    """A cell as text.

    Args:
        cell: a `Cell`, or a scalar of pandas or numpy.
        digits: after the point of a float.

    Returns:
        `0.5` → `"0.500"`, `(0.4, 0.6)` → `"0.400 to 0.600"`, a missing value → an en dash.
    """
    if isinstance(cell, tuple):
        return " to ".join(cell_text(end, digits) for end in cell)
    if isinstance(cell, bool | np.bool_):
        return "yes" if cell else "no"
    if cell is None or pd.isna(cell):
        return MISSING
    return f"{cell:.{digits}f}" if isinstance(cell, float) else str(cell)


def numeric_columns(table: pd.DataFrame) -> list[bool]:
    """Whether each column holds no words, so that its cells are aligned to the right."""
    columns = (table.iloc[:, index] for index in range(table.shape[1]))  # names may occur twice
    return [not any(isinstance(cell, str) and cell for cell in column) for column in columns]


class EmbeddedPicture(NamedTuple):
    """A picture as a data URI with the name that the page shows; width and height in CSS pixels."""

    name: str
    uri: str
    width: int
    height: int


class EmbeddedFolder(NamedTuple):
    """The pictures of a folder that fitted, ordered by name, and the number of all pictures in it."""

    pictures: list[EmbeddedPicture]
    available: int


def embed_plot(path: Path) -> EmbeddedPicture:
    """A plot without loss.

    Args:
        path: PNG file; its resolution in dots per inch says how large it was drawn.

    Returns:
        The picture in that size at the 96 dots per inch of CSS.
    """
    with Image.open(path) as image:
        inches = [side / dots for side, dots in zip(image.size, image.info.get("dpi", (96, 96)), strict=True)]
        if max(image.size) > MAX_WEBP_SIDE:
            uri = _data_uri("png", path.read_bytes())
        else:
            uri = _data_uri("webp", _webp(image, lossless=True))
    return EmbeddedPicture(path.stem, uri, *(max(1, round(96 * side)) for side in inches))


def embed_folder(folder: Path) -> EmbeddedFolder:
    """All pictures of a folder as wide as `FOLDER_BYTES` allows; if even the smallest are too much, the first ones.

    Args:
        folder: searched with its subfolders; it may be missing.

    Returns:
        Pictures ordered by path.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES)
    pictures: list[EmbeddedPicture] = []
    for width in PICTURE_WIDTHS:
        pictures = list(_embed_within_budget(paths, width))
        if len(pictures) == len(paths):
            break
    return EmbeddedFolder(pictures, len(paths))


def _embed_within_budget(paths: list[Path], width: int) -> Iterator[EmbeddedPicture]:
    """Pictures one by one until the next one would exceed `FOLDER_BYTES`."""
    used = 0
    for path in paths:
        with Image.open(path) as image:
            # sheets keep the names of their classes in the comment: a file name may not hold every character
            caption = image.info.get("comment", b"").decode(errors="replace") if image.format == "JPEG" else ""
            small = image.convert("RGB")  # WebP knows neither palettes nor CMYK
        small.thumbnail((width, MAX_WEBP_SIDE))
        encoded = _webp(small, quality=WEBP_QUALITY)
        used += len(encoded)
        if used > FOLDER_BYTES:
            return
        yield EmbeddedPicture(caption or path.stem, _data_uri("webp", encoded), *small.size)


def _webp(image: Image.Image, **options: Any) -> bytes:
    encoded = io.BytesIO()
    image.save(encoded, "WEBP", **options)
    return encoded.getvalue()


def _data_uri(kind: str, encoded: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(encoded).decode()}"
