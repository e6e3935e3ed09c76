"""The figures of a run in a few lines."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import pandas as pd

from hand_gestures.reporting.plot_style import readable
from hand_gestures.utils.nested import flatten
from hand_gestures.utils.rules import best_epoch, pluralise

NOT_SETS = {"accuracy_low", "accuracy_high", "accuracy_with_hands", "accuracy_without_hands"}


def result_lines(validation: Mapping[str, Any], test: Mapping[str, Any], level: float) -> list[tuple[str, str]]:
    """Pairs of name and text: accuracy on both sides, of class sets, with and without hands, of the worst group.

    Args:
        validation: figures as `summarise` gives them.
        test: likewise; empty where there is no test.
        level: of the intervals.
    """
    lines = [("validation accuracy", _accuracy(validation, level))]
    sets = [name for name in validation if name.startswith("accuracy_") and name not in NOT_SETS]
    lines += [
        (f"  {readable(name.removeprefix('accuracy_'))}", f"{validation[name]:.3f}")
        for name in sets
        if not name.endswith(("_low", "_high"))
    ]
    if "accuracy_without_hands" in validation and "accuracy_with_hands" in validation:
        without = validation["clips_without_hands"]
        lines.append(("  hands found", f"{validation['accuracy_with_hands']:.3f}"))
        lines.append(("  no hands found", f"{validation['accuracy_without_hands']:.3f} ({without} clips)"))
    if "worst_group" in validation:
        named = f"{validation['worst_group']}, {validation['worst_group_clips']} clips"
        lines.append(("  worst group", f"{validation['worst_group_accuracy']:.3f} ({named})"))
    if test:
        lines.append(("test accuracy", _accuracy(test, level)))
    return lines


def variant_lines(comparison: pd.DataFrame) -> list[tuple[str, str]]:
    """Pairs of a variant's name and its accuracy; `comparison` is the table of `compare_variants`."""
    return [
        (
            readable(row["variant"]),
            f"{row['accuracy']:.3f} ({pluralise(row['seeds'], 'seed')}"
            + (f", standard deviation {row['accuracy_spread']:.3f})" if pd.notna(row["accuracy_spread"]) else ")"),
        )
        for _, row in comparison.iterrows()
    ]


def _accuracy(figures: Mapping[str, Any], level: float) -> str:
    over = f"{figures['groups']} groups" if "groups" in figures else f"{figures['clips']} clips"
    if "accuracy_low" not in figures:
        return f"{figures['accuracy']:.3f} (over {over}; no interval)"
    low, high = figures["accuracy_low"], figures["accuracy_high"]
    return f"{figures['accuracy']:.3f} ({100 * level:g} % interval {low:.3f} to {high:.3f}, over {over})"


def run_note(results: Mapping[str, Any], level: float, notice: str | None) -> str:
    """Accuracy with its interval, worst group, test accuracy, data set, what the registry made of the model.

    Args:
        results: `evaluation`, and `test_evaluation`, `dataset_fingerprint` and `registry_decision` where they are
            known.
        level: of the intervals.
        notice: a sentence that stands below.
    """
    (name, headline), *lines = result_lines(results["evaluation"], results.get("test_evaluation", {}), level)
    files, decision = results.get("dataset_fingerprint"), results.get("registry_decision")
    told = [f"**{name} {headline}**", *(f"- {what.strip()}: {text}" for what, text in lines)]
    told += [f"- data: {data_line(files)}"] if files else []
    told += [f"- registry: {decision['sentence']}"] if decision else []
    return "\n".join([told[0], "", *told[1:], *(["", f"_{notice.strip()}_"] if notice else [])])


def data_line(files: Mapping[str, Mapping[str, Any]]) -> str:
    """`"216 clips of 18 groups train, 72 clips of 6 groups validate; 12 classes"`; see `describe_embeddings`."""
    train, validation = (
        pluralise(file["sequences"], "clip") + (f" of {pluralise(file['groups'], 'group')}" if file["groups"] else "")
        for file in (files["train"], files["validation"])
    )
    return f"{train} train, {validation} validate; {len(files['train']['rows_by_class'])} classes"


