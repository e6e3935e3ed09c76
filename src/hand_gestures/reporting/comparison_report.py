"""The page of a comparison: what it says in sentences, in a figure and in a table."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hand_gestures.comparison.variants import NEAREST_NEIGHBOUR, RANDOM
from hand_gestures.reporting.html import Cell, Notes, Section, Table, render_report
from hand_gestures.reporting.html import Figure as Picture
from hand_gestures.reporting.plot_style import name_rows, readable, rows
from hand_gestures.reporting.training_plots import BLUE, GREY, INK, ORANGE, tidy
from hand_gestures.utils.rules import pluralise

CAVEATS = (
    "Each training chose its best epoch on the validation clips that it is measured on, so accuracies are rather too "
    "good; all variants have the same advantage.",
    "All variants train with the same settings, which were chosen for none of the others.",
    "A difference is that of the mean over seeds on the same clips; its interval says how it would differ for other "
    "groups of clips, not for other seeds.",
    "Times of training are those of this machine, whatever else it did meanwhile.",
)


def comparison_page(table: pd.DataFrame, classes: int, level: float, notice: str | None, figure: Path) -> str:
    """The page of one comparison.

    Args:
        table: as `compare_variants` gives it.
        classes: that there are.
        level: of the intervals.
        notice: what else must be said of the figures.
        figure: of `variant_accuracy`.
    """
    first = table.iloc[0]
    lead = (
        f"{pluralise(len(table), 'variant')} on the same embeddings, beside {readable(first['variant'])}: accuracy "
        f"{first['accuracy']:.3f} over {pluralise(int(first['seeds']), 'seed')}."
    )
    caption = (
        "Validation clips. Spread: standard deviation over seeds. Difference: of the mean accuracy from the first "
        f"row's on the same clips, with its {level:.0%} interval over groups"
    )
    caveats = [*([notice] if notice else []), *CAVEATS]
    columns = ["instead", "what comes of it", "difference", "interval"]
    said = f"What comes of other networks and inputs, as difference in accuracy with its {level:.0%} interval"
    sections = [
        Section(
            "What it says",
            [Table(columns, findings(table, classes), said), Notes(caveats, "How far to trust it")],
        ),
        Section("Accuracy", [Picture(figure, "Accuracy of each variant."), Table(*_cells(table), caption)]),
    ]
    return render_report("Model comparison", lead, sections)


def findings(table: pd.DataFrame, classes: int) -> list[list[Cell]]:
    """What the table says, as rows of: what is tried instead of the first network, what comes of it, the difference in
    accuracy and its interval. Whether the first network earns its cost, which inputs matter, what a leak would give."""
    rows = table.set_index("variant")
    first = rows.iloc[0]
    name = str(first.name)
    on_same = rows[rows["difference"].notna()].drop(index=NEAREST_NEIGHBOUR, errors="ignore")
    fewer = on_same.index.str.startswith((f"{name} without ", f"{name} on "))
    others, inputs = on_same[~fewer], on_same[fewer].sort_values("difference")
    found = [(str(row.name), _verdict(row) + _cost(first, row), *_difference(row)) for _, row in others.iterrows()]
    found += [(str(row.name), _verdict(row), *_difference(row)) for _, row in inputs.iterrows()]
    found += _leaks(dict(zip(table["variant"], table["accuracy"], strict=True)), name, classes)
    return [[readable(asked), *answer] for asked, *answer in found]


def _verdict(row: pd.Series) -> str:
    if row["difference_high"] < 0:
        return "worse"
    return "better" if row["difference_low"] > 0 else "no difference shown"


def _cost(first: pd.Series, other: pd.Series) -> str:
    said = f", with {other['parameters'] / first['parameters']:.2f} of the parameters"
    if pd.notna(first["seconds"]) and pd.notna(other["seconds"]):
        said += f" and {other['seconds'] / first['seconds']:.2f} of the time of training"
    return said


def _difference(row: pd.Series) -> tuple[Cell, Cell]:
    """With its interval; there is none where all groups have the same."""
    low, high = row["difference_low"], row["difference_high"]
    return row["difference"], (low, high) if pd.notna(low) else None


def _leaks(accuracy: dict[str, float], name: str, classes: int) -> list[tuple[str, str, Cell, Cell]]:
    found: list[tuple[str, str, Cell, Cell]] = []
    if NEAREST_NEIGHBOUR in accuracy:
        said = f"accuracy {accuracy[NEAREST_NEIGHBOUR]:.3f}, by chance {1 / classes:.3f}"
        if NEAREST_NEIGHBOUR + RANDOM in accuracy:
            said += f"; {accuracy[NEAREST_NEIGHBOUR + RANDOM]:.3f} where groups stand on both sides"
        found.append(("averaged pixels alone", f"{said}: above chance it is room, clothes or light", None, None))
    for variant in accuracy:
        fair = variant.removesuffix(RANDOM)
        if variant.startswith(name) and fair != variant:
            flattered = accuracy[variant] - accuracy[fair]
            found.append((variant, f"{accuracy[variant]:.3f} beside {accuracy[fair]:.3f} grouped", flattered, None))
    return found


def _cells(table: pd.DataFrame) -> tuple[list[str], list[list[Cell]]]:
    """Columns and rows of what tells most; the interval is one cell."""
    ends = zip(table["difference_low"], table["difference_high"], strict=True)
    sets = [name for name in table.columns if name.startswith("accuracy_") and name != "accuracy_spread"]
    whole = {name: table[name].round().astype("Int64") for name in ("seconds", "parameters")}
    shown = table.assign(
        **whole,
        variant=table["variant"].map(readable),
        interval=pd.Series([(low, high) if pd.notna(low) else None for low, high in ends], dtype=object),
    )
    columns = ["variant", "accuracy", "accuracy_spread", "difference", "interval", *sets, "loss", "seconds"]
    shown = shown[[*columns, "parameters"]].rename(columns={"accuracy_spread": "spread"})
    cells = shown.astype(object).where(shown.notna(), None).to_numpy().tolist()
    return list(map(readable, shown.columns)), cells


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
