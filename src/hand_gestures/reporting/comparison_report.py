"""The page and the plot of a model comparison."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from hand_gestures.comparison.table import MIN_GROUPS, MIN_SEEDS, PERHAPS, TOO_LITTLE_DATA
from hand_gestures.comparison.variants import NEAREST_NEIGHBOUR, RANDOM
from hand_gestures.reporting import plot_style as style
from hand_gestures.reporting.html import render, text_table
from hand_gestures.reporting.run_summary import readable
from hand_gestures.utils.rules import MIN_CLIPS, pluralise


def comparison_page(table: pd.DataFrame, classes: int, level: float, notice: str | None, figure: Path) -> str:
    """The page of one comparison.

    Args:
        table: one row per variant, as `comparison.table.compare_variants` returns it.
        classes: number of classes.
        level: confidence level of the intervals.
        notice: a sentence for the caveats, such as that of the demo.
        figure: file of the plot that `variant_accuracy` draws.

    Returns:
        HTML with the plot inside.
    """
    return render(
        "comparison.html",
        first=table.iloc[0],
        table=_shown_columns(table),
        findings=findings(table, classes),
        chance=1 / classes,
        level=f"{level:.0%}",
        caveats=([notice] if notice else []) + caveats(table, classes),
        plot=figure,
    )


def findings(table: pd.DataFrame, classes: int) -> pd.DataFrame:
    """What the table says: is the first network worth its cost, which inputs matter, what would a leak give?

    Args:
        table: as for `comparison_page`.
        classes: number of classes.

    Returns:
        `instead` (of the first variant), `result` in words, `difference` in accuracy and its `interval`; other networks
        in the order of the table, then fewer inputs with the most harmful first, then leaks.
    """
    rows = table.set_index("variant")
    first = rows.iloc[0]
    name = str(first.name)
    # Pixels are no network, and a random split has other clips: neither has a difference on the same clips.
    comparable = rows[rows["difference"].notna()].drop(index=NEAREST_NEIGHBOUR, errors="ignore")
    fewer = comparable.index.str.startswith((f"{name} without ", f"{name} on "))
    networks, inputs = comparable[~fewer], comparable[fewer].sort_values("difference")
    compared = [(variant, row, _cost(first, row)) for variant, row in networks.iterrows()]
    compared += [(variant, row, "") for variant, row in inputs.iterrows()]
    found = [(variant, row["verdict"] + cost, row["difference"], _interval(row)) for variant, row, cost in compared]
    found += _leaks(dict(zip(table["variant"], table["accuracy"], strict=True)), name, classes)
    return text_table(["instead", "result", "difference", "interval"], [(readable(row[0]), *row[1:]) for row in found])


def caveats(table: pd.DataFrame, classes: int) -> list[str]:
    """Sentences on how far a comparison can be trusted.

    Args:
        table: as for `comparison_page`.
        classes: number of classes.

    Returns:
        Sentences, the most important first.
    """
    first, verdicts = table.iloc[0], table["verdict"].dropna().astype(str)
    sentences = []
    if (verdicts == TOO_LITTLE_DATA).any():
        groups = f" of {pluralise(int(first['groups']), 'group')}" if pd.notna(first["groups"]) else ""
        sentences.append(
            f"A comparison needs at least {MIN_CLIPS} clips, {MIN_GROUPS} groups where they are known, and {MIN_SEEDS} "
            f"seeds for each network; here are {pluralise(int(first['clips']), 'clip')}{groups} and "
            f"{pluralise(int(first['seeds']), 'seed')}."
        )
    if verdicts.str.startswith(PERHAPS).any():
        sentences.append(
            f'"{PERHAPS.strip().capitalize()}": the interval of this difference does not contain 0, but such intervals '
            f"occur by chance among {len(verdicts)} differences: at the level that all of them need together "
            "(Bonferroni) it contains 0."
        )
    if table["accuracy"].max() > 1 / classes:
        sentences.append(
            "Each training chose its best epoch on the validation clips that measure it, so accuracies are slightly "
            "too good; all variants have the same advantage."
        )
    return [
        *sentences,
        "All variants train with the same settings, which were not tuned for the other variants.",
        "A difference is that of the mean over seeds on the same clips; its interval covers other groups of clips, not "
        "other seeds.",
        "Training times are those of this machine, and other programs may have run at the same time.",
    ]


def _cost(first: pd.Series, other: pd.Series) -> str:
    text = f", with {other['parameters'] / first['parameters']:.2f} of the parameters"
    if pd.notna(first["seconds"]) and pd.notna(other["seconds"]):
        text += f" and {other['seconds'] / first['seconds']:.2f} of the training time"
    return text


def _interval(row: pd.Series) -> tuple[float, float] | None:
    """Ends of the interval; None where all groups have the same difference."""
    return (row["difference_low"], row["difference_high"]) if pd.notna(row["difference_low"]) else None


def _leaks(accuracy: dict[str, float], name: str, classes: int) -> list[tuple]:
    """What the background alone gives, and what clips of a group in two splits would give."""
    found: list[tuple] = []
    if NEAREST_NEIGHBOUR in accuracy:
        text = f"accuracy {accuracy[NEAREST_NEIGHBOUR]:.3f}, by chance {1 / classes:.3f}"
        if NEAREST_NEIGHBOUR + RANDOM in accuracy:
            text += f"; {accuracy[NEAREST_NEIGHBOUR + RANDOM]:.3f} if groups have clips in both splits"
        above = max(accuracy[NEAREST_NEIGHBOUR], accuracy.get(NEAREST_NEIGHBOUR + RANDOM, 0.0)) > 1 / classes
        ending = ": above chance it is room, clothes or light" if above else ""
        found.append(("averaged pixels alone", text + ending, None, None))
    # The same variant on a random split: how much leaking groups would flatter it.
    for variant, leaked in accuracy.items():
        fair = variant.removesuffix(RANDOM)
        if variant.startswith(name) and fair != variant:
            text = f"{leaked:.3f} compared with {accuracy[fair]:.3f} grouped"
            found.append((variant, text, leaked - accuracy[fair], None))
    return found


def _shown_columns(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that matter most to a reader; the interval becomes one cell."""
    class_sets = [name for name in table.columns if name.startswith("accuracy_") and name != "accuracy_spread"]
    columns = ["variant", "accuracy", "spread", "difference", "interval", *class_sets, "loss", "seconds", "parameters"]
    whole = {name: table[name].round().astype("Int64") for name in ("seconds", "parameters")}
    intervals = [_interval(row) for _, row in table.iterrows()]
    whole["interval"] = pd.Series(intervals, table.index, object)
    shown = table.assign(variant=table["variant"].map(readable), **whole)
    return shown.rename(columns={"accuracy_spread": "spread"})[columns]


