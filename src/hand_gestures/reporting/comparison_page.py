"""The page of a comparison: what it says in sentences, in a figure and in a table."""

from pathlib import Path

import pandas as pd

from hand_gestures.reporting.html_report import Cell, Figure, Notes, Section, Table, render_report
from hand_gestures.reporting.rows import readable
from hand_gestures.reporting.wording import many

CAVEATS = (
    "Each training chose its best epoch on the validation clips that it is measured on, so accuracies are rather too "
    "good; all variants have the same advantage.",
    "All variants train with the same settings, which were chosen for none of the others.",
    "A difference is that of the mean over seeds on the same clips; its interval says how it would differ for other "
    "groups of clips, not for other seeds.",
)
PIXELS = "nearest_neighbour"


def comparison_page(table: pd.DataFrame, classes: int, level: float, figure: Path) -> str:
    """The page of one comparison.

    Args:
        table: as `compare_variants` gives it.
        classes: that there are.
        level: of the intervals.
        figure: of `variant_accuracy`.
    """
    columns, rows = _rows(table)
    first = table.iloc[0]
    lead = (
        f"{many(len(table), 'variant')} on the same embeddings; what the others are compared with is "
        f"{first['variant']}, accuracy {first['accuracy']:.3f} over {many(int(first['seeds']), 'seed')}."
    )
    caption = (
        "Validation clips. Spread: standard deviation over seeds. Difference: of the mean accuracy from the first "
        f"row's on the same clips, with its {level:.0%} interval over groups"
    )
    sections = [
        Section("What it says", [Notes(findings(table, classes))]),
        Section("Accuracy", [Figure(figure, "Accuracy of each variant."), Table(columns, rows, caption)]),
        Section("How far to trust it", [Notes(CAVEATS)]),
    ]
    return render_report("Model comparison", lead, sections)


def findings(table: pd.DataFrame, classes: int) -> list[str]:
    """What the table says: whether the first network earns its cost, which inputs matter, what a leak would give."""
    rows = table.set_index("variant")
    first = rows.iloc[0]
    name = str(rows.index[0])
    on_same = rows[rows["difference"].notna()]
    ablated = on_same[on_same.index.str.startswith((f"{name} without ", f"{name} on "))]
    others = on_same.drop(index=[*ablated.index, *(on_same.index.intersection([PIXELS]))])
    said = [_against(name, first, str(row.name), row) for _, row in others.iterrows()]
    said += [_without(str(row.name), row) for _, row in ablated.sort_values("difference").iterrows()]
    return said + _leaks(rows, name, classes)


def _against(name: str, first: pd.Series, other: str, row: pd.Series) -> str:
    said = _difference(-row["difference"], -row["difference_high"], -row["difference_low"])
    cost = f"{name} has {first['parameters'] / row['parameters']:.1f} times its parameters"
    if first["seconds"] == first["seconds"] and row["seconds"] == row["seconds"]:
        cost += f" and takes {first['seconds'] / row['seconds']:.1f} times as long to train"
    if -row["difference_high"] > 0:
        return f"{name} is better than {other}: {said}; {cost}."
    if -row["difference_low"] < 0:
        return f"{name} is worse than {other}: {said}; {cost}."
    return f"Not shown that {name} is better than {other}: {said}; {cost}."


def _without(variant: str, row: pd.Series) -> str:
    said = _difference(row["difference"], row["difference_low"], row["difference_high"])
    if row["difference_high"] < 0:
        return f"{variant} is worse: {said}."
    if row["difference_low"] > 0:
        return f"{variant} is better: {said}."
    return f"{variant} shows no difference that is more than chance: {said}."


def _leaks(rows: pd.DataFrame, name: str, classes: int) -> list[str]:
    said = []
    if PIXELS in rows.index:
        pixels = f"Averaged pixels alone give {rows.loc[PIXELS, 'accuracy']:.3f} (chance: {1 / classes:.3f})"
        by_chance = f"{PIXELS}, random split"
        if by_chance in rows.index:
            pixels += f", and {rows.loc[by_chance, 'accuracy']:.3f} where groups stand on both sides"
        said.append(f"{pixels}: what is above chance comes from room, clothes or light, not from a gesture.")
    for variant in rows.index[(rows["split"] == "random") & rows.index.str.startswith(name)]:
        fair = str(variant).removesuffix(", random split")
        flattered = rows.loc[variant, "accuracy"] - rows.loc[fair, "accuracy"]
        said.append(
            f"{fair} reaches {rows.loc[variant, 'accuracy']:.3f} on a random split, {flattered:+.3f} beside the "
            "grouped one: that much a split that ignores groups flatters."
        )
    return said


def _difference(value: float, low: float, high: float) -> str:
    interval = f" ({low:+.3f} to {high:+.3f})" if low == low else " (the same in every group)"
    return f"{value:+.3f}{interval}"


def _rows(table: pd.DataFrame) -> tuple[list[str], list[list[Cell]]]:
    """The columns that tell most; the interval as one cell."""
    shown = table.assign(seconds=table["seconds"].round().astype("Int64"))
    sets = [name for name in table.columns if name.startswith("accuracy_") and name != "accuracy_spread"]
    left = ["variant", "seeds", "accuracy", "accuracy_spread", "mean_class_accuracy", *sets, "loss"]
    shown = shown[[*left, "parameters", "seconds", "difference"]]
    cells = shown.astype(object).where(shown.notna(), None).to_numpy().tolist()
    ends = zip(table["difference_low"], table["difference_high"], strict=True)
    intervals = [(low, high) if low == low else None for low, high in ends]
    names = {"accuracy_spread": "spread", "seconds": "seconds of training"}
    return (
        [*(readable(names.get(name, name)) for name in shown.columns), "interval"],
        [[*row, interval] for row, interval in zip(cells, intervals, strict=True)],
    )
