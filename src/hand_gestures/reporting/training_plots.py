"""Plots of a training and of its validation: each function takes a table and returns a new matplotlib figure."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hand_gestures.evaluation.metrics import calibration_bins, expected_calibration_error
from hand_gestures.evaluation.tables import OTHER_CLASSES, most_confused
from hand_gestures.reporting import plot_style as style
from hand_gestures.utils.rules import best_epoch

CELL_SIZE, MAX_MATRIX_SIZE = 0.45, 40.0  # inches; image viewers fail on much larger matrices


def training_curves(history: pd.DataFrame) -> Figure:
    """Loss and accuracy of training and validation by epoch; the best epoch is marked.

    Args:
        history: one row per epoch with `epoch` and {train,val}_{loss,accuracy}.

    Returns:
        Two panels beside each other.
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    best = best_epoch(history)
    marker = "o" if len(history) == 1 else ""  # a line through one point is invisible
    for axes, metric in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for split, colour, name in (("train", style.GREY, "training"), ("val", style.BLUE, "validation")):
            values = history[f"{split}_{metric}"]
            axes.plot(history["epoch"], values, color=colour, label=name, linewidth=2, marker=marker)
        label = f"best epoch, {best['epoch']:.0f}"
        axes.plot(best["epoch"], best[f"val_{metric}"], "o", color=style.ORANGE, markersize=8, label=label)
        axes.set(xlabel="epoch", ylabel=metric)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        style.tidy(axes)
    figure.axes[1].set_ylim(0, 1.02)
    figure.axes[1].legend(frameon=False, loc="lower right")  # accuracy rises, so this corner is free
    figure.suptitle(f"Training: best validation accuracy {best['val_accuracy']:.3f}")
    return figure


def confusion_matrix(confusion: pd.DataFrame) -> Figure:
    """Number of clips by true class (rows) and predicted class (columns).

    Args:
        confusion: table of counts as `evaluation.tables.confusion` returns it, with the true classes as index.

    Returns:
        Cells coloured by their share of the row, with the counts that are not 0. Of more than `MAX_ROWS` classes only
        those with the most frequent mistakes; a last column counts the clips that were predicted as other classes.
    """
    title = f"{np.trace(confusion.to_numpy())} of {confusion.to_numpy().sum()} validation clips right"
    if OTHER_CLASSES in confusion or len(confusion) > style.MAX_ROWS:
        title = f"{'' if OTHER_CLASSES in confusion else f'{title}; '}classes with the most frequent mistakes"
        confusion = _most_confused(confusion)
    n_classes = confusion.shape[1]
    names = [style.plot_name(name.rpartition("/")[2].strip()) for name in confusion.columns]
    label_room = 2.0 + 0.075 * max(map(len, names))  # inches
    cell = min(CELL_SIZE, MAX_MATRIX_SIZE / n_classes)
    font = 10 * cell / CELL_SIZE
    size = (label_room + cell * n_classes, label_room + 0.9 * cell * n_classes)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    counts = confusion.to_numpy()
    # Shares, because a class with few clips would stay pale even if all of them are right.
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    # No text for 0: with hundreds of classes almost all cells are 0, and drawing them takes minutes.
    for row, column in np.argwhere(counts > 0):
        colour = "white" if shares[row, column] > 0.5 else style.INK
        axes.text(column, row, counts[row, column], ha="center", va="center", color=colour, fontsize=0.9 * font)
    axes.set_xticks(range(n_classes), names, rotation=45, ha="right", rotation_mode="anchor", fontsize=font)
    axes.set_yticks(range(len(confusion)), names[: len(confusion)], fontsize=font)
    axes.set(xlabel="predicted", ylabel="true")
    figure.suptitle(title, fontsize=12)
    style.hide_frame(axes)
    return figure


def _most_confused(confusion: pd.DataFrame) -> pd.DataFrame:
    """Rows and columns of the classes with the most frequent mistakes, and a column for all others."""
    names = list(confusion.index)
    true, predicted = np.nonzero(confusion[names].to_numpy())
    pairs = pd.DataFrame({"class_name": np.array(names)[true], "predicted": np.array(names)[predicted]})
    pairs["clips"] = confusion[names].to_numpy()[true, predicted]
    pairs = pairs[true != predicted].sort_values("clips", ascending=False, kind="stable")
    shown = most_confused(pairs, names, style.MAX_ROWS)
    rows = confusion.loc[shown]
    return rows[shown].assign(**{OTHER_CLASSES: rows.sum(axis=1) - rows[shown].sum(axis=1)})


