"""Figures of what the attention layers look at, from their statistics by class."""

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure

from hand_gestures.evaluation.faithfulness import quarters
from hand_gestures.reporting.plot_style import ROW, TALLEST, name_rows, readable
from hand_gestures.reporting.training_plots import BLUE, GREY, ORANGE, sentence, tidy
from hand_gestures.utils.rules import ALL_CLASSES

LESS_TO_MORE = LinearSegmentedColormap.from_list("less to more", [BLUE, "#f7f7f7", ORANGE])
FAR = 30  # rows, from the first to names beneath the last
REACHES = (1.25, 1.5, 2, 3, 4)  # of the colours: so many times the equal weight, or such a part of it


def channel_attention(statistics: pd.DataFrame) -> Figure:
    """Mean weight of each channel over all classes with its range, and how many clips have it as their highest or
    lowest."""
    overall = _overall(statistics)
    return _bars(overall, list(overall["channel"]), "Channel attention", "clips")


def frame_attention(statistics: pd.DataFrame) -> Figure:
    """Mean weight of each frame over all classes with its range, and how many channels of clips have it as their
    highest or lowest."""
    overall = _overall(statistics)
    return _bars(overall, list(map(str, overall["frame"])), "Sequence attention by frame", "channels of clips")


def channel_map(statistics: pd.DataFrame) -> Figure:
    """Mean weight of each channel (columns) in each class and over all classes (rows), as a colour."""
    means = statistics.pivot_table(index="class_name", columns="channel", values="mean", sort=False)
    names = list(map(readable, means.columns))
    figure, edges = _map(means)
    for edge, end in zip(edges, ("right", "left"), strict=False):
        edge.set_xticks(range(len(names)), names, rotation=45, ha=end, rotation_mode="anchor")
    figure.suptitle(f"Channel attention by class: {_most(means)}", fontsize=12)
    return figure


