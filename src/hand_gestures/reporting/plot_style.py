"""Figures with a row for each class or group, however many and however long their names are."""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

ROW, TALLEST = 0.32, 100.0  # inches: height of a row and of a figure, whose rows grow thinner from there
LONGEST_NAME = 40  # letters


def rows(count: int) -> tuple[Figure, Axes]:
    """A figure with that many rows."""
    figure = Figure(figsize=(9, 1.7 + min(ROW * count, TALLEST)), layout="constrained")
    return figure, figure.subplots()


def font_size(count: int) -> float:
    """Of the names of that many rows."""
    return 10 * min(1.0, TALLEST / (ROW * count))


def name_rows(axes: Axes, places: np.ndarray, names: Iterable[object]) -> None:
    """Put the names at their places, from top to bottom."""
    axes.set_yticks(places, list(map(short, names)), fontsize=font_size(len(places)))
    axes.invert_yaxis()


def readable(name: object) -> str:
    """A name as people write it."""
    return str(name).replace("_", " ")


def shortened(name: object) -> str:
    """A readable name of `LONGEST_NAME` letters at most, both its ends kept."""
    whole = readable(name)
    return whole if len(whole) <= LONGEST_NAME else f"{whole[: LONGEST_NAME - 16]}…{whole[-15:]}"


def short(name: object) -> str:
    """A shortened name for a figure: a dollar sign in it opens no formula."""
    return shortened(name).replace("$", r"\$")
