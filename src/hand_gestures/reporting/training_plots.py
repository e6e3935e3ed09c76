"""Figures of a training: each function takes a table and returns a matplotlib figure of its own."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hand_gestures.evaluation.metrics import calibration_bins, expected_calibration_error
from hand_gestures.reporting.plot_style import font_size, name_rows, rows, short
from hand_gestures.utils.rules import best_epoch

BLUE, ORANGE, GREY, INK = "#2f6f9f", "#d9822b", "#8a949e", "#1c2733"
SIDE_COLOURS = {"train": GREY, "val": BLUE, "test": ORANGE, "left_out": "#dfe3e6"}
WIDEST = 40.0  # inches, of the cells of a confusion matrix: of more classes it would be no file that opens
MOST_GROUPS = 60  # a figure of more is no longer looked at


def training_curves(history: pd.DataFrame) -> Figure:
    """Loss and accuracy of both splits by epoch; the best epoch is marked."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    best = best_epoch(history)
    marker = "o" if len(history) == 1 else ""  # a line of one point is none
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for split, colour, name in (("train", GREY, "training"), ("val", BLUE, "validation")):
            axes.plot(
                history["epoch"], history[f"{split}_{quantity}"], color=colour, label=name, linewidth=2, marker=marker
            )
        axes.plot(
            best["epoch"],
            best[f"val_{quantity}"],
            "o",
            color=ORANGE,
            markersize=8,
            label=f"best epoch, {best['epoch']:.0f}",
        )
        axes.set(xlabel="epoch", ylabel=quantity)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        tidy(axes)
    figure.axes[1].set_ylim(0, 1.02)
    figure.axes[1].legend(frameon=False, loc="lower right")
    figure.suptitle(f"Training: best validation accuracy {best['val_accuracy']:.3f}")
    return figure


def confusion_matrix(confusion: pd.DataFrame) -> Figure:
    """Clips by true class (rows) and predicted class (columns, the same ones); shades are shares of the row."""
    count = len(confusion)
    names = list(map(short, confusion.columns))
    beside = 2.0 + 0.075 * max(map(len, names))  # inches for names
    cell = min(0.45, WIDEST / count)
    font = 10 * cell / 0.45
    figure = Figure(figsize=(beside + cell * count, beside + 0.9 * cell * count), layout="constrained")
    axes = figure.subplots()
    counts = confusion.to_numpy()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(counts > 0):
        colour = "white" if shares[row, column] > 0.5 else INK
        axes.text(column, row, counts[row, column], ha="center", va="center", color=colour, fontsize=0.9 * font)
    axes.set_xticks(range(count), names, rotation=45, ha="right", rotation_mode="anchor", fontsize=font)
    axes.set_yticks(range(count), names, fontsize=font)
    axes.set(xlabel="predicted", ylabel="true")
    figure.suptitle(f"{np.trace(counts)} of {counts.sum()} validation clips right", fontsize=12)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure


def class_accuracy(predictions: pd.DataFrame) -> Figure:
    """Share of right clips of each class, lowest first."""
    by_class = predictions.groupby("class_name")["correct"].agg(["mean", "sum", "count"]).sort_values("mean")
    figure, axes = rows(len(by_class))
    _accuracy_bars(axes, by_class.index, by_class["mean"], by_class["sum"], by_class["count"])
    _overall_line(axes, predictions["correct"].mean())
    axes.set_title("Validation accuracy by class", fontsize=12)
    return figure


def group_accuracy(groups: pd.DataFrame) -> Figure:
    """Share of right clips of each group, lowest first and marked; `groups` has group, clips, right and accuracy, the
    worst first. Without groups, a figure that says so."""
    if groups.empty:
        return sentence("No accuracy by group: no group of validation clips is known (see split.group_pattern).")
    shown = groups.head(MOST_GROUPS)
    figure, axes = rows(len(shown))
    bars = _accuracy_bars(axes, shown["group"], shown["accuracy"], shown["right"], shown["clips"])
    worst = (shown["accuracy"] == shown["accuracy"].min()) & (shown["accuracy"] < groups["accuracy"].max())
    for bar, label in zip(np.array(bars)[worst], np.array(axes.get_yticklabels())[worst], strict=True):
        bar.set_color(ORANGE)
        label.set(color=ORANGE, weight="bold")
    _overall_line(axes, groups["right"].sum() / groups["clips"].sum())
    which = f"the {len(shown)} worst of " if len(shown) < len(groups) else ""
    axes.set_title(f"Validation accuracy of {which}{len(groups)} groups", fontsize=12)
    return figure


def reliability_diagram(predictions: pd.DataFrame) -> Figure:
    """Accuracy against confidence in bins of equal width, with the clips in each; on the diagonal both are equal."""
    confidence, right = predictions["confidence"].to_numpy(float), predictions["correct"].to_numpy(float)
    bins = calibration_bins(confidence, right)
    error = expected_calibration_error(confidence, right, np.ones((1, len(right))))[0]
    figure = Figure(figsize=(6.5, 7), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    width, middle = bins["high"] - bins["low"], (bins["low"] + bins["high"]) / 2
    upper.bar(middle, bins["accuracy"], width, color=BLUE, edgecolor="white", label="accuracy of a bin")
    upper.plot([0, 1], [0, 1], "--", color=ORANGE, linewidth=1.5, label="as often right as sure")
    dots = {"color": INK, "markeredgecolor": "white", "markersize": 6, "clip_on": False, "zorder": 5}
    upper.plot(bins["confidence"], bins["accuracy"], "o", label="its mean confidence", **dots)
    upper.set(xlim=(0, 1), ylim=(0, 1.05), ylabel="accuracy")
    lower.bar(middle, bins["clips"], width, color=GREY, edgecolor="white")
    lower.set(xlabel="confidence", ylabel="clips")
    lower.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    for axes in (upper, lower):
        tidy(axes)
    figure.legend(frameon=False, ncols=3, loc="outside lower center", fontsize=9)
    figure.suptitle(f"Reliability: expected calibration error {error:.3f}\n{len(right)} validation clips", fontsize=12)
    return figure


def _accuracy_bars(axes: Axes, names: Iterable, shares: pd.Series, right: pd.Series, clips: pd.Series) -> BarContainer:
    """A bar for each name, from top to bottom, with its counts."""
    places = np.arange(len(shares))
    bars = axes.barh(places, shares, color=BLUE)
    size = font_size(len(places))
    for place, hits, count in zip(places, right, clips, strict=True):
        axes.text(1.02, float(place), f"{hits} of {count}", va="center", fontsize=0.9 * size, color=INK)
    name_rows(axes, places, names)
    axes.set_ylim(len(places) - 0.4, -0.6)
    return bars


def _overall_line(axes: Axes, overall: float) -> None:
    axes.axvline(overall, color=INK, linestyle="--", linewidth=1.2)
    axes.set(xlim=(0, 1.005), xlabel=f"accuracy (line: {overall:.3f} over all clips)")
    axes.set_xticks(np.linspace(0, 1, 6))
    tidy(axes)


def sentence(text: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    figure = Figure(figsize=(9, 1), layout="constrained")
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=11, color=INK)
    return figure


def tidy(axes: Axes) -> None:
    """The look that all figures share."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y" if axes.get_ylabel() else "x", alpha=0.25)
    axes.set_axisbelow(True)