def frame_map(statistics: pd.DataFrame) -> Figure:
    """Mean weight of each frame (columns) in each class and over all classes (rows), as a colour."""
    means = statistics.pivot_table(index="class_name", columns="frame", values="mean", sort=False)
    figure, edges = _map(means)
    for edge in edges:
        edge.set_xticks(range(0, means.shape[1], max(1, means.shape[1] // 16)))
        edge.set_xlabel("frame")
    figure.suptitle(f"Sequence attention by class: {_most(means, 'frame ')}", fontsize=12)
    return figure


def _overall(statistics: pd.DataFrame) -> pd.DataFrame:
    return statistics[statistics["class_name"] == ALL_CLASSES]


def _most(means: pd.DataFrame, what: str = "") -> str:
    """What has the highest weight over all classes, and how high it is."""
    overall = means.loc[ALL_CLASSES]
    times = f"{overall.max() * len(overall):.2f}"
    if times == "1.00":
        return "over all, weights are equal"
    return f"over all, {what}{readable(overall.idxmax())} has {times} times the equal weight"


def _map(means: pd.DataFrame) -> tuple[Figure, list[Any]]:
    """A row for each class, the last for all of them; colours tell how far a weight is from the equal one, the same way
    upwards and downwards. Also: where the columns are to be named, beneath them and, of many rows, above them too."""
    classes, places = means.shape
    multiples = means.to_numpy() * places
    farthest = max(multiples.max(), 1 / max(multiples.min(), 1e-9))
    reach = next((reach for reach in REACHES if reach >= farthest), REACHES[-1])
    height = min(ROW * classes, TALLEST)
    figure = Figure(figsize=(9, 2.4 + height), layout="constrained")
    axes, scale = figure.subplots(2, 1, height_ratios=[height, 0.15])
    colours = axes.imshow(
        multiples, LESS_TO_MORE, LogNorm(1 / reach, reach), aspect="auto", interpolation="none", resample=False
    )
    axes.axhline(classes - 1.5, color="white", linewidth=4)
    name_rows(axes, np.arange(classes), ["all classes" if name == ALL_CLASSES else name for name in means.index])
    axes.set_ylim(classes - 0.5, -0.5)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    steps = [step for step in REACHES if reach**0.25 < step <= reach]
    ticks = {1 / step: f"1/{step:g}" for step in steps} | {1: "1"} | {step: f"{step:g}" for step in steps}
    beyond = "both" if farthest > reach else "neither"
    bar = figure.colorbar(colours, cax=scale, orientation="horizontal", extend=beyond)
    bar.set_ticks(list(ticks), labels=list(ticks.values()), minor=False)
    bar.minorticks_off()
    bar.outline.set_visible(False)
    bar.set_label(f"mean weight, times the equal weight 1/{places} = {1 / places:.3f}")
    return figure, [axes, _upper_edge(axes)] if classes > FAR else [axes]


def _upper_edge(axes: Axes) -> Any:
    edge = axes.secondary_xaxis("top")
    edge.spines[:].set_visible(False)
    edge.tick_params(length=0)
    return edge


def _bars(statistics: pd.DataFrame, names: list[str], title: str, counted: str) -> Figure:
    figure = Figure(figsize=(11, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    places = np.arange(len(names))
    upper.bar(places, statistics["mean"], color=BLUE, label="mean")
    reach = np.abs(statistics[["lowest", "highest"]].to_numpy().T - statistics["mean"].to_numpy())
    upper.errorbar(
        places, statistics["mean"], reach, fmt="none", ecolor=GREY, capsize=2, linewidth=1, label="lowest to highest"
    )
    upper.axhline(1 / len(names), color=ORANGE, linewidth=1.2, label="equal weights")
    upper.set_ylabel("weight")
    upper.legend(frameon=False, fontsize=9)
    lower.bar(places - 0.2, statistics["times_highest"], 0.4, color=BLUE, label="highest")
    lower.bar(places + 0.2, statistics["times_lowest"], 0.4, color=GREY, label="lowest")
    lower.set_ylabel(counted)
    long_names = max(map(len, names)) > 3
    lower.set_xticks(places, names, rotation=45 if long_names else 0, ha="right" if long_names else "center")
    lower.legend(frameon=False, fontsize=9, title="times the")
    for axes in (upper, lower):
        tidy(axes)
    figure.suptitle(title)
    return figure


LINES = {
    "most_attended": ("most attended", ORANGE),
    "random": ("random (band: lowest to highest draw)", GREY),
    "least_attended": ("least attended", BLUE),
}
ERRORS = 2  # standard errors that a difference must exceed to be more than chance


def deletion_curves(table: pd.DataFrame) -> Figure:
    """Accuracy by the share of frames, and of channels, that is removed; `table` is that of `measure_faithfulness`.
    Where nothing was measured, a figure that says so."""
    if table.empty:
        return sentence("Faithfulness of attention was not measured (evaluation.faithfulness_clips is 0).")
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    panels = figure.subplots(1, table["axis"].nunique(), sharey=True, squeeze=False)[0]
    for axes, (axis, rows) in zip(panels, table.groupby("axis", sort=False), strict=True):
        length = round((rows["removed"] / rows["share"]).max())
        for column, (name, colour) in LINES.items():
            axes.plot(rows["removed"], rows[column], "o-", color=colour, linewidth=2, markersize=5, label=name)
        axes.fill_between(rows["removed"], rows["random_lowest"], rows["random_highest"], color=GREY, alpha=0.25)
        axes.set(xlabel=f"{axis} removed, of {length}", ylabel="accuracy", ylim=(0, 1.02))
        axes.set_xticks(rows["removed"])
        axes.set_title(verdict(rows), fontsize=9.5)
        tidy(axes)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, frameon=False, ncols=3, loc="outside lower center", fontsize=9, title="removed are the"
    )
    figure.suptitle(f"Does attention point at what matters? {table['clips'].iloc[0]} validation clips", fontsize=12)
    return figure


def verdict(rows: pd.DataFrame) -> str:
    """What the rows of one axis say, where a quarter of it is removed: two sentences, a line each."""
    axis, removed, clips = rows["axis"].iloc[0], int(quarters(rows)["removed"].iloc[0]), int(rows["clips"].iloc[0])
    most, random = (float(quarters(rows)[column].iloc[0]) for column in ("most_attended", "random"))
    chance = ERRORS * math.sqrt((most * (1 - most) + random * (1 - random)) / clips)
    if random - most > chance:
        said = f"Yes: the most attended {axis} matter more than random ones."
    elif most - random > chance:
        said = f"No: the most attended {axis} matter less than random ones."
    else:
        said = f"Not shown that the most attended {axis} matter more than random ones."
    whole = rows["most_attended"].iloc[0]
    lost = f"without {removed} of them {most:.2f}, without {removed} random ones {random:.2f}"
    return f"{said}\nAccuracy: {whole:.2f}; {lost}."
