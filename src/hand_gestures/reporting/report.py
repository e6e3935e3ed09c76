"""The report of a run: the values that `templates/report.html` shows, most of them tables."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hand_gestures.evaluation.baselines import BASELINES
from hand_gestures.evaluation.mirror_findings import describe_mirrors, mirror_contradictions
from hand_gestures.evaluation.tables import TRUE_CLASS
from hand_gestures.reporting import run_summary as summary
from hand_gestures.reporting.html import MAX_TABLE_ROWS, Cell, cell_text, render, text_table
from hand_gestures.reporting.run_summary import RunResults, readable
from hand_gestures.utils.rules import ALL_CLASSES, pluralise

SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test"}
COUNTS = ("clips", "classes", "groups", "clips_without_hands")
NOT_METRICS = (*COUNTS, *BASELINES, "exact_intervals", "worst_group", "worst_group_clips")
METRIC_NAMES = {
    "chance_accuracy": "by chance",
    "majority_accuracy": "always the most frequent class",
    "top5_accuracy": "top-5 accuracy",
    "macro_f1": "macro F1",
    "loss": "cross entropy",
    "ece": "expected calibration error",
    "accuracy_with_hands": "accuracy, hands found",
    "accuracy_without_hands": "accuracy, no hands found",
    "worst_group_accuracy": "accuracy of the worst group",
}
LEAK_NAMES = {  # keys are those of split_summary.json
    "held_out": "held-out clips",
    "copies": "of these, with a copy in another split",
    "look_alikes": "of these, with a look-alike in another split",
    "groups_on_both_sides": "groups with clips in two splits",
    "partly_compared": "held-out clips with too many similar clips to compare all",  # a key that seldom exists
}
CLASS_COLUMNS = (
    "class_name", "clips", "train", "val", "test", "left_out", "groups", "frames", "shortest", "median", "longest",
    "repeating", "rejected", "megabytes", "size",
)  # fmt: skip
SHOWN_IF_NONZERO = ("test", "left_out", "repeating", "rejected")  # most data sets have none of these
PROVENANCE_TOPICS = ("clips", "split", "augmentation", "extraction", "hands", "backbones", "evaluation")
UNKNOWN_LICENCE = "unknown"


def report(results: RunResults, pictures: Mapping[str, Path]) -> str:
    """The report as one HTML page.

    Args:
        results: tables and records of the run.
        pictures: file of each plot and folder of each set of pictures, by catalog name such as `curves_plot`.

    Returns:
        HTML with all pictures inside.
    """
    parameters, train_file = results.parameters, results.train_file
    return render(
        "report.html",
        results=results,
        pictures=pictures,
        summary=summary.summary_sentence(results),
        headlines=headlines(results),
        facts=summary.run_facts(results.run_record),
        metrics=metrics_table(results),
        caveats=run_caveats(results),
        classes=_with_rows(results.per_class, results.test_per_class),
        groups=_with_rows(results.per_group, results.test_per_group),
        no_groups=summary.NO_GROUPS,
        mistakes=mistakes_table(results.confusion),
        training=summary.flat_parameters(parameters, ("network", "training")),
        views=views_per_clip(train_file),
        faithfulness=results.faithfulness.drop(columns=["share", "clips"]),
        sizes=split_sizes(results.split_summary),
        leaks=leak_audit(results.split_summary),
        class_summary=class_table(results.class_summary),
        hands=hand_table(results.hand_rates),
        mirrors=mirror_sentences(results),
        mirror_table=results.mirror_audit.drop(columns=["groups", "compared_with"]),
        embeddings=embeddings_table(results.embeddings_description),
        pretrained=pretrained_models(train_file["provenance"]["models"], parameters),
        precision_error=precision_table(train_file["precision_error"]),
        provenance=text_table(["parameter", "value"], summary.flat_parameters(parameters, PROVENANCE_TOPICS)),
    )


def _with_rows(validation: pd.DataFrame, test: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The tables of validation and test that are not empty; the recall of a class is its accuracy."""
    tables = {"Validation": _worst_first(validation), "Test": _worst_first(test)}
    return {name: table.drop(columns="recall", errors="ignore") for name, table in tables.items() if len(table)}