PACKAGES = (
    "torch", "torchvision", "lightning", "timm", "transformers", "ultralytics", "albumentations", "opencv-python",
    "h5py", "numpy", "pandas", "scikit-learn", "kedro", "mlflow",
)  # fmt: skip


def record_run(
    parameters: Mapping[str, Any], history: pd.DataFrame, tracked: Mapping[str, str], ended: datetime
) -> dict[str, Any]:
    """A record as JSON keeps it, so that a report drawn later tells of the training and not of itself.

    Args:
        parameters: all topics, as plain values.
        history: one row an epoch.
        tracked: name and id of the MLflow run; empty without one.
        ended: when the training did.
    """
    return {
        "ended": ended.isoformat(timespec="seconds"),
        "mlflow_run": dict(tracked),
        "epochs": len(history),
        "best_epoch": int(best_epoch(history)["epoch"]),
        "versions": {"python": python_version()} | {name: version(name) for name in PACKAGES},
        "parameters": dict(parameters),
    }


FEW_GROUPS = 20  # fewer make intervals too narrow
NO_GROUPS = (
    "No groups of validation clips are known. Name the part of a video id that tells performer or recording in "
    "split.group_pattern, and no group will stand on both sides of the split."
)


def caveats(
    validation: Mapping[str, Any], test: Mapping[str, Any], split_summary: Mapping[str, Any], draws: int
) -> list[str]:
    """What a reader of the figures must know.

    Args:
        validation: figures as `summarise` gives them.
        test: likewise; empty where there is no test.
        split_summary: sizes and leaks of the split.
        draws: for the intervals.
    """
    return [
        "The best epoch was chosen on the validation clips, so their figures are rather too good.",
        "Nothing was chosen on the test clips."
        if test
        else "No clips were kept apart for a test (split.test_fraction).",
        *_of_intervals(validation, draws),
        *_of_classes(validation, split_summary["split"]["train"]["classes"]),
        *_of_leaks(split_summary["split"]["leaks"]),
    ]


def _of_intervals(figures: Mapping[str, Any], draws: int) -> list[str]:
    said = [] if "groups" in figures else [NO_GROUPS]
    if not draws:
        return [*said, "No intervals were computed (evaluation.bootstrap_draws is 0)."]
    resampled = "groups" if "groups" in figures else "clips"
    if figures[resampled] == 1:
        return [*said, f"One {resampled[:-1]} says nothing of others, so there are no intervals."]
    if figures[resampled] < FEW_GROUPS:
        said.append(f"Intervals over few {resampled} are rather too narrow, and {figures[resampled]} are few.")
    if "accuracy_low" not in figures:
        said.append(
            "A figure without an interval is the same in each of the groups: how rare others are, is not known."
        )
    return said


def _of_classes(figures: Mapping[str, Any], trained: int) -> list[str]:
    if figures["classes"] == trained:
        return []
    return [f"{figures['classes']} of {trained} classes have validation clips; the means are over these."]


def _of_leaks(leaks: Mapping[str, int]) -> list[str]:
    said, alike, shared = [], leaks["copies"] + leaks["look_alikes"], leaks["groups_on_both_sides"]
    if alike:
        said.append(
            f"{alike} of {pluralise(leaks['held_out'], 'held-out clip')} {_have(alike)} a copy or a look-alike "
            "on another side of the split, which makes the figures too good."
        )
    if shared:
        said.append(f"{pluralise(shared, 'group')} {_have(shared)} clips on two sides of the split.")
    return said


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


PLACES = ("path", "lists")  # where something lies on a machine: its name says enough


def of_topics(parameters: Mapping[str, Any], topics: Iterable[str]) -> list[tuple[str, str]]:
    """Names and values of all parameters of some topics."""
    flat = flatten({topic: parameters[topic] for topic in topics})
    return [(name, _value(name, value)) for name, value in flat.items()]


def _value(name: str, value: Any) -> str:
    if isinstance(value, str):
        return Path(value).name if name.rpartition(".")[2] in PLACES else value
    return json.dumps(value, ensure_ascii=False)
