"""Figures of a data set: how long its clips are and how its classes stand on the sides of the split."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hand_gestures.reporting.figures import BLUE, GREY, ORANGE, SIDE_COLOURS, readable, tidy


def clip_lengths(sequences: pd.DataFrame, frames_per_clip: int) -> Figure:
    """Frames of each video by class, and the length below which a clip repeats its last frame."""
    by_class = {str(name): clips["available"].to_numpy() for name, clips in sequences.groupby("class_name")}
    figure = Figure(figsize=(9, 1.5 + 0.32 * len(by_class)), layout="constrained")
    axes = figure.subplots()
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
    axes.set_yticks(np.arange(1, len(by_class) + 1), list(map(readable, by_class)))
    axes.invert_yaxis()
    axes.set(xlabel=f"frames of a video (line: a clip's {frames_per_clip})", xlim=(0, None))
    short = (sequences["available"] < frames_per_clip).sum()
    axes.set_title(f"{len(sequences)} videos, {short} shorter than a clip", fontsize=12)
    tidy(axes)
    return figure


def class_balance(split: pd.DataFrame) -> Figure:
    """Clips of each class on each side of the split."""
    counts = pd.crosstab(split["class_name"], split["side"])
    sides = [side for side in SIDE_COLOURS if side in counts]
    figure = Figure(figsize=(9, 1.7 + 0.32 * len(counts)), layout="constrained")
    axes = figure.subplots()
    places, start = np.arange(len(counts)), np.zeros(len(counts))
    for side in sides:
        axes.barh(
            places, counts[side], left=start, color=SIDE_COLOURS[side], label=f"{readable(side)}, {counts[side].sum()}"
        )
        for place, count in enumerate(counts[side]):
            if count:
                colour = "#1c2733" if side == "left_out" else "white"
                axes.text(start[place] + count / 2, place, count, ha="center", va="center", fontsize=8, color=colour)
        start += counts[side].to_numpy()
    axes.set_yticks(places, list(map(readable, counts.index)))
    axes.invert_yaxis()
    axes.set_xlabel("clips")
    axes.legend(frameon=False, ncols=len(sides), loc="lower right", bbox_to_anchor=(1, 1), fontsize=9)
    groups = ", ".join(f"{split.loc[split['side'] == side, 'group'].nunique()} {readable(side)}" for side in sides)
    axes.set_title(f"Groups: {groups}", fontsize=12, loc="left")
    tidy(axes)
    return figure
