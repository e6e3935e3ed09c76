"""Figures of a data set: how long its clips are and how its classes stand on the sides of the split."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hand_gestures.reporting.plot_style import font_size, name_rows, readable, rows
from hand_gestures.reporting.training_plots import BLUE, GREY, ORANGE, SIDE_COLOURS, tidy
from hand_gestures.utils.rules import pluralise

NUMBERED = 0.025  # of the longest bar: shorter parts have no room for their number


def clip_lengths(sequences: pd.DataFrame, frames_per_clip: int) -> Figure:
    """Frames of each video by class, and the length below which a clip repeats its last frame."""
    by_class = {str(name): clips["available"].to_numpy() for name, clips in sequences.groupby("class_name")}
    figure, axes = rows(len(by_class))
    axes.boxplot(
        list(by_class.values()),
        orientation="horizontal",
        widths=0.5,
        medianprops={"color": BLUE, "linewidth": 2},
        flierprops={"marker": ".", "markersize": 4, "markeredgecolor": GREY},
        boxprops={"color": GREY},
        whiskerprops={"color": GREY},
        capprops={"color": GREY},
    )
    axes.axvline(frames_per_clip, color=ORANGE, linewidth=1.5)
    name_rows(axes, np.arange(1, len(by_class) + 1), by_class)
    axes.set(xlabel=f"frames of a video; the line is the length of a clip, {frames_per_clip}", xlim=(0, None))
    short = (sequences["available"] < frames_per_clip).sum()
    axes.set_title(f"{len(sequences)} videos, {short} shorter than a clip", fontsize=12)
    tidy(axes)
    return figure


def class_balance(split: pd.DataFrame) -> Figure:
    """Clips of each class on each side of the split."""
    counts = pd.crosstab(split["class_name"], split["side"])
    most = counts.sum(axis=1).max()
    sides = [side for side in SIDE_COLOURS if side in counts]
    figure, axes = rows(len(counts))
    places, start = np.arange(len(counts)), np.zeros(len(counts))
    for side in sides:
        bars = axes.barh(places, counts[side], left=start, color=SIDE_COLOURS[side], label=_side_label(split, side))
        numbers = [str(count) if count >= NUMBERED * most else "" for count in counts[side]]
        ink = "#1c2733" if side == "left_out" else "white"
        axes.bar_label(bars, numbers, label_type="center", fontsize=0.8 * font_size(len(counts)), color=ink)
        start += counts[side].to_numpy()
    name_rows(axes, places, counts.index)
    axes.set_xlabel("clips")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(frameon=False, ncols=len(sides), loc="outside lower center", fontsize=9)
    axes.set_title(f"{len(split)} clips of {len(counts)} classes", fontsize=12)
    tidy(axes)
    return figure


def _side_label(split: pd.DataFrame, side: str) -> str:
    """`"val: 48 clips of 6 groups"`; where every clip is a group of its own, only its clips."""
    clips = split[split["side"] == side]
    of_groups = (
        "" if (split["group"] == split["sequence_id"]).all() else f" of {pluralise(clips['group'].nunique(), 'group')}"
    )
    return f"{readable(side)}: {pluralise(len(clips), 'clip')}{of_groups}"
