"""Plots of what the attention layers weight highly, and whether the answer depends on it."""

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure

from hand_gestures.evaluation.faithfulness import quarters
from hand_gestures.reporting import plot_style as style
from hand_gestures.reporting.run_summary import readable
from hand_gestures.utils.rules import ALL_CLASSES, MIN_CLIPS

LESS_TO_MORE = LinearSegmentedColormap.from_list("less to more", [style.BLUE, "#f7f7f7", style.ORANGE])
COLOUR_LIMITS = (1.25, 1.5, 2, 3, 4)  # multiples of the equal weight at which a map's colours may end
MAX_ROWS_ONE_AXIS = 30  # with more rows the column names are repeated above the map
DELETION_LINES = {
    "most_attended": ("most attended", style.ORANGE),
    "random": ("random (band: lowest to highest draw)", style.GREY),
    "least_attended": ("least attended", style.BLUE),
}
STANDARD_ERRORS = 2  # a smaller difference of accuracies may be chance


def channel_attention(statistics: pd.DataFrame) -> Figure:
    """Weight of each channel over all classes, and how many clips have it as their highest or lowest.

    Args:
        statistics: one row per class and channel, as `evaluation.attention.channel_statistics` returns it.

    Returns:
        Mean and range above, counts below.
    """
    overall = statistics[statistics["class_name"] == ALL_CLASSES]
    return _weight_bars(overall, list(overall["channel"]), "Channel attention", "clips")


def frame_attention(statistics: pd.DataFrame) -> Figure:
    """Weight of each frame over all classes, and how many channels of clips have it as their highest or lowest.

    Args:
        statistics: one row per class and frame, as `evaluation.attention.frame_statistics` returns it.

    Returns:
        Mean and range above, counts below.
    """
    overall = statistics[statistics["class_name"] == ALL_CLASSES]
    return _weight_bars(overall, list(map(str, overall["frame"])), "Sequence attention by frame", "channels of clips")