def class_accuracy(predictions: pd.DataFrame) -> Figure:
    """Share of right clips in each class, lowest on top.

    Args:
        predictions: one row per clip with `class_name` and `correct`.

    Returns:
        One bar for each of at most `MAX_ROWS` classes.
    """
    by_class = predictions.groupby("class_name", as_index=False).agg(
        accuracy=("correct", "mean"), right=("correct", "sum"), clips=("correct", "count")
    )
    by_class = by_class.rename(columns={"class_name": "name"}).sort_values("accuracy", ignore_index=True)
    title = "Validation accuracy by class"
    if len(by_class) > style.MAX_ROWS:
        title = f"Validation accuracy of the {style.MAX_ROWS} worst of {len(by_class)} classes"
        worst_first = by_class.sort_values(["accuracy", "clips", "name"], ascending=[True, False, True])
        by_class = worst_first.head(style.MAX_ROWS).reset_index(drop=True)
    figure, axes = _accuracy_bars(by_class, predictions["correct"].mean())
    axes.set_title(title, fontsize=12)
    return figure


def group_accuracy(groups: pd.DataFrame) -> Figure:
    """Share of right clips in each group, worst on top and in another colour.

    Args:
        groups: one row per group with `group`, `clips`, `right` and `accuracy`, worst first; empty without groups.

    Returns:
        One bar per group for at most `MAX_ROWS` groups; without groups, a plot that says so.
    """
    if groups.empty:
        return style.message_plot("No accuracy by group: groups of validation clips are unknown (split.group_pattern).")
    shown = groups.head(style.MAX_ROWS)
    overall = groups["right"].sum() / groups["clips"].sum()
    figure, axes = _accuracy_bars(shown.rename(columns={"group": "name"}), overall)
    # All groups may be equal: none is marked then.
    worst = (shown["accuracy"] == shown["accuracy"].min()) & (shown["accuracy"] < groups["accuracy"].max())
    for bar, label, is_worst in zip(axes.patches, axes.get_yticklabels(), worst, strict=True):
        if is_worst:
            bar.set_color(style.ORANGE)
            label.set(color=style.ORANGE, weight="bold")
    selection = f"the {len(shown)} worst of " if len(shown) < len(groups) else ""
    axes.set_title(f"Validation accuracy of {selection}{len(groups)} groups", fontsize=12)
    return figure


def _accuracy_bars(table: pd.DataFrame, overall: float) -> tuple[Figure, Axes]:
    """A bar for each row with `name`, `accuracy`, `right` and `clips`, and a line at the overall accuracy."""
    figure, axes = style.row_plot(len(table))
    axes.barh(np.arange(len(table)), table["accuracy"], color=style.BLUE)
    size = 0.9 * style.font_size(len(table))
    for row, (right, clips) in enumerate(zip(table["right"], table["clips"], strict=True)):
        # Beside the axis: 1 of 1 clips and 100 of 100 have the same bar.
        axes.text(1.02, row, f"{right} of {clips}", va="center", fontsize=size, color=style.INK)
    style.label_rows(axes, list(table["name"]))
    axes.axvline(overall, color=style.INK, linestyle="--", linewidth=1.2)
    style.accuracy_axis(axes, f"accuracy (line: {overall:.3f} over all clips)")
    return figure, axes


def reliability_diagram(predictions: pd.DataFrame) -> Figure:
    """Accuracy by confidence in bins of equal width, and the number of clips in each bin.

    On the diagonal both are equal: the classifier is calibrated there (Guo et al., "On Calibration of Modern Neural
    Networks", 2017).

    Args:
        predictions: one row per clip with `confidence` and `correct`.

    Returns:
        Accuracy above, number of clips below.
    """
    confidence, right = predictions["confidence"].to_numpy(float), predictions["correct"].to_numpy(float)
    bins = calibration_bins(confidence, right)
    error = expected_calibration_error(confidence, right, np.ones((1, len(right))))[0]
    figure = Figure(figsize=(6.5, 7), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    width, middle = bins["high"] - bins["low"], (bins["low"] + bins["high"]) / 2
    upper.bar(middle, bins["accuracy"], width, color=style.BLUE, edgecolor="white", label="accuracy of the bin")
    upper.plot([0, 1], [0, 1], "--", color=style.ORANGE, linewidth=1.5, label="accuracy equals confidence")
    # Dots are off the middle of their bars if the confidences inside the bin are not even.
    dots = {"color": style.INK, "markeredgecolor": "white", "markersize": 6, "clip_on": False, "zorder": 5}
    upper.plot(bins["confidence"], bins["accuracy"], "o", label="mean confidence of the bin", **dots)
    upper.set(xlim=(0, 1), ylim=(0, 1.05), ylabel="accuracy")
    lower.bar(middle, bins["clips"], width, color=style.GREY, edgecolor="white")
    lower.set(xlabel="confidence", ylabel="clips")
    lower.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    for axes in (upper, lower):
        style.tidy(axes)
    figure.legend(frameon=False, ncols=3, loc="outside lower center", fontsize=9)
    figure.suptitle(f"Reliability: expected calibration error {error:.3f}\n{len(right)} validation clips", fontsize=12)
    return figure
