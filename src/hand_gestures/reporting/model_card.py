"""The model card of a run (Mitchell et al., "Model Cards for Model Reporting", 2019), written from what it measured."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from hand_gestures.dataset.split_assignment import TRAIN
from hand_gestures.reporting.html import Cell, Table, written
from hand_gestures.reporting.report import figures_table, lead, leaks, pretrained, run_facts, sizes
from hand_gestures.reporting.run_summary import caveats, of_topics, result_lines
from hand_gestures.utils.rules import pluralise

NETWORKS = {
    "bilstm": "a bidirectional LSTM with a linear residual and attention over time and channels",
    "attentive_probe": "one learned query that attends to all frames of all channels",
    "linear_probe": "a linear layer on the mean over time of every channel (blind to the order of the frames)",
}
# how fast it is computed, not what comes out
SPEED = ("device", "preload", "preload_share", "preload_precision", "workers")


def model_card(
    record: Mapping[str, Any],
    decision: Mapping[str, Any],
    files: Mapping[str, Any],
    split: pd.DataFrame,
    split_summary: Mapping[str, Any],
    validation: Mapping[str, Any],
    test: Mapping[str, Any],
    classes: pd.DataFrame,
    test_classes: pd.DataFrame,
) -> str:
    """The card as markdown.

    Args:
        record: of the training, as `record_run` gives it.
        decision: of the registry, with its `sentence`.
        files: training and validation file, as `describe_embeddings` gives them.
        split: one row a clip, with its side.
        split_summary: sizes and leaks of the split.
        validation: figures as `summarise` gives them.
        test: likewise; empty where there is no test.
        classes: table `per_class` of the validation.
        test_classes: likewise of the test; empty where there is none.
    """
    environment = Environment(
        loader=PackageLoader("hand_gestures.reporting"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"cell": _cell, "code": _code}
    parameters, fingerprint = record["parameters"], files["train"]["fingerprint"]
    level = parameters["evaluation"]["confidence_level"]
    _, frames, channels, width = files["train"]["shape"]
    return environment.get_template("model_card.md").render(
        lead=lead(validation, test, len(files["train"]["rows_by_class"])),
        notice=parameters["notice"],
        network=NETWORKS[parameters["network"]["name"]],
        frames=frames,
        channels=channels,
        width=width,
        facts=[*run_facts(record), ("registry", decision["sentence"])],
        sizes=sizes(split_summary),
        split=_split_rule(parameters),
        leaks=leaks(split_summary),
        headlines=result_lines(validation, test, level),
        figures=figures_table(validation, test, level),
        classes=_by_class(split, classes, test_classes),
        views=_views(files["train"], parameters["training"]),
        parameters=_parameters(parameters),
        limits=_limits(validation, test, split_summary, parameters, fingerprint),
        pretrained=pretrained(fingerprint["models"], parameters),
        embeddings=files["train"]["digest"],
        precision=fingerprint["precision"],
    )


def _split_rule(parameters: Mapping[str, Any]) -> str:
    split = parameters["split"]
    if split["lists"]:
        return "Published lists say which clips train, validate and test."
    shares = f"About {100 * split['val_fraction']:g} % of the clips of each class validate"
    shares += f", {100 * split['test_fraction']:g} % are kept for the test" if split["test_fraction"] else ""
    if split["group_pattern"]:
        pattern = _code(split["group_pattern"])
        return f"{shares}, whole groups at a time: what {pattern} finds in a video's name is its group."
    return f"{shares}, clip by clip: clips of one person or recording may stand on several sides."


def _by_class(split: pd.DataFrame, classes: pd.DataFrame, test_classes: pd.DataFrame) -> Table:
    """Each class with its clips by side, and how well it is told apart."""
    training = split.loc[split["side"] == TRAIN, "class_name"].value_counts()
    tested = {row["class_name"]: [row["clips"], row["accuracy"]] for row in test_classes.to_dict("records")}
    rows: list[list[Cell]] = [
        [
            _code(row["class_name"]),
            int(training.get(row["class_name"], 0)),
            *(row[column] for column in ("clips", "accuracy", "precision", "f1")),
            _mistake(row["most_frequent_mistake"], row["times_mistaken"]),
            *tested.get(row["class_name"], []),
        ]
        for row in classes.to_dict("records")
    ]
    heads = ["class", "training clips", "validation clips", "accuracy", "precision", "F1", "most often taken for"]
    return Table([*heads, *(["test clips", "test accuracy"] if tested else [])], rows, "")


def _mistake(taken_for: str, times: int) -> str:
    return Markdown(f"{_code(taken_for)} ({times})") if times else ""


def _views(file: Mapping[str, Any], training: Mapping[str, Any]) -> str:
    there = file["rows"] // max(1, file["sequences"])
    return pluralise(min(there, training["views"] or there), "view")


def _parameters(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    chosen = of_topics(parameters, ("network", "channels", "training"))
    return [(name, value) for name, value in chosen if name.rpartition(".")[2] not in SPEED]


def _limits(
    validation: Mapping[str, Any],
    test: Mapping[str, Any],
    split_summary: Mapping[str, Any],
    parameters: Mapping[str, Any],
    fingerprint: Mapping[str, Any],
) -> list[str]:
    """What a user of the model must know."""
    said = [parameters["notice"]] if parameters["notice"] else []
    said += caveats(validation, test, split_summary, parameters["evaluation"]["bootstrap_draws"])
    if validation.get("clips_without_hands"):
        without = pluralise(validation["clips_without_hands"], "validation clip")
        said.append(
            f"In {without} no hand was found; the accuracy over these is {validation['accuracy_without_hands']:.3f}."
        )
    said += _mirror(fingerprint)
    said += [
        "It answers with one of its classes whatever a clip shows: there is no answer for other gestures or for none.",
        "A clip is one gesture from its beginning to its end: it was not taught to find gestures in a running video.",
        "Nothing is known of people, cameras, light and surroundings that are not in the data.",
        "Where the clips come from and who agreed to their use is not recorded here.",
    ]
    return said


def _mirror(fingerprint: Mapping[str, Any]) -> list[str]:
    augmentation = fingerprint["augmentation"]
    if not augmentation["views"] or not augmentation["horizontal_flip"]:
        return []
    changed = {name: other for name, other in fingerprint["mirrored_labels"].items() if name != other}
    pairs = sorted({tuple(sorted(pair)) for pair in changed.items()})
    becomes = "; ".join(f"{_code(one)} and {_code(other)}" for one, other in pairs)
    but = f"but for these, which become each other: {becomes}" if pairs else "all of them"
    return [f"It was taught with mirror images, and that they show the same gesture ({but})."]


class Markdown(str):
    """Text that is markdown already."""


def _code(name: Any) -> Markdown:
    """A name as it is, whatever signs are in it."""
    return Markdown("`{}`".format(" ".join(str(name).split()).replace("`", "'").replace("|", r"\|")))


def _cell(value: Any) -> str:
    """Anything on one line, in a table or a list; its signs mean nothing."""
    if isinstance(value, Markdown):
        return value
    return re.sub(r"([\\`*<\[|])", r"\\\1", " ".join(written(value).split()))
