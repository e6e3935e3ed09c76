"""What all plots share: colours, readable names, and axes with one row per class or group."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hand_gestures.reporting.run_summary import readable

BLUE, ORANGE, GREY, INK = "#2f6f9f", "#d9822b", "#8a949e", "#1c2733"
SPLIT_COLOURS = {"train": GREY, "val": BLUE, "test": ORANGE, "left_out": "#dfe3e6"}
ROW_HEIGHT, MAX_HEIGHT = 0.32, 100.0  # inches; with more rows than fit, each becomes thinner
MAX_ROWS = 60  # classes or groups in a plot: nobody reads more, and the tables have all of them
MAX_NAME_LENGTH = 40  # characters


def row_plot(n_rows: int) -> tuple[Figure, Axes]:
    """An empty plot with room for this many rows.

    Args:
        n_rows: number of classes, groups or variants.

    Returns:
        Figure and axes; the height is limited, because viewers and browsers refuse longer pictures.
    """
    figure = Figure(figsize=(9, 1.7 + min(ROW_HEIGHT * n_rows, MAX_HEIGHT)), layout="constrained")
    return figure, figure.subplots()


def font_size(n_rows: int) -> float:
    """Font size in points of the names of this many rows."""
    return 10 * min(1.0, MAX_HEIGHT / (ROW_HEIGHT * n_rows))


def label_rows(axes: Axes, names: Sequence[object]) -> None:
    """Write the names beside the rows 0, 1, 2, … and put row 0 on top."""
    axes.set_yticks(np.arange(len(names)), [plot_name(name) for name in names], fontsize=font_size(len(names)))
    axes.set_ylim(len(names) - 0.4, -0.6)


def shorten(name: object) -> str:
    """A readable name of at most `MAX_NAME_LENGTH` characters; a longer one loses its middle."""
    text = readable(name)  # both ends stay: recordings often differ in their first or last characters only
    return text if len(text) <= MAX_NAME_LENGTH else f"{text[: MAX_NAME_LENGTH - 16]}…{text[-15:]}"


def plot_name(name: object) -> str:
    """A short name for matplotlib, where a dollar sign would start a formula."""
    return shorten(name).replace("$", r"\$")


def accuracy_axis(axes: Axes, label: str) -> None:
    """A horizontal axis from 0 to 1."""
    axes.set(xlim=(0, 1.005), xlabel=label)
    axes.set_xticks(np.linspace(0, 1, 6))
    tidy(axes)


def message_plot(text: str) -> Figure:
    """A plot that only says why there is nothing to draw."""
    figure = Figure(figsize=(9, 1), layout="constrained")
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=11, color=INK)
    return figure


def tidy(axes: Axes) -> None:
    """Remove the frame and draw a light grid behind the data, across the axis that has the values."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y" if axes.get_ylabel() else "x", alpha=0.25)
    axes.set_axisbelow(True)


def hide_frame(axes: Axes) -> None:
    """Remove the frame and the tick marks around an image."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
