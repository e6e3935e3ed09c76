"""What each variant of a comparison reaches: a row each, a dot a seed."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hand_gestures.reporting.figures import BLUE, GREY, INK, ORANGE, tidy
from hand_gestures.reporting.rows import name_rows, rows


def variant_accuracy(trials: pd.DataFrame) -> Figure:
    """Accuracy of each seed (dots) and their mean (line) of each variant, in the order of the table, which is that of
    `tabulate_trials`; random splits in another colour, the first variant's mean across all rows."""
    names = list(trials["variant"].unique())
    figure, axes = rows(len(names))
    means = trials.groupby("variant", sort=False)["accuracy"].mean()
    random_split = trials.groupby("variant", sort=False)["split"].first() == "random"
    axes.axvline(means.iloc[0], color=GREY, linestyle="--", linewidth=1)
    for place, name in enumerate(names):
        colour = ORANGE if random_split[name] else BLUE
        accuracies = trials.loc[trials["variant"] == name, "accuracy"]
        axes.plot([means[name]] * 2, [place - 0.32, place + 0.32], color=INK, linewidth=2, zorder=3)
        axes.plot(
            accuracies,
            np.full(len(accuracies), place),
            "o",
            color=colour,
            alpha=0.6,
            markersize=7,
            markeredgewidth=0,
            clip_on=False,
        )
        axes.text(1.02, place, f"{means[name]:.3f}", va="center", fontsize=9, color=INK)
    name_rows(axes, np.arange(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set(xlim=(0, 1.005), xlabel=f"validation accuracy (dot: a seed; bar: their mean; line: {names[0]})")
    axes.set_xticks(np.linspace(0, 1, 6))
    if random_split.any():
        axes.plot([], [], "o", color=ORANGE, alpha=0.6, label="random split: clips of a group on both sides")
        figure.legend(frameon=False, loc="outside lower center", fontsize=9)
    tidy(axes)
    axes.set_title("Accuracy of each variant", fontsize=12)
    return figure
