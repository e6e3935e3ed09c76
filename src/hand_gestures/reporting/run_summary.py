"""What a run left on disk, and its metrics in a few lines of text; imports no plotting library."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import pandas as pd

from hand_gestures.evaluation.baselines import BASELINES, baseline_accuracy
from hand_gestures.utils.nested import flatten
from hand_gestures.utils.rules import MIN_CLIPS, best_epoch, pluralise

PACKAGES = (
    "torch", "torchvision", "lightning", "timm", "transformers", "ultralytics", "albumentations", "opencv-python",
    "h5py", "numpy", "pandas", "scikit-learn", "kedro", "mlflow",
)  # fmt: skip
NOT_CLASS_SETS = {"accuracy_with_hands", "accuracy_without_hands"}
MIN_GROUPS = 20  # intervals over fewer groups are too narrow
PATH_PARAMETERS = ("path", "lists")  # of these only the file name is shown: folders are private
NO_GROUPS = (
    "No groups of validation clips are known. Set split.group_pattern to the part of a video id that names performer "
    "or recording, and no group will have clips in two splits."
)


@dataclass(frozen=True)
class RunResults:
    """All tables and records of a run that report and model card show; each field is the catalog entry of its name.

    Metrics of the test are an empty dictionary, and its tables are empty, where no clips were kept for a test.

    Example:
        >>> results = RunResults(run_record=record_run(parameters, history, {}, ended), evaluation=metrics, ...)
        >>> results.level
        0.95
    """

    run_record: Mapping[str, Any]
    registry_decision: Mapping[str, Any]
    embeddings_description: Mapping[str, Any]
    split_summary: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    test_evaluation: Mapping[str, Any]
    per_class: pd.DataFrame
    test_per_class: pd.DataFrame
    per_group: pd.DataFrame
    test_per_group: pd.DataFrame
    confusion: pd.DataFrame
    faithfulness: pd.DataFrame
    class_summary: pd.DataFrame
    hand_rates: pd.DataFrame
    mirror_audit: pd.DataFrame

    @property
    def parameters(self) -> Mapping[str, Any]:
        """All parameters of the training."""
        return self.run_record["parameters"]

    @property
    def level(self) -> float:
        """Confidence level of the intervals."""
        return self.parameters["evaluation"]["confidence_level"]

    @property
    def train_file(self) -> Mapping[str, Any]:
        """Description of the embeddings that the network was trained on."""
        return self.embeddings_description["train"]

    @property
    def splits(self) -> dict[str, Mapping[str, Any]]:
        """Metrics by split: of the validation and, where there is one, of the test."""
        return {"validation": self.evaluation} | ({"test": self.test_evaluation} if self.test_evaluation else {})


def readable(name: object) -> str:
    """`"swipe_left"` → `"swipe left"`."""
    return str(name).replace("_", " ")


def result_lines(validation: Mapping[str, Any], test: Mapping[str, Any], level: float) -> list[tuple[str, str]]:
    """Accuracies: of validation and test beside their baselines, of class sets, by hands found, of the worst group.

    Args:
        validation: metrics as `evaluation.summary.summarise` returns them.
        test: the same for the test; empty without a test.
        level: confidence level of the intervals.

    Returns:
        Pairs of a name, indented where it is a part of the accuracy above, and a text.
    """
    lines = [("validation accuracy", _accuracy(validation, level)), *_baseline_lines(validation)]
    for name, value in validation.items():
        if name.startswith("accuracy_") and not name.endswith(("_low", "_high")) and name not in NOT_CLASS_SETS:
            lines.append((f"  {readable(name.removeprefix('accuracy_'))}", f"{value:.3f}"))
    if validation.keys() >= NOT_CLASS_SETS:
        clips = validation["clips_without_hands"]
        lines.append(("  hands found", f"{validation['accuracy_with_hands']:.3f}"))
        lines.append(("  no hands found", f"{validation['accuracy_without_hands']:.3f} ({clips} clips)"))
    if validation.get("worst_group_accuracy", 1.0) < validation["accuracy"]:  # equal groups have no worst
        group = f"{validation['worst_group']}, {validation['worst_group_clips']} clips"
        lines.append(("  worst group", f"{validation['worst_group_accuracy']:.3f} ({group})"))
    return [*lines, *([("test accuracy", _accuracy(test, level)), *_baseline_lines(test)] if test else [])]


def _baseline_lines(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    text = baselines_text(metrics)
    if not text:
        return []
    return [("  by chance", f"{text}; the model is no better" if no_better_than_baseline(metrics) else text)]


def baselines_text(metrics: Mapping[str, Any]) -> str:
    """What an accuracy is compared with.

    Args:
        metrics: as `evaluation.summary.summarise` returns them.

    Returns:
        `"0.083, always the most frequent class 0.125"`; "" for metrics of an earlier version, without baselines.
    """
    if not metrics.keys() >= set(BASELINES):
        return ""
    return f"{metrics['chance_accuracy']:.3f}, always the most frequent class {metrics['majority_accuracy']:.3f}"


def no_better_than_baseline(metrics: Mapping[str, Any]) -> bool:
    """Whether the accuracy itself, whatever its interval, is at or below that of an answer that needs no model."""
    baseline = baseline_accuracy(metrics)
    return baseline is not None and metrics["accuracy"] <= baseline


def interval_name(metrics: Mapping[str, Any], level: float) -> str:
    """`"95 % interval"` of the accuracy by the bootstrap, or `"95 % exact interval"`."""
    return f"{100 * level:g} % {'exact ' if 'accuracy' in metrics.get('exact_intervals', ()) else ''}interval"


def _accuracy(metrics: Mapping[str, Any], level: float) -> str:
    basis = pluralise(metrics["groups"], "group") if "groups" in metrics else pluralise(metrics["clips"], "clip")
    if "accuracy_low" not in metrics:
        return f"{metrics['accuracy']:.3f} (over {basis}; no interval)"
    low, high = metrics["accuracy_low"], metrics["accuracy_high"]
    return f"{metrics['accuracy']:.3f} ({interval_name(metrics, level)} {low:.3f} to {high:.3f}, over {basis})"


def variant_lines(comparison: pd.DataFrame) -> list[tuple[str, str]]:
    """Mean accuracy of each variant of a comparison.

    Args:
        comparison: table as `comparison.table.compare_variants` returns it.

    Returns:
        Pairs of a variant's name and a text.
    """
    lines = []
    for _, row in comparison.iterrows():
        spread, basis = row["accuracy_spread"], pluralise(int(row["seeds"]), "seed")
        basis += f", standard deviation {spread:.3f}" if pd.notna(spread) else ""
        lines.append((readable(row["variant"]), f"{row['accuracy']:.3f} ({basis})"))
    return lines


def run_note(results: Mapping[str, Any], level: float, notice: str | None) -> str:
    """Description of an MLflow run: accuracy with its interval, worst group, test accuracy, data, registry decision.

    Args:
        results: by catalog name: `evaluation`, and if known `test_evaluation`, `embeddings_description` and
            `registry_decision`.
        level: confidence level of the intervals.
        notice: a sentence for the end.

    Returns:
        Markdown.
    """
    # MLflow shows the note in its list of runs, where only the beginning is visible: accuracy first.
    (name, headline), *lines = result_lines(results["evaluation"], results.get("test_evaluation", {}), level)
    items = [f"{what.strip()}: {text}" for what, text in lines]
    if files := results.get("embeddings_description"):
        items.append(f"data: {_data_line(files)}")
    if decision := results.get("registry_decision"):
        items.append(f"registry: {decision['sentence']}")
    ending = f"\n\n_{notice.strip()}_" if notice else ""
    return "\n".join([f"**{name} {headline}**", "", *(f"- {item}" for item in items)]) + ending


def _data_line(files: Mapping[str, Mapping[str, Any]]) -> str:
    """`"216 clips of 18 groups train, 72 clips of 6 groups validate; 12 classes"`."""
    train, validation = (
        pluralise(file["sequences"], "clip") + (f" of {pluralise(file['groups'], 'group')}" if file["groups"] else "")
        for file in (files["train"], files["validation"])
    )
    return f"{train} train, {validation} validate; {len(files['train']['rows_by_class'])} classes"


def record_run(
    parameters: Mapping[str, Any], history: pd.DataFrame, tracked: Mapping[str, str], ended: datetime
) -> dict[str, Any]:
    """A record of a training, so that a report made later describes the training and not itself.

    Args:
        parameters: all topics as plain values.
        history: one row per epoch.
        tracked: name and id of the MLflow run; empty without one.
        ended: when the training ended.

    Returns:
        Values that JSON can store.
    """
    return {
        "ended": ended.isoformat(timespec="seconds"),
        "mlflow_run": dict(tracked),
        "epochs": len(history),
        "best_epoch": int(best_epoch(history)["epoch"]),
        "versions": {"python": python_version()} | {name: version(name) for name in PACKAGES},
        "parameters": dict(parameters),
    }


def summary_sentence(results: RunResults) -> str:
    """The first sentence of report and model card.

    Args:
        results: tables and records of the run.

    Returns:
        `"A classifier of 12 gestures. It recognises 70 of 72 validation clips."`
    """
    counts = [
        f"{round(metrics['accuracy'] * metrics['clips'])} of {pluralise(metrics['clips'], f'{split} clip')}"
        for split, metrics in results.splits.items()
    ]
    # The classes of the model are those it was trained on; validation may lack some.
    classes = pluralise(len(results.train_file["rows_by_class"]), "gesture")
    return f"A classifier of {classes}. It recognises {' and '.join(counts)}."


def run_facts(record: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """When and how a model was trained.

    Args:
        record: of the training, from `record_run`.

    Returns:
        Names and values: date, network, best epoch, seed and, if there is one, MLflow run.
    """
    ended = datetime.fromisoformat(record["ended"])  # %-d for the day is unknown to Windows
    network, tracked = record["parameters"]["network"], record["mlflow_run"]
    bilstm = f"BiLSTM, {pluralise(network['layers'], 'layer')} of {network['hidden']}"
    return [
        ("trained", f"{ended.day} {ended:%B %Y, %H:%M %Z}"),
        ("network", bilstm if network["name"] == "bilstm" else readable(network["name"])),
        ("best epoch", f"{record['best_epoch']} of {record['epochs']}"),
        ("seed", record["parameters"]["seed"]),
        *([("MLflow run", f"{tracked['name']}, {tracked['id'][:8]}")] if tracked else []),
    ]


def caveats(
    validation: Mapping[str, Any], test: Mapping[str, Any], split_summary: Mapping[str, Any], draws: int, epochs: int
) -> list[str]:
    """Sentences on how far the metrics of a run can be trusted, for report and model card.

    Args:
        validation: metrics as `evaluation.summary.summarise` returns them.
        test: the same for the test; empty without a test.
        split_summary: sizes and leaks of the split.
        draws: bootstrap draws behind the intervals.
        epochs: number of epochs that the best one was chosen from.

    Returns:
        Sentences, the most important first.
    """
    split = split_summary["split"]
    trained = split["train"]["classes"]
    flattered = not no_better_than_baseline(validation)  # only then can metrics be too good
    sentences = _baseline_caveats(validation, "validation")
    if flattered and epochs > 1:
        sentences.append(
            "The best epoch was chosen on the validation clips, so the validation metrics are slightly too good."
        )
    sentences += [
        "Nothing was chosen on the test clips." if test else "No clips were kept for a test (split.test_fraction).",
        *_baseline_caveats(test, "test"),
        *_size_caveats({"validation": validation, "test": test}),
        *_interval_caveats(validation, draws),
    ]
    if validation["classes"] != trained:
        sentences.append(f"{validation['classes']} of {trained} classes have validation clips; means are over these.")
    return [*sentences, *_leak_caveats(split["leaks"], flattered)]


def _baseline_caveats(metrics: Mapping[str, Any], split: str) -> list[str]:
    baseline = baseline_accuracy(metrics)
    if baseline is None:
        return []
    accuracy, answer = metrics["accuracy"], f"always answering the most frequent class of the {split} clips"
    if no_better_than_baseline(metrics):
        return [
            f"The model is no better than {answer}: its accuracy is {accuracy:.3f}, that of this answer {baseline:.3f}."
        ]
    if metrics.get("accuracy_low", accuracy) <= baseline:
        return [
            f"The model is not shown to be better than {answer}: the interval of its accuracy contains {baseline:.3f}."
        ]
    return []


def _size_caveats(splits: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [
        f"There {'is' if metrics['clips'] == 1 else 'are'} only {pluralise(metrics['clips'], f'{split} clip')}: one "
        f"more or one less that is right changes the accuracy by {1 / metrics['clips']:.3f}."
        for split, metrics in splits.items()
        if metrics and metrics["clips"] < MIN_CLIPS
    ]


def _interval_caveats(metrics: Mapping[str, Any], draws: int) -> list[str]:
    unit = "groups" if "groups" in metrics else "clips"  # what the bootstrap draws
    sentences = [NO_GROUPS] if unit == "clips" else []
    if not draws:
        return [*sentences, "No intervals were computed (evaluation.bootstrap_draws is 0)."]
    if metrics[unit] == 1:  # a bootstrap of one unit always draws the same
        return [*sentences, f"One {unit[:-1]} says nothing about others, so there are no intervals."]
    exact = [readable(name.removeprefix("accuracy_")) for name in metrics.get("exact_intervals", ())]
    if exact:
        sentences.append(
            f"Exact binomial intervals (Clopper and Pearson), each {unit[:-1]} as one observation: {', '.join(exact)}; "
            f"all {unit} have the same value there. All other intervals are bootstraps over {unit}."
        )
    if metrics[unit] < MIN_GROUPS:
        kind = "Bootstrap intervals" if exact else "Intervals"
        sentences.append(f"{kind} over fewer than {MIN_GROUPS} {unit} are too narrow; there are {metrics[unit]}.")
    if _without_interval(metrics):
        sentences.append(
            f"A metric without an interval has the same value in every {unit[:-1]} that it covers: how rare other "
            "values are is unknown."
        )
    return sentences


def _without_interval(metrics: Mapping[str, Any]) -> list[str]:
    """Names of metrics without an interval; baselines and the worst group have none at all."""
    ends = {name for name in metrics if name.endswith(("_low", "_high"))}
    measured = {name for name, value in metrics.items() if isinstance(value, float)} - ends
    return sorted(name for name in measured - {*BASELINES, "worst_group_accuracy"} if f"{name}_low" not in metrics)


def _leak_caveats(leaks: Mapping[str, int], flattered: bool) -> list[str]:
    sentences, alike, shared = [], leaks["copies"] + leaks["look_alikes"], leaks["groups_on_both_sides"]
    if alike:
        sentences.append(
            f"{alike} of {pluralise(leaks['held_out'], 'held-out clip')} {_have(alike)} a copy or a look-alike "
            f"in another split{', which makes the metrics too good' if flattered else ''}."
        )
    if shared:
        sentences.append(f"{pluralise(shared, 'group')} {_have(shared)} clips in two splits.")
    return sentences


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def flat_parameters(parameters: Mapping[str, Any], topics: Iterable[str]) -> list[tuple[str, str]]:
    """All parameters of some topics.

    Args:
        parameters: by topic, as plain values.
        topics: which ones.

    Returns:
        Pairs of a dotted name and a text; of a path only its last part.
    """
    flat = flatten({topic: parameters[topic] for topic in topics})
    return [(name, _value_text(name, value)) for name, value in flat.items()]


def _value_text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return Path(value).name if name.rpartition(".")[2] in PATH_PARAMETERS else value
