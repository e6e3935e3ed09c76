"""Plots of a data set: the length of its videos, and the clips of each class in each split."""

import numpy as np
import pandas as pd
from matplotlib.artist import setp
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hand_gestures.reporting import plot_style as style
from hand_gestures.reporting.run_summary import readable
from hand_gestures.utils.rules import groups_known, pluralise

MIN_NUMBERED_SHARE = 0.025  # of the longest bar; a number does not fit into a shorter segment


def clip_lengths(sequences: pd.DataFrame, frames_per_clip: int) -> Figure:
    """Number of frames per video in each class, with a line at the length of a clip.

    Args:
        sequences: one row per clip with `class_name` and `available`, the number of frames of its video.
        frames_per_clip: a shorter video repeats its last frame.

    Returns:
        One box per class; of more than `MAX_ROWS` classes, for those with the shortest videos.
    """
    medians = sequences.groupby("class_name")["available"].median()
    shown = medians.nsmallest(style.MAX_ROWS).index
    drawn = sequences[sequences["class_name"].isin(shown)]
    by_class = {str(name): clips["available"].to_numpy() for name, clips in drawn.groupby("class_name")}
    figure, axes = style.row_plot(len(by_class))
    boxes = axes.boxplot(
        list(by_class.values()), orientation="horizontal", positions=np.arange(len(by_class)), widths=0.5
    )
    for part in ("boxes", "whiskers", "caps"):
        setp(boxes[part], color=style.GREY)
    setp(boxes["medians"], color=style.BLUE, linewidth=2)
    setp(boxes["fliers"], marker=".", markersize=4, markeredgecolor=style.GREY)
    axes.axvline(frames_per_clip, color=style.ORANGE, linewidth=1.5)
    style.label_rows(axes, list(by_class))
    axes.set(xlabel=f"frames per video; the line is the length of a clip, {frames_per_clip}", xlim=(0, None))
    shorter = (sequences["available"] < frames_per_clip).sum()
    selection = _selection(len(shown), len(medians), "the shortest videos")
    axes.set_title(f"{len(sequences)} videos, {shorter} shorter than a clip{selection}", fontsize=12)
    style.tidy(axes)
    return figure


def class_balance(split: pd.DataFrame) -> Figure:
    """Number of clips of each class in each split.

    Args:
        split: one row per clip with `sequence_id`, `class_name`, `group` and `side` (train, val, test or left_out).

    Returns:
        One bar per class with a segment for each split; of more than `MAX_ROWS` classes, for those with the fewest
        clips.
    """
    sizes = split["class_name"].value_counts().sort_index()
    shown = sizes.nsmallest(style.MAX_ROWS).index
    drawn = split[split["class_name"].isin(shown)]
    counts = pd.crosstab(drawn["class_name"], drawn["side"])
    min_numbered = MIN_NUMBERED_SHARE * counts.sum(axis=1).max()
    # For the whole table: one split alone may have one clip per group.
    known = groups_known(split["sequence_id"], split["group"])
    figure, axes = style.row_plot(len(counts))
    rows, start = np.arange(len(counts)), np.zeros(len(counts))
    for side, colour in style.SPLIT_COLOURS.items():
        if side not in counts:
            continue
        label = _split_label(split[split["side"] == side], side, known)
        bars = axes.barh(rows, counts[side], left=start, color=colour, label=label)
        numbers = [str(count) if count >= min_numbered else "" for count in counts[side]]
        # The segment of left-out clips is too pale for white numbers.
        ink = style.INK if side == "left_out" else "white"
        axes.bar_label(bars, numbers, label_type="center", fontsize=0.8 * style.font_size(len(counts)), color=ink)
        start += counts[side].to_numpy()
    style.label_rows(axes, list(counts.index))
    axes.set_xlabel("clips")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(frameon=False, ncols=len(style.SPLIT_COLOURS), loc="outside lower center", fontsize=9)
    selection = _selection(len(shown), len(sizes), "the fewest clips")
    axes.set_title(f"{len(split)} clips of {len(sizes)} classes{selection}", fontsize=12)
    style.tidy(axes)
    return figure


def _selection(shown: int, available: int, what: str) -> str:
    return f"; the {shown} classes with {what}" if shown < available else ""


def _split_label(clips: pd.DataFrame, side: str, known: bool) -> str:
    """`"val: 48 clips of 6 groups"`; without known groups, only the number of clips."""
    groups = f" of {pluralise(clips['group'].nunique(), 'group')}" if known else ""
    return f"{readable(side)}: {pluralise(len(clips), 'clip')}{groups}"
