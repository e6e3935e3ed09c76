"""The sections of a run's report that tell of its data and how they were made into embeddings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from hand_gestures.reporting.html_report import (
    Block,
    Cell,
    Facts,
    Figure,
    Heading,
    Pictures,
    Section,
    Table,
    Text,
    table,
)
from hand_gestures.reporting.run_parameters import of_topics
from hand_gestures.video.class_folders import ALL_CLASSES

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
            _closeness(fingerprint["precision"], files["train"]["closeness"]),
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


def _closeness(precision: str, closeness: Mapping[str, Mapping[str, float]]) -> Block:
    if not closeness:
        return Text(f"The embeddings were computed in {precision}.")
    rows: list[list[Cell]] = [[channel, of["cosine"], of["relative_l2"]] for channel, of in closeness.items()]
    caption = f"Embeddings in {precision} beside float32, by channel"
    return Table(["channel", "centred cosine", "relative L2"], rows, caption, digits=5)
