"""The sections of a run's report that tell of its model; each is a list of blocks, made from tables and pictures."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hand_gestures.evaluation.tables import TRUE_CLASS
from hand_gestures.reporting.html import (
    Block,
    Cell,
    Facts,
    Figure,
    Heading,
    Headline,
    Notes,
    Pictures,
    Section,
    Table,
    Text,
    table,
    written,
)
from hand_gestures.reporting.plot_style import readable
from hand_gestures.reporting.run_summary import NO_GROUPS, caveats, of_topics
from hand_gestures.utils.rules import ALL_CLASSES, pluralise

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
        f"Trained for {pluralise(record['epochs'], 'epoch')} on {pluralise(train_file['sequences'], 'clip')} in "
        f"{pluralise(views, 'view')} each; the model of epoch {record['best_epoch']} was kept."
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


COUNTS = ("clips", "classes", "groups", "clips_without_hands")
WORST = ("worst_group", "worst_group_clips")  # told elsewhere
FIGURE_NAMES = {
    "top5_accuracy": "top-5 accuracy",
    "macro_f1": "macro F1",
    "loss": "cross entropy",
    "ece": "expected calibration error",
    "accuracy_with_hands": "accuracy, hands found",
    "accuracy_without_hands": "accuracy, no hands found",
    "worst_group_accuracy": "accuracy of the worst group",
}


def headlines(validation: Mapping[str, Any], test: Mapping[str, Any], level: float) -> list[Headline]:
    """Accuracy on both sides, and of the worst group where it is worse than the others."""
    sides = [("Validation accuracy", validation), ("Test accuracy", test)]
    shown = [Headline(name, written(of["accuracy"]), _rests_on(of, level)) for name, of in sides if of]
    if validation.get("worst_group_accuracy", 1.0) < validation["accuracy"]:
        named = f"{validation['worst_group']}, {pluralise(validation['worst_group_clips'], 'clip')}"
        shown.append(Headline("Worst validation group", written(validation["worst_group_accuracy"]), named))
    return shown


def run_facts(record: Mapping[str, Any]) -> list[tuple[str, Cell]]:
    """When, in which run, with which network and seed."""
    ended = datetime.fromisoformat(record["ended"])
    network, tracked = record["parameters"]["network"], record["mlflow_run"]
    bilstm = f"BiLSTM, {pluralise(network['layers'], 'layer')} of {network['hidden']}"
    return [
        ("trained", f"{ended.day} {ended:%B %Y, %H:%M %Z}"),
        ("network", bilstm if network["name"] == "bilstm" else readable(network["name"])),
        ("best epoch", f"{record['best_epoch']} of {record['epochs']}"),
        ("seed", record["parameters"]["seed"]),
        *([("MLflow run", f"{tracked['name']}, {tracked['id'][:8]}")] if tracked else []),
    ]


def lead(validation: Mapping[str, Any], test: Mapping[str, Any], classes: int) -> str:
    """How many clips were recognised, in a sentence."""
    said = [f"{_right(of)} of {pluralise(of['clips'], side + ' clip')}" for side, of in _sides(validation, test)]
    return f"A classifier of {pluralise(classes, 'gesture')}. It recognises {' and '.join(said)}."


def results(
    validation: Mapping[str, Any],
    test: Mapping[str, Any],
    split_summary: Mapping[str, Any],
    record: Mapping[str, Any],
) -> Section:
    """All figures with their intervals, and how far they can be trusted.

    Args:
        validation: figures as `summarise` gives them.
        test: likewise; empty where there is no test.
        split_summary: sizes and leaks of the split.
        record: of the run, as `record_run` gives it.
    """
    parameters = record["parameters"]
    notice = [Notes([parameters["notice"]])] if parameters["notice"] else []
    level = parameters["evaluation"]["confidence_level"]
    told = caveats(validation, test, split_summary, parameters["evaluation"]["bootstrap_draws"])
    return Section(
        "Results",
        [*notice, figures_table(validation, test, level), Notes(told, "How far these figures can be trusted")],
    )


def figures_table(validation: Mapping[str, Any], test: Mapping[str, Any], level: float) -> Table:
    """All figures of both sides with their intervals, and what they were counted over."""
    sides = _sides(validation, test)
    told = dict.fromkeys([*validation, *test])
    names = [name for name in told if name not in (*COUNTS, *WORST) and not name.endswith(("_low", "_high"))]
    rows: list[list[Cell]] = [
        [_name(name), *(cell for _, of in sides for cell in (of.get(name), _interval(of, name)))] for name in names
    ]
    counted = [name for name in COUNTS if name in told]
    rows += [[readable(name), *(cell for _, of in sides for cell in (of.get(name), ""))] for name in counted]
    heads = [head for side, _ in sides for head in (side, f"{100 * level:g} % interval")]
    return Table(["", *heads], rows, "Figures of the best epoch's model")


def _sides(validation: Mapping[str, Any], test: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [("validation", validation)] + ([("test", test)] if test else [])


def _name(name: str) -> str:
    """`accuracy_direction_only` → `"accuracy, direction only"`."""
    of_set = name.removeprefix("accuracy_")
    return FIGURE_NAMES.get(name) or (f"accuracy, {readable(of_set)}" if of_set != name else readable(name))


def _interval(figures: Mapping[str, Any], name: str) -> Cell:
    return (figures[f"{name}_low"], figures[f"{name}_high"]) if f"{name}_low" in figures else None


def _rests_on(figures: Mapping[str, Any], level: float) -> str:
    interval = _interval(figures, "accuracy")
    groups = f" of {pluralise(figures['groups'], 'group')}" if "groups" in figures else ""
    over = f"{pluralise(figures['clips'], 'clip')}{groups}"
    return f"{100 * level:g} % interval {written(interval)}; {over}" if interval else f"{over}; no interval"


def _right(figures: Mapping[str, Any]) -> int:
    return round(figures["accuracy"] * figures["clips"])


SIDE_NAMES = {"train": "training", "val": "validation", "test": "test"}
LEAK_NAMES = {
    "held_out": "clips held out",
    "copies": "of these, with a copy on another side",
    "look_alikes": "of these, with a look-alike on another side",
    "groups_on_both_sides": "groups on two sides",
}
CLASS_COLUMNS = (
    "class_name", "clips", "train", "val", "test", "left_out", "groups", "frames", "shortest", "median", "longest",
    "repeating", "rejected", "megabytes", "size",
)  # fmt: skip
SELDOM = ("test", "left_out", "repeating", "rejected")  # columns that are shown where there is something in them
UNKNOWN_LICENCE = "unknown"  # of a model that the parameters do not name
MADE_BY = ("clips", "split", "augmentation", "extraction", "hands", "backbones", "evaluation")


def data_set(
    classes: pd.DataFrame,
    split_summary: Mapping[str, Any],
    hand_rates: pd.DataFrame,
    lengths: Path,
    balance: Path,
    contact_sheets: Path,
    hand_sheets: Path,
) -> Section:
    """What the data set holds, how it is split, and how it looks.

    Args:
        classes: as `summarise_classes` gives it.
        split_summary: sizes and leaks of the split, and of a random one.
        hand_rates: as the function of that name gives it.
        lengths: figure of the clips' lengths.
        balance: figure of the clips by class and side.
        contact_sheets: folder with a picture of each class.
        hand_sheets: likewise, with marked hands.
    """
    return Section(
        "Data set",
        [
            sizes(split_summary),
            Figure(balance, "Clips of each class on each side of the split."),
            Heading("Does one side know the other?"),
            Text(
                "Clips that look alike on two sides make figures too good. The random split beside takes no heed of "
                "groups; it shows what they prevent."
            ),
            leaks(split_summary),
            Heading("Classes"),
            _classes(classes),
            Figure(lengths, "Frames of the videos of each class; shorter ones than a clip repeat their last frame."),
            Pictures(contact_sheets, "Contact sheets, some clips of each class", "There are no contact sheets."),
            Heading("Hands"),
            *_hands(hand_rates, hand_sheets),
        ],
    )


def how_made(files: Mapping[str, Any], record: Mapping[str, Any], decision: Mapping[str, Any]) -> Section:
    """Fingerprints, pretrained models, precision, what the registry made of the model, packages and parameters.

    Args:
        files: training and validation file, as `describe_file` gives them.
        record: of the run, as `record_run` gives it.
        decision: of the registry, with its `sentence`.
    """
    fingerprint = files["train"]["fingerprint"]
    rows: list[list[Cell]] = [
        [
            SIDE_NAMES.get(side, side),
            of["file"],
            of["rows"],
            of["sequences"],
            " x ".join(map(str, of["shape"][1:])),
            of["digest"],
        ]
        for side, of in files.items()
    ]
    heads = ["", "file", "rows", "clips", "frames x channels x features", "fingerprint"]
    return Section(
        "How it was made",
        [
            Table(heads, rows, "Embeddings; files of one fingerprint were made alike"),
            pretrained(fingerprint["models"], record["parameters"]),
            _closeness(fingerprint["precision"], files["train"]["precision_error"]),
            Heading("Model registry"),
            Text(decision["sentence"]),
            Heading("Packages"),
            Facts(list(record["versions"].items())),
            Table(
                ["parameter", "value"],
                of_topics(record["parameters"], MADE_BY),
                "Parameters of the data, the embeddings and the evaluation",
            ),
        ],
    )


def sizes(split_summary: Mapping[str, Any]) -> Table:
    """Clips, groups where they are known, and classes of each side."""
    sides = {name: split_summary["split"][side] for side, name in SIDE_NAMES.items()}
    grouped = any(of["groups"] < of["sequences"] for of in sides.values())  # else each clip is a group of its own
    counts = ["sequences", *["groups"] * grouped, "classes"]
    rows: list[list[Cell]] = [[name, *(of[count] for count in counts)] for name, of in sides.items() if of["sequences"]]
    return Table(["side", "clips", *counts[1:]], rows, "Sides of the split")


def leaks(split_summary: Mapping[str, Any]) -> Table:
    """What the audit found in the split, and in a random one."""
    this, random = split_summary["split"]["leaks"], split_summary["random_split"]["leaks"]
    rows: list[list[Cell]] = [[name, this[count], random[count]] for count, name in LEAK_NAMES.items()]
    return Table(["", "this split", "random split"], rows, "Leak audit")


def pretrained(models: Mapping[str, Any], parameters: Mapping[str, Any]) -> Table:
    """The models that made the embeddings, with the licences that the parameters name."""
    rows: list[list[Cell]] = [
        [
            role,
            models[role]["name"],
            models[role]["commit"] or models[role]["revision"] or "local file",
            _licence(source, models[role]["name"]),
            models[role]["sha256"],
        ]
        for role, source in {**parameters["backbones"], "hands": parameters["hands"]}.items()
        if role in models
    ]
    return Table(["", "model", "revision", "licence", "sha256 of the weights"], rows, "Pretrained models")


def _licence(source: Mapping[str, Any], name: str) -> str:
    """That of the model called so; the embeddings may have been made by another than the parameters name now."""
    named = Path(source["path"]).name if source["path"] else source["name"]
    return source["licence"] if named == name else UNKNOWN_LICENCE


def _classes(classes: pd.DataFrame) -> Table:
    shown = [column for column in CLASS_COLUMNS if column not in SELDOM or classes[column].any()]
    caption = "What each class holds; lengths in frames, and how many clips repeat their last one"
    named = classes[shown].rename(columns={"class_name": "class", "megabytes": "MB", "size": "pixels"})
    return table(named, caption, digits=1)


def _hands(rates: pd.DataFrame, sheets: Path) -> list[Block]:
    if rates["frames_with_hand"].isna().all():
        return [Text("Hands were not searched for (hands.enabled).")]
    sides, names = list(rates["split"].unique()), [name for name in rates["class_name"].unique() if name != ALL_CLASSES]
    columns = ("class_name", "split", "frames_with_hand", "clips_without_hand")
    found = {(name, side): cells for name, side, *cells in zip(*(rates[column] for column in columns), strict=True)}
    rows: list[list[Cell]] = [
        [name, *(cell for side in sides for cell in found.get((name, side), (None, None)))]
        for name in [*names, ALL_CLASSES]
    ]
    heads = [head for side in sides for head in (SIDE_NAMES[side], "clips without")]
    return [
        Table(["class", *heads], rows, "Share of the searched frames that show a hand, and clips without any"),
        Pictures(sheets, "Contact sheets with the hands that were found", "There are no contact sheets with hands."),
    ]


def _closeness(precision: str, precision_error: Mapping[str, Mapping[str, float]]) -> Block:
    if not precision_error:
        return Text(f"The embeddings were computed in {precision}.")
    rows: list[list[Cell]] = [[channel, of["cosine"], of["relative_l2"]] for channel, of in precision_error.items()]
    caption = f"Embeddings in {precision} beside float32, by channel"
    return Table(["channel", "centred cosine", "relative L2"], rows, caption, digits=5)