def _worst_first(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it is, but the worst rows first if a page cannot show all of them."""
    if len(table) <= MAX_TABLE_ROWS:
        return table
    return table.sort_values(["accuracy", "clips"], ascending=[True, False], kind="stable")


def _total_first(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it is, but its last row, over all classes, first if a page cannot show all rows."""
    return table if len(table) <= MAX_TABLE_ROWS else pd.concat([table.tail(1), table.head(-1)])


def headlines(results: RunResults) -> list[tuple[str, str, str]]:
    """The numbers in large type: accuracy of each split, and of the worst group if it is worse than the others.

    Args:
        results: tables and records of the run.

    Returns:
        Name, value and basis of each number.
    """
    lines = [
        (f"{split.capitalize()} accuracy", cell_text(metrics["accuracy"]), _basis(metrics, results.level))
        for split, metrics in results.splits.items()
    ]
    validation = results.evaluation
    if validation.get("worst_group_accuracy", 1.0) < validation["accuracy"]:
        group = f"{validation['worst_group']}, {pluralise(validation['worst_group_clips'], 'clip')}"
        lines.append(("Worst validation group", cell_text(validation["worst_group_accuracy"]), group))
    return lines


def _basis(metrics: Mapping[str, Any], level: float) -> str:
    ends = interval(metrics, "accuracy")
    groups = f" of {pluralise(metrics['groups'], 'group')}" if "groups" in metrics else ""
    clips = f"{pluralise(metrics['clips'], 'clip')}{groups}"
    basis = f"{summary.interval_name(metrics, level)} {cell_text(ends)}; {clips}" if ends else f"{clips}; no interval"
    baselines = summary.baselines_text(metrics)
    return f"{basis}; by chance {baselines}" if baselines else basis


def metrics_table(results: RunResults) -> pd.DataFrame:
    """The accuracy and its baselines, all other metrics with their intervals, then all counts.

    Args:
        results: tables and records of the run.

    Returns:
        One row per metric, two columns per split; an interval is a pair of its ends, or None.
    """
    splits = list(results.splits.values())
    # The test has no worst group or hands if it is small: a row needs a metric in one of the splits only.
    known = {name: None for metrics in splits for name in metrics}
    first, *others = metric_names(known)
    names = [first, *(name for name in (*BASELINES, *others, *COUNTS) if name in known)]
    heads = [head for split in results.splits for head in (split, f"{100 * results.level:g} % interval")]
    return text_table(["", *heads], [[metric_name(name), *_cells(splits, name)] for name in names])


def _cells(splits: list[Mapping[str, Any]], name: str) -> list[Cell]:
    """A metric and its interval in each split; counts and baselines have an empty cell instead of the interval."""
    alone = (*COUNTS, *BASELINES)
    return [cell for m in splits for cell in (m.get(name), "" if name in alone else interval(m, name))]


def metric_names(metrics: Iterable[str]) -> list[str]:
    """Metrics among the entries of an evaluation.

    Args:
        metrics: names as `evaluation.summary.summarise` returns them.

    Returns:
        The names without counts, baselines, group names and ends of intervals.
    """
    return [name for name in metrics if name not in NOT_METRICS and not name.endswith(("_low", "_high"))]


def metric_name(name: str) -> str:
    """`accuracy_direction_only` → `"accuracy, direction only"`."""
    class_set = name.removeprefix("accuracy_")
    return METRIC_NAMES.get(name) or (f"accuracy, {readable(class_set)}" if class_set != name else readable(name))


def interval(metrics: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    """Ends of the interval of a metric; None where there is none."""
    return (metrics[f"{name}_low"], metrics[f"{name}_high"]) if f"{name}_low" in metrics else None


def run_caveats(results: RunResults) -> list[str]:
    """The `caveats` of these results."""
    draws, epochs = results.parameters["evaluation"]["bootstrap_draws"], results.run_record["epochs"]
    return summary.caveats(results.evaluation, results.test_evaluation, results.split_summary, draws, epochs)


def mistakes_table(confusion: pd.DataFrame) -> pd.DataFrame:
    """Which classes are predicted as which other ones.

    Args:
        confusion: counts with a column `TRUE_CLASS`, as `evaluation.tables.confusion` returns it.

    Returns:
        One row per pair of classes that occurs, the most frequent mistake first.
    """
    names = list(confusion[TRUE_CLASS])
    clips = confusion.drop(columns=TRUE_CLASS).to_numpy().sum(axis=1)  # also those predicted as `OTHER_CLASSES`
    counts = confusion[names].to_numpy()
    pairs = [
        (names[true], names[predicted], int(counts[true, predicted]), float(counts[true, predicted] / clips[true]))
        for true, predicted in np.argwhere(counts)
        if true != predicted
    ]
    pairs.sort(key=lambda pair: -pair[2])  # stable: pairs with the same count stay in the order of their names
    return text_table(["true class", "predicted as", "clips", "share of the class"], pairs)


def mirror_sentences(results: RunResults) -> list[str]:
    """What the mirror audit found, contradictions first; empty where no view is mirrored."""
    augmentation = results.train_file["recipe"].get("augmentation")  # a file without augmented views has none
    if not augmentation or not augmentation["views"] or not augmentation["horizontal_flip"]:
        return []
    return [*mirror_contradictions(results.mirror_audit), *describe_mirrors(results.mirror_audit)]


def views_per_clip(train_file: Mapping[str, Any]) -> int:
    """Rows per clip in the training file: the clean view and the augmented ones."""
    return train_file["rows"] // max(1, train_file["sequences"])


def split_sizes(split_summary: Mapping[str, Any]) -> pd.DataFrame:
    """Size of each split that has clips.

    Args:
        split_summary: sizes and leaks; `groups` is None where groups are unknown.

    Returns:
        Number of clips, of groups where they are known, and of classes.
    """
    sizes = {name: split_summary["split"][split] for split, name in SPLIT_NAMES.items()}
    sizes = {name: size for name, size in sizes.items() if size["sequences"]}
    known = all(size["groups"] is not None for size in sizes.values())
    counts = ["sequences", *["groups"] * known, "classes"]
    rows = [[name, *(size[count] for count in counts)] for name, size in sizes.items()]
    return text_table(["split", "clips", *counts[1:]], rows)


def leak_audit(split_summary: Mapping[str, Any]) -> pd.DataFrame:
    """How many clips of a split have a copy or a look-alike in another split.

    Args:
        split_summary: sizes and leaks of this split and of a random one.

    Returns:
        One row per kind of leak.
    """
    this, random = split_summary["split"]["leaks"], split_summary["random_split"]["leaks"]
    counts = [(count, name) for count, name in LEAK_NAMES.items() if count in this.keys() | random.keys()]
    rows = [[name, this.get(count, 0), random.get(count, 0)] for count, name in counts]
    return text_table(["", "this split", "random split"], rows)


def class_table(class_summary: pd.DataFrame) -> pd.DataFrame:
    """Contents of each class.

    Args:
        class_summary: as `dataset.summary.summarise_classes` returns it.

    Returns:
        The same rows without those columns of `SHOWN_IF_NONZERO` that are 0 everywhere.
    """
    columns = [name for name in CLASS_COLUMNS if name not in SHOWN_IF_NONZERO or class_summary[name].any()]
    return _total_first(class_summary[columns].rename(columns={"megabytes": "MB", "size": "pixels"}))


def hand_table(rates: pd.DataFrame) -> pd.DataFrame | None:
    """Share of frames with hands and number of clips without.

    Args:
        rates: one row per split and class, as `embedding.hand_tables.hand_rates` returns it.

    Returns:
        One row per class, two columns per split; None where hands were not searched for.
    """
    if rates["frames_with_hand"].isna().all():
        return None
    columns = rates[["class_name", "split", "frames_with_hand", "clips_without_hand"]]
    found = {(name, split): cells for name, split, *cells in columns.itertuples(index=False, name=None)}
    splits = list(rates["split"].unique())
    names = sorted(rates["class_name"].unique(), key=lambda name: name == ALL_CLASSES)  # all classes last
    rows = [[name, *(cell for split in splits for cell in found.get((name, split), (None, None)))] for name in names]
    heads = [head for split in splits for head in (SPLIT_NAMES[split], "clips without")]
    return _total_first(text_table(["class", *heads], rows))


def embeddings_table(files: Mapping[str, Any]) -> pd.DataFrame:
    """Name, size and embedding contract of each embeddings file."""
    rows = []
    for split, file in files.items():
        shape = " x ".join(map(str, file["shape"][1:]))
        name = SPLIT_NAMES.get(split, split)
        rows.append([name, file["file"], file["rows"], file["sequences"], shape, file["digest"]])
    return text_table(["", "file", "rows", "clips", "frames x channels x features", "contract"], rows)


def pretrained_models(models: Mapping[str, Any], parameters: Mapping[str, Any]) -> pd.DataFrame:
    """Name, revision, licence and hash of each model behind the embeddings.

    Args:
        models: by role, from the provenance of the embeddings.
        parameters: of the training; they name the licences.

    Returns:
        One row per model in the order of the parameters.
    """
    rows: list[list[Cell]] = []
    sources = {**parameters["backbones"], **{role: parameters.get(role) for role in ("landmarks", "hands")}}
    for role, source in sources.items():
        if role in models:
            model = models[role]
            revision = model["commit"] or model["revision"] or "local file"
            rows.append([role, model["name"], revision, _licence(source, model["name"]), model["sha256"]])
    return text_table(["", "model", "revision", "licence", "sha256 of the weights"], rows)


def _licence(source: Mapping[str, Any], name: str) -> str:
    """The licence in the parameters, unless they name another model now than the one behind the embeddings."""
    named = Path(source["path"]).name if source["path"] else source["name"]  # as the provenance names local files
    return source["licence"] if named == name else UNKNOWN_LICENCE


def precision_table(precision_error: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Distance of each channel from float32; empty where the embeddings are float32 themselves."""
    rows = [[channel, error["cosine"], error["relative_l2"]] for channel, error in precision_error.items()]
    return text_table(["channel", "centred cosine", "relative L2"], rows)
