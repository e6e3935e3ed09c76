"""The head of a run's report: its figures, and how far they can be trusted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hand_gestures.reporting.caveats import caveats
from hand_gestures.reporting.html_report import Cell, Headline, Notes, Section, Table, written
from hand_gestures.reporting.rows import readable
from hand_gestures.reporting.wording import many

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
        named = f"{validation['worst_group']}, {many(validation['worst_group_clips'], 'clip')}"
        shown.append(Headline("Worst validation group", written(validation["worst_group_accuracy"]), named))
    return shown


def run_facts(record: Mapping[str, Any]) -> list[tuple[str, Cell]]:
    """When, in which run, with which network and seed."""
    ended = datetime.fromisoformat(record["ended"])
    network, tracked = record["parameters"]["network"], record["mlflow_run"]
    bilstm = f"BiLSTM, {many(network['layers'], 'layer')} of {network['hidden']}"
    return [
        ("trained", f"{ended.day} {ended:%B %Y, %H:%M %Z}"),
        ("network", bilstm if network["name"] == "bilstm" else readable(network["name"])),
        ("best epoch", f"{record['best_epoch']} of {record['epochs']}"),
        ("seed", record["parameters"]["seed"]),
        *([("MLflow run", f"{tracked['name']}, {tracked['id'][:8]}")] if tracked else []),
    ]


def lead(validation: Mapping[str, Any], test: Mapping[str, Any], classes: int) -> str:
    """How many clips were recognised, in a sentence."""
    said = [f"{_right(of)} of {many(of['clips'], side + ' clip')}" for side, of in _sides(validation, test)]
    return f"A classifier of {many(classes, 'gesture')}. It recognises {' and '.join(said)}."


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
    groups = f" of {many(figures['groups'], 'group')}" if "groups" in figures else ""
    over = f"{many(figures['clips'], 'clip')}{groups}"
    return f"{100 * level:g} % interval {written(interval)}; {over}" if interval else f"{over}; no interval"


def _right(figures: Mapping[str, Any]) -> int:
    return round(figures["accuracy"] * figures["clips"])
