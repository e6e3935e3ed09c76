"""How accuracy falls when what is attended is taken away: the figure, and what it says in a sentence."""

import math

import pandas as pd
from matplotlib.figure import Figure

from hand_gestures.reporting.figures import BLUE, GREY, ORANGE, sentence, tidy
from hand_gestures.training.faithfulness import quarters

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
