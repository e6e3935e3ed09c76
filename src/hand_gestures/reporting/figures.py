"""Figures of a training: each function takes a table and returns a matplotlib figure of its own."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#2f6f9f", "#d9822b", "#8a949e"
SIDE_COLOURS = {"train": GREY, "val": BLUE, "test": ORANGE, "left_out": "#dfe3e6"}


def training_curves(history: pd.DataFrame) -> Figure:
    """Loss and accuracy of both splits by epoch; the best epoch is marked."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    best = history.sort_values(["val_accuracy", "val_loss"], ascending=[False, True]).iloc[0]
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for split, colour, name in (("train", GREY, "training"), ("val", BLUE, "validation")):
            axes.plot(history["epoch"], history[f"{split}_{quantity}"], color=colour, label=name, linewidth=2)
        axes.plot(
            best["epoch"],
            best[f"val_{quantity}"],
            "o",
            color=ORANGE,
            markersize=8,
            label=f"best epoch, {best['epoch']:.0f}",
        )
        axes.set(xlabel="epoch", ylabel=quantity)
        tidy(axes)
    figure.axes[1].set_ylim(0, 1.02)
    figure.axes[1].legend(frameon=False, loc="lower right")
    figure.suptitle(f"Training: best validation accuracy {best['val_accuracy']:.3f}")
    return figure


def confusion_matrix(confusion: pd.DataFrame) -> Figure:
    """Clips by true class (rows) and predicted class (columns); shades are shares of the row."""
    count = len(confusion)
    side = max(5.0, 2.5 + 0.45 * count)
    figure = Figure(figsize=(side, side * 0.9), layout="constrained")
    axes = figure.subplots()
    counts = confusion.to_numpy()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(counts > 0):
        colour = "white" if shares[row, column] > 0.5 else "#1c2733"
        axes.text(column, row, counts[row, column], ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(count), list(map(readable, confusion.columns)), rotation=45, ha="right")
    axes.set_yticks(range(count), list(map(readable, confusion.index)))
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_title(f"{np.trace(counts)} of {counts.sum()} validation clips right", fontsize=12)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure


def class_accuracy(predictions: pd.DataFrame) -> Figure:
    """Share of right clips of each class, lowest first."""
    by_class = predictions.groupby("class_name")["correct"].agg(["mean", "sum", "count"]).sort_values("mean")
    figure = Figure(figsize=(8, 1.4 + 0.32 * len(by_class)), layout="constrained")
    axes = figure.subplots()
    axes.barh(list(map(readable, by_class.index)), by_class["mean"], color=BLUE)
    for place, (share, right, clips) in enumerate(by_class.itertuples(index=False)):
        axes.text(share + 0.01, place, f"{right} of {clips}", va="center", fontsize=9, color="#1c2733")
    overall = predictions["correct"].mean()
    axes.axvline(overall, color=ORANGE, linewidth=1.5)
    axes.set(xlim=(0, 1.15), xlabel=f"accuracy (line: {overall:.3f} over all clips)")
    axes.set_title("Validation accuracy by class", fontsize=12)
    axes.set_xticks(np.linspace(0, 1, 6))
    tidy(axes)
    return figure


def channel_attention(statistics: pd.DataFrame) -> Figure:
    """Mean weight of each channel with its range, and how many clips have it as their highest or lowest."""
    return _attention(statistics, list(statistics["channel"]), "Channel attention", "clips")


def frame_attention(statistics: pd.DataFrame) -> Figure:
    """Mean weight of each frame with its range, and how many channels of clips have it as their highest or lowest."""
    return _attention(
        statistics, list(map(str, statistics["frame"])), "Sequence attention by frame", "channels of clips"
    )


def _attention(statistics: pd.DataFrame, names: list[str], title: str, counted: str) -> Figure:
    figure = Figure(figsize=(11, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    places = np.arange(len(names))
    upper.bar(places, statistics["mean"], color=BLUE, label="mean")
    reach = np.abs(statistics[["lowest", "highest"]].to_numpy().T - statistics["mean"].to_numpy())
    upper.errorbar(
        places, statistics["mean"], reach, fmt="none", ecolor=GREY, capsize=2, linewidth=1, label="lowest to highest"
    )
    upper.axhline(1 / len(names), color=ORANGE, linewidth=1.2, label="equal weights")
    upper.set_ylabel("weight")
    upper.legend(frameon=False, fontsize=9)
    lower.bar(places - 0.2, statistics["times_highest"], 0.4, color=BLUE, label="highest")
    lower.bar(places + 0.2, statistics["times_lowest"], 0.4, color=GREY, label="lowest")
    lower.set_ylabel(counted)
    long_names = max(map(len, names)) > 3
    lower.set_xticks(places, names, rotation=45 if long_names else 0, ha="right" if long_names else "center")
    lower.legend(frameon=False, fontsize=9, title="times the")
    for axes in (upper, lower):
        tidy(axes)
    figure.suptitle(title)
    return figure


def readable(name: object) -> str:
    """A name as people write it."""
    return str(name).replace("_", " ")


def tidy(axes: Axes) -> None:
    """The look that all figures share."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y" if axes.get_ylabel() else "x", alpha=0.25)
    axes.set_axisbelow(True)
