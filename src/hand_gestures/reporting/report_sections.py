"""The sections of a run's report that tell of its model; each is a list of blocks, made from tables and pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hand_gestures.reporting.caveats import NO_GROUPS
from hand_gestures.reporting.html_report import Block, Facts, Figure, Heading, Pictures, Section, Table, Text, table
from hand_gestures.reporting.run_parameters import of_topics
from hand_gestures.reporting.wording import many
from hand_gestures.training.score_tables import TRUE_CLASS

MOST_PAIRS = 15  # of classes that are taken for each other


def by_class(
    classes: pd.DataFrame,
    test_classes: pd.DataFrame,
    confusion: pd.DataFrame,
    accuracy: Path,
    matrix: Path,
    confused_pairs: Path,
) -> Section:
    """Each class, and what is taken for what; tables `per_class` of both sides, the confusion matrix with its column
    `TRUE_CLASS`, two figures, and a folder with a picture of each pair of classes that are confused."""
    tables: list[Block] = [
        table(
            of.drop(columns="recall").rename(columns={"class_name": "class"}),
            f"{side} clips by class; the accuracy of a class is its recall",
        )
        for side, of in (("Validation", classes), ("Test", test_classes))
        if len(of)
    ]
    return Section(
        "By class",
        [
            Figure(accuracy, "Accuracy of each class, the lowest on top."),
            *tables,
            Heading("What is taken for what"),
            _most_confused(confusion),
            Figure(matrix, "Validation clips by true class (rows) and predicted class (columns)."),
            Pictures(confused_pairs, "Confused clips, above right ones of the class that they were taken for"),
        ],
    )


def by_group(groups: pd.DataFrame, test_groups: pd.DataFrame, accuracy: Path) -> Section:
    """Each performer or recording; tables `per_group` of both sides, the worst first, and a figure."""
    if groups.empty and test_groups.empty:
        return Section("By group", [Text(NO_GROUPS)])
    tables = [
        table(of, f"{side} clips by group, the worst first")
        for side, of in (("Validation", groups), ("Test", test_groups))
        if len(of)
    ]
    return Section("By group", [Figure(accuracy, "Accuracy of each group, the lowest on top."), *tables])


def calibration(reliability: Path) -> Section:
    """Whether the classifier is right as often as it is sure."""
    caption = "Accuracy of validation clips by how sure the answer is, and how many clips each bar rests on."
    said = (
        "A classifier is calibrated where it is right as often as it is sure: of answers with a confidence of 0.8, "
        "eight in ten. The expected calibration error is the mean distance from that."
    )
    return Section("Calibration", [Text(said), Figure(reliability, caption)])


def training(record: Mapping[str, Any], train_file: Mapping[str, Any], curves: Path) -> Section:
    """The course of the training and its parameters; `train_file` as `describe_file` gives it."""
    views = train_file["rows"] // max(1, train_file["sequences"])
    said = (
        f"Trained for {many(record['epochs'], 'epoch')} on {many(train_file['sequences'], 'clip')} in "
        f"{many(views, 'view')} each; the model of epoch {record['best_epoch']} was kept."
    )
    chosen = of_topics(record["parameters"], ("network", "training"))
    return Section(
        "Training",
        [
            Text(said),
            Figure(curves, "Loss and accuracy by epoch; the epoch that was kept is marked."),
            Heading("Parameters"),
            Facts(chosen),
        ],
    )


def attention(
    faithfulness: pd.DataFrame,
    deletion: Path,
    channels: Path,
    frames: Path,
    channel_map: Path,
    frame_map: Path,
    film_strips: Path,
) -> Section:
    """What both attention layers look at: the table and figure of accuracy without what is looked at most, empty where
    that was not measured, four figures and a folder of film strips."""
    tested: list[Block] = [
        Text(
            "Do the weights point at what matters? Where they do, accuracy falls faster without the most attended "
            "frames and channels than without as many random ones."
        ),
        Figure(deletion, "Accuracy without the most attended, random and least attended frames and channels."),
        table(faithfulness.drop(columns=["share", "clips"]), "Accuracy without so many frames or channels"),
    ]
    untested: list[Block] = [
        Text("Whether the weights point at what matters was not measured (evaluation.faithfulness_clips is 0).")
    ]
    return Section(
        "Attention",
        [
            Text("The network weighs the frames of a clip within each channel, then the channels."),
            *(tested if len(faithfulness) else untested),
            Figure(channel_map, "Mean weight of each channel in the clips of each class."),
            Figure(frame_map, "Mean weight of each frame in the clips of each class."),
            Figure(channels, "Weights of the channels over all validation clips."),
            Figure(frames, "Weights of the frames over all channels of all validation clips."),
            Pictures(film_strips, "Film strips with the weight of each frame", "There are no film strips."),
        ],
    )


def _most_confused(confusion: pd.DataFrame) -> Block:
    """The most frequent mistakes; or that there are none. Rows and columns are of the same classes."""
    counts = confusion.set_index(TRUE_CLASS).to_numpy(copy=True)
    names, clips = list(confusion[TRUE_CLASS]), counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    pairs: list[tuple[str, str, int, float]] = [
        (names[true], names[said], int(counts[true, said]), float(counts[true, said] / clips[true]))
        for true, said in np.argwhere(counts)
    ]
    if not pairs:
        return Text("No validation clip was taken for another class.")
    pairs.sort(key=lambda pair: -pair[2])
    left = len(pairs) - MOST_PAIRS
    return Table(
        ["true class", "taken for", "clips", "share of the class"],
        pairs[:MOST_PAIRS],
        "The most frequent mistakes" + (f"; {left} more pairs of classes are confused less often" if left > 0 else ""),
    )
