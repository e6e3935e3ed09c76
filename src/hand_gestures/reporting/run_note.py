"""A run in a few lines of markdown, for whoever opens it in a list of many."""

from collections.abc import Mapping
from typing import Any

from hand_gestures.reporting.run_summary import result_lines
from hand_gestures.reporting.wording import many


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
        many(file["sequences"], "clip") + (f" of {many(file['groups'], 'group')}" if file["groups"] else "")
        for file in (files["train"], files["validation"])
    )
    return f"{train} train, {validation} validate; {len(files['train']['rows_by_class'])} classes"
