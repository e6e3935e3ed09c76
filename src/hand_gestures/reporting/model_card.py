"""The model card of a run (Mitchell et al., "Model Cards for Model Reporting", 2019), with metadata for model hubs."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from hand_gestures.reporting import report
from hand_gestures.reporting.html import cell_text, text_table
from hand_gestures.reporting.run_summary import RunResults, flat_parameters, result_lines, run_facts, summary_sentence
from hand_gestures.utils.rules import pluralise

TEMPLATE = Path(__file__).parent / "templates" / "model_card.md"
NETWORKS = {
    "bilstm": "a bidirectional LSTM with a linear residual and attention over time and channels",
    "attentive_probe": "one learned query that attends to all frames of all channels",
    "linear_probe": "a linear layer on the mean over time of every channel (blind to the order of the frames)",
}
# With these a training is faster or slower, with the same result.
SPEED_PARAMETERS = ("device", "preload", "preload_share", "preload_precision", "workers")


class Markdown(str):
    """Text that is markdown already, so that `_cell` does not escape it.

    Example:
        >>> _cell(Markdown("`a_b`")), _cell("`a_b`")
        ('`a_b`', '\\\\`a_b\\\\`')
    """


def model_card(results: RunResults) -> str:
    """The model card.

    Args:
        results: tables and records of the run.

    Returns:
        Markdown after a YAML block with metadata.
    """
    parameters, train_file = results.parameters, results.train_file
    facts = [*run_facts(results.run_record), ("registry", results.registry_decision["sentence"])]
    training = flat_parameters(parameters, ("network", "channels", "training"))
    training = [(name, value) for name, value in training if name.rpartition(".")[2] not in SPEED_PARAMETERS]
    views = report.views_per_clip(train_file)
    card = ModelCard.from_template(
        card_metadata(results),
        template_path=str(TEMPLATE),
        cell=_cell,
        code=_code,
        grid=_grid,
        pluralise=pluralise,
        results=results,
        summary=summary_sentence(results),
        network=NETWORKS[parameters["network"]["name"]],
        facts=text_table(["", ""], facts),
        sizes=report.split_sizes(results.split_summary),
        leaks=report.leak_audit(results.split_summary),
        headlines=result_lines(results.evaluation, results.test_evaluation, results.level),
        metrics_table=report.metrics_table(results),
        classes=_class_table(results),
        views=min(views, parameters["training"]["views"] or views),
        training=text_table(["parameter", "value"], training),
        caveats=report.run_caveats(results),
        mirrors=report.mirror_sentences(results),
        swapped=_swapped_classes(train_file["recipe"].get("mirrored_labels", {})),
        pretrained=report.pretrained_models(train_file["provenance"]["models"], parameters),
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
    models = report.pretrained_models(results.train_file["provenance"]["models"], results.parameters)
    licences = ", ".join(f"{role} ({licence})" for role, licence in zip(models[""], models["licence"], strict=True))
    return ModelCardData(
        model_name=results.parameters["registry"]["model"],
        library_name="hand_gestures",
        pipeline_tag="video-classification",
        tags=["hand-gesture-recognition", results.parameters["network"]["name"]],
        base_model=[name for name in models["model"] if "/" in name] or None,  # a local file has no owner
        license="other",
        license_name=f"not stated for the clips; pretrained models: {licences}",
        eval_results=[
            _eval_result(split, name, metrics, results.level)
            for split, metrics in results.splits.items()
            for name in report.metric_names(metrics)
        ],
    )


def _eval_result(split: str, name: str, metrics: Mapping[str, Any], level: float) -> EvalResult:
    ends = report.interval(metrics, name)
    return EvalResult(
        task_type="video-classification",
        dataset_type="hand_gestures",
        dataset_name="clips of hand gestures",
        dataset_split=split,
        metric_type=name,
        metric_name=report.metric_name(name),
        metric_value=metrics[name],
        metric_args={"interval": list(ends), "level": level} if ends else None,
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
    # A backtick would end the code, and a bar the cell of a table even inside of code.
    return Markdown("`{}`".format(" ".join(str(name).split()).replace("`", "'").replace("|", r"\|")))


def _cell(value: Any) -> str:
    """Any value on one line with escaped signs, for a table or a list."""
    if isinstance(value, Markdown):
        return value
    return re.sub(r"([\\`*<\[|])", r"\\\1", " ".join(cell_text(value).split()))