def variant_accuracy(trials: pd.DataFrame) -> Figure:
    """Accuracy of each variant: a dot per seed and a bar at their mean; random splits have another colour.

    Args:
        trials: one row per training, as `comparison.table.tabulate_trials` returns it.

    Returns:
        One row per variant in the order of the table, with a line at the first variant's mean.
    """
    rows, names = pd.factorize(trials["variant"])
    is_random = trials["split"].to_numpy() == "random"
    means = trials.groupby(rows)["accuracy"].mean()
    figure, axes = style.row_plot(len(names))
    axes.axvline(means[0], color=style.GREY, linestyle="--", linewidth=1)
    for row, mean in enumerate(means):
        axes.vlines(mean, row - 0.32, row + 0.32, color=style.INK, linewidth=2, zorder=3)
        axes.text(1.02, row, f"{mean:.3f}", va="center", fontsize=9, color=style.INK)
    for row in range(len(names)):
        seeds, colour = rows == row, style.ORANGE if is_random[rows == row].any() else style.BLUE
        # Without clipping dots at 1.0 are drawn whole.
        (dots,) = axes.plot(trials["accuracy"][seeds], rows[seeds], "o", color=colour, alpha=0.6, markersize=7)
        dots.set(markeredgewidth=0, clip_on=False)
    style.label_rows(axes, list(names))
    style.accuracy_axis(axes, f"validation accuracy (dot: a seed; bar: their mean; line: {names[0]})")
    if is_random.any():
        label = "random split: a group may have clips in both splits"
        axes.plot([], [], "o", color=style.ORANGE, alpha=0.6, label=label)
        figure.legend(frameon=False, loc="outside lower center", fontsize=9)
    axes.set_title("Accuracy of each variant", fontsize=12)
    return figure
