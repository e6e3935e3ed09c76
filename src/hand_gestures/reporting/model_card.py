"""The model card of a run (Mitchell et al., "Model Cards for Model Reporting", 2019), with metadata for model hubs."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from hand_gestures.reporting.html import cell_text, text_table
from hand_gestures.reporting.report import (
    interval,
    leak_audit,
    metric_name,
    metric_names,
    metrics_table,
    pretrained_models,
    run_caveats,
    split_sizes,
    views_per_clip,
)
from hand_gestures.reporting.run_summary import RunResults, flat_parameters, result_lines, run_facts, summary_sentence
from hand_gestures.utils.rules import pluralise

TEMPLATE = Path(__file__).parent / "templates" / "model_card.md"
NETWORKS = {
    "bilstm": "a bidirectional LSTM with a linear residual and attention over time and channels",
    "attentive_probe": "one learned query that attends to all frames of all channels",
    "linear_probe": "a linear layer on the mean over time of every channel (blind to the order of the frames)",
}
SPEED_PARAMETERS = ("device", "preload", "preload_share", "preload_precision", "workers")  # they do not change results


class Markdown(str):
    """Text that is markdown already and needs no escapes."""


def model_card(results: RunResults) -> str:
    """The model card.

    Args:
        results: tables and records of the run.

    Returns:
        Markdown after a YAML block with metadata.
    """
    parameters, train_file = results.parameters, results.train_file
    fingerprint = train_file["fingerprint"]
    augmentation, handless = fingerprint["augmentation"], results.evaluation.get("clips_without_hands")
    _, frames, channels, width = train_file["shape"]
    facts = [*run_facts(results.run_record), ("registry", results.registry_decision["sentence"])]
    training = flat_parameters(parameters, ("network", "channels", "training"))
    training = [(name, value) for name, value in training if name.rpartition(".")[2] not in SPEED_PARAMETERS]
    card = ModelCard.from_template(
        card_metadata(results),
        template_path=str(TEMPLATE),
        cell=_cell,
        code=_code,
        grid=_grid,
        percent=lambda share: f"{100 * share:g} %",
        summary=summary_sentence(results),
        notice=parameters["notice"],
        network=NETWORKS[parameters["network"]["name"]],
        frames=frames,
        channels=channels,
        width=width,
        facts=text_table(["", ""], facts),
        sizes=split_sizes(results.split_summary),
        split=parameters["split"],
        leaks=leak_audit(results.split_summary),
        headlines=result_lines(results.evaluation, results.test_evaluation, results.level),
        metrics_table=metrics_table(results),
        classes=_class_table(results),
        views=pluralise(min(views_per_clip(train_file), parameters["training"]["views"] or 10**9), "view"),
        training=text_table(["parameter", "value"], training),
        caveats=run_caveats(results),
        handless=pluralise(handless, "validation clip") if handless else "",
        handless_accuracy=results.evaluation.get("accuracy_without_hands"),
        mirrored=augmentation["views"] and augmentation["horizontal_flip"],
        swapped=_swapped_classes(fingerprint["mirrored_labels"]),
        pretrained=pretrained_models(fingerprint["models"], parameters),
        fingerprint=train_file["digest"],
        precision=fingerprint["precision"],
    )
    return str(card)


def card_metadata(results: RunResults) -> ModelCardData:
    """Metadata of the card: what a hub lists and filters by.

    The licence field is "other": the licence of the clips is unknown, and several pretrained models take part.

    Args:
        results: tables and records of the run.

    Returns:
        Library, task, tags, base models, licences of the pretrained models, and all metrics as `model-index`.
    """
    models = pretrained_models(results.train_file["fingerprint"]["models"], results.parameters)
    licences = ", ".join(f"{role} ({licence})" for role, licence in zip(models[""], models["licence"], strict=True))
    return ModelCardData(
        model_name=results.parameters["registry"]["model"],
        library_name="hand_gestures",
        pipeline_tag="video-classification",
        tags=["hand-gesture-recognition", results.parameters["network"]["name"]],
        base_model=[name for name in models["model"] if "/" in name] or None,
        license="other",
        license_name=f"not stated for the clips; pretrained models: {licences}",
        eval_results=[
            EvalResult(
                task_type="video-classification",
                dataset_type="hand_gestures",
                dataset_name="clips of hand gestures",
                dataset_split=split,
                metric_type=name,
                metric_name=metric_name(name),
                metric_value=metrics[name],
                metric_args={"interval": list(ends), "level": results.level}
                if (ends := interval(metrics, name))
                else None,
            )
            for split, metrics in results.splits.items()
            for name in metric_names(metrics)
        ],
    )


def _class_table(results: RunResults) -> pd.DataFrame:
    """Clips of each class by split, and how well it is recognised."""
    training = dict(zip(results.class_summary["class_name"], results.class_summary["train"], strict=True))
    tested = {row["class_name"]: [row["clips"], row["accuracy"]] for row in results.test_per_class.to_dict("records")}
    rows = []
    for row in results.per_class.to_dict("records"):
        name, times = row["class_name"], row["times_mistaken"]
        mistake = Markdown(f"{_code(row['most_frequent_mistake'])} ({times})") if times else ""
        measured = [row[column] for column in ("clips", "accuracy", "precision", "f1")]
        rows.append([_code(name), int(training.get(name, 0)), *measured, mistake, *tested.get(name, [])])
    heads = ["class", "training clips", "validation clips", "accuracy", "precision", "F1", "most often predicted as"]
    return text_table([*heads, *(["test clips", "test accuracy"] if tested else [])], rows)


def _swapped_classes(mirrored_labels: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Pairs of classes that become each other in a mirror."""
    return sorted({tuple(sorted(pair)) for pair in mirrored_labels.items() if pair[0] != pair[1]})


def _grid(table: pd.DataFrame) -> str:
    """A table in markdown."""
    lines = [list(table.columns), ["---"] * table.shape[1], *table.itertuples(index=False, name=None)]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _code(name: Any) -> Markdown:
    """A name in code style, where markdown gives no sign a meaning."""
    return Markdown("`{}`".format(" ".join(str(name).split()).replace("`", "'").replace("|", r"\|")))


def _cell(value: Any) -> str:
    """Any value on one line with escaped signs, for a table or a list."""
    if isinstance(value, Markdown):
        return value
    return re.sub(r"([\\`*<\[|])", r"\\\1", " ".join(cell_text(value).split()))