def _weight_bars(statistics: pd.DataFrame, names: list[str], title: str, counted: str) -> Figure:
    figure = Figure(figsize=(11, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    positions, mean = np.arange(len(names)), statistics["mean"].to_numpy()
    span = np.abs(statistics[["lowest", "highest"]].to_numpy().T - mean)
    upper.bar(positions, mean, color=style.BLUE, label="mean")
    whiskers = {"fmt": "none", "ecolor": style.GREY, "capsize": 2, "linewidth": 1}
    upper.errorbar(positions, mean, span, label="lowest to highest", **whiskers)
    upper.axhline(1 / len(names), color=style.ORANGE, linewidth=1.2, label="equal weights")
    upper.set_ylabel("weight")
    upper.legend(frameon=False, fontsize=9)
    lower.bar(positions - 0.2, statistics["times_highest"], 0.4, color=style.BLUE, label="highest")
    lower.bar(positions + 0.2, statistics["times_lowest"], 0.4, color=style.GREY, label="lowest")
    lower.set_ylabel(counted)
    # Names of channels need room, indices of frames do not.
    slanted = max(map(len, names)) > 3
    lower.set_xticks(positions, names, rotation=45 if slanted else 0, ha="right" if slanted else "center")
    lower.legend(frameon=False, fontsize=9, title="times the")
    for axes in (upper, lower):
        style.tidy(axes)
    figure.suptitle(title)
    return figure


def channel_map(statistics: pd.DataFrame) -> Figure:
    """Mean weight of each channel (columns) in each class and over all classes (rows) as a colour.

    Args:
        statistics: as for `channel_attention`.

    Returns:
        White is the equal weight; the last row is over all classes. Of more than `MAX_ROWS` classes those that differ
        most from it.
    """
    means, selection = _mean_weights(statistics, "channel")
    names = [readable(name) for name in means.columns]
    figure, column_axes = _weight_map(means)
    for axes, end in zip(column_axes, ("right", "left"), strict=False):
        axes.set_xticks(range(len(names)), names, rotation=45, ha=end, rotation_mode="anchor")
    figure.suptitle(f"Channel attention by class{selection}{_highest_weight(means)}", fontsize=12)
    return figure


def frame_map(statistics: pd.DataFrame) -> Figure:
    """Mean weight of each frame (columns) in each class and over all classes (rows) as a colour.

    Args:
        statistics: as for `frame_attention`.

    Returns:
        White is the equal weight; the last row is over all classes. Of more than `MAX_ROWS` classes those that differ
        most from it.
    """
    means, selection = _mean_weights(statistics, "frame")
    figure, column_axes = _weight_map(means)
    for axes in column_axes:
        axes.set_xticks(range(0, means.shape[1], max(1, means.shape[1] // 16)))
        axes.set_xlabel("frame")
    figure.suptitle(f"Sequence attention by class{selection}{_highest_weight(means, 'frame ')}", fontsize=12)
    return figure


def _mean_weights(statistics: pd.DataFrame, column: str) -> tuple[pd.DataFrame, str]:
    """Mean weight by class and column, of at most `MAX_ROWS` classes and over all, and words for the title."""
    means = statistics.pivot_table(index="class_name", columns=column, values="mean", sort=False)
    differences = (means - means.loc[ALL_CLASSES]).abs().sum(axis=1).drop(ALL_CLASSES)
    if len(differences) <= style.MAX_ROWS:
        return means, ": "
    shown = {ALL_CLASSES, *differences.nlargest(style.MAX_ROWS).index}
    return means[means.index.isin(shown)], f", the {style.MAX_ROWS} of {len(differences)} that differ most:\n"


def _highest_weight(means: pd.DataFrame, prefix: str = "") -> str:
    """The column with the highest weight over all classes, in words."""
    overall = means.loc[ALL_CLASSES]
    multiple = f"{overall.max() * len(overall):.2f}"
    if multiple == "1.00":  # after rounding: no channel is worth naming
        return "over all, weights are equal"
    return f"over all, {prefix}{readable(overall.idxmax())} has {multiple} times the equal weight"


def _weight_map(means: pd.DataFrame) -> tuple[Figure, list[Any]]:
    """A row of colours for each class, the last for all of them, and the axes whose columns need names."""
    n_rows, n_columns = means.shape
    multiples = means.to_numpy() * n_columns
    # Colours are symmetric on a log scale: twice the equal weight is as far from white as half of it.
    extreme = max(multiples.max(), 1 / max(multiples.min(), 1e-9))
    limit = next((limit for limit in COLOUR_LIMITS if limit >= extreme), COLOUR_LIMITS[-1])
    height = min(style.ROW_HEIGHT * n_rows, style.MAX_HEIGHT)
    figure = Figure(figsize=(9, 2.4 + height), layout="constrained")
    axes, scale = figure.subplots(2, 1, height_ratios=[height, 0.15])
    norm = LogNorm(1 / limit, limit)
    image = axes.imshow(multiples, LESS_TO_MORE, norm, aspect="auto", interpolation="none", resample=False)
    axes.axhline(n_rows - 1.5, color="white", linewidth=4)  # separates the last row, over all classes
    style.label_rows(axes, ["all classes" if name == ALL_CLASSES else name for name in means.index])
    axes.set_ylim(n_rows - 0.5, -0.5)
    style.hide_frame(axes)
    # Ticks at the same multiples up and down, without those that would crowd around 1.
    steps = [step for step in COLOUR_LIMITS if limit**0.25 < step <= limit]
    ticks = {1 / step: f"1/{step:g}" for step in steps} | {1: "1"} | {step: f"{step:g}" for step in steps}
    extend = "both" if extreme > limit else "neither"
    bar = figure.colorbar(image, cax=scale, orientation="horizontal", extend=extend)
    bar.set_ticks(list(ticks), labels=list(ticks.values()), minor=False)
    bar.minorticks_off()
    bar.outline.set_visible(False)
    bar.set_label(f"mean weight, times the equal weight 1/{n_columns} = {1 / n_columns:.3f}")
    if n_rows <= MAX_ROWS_ONE_AXIS:
        return figure, [axes]
    top = axes.secondary_xaxis("top")
    style.hide_frame(top)
    return figure, [axes, top]


def deletion_curves(table: pd.DataFrame) -> Figure:
    """Accuracy by the number of frames, and of channels, that are removed.

    Args:
        table: as `evaluation.faithfulness.measure_faithfulness` returns it; empty where nothing was measured.

    Returns:
        One panel per axis of the clip; without a measurement, a plot that says so.
    """
    if table.empty:
        return style.message_plot("Faithfulness of attention was not measured (evaluation.faithfulness_clips is 0).")
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    panels = figure.subplots(1, table["axis"].nunique(), sharey=True, squeeze=False)[0]
    for axes, (axis, rows) in zip(panels, table.groupby("axis", sort=False), strict=True):
        length = round((rows["removed"] / rows["share"]).max())  # the row without removal has share 0
        for column, (name, colour) in DELETION_LINES.items():
            axes.plot(rows["removed"], rows[column], "o-", color=colour, linewidth=2, markersize=5, label=name)
        axes.fill_between(rows["removed"], rows["random_lowest"], rows["random_highest"], color=style.GREY, alpha=0.25)
        axes.set(xlabel=f"{axis} removed, of {length}", ylabel="accuracy", ylim=(0, 1.02))
        axes.set_xticks(rows["removed"])
        axes.set_title(_verdict(rows), fontsize=9.5)
        style.tidy(axes)
    legend = panels[0].get_legend_handles_labels()
    figure.legend(*legend, frameon=False, ncols=3, loc="outside lower center", fontsize=9, title="removed are the")
    figure.suptitle(f"Does attention point at what matters? {table['clips'].iloc[0]} validation clips", fontsize=12)
    return figure


def _verdict(rows: pd.DataFrame) -> str:
    """Two lines about one axis where a quarter of it is removed: the conclusion, and the accuracies behind it."""
    quarter = quarters(rows).iloc[0]
    axis, removed, most, random = (quarter[name] for name in ("axis", "removed", "most_attended", "random"))
    # Standard error of a difference of two proportions; the same clips are in both, so it is a cautious one.
    error = math.sqrt((most * (1 - most) + random * (1 - random)) / quarter["clips"])
    # With few clips both accuracies may be 0 or 1, and the error estimate is 0 then.
    if quarter["clips"] < MIN_CLIPS or abs(random - most) <= STANDARD_ERRORS * error:
        conclusion = f"Not shown that the most attended {axis} matter more than random ones."
    elif random > most:
        conclusion = f"Yes: the most attended {axis} matter more than random ones."
    else:
        conclusion = f"No: the most attended {axis} matter less than random ones."
    before = rows["most_attended"].iloc[0]
    after = f"without {removed} of them {most:.2f}, without {removed} random ones {random:.2f}"
    return f"{conclusion}\nAccuracy: {before:.2f}; {after}."
