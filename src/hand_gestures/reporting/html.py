"""One HTML page that needs nothing beside it: sections of blocks, rendered by one template."""

import base64
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

Cell = str | float | tuple[float, float] | None  # a pair is an interval
LONGEST = 40  # rows of a table that is shown unasked
NOTHING = "\N{EN DASH}"


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Notes:
    """What a reader must not miss, one or several."""

    items: Sequence[str]
    title: str = ""


@dataclass(frozen=True)
class Figure:
    """A picture file in full; the caption is its text for those who cannot see it, too."""

    path: Path
    caption: str


@dataclass(frozen=True)
class Table:
    """Rows of cells; columns without words stand right, with that many digits; long tables are folded."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str
    digits: int = 3

    @property
    def numeric(self) -> list[bool]:
        return [not any(isinstance(row[place], str) and row[place] for row in self.rows) for place in range(self.width)]

    @property
    def width(self) -> int:
        return len(self.columns)


@dataclass(frozen=True)
class Facts:
    """Names and their values."""

    pairs: Sequence[tuple[str, Cell]]


@dataclass(frozen=True)
class Pictures:
    """A folder of pictures, folded and made smaller; where it is empty, `nothing` is said, if anything."""

    folder: Path
    title: str
    nothing: str = ""


Block = Heading | Text | Notes | Figure | Table | Facts | Pictures


@dataclass(frozen=True)
class Section:
    """A part of the page, with its place in the index."""

    title: str
    blocks: Sequence[Block]


class Headline(NamedTuple):
    """A figure in large type."""

    name: str
    value: str
    detail: str


def table(frame: pd.DataFrame, caption: str, digits: int = 3) -> Table:
    """A `Table` of all rows and columns of a data frame."""
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return Table([str(name).replace("_", " ") for name in frame.columns], rows, caption, digits)


def render_report(
    title: str,
    lead: str,
    sections: Sequence[Section],
    headlines: Sequence[Headline] = (),
    facts: Iterable[tuple[str, Cell]] = (),
) -> str:
    """The page as text: styles and pictures are part of it, and nothing is fetched or run when it is read.

    Args:
        title: of the page.
        lead: a sentence or two below it.
        sections: the parts; an index names them.
        headlines: figures in large type at its head.
        facts: names and values below them.
    """
    environment = Environment(
        loader=PackageLoader("hand_gestures.reporting"),
        autoescape=True,  # names of classes, groups and files are the user's
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"written": written, "kind": _kind, "figure": embed_figure, "folder": embed_folder}
    return environment.get_template("report.html").render(
        title=title, lead=lead, sections=sections, headlines=headlines, facts=list(facts), longest=LONGEST
    )


def written(cell: Cell, digits: int = 3) -> str:
    """`0.5` → `"0.500"`, `(0.4, 0.6)` → `"0.400 to 0.600"`, a missing number → an en dash."""
    if isinstance(cell, tuple):
        return " to ".join(written(end, digits) for end in cell)
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.{digits}f}" if cell == cell else NOTHING
    return NOTHING if cell is None else str(cell)


def _kind(block: Any) -> str:
    return type(block).__name__


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
