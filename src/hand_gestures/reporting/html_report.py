"""One HTML page that needs nothing beside it: sections of blocks, rendered by one template."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from hand_gestures.reporting.embedded_pictures import embed_figure, embed_folder

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
