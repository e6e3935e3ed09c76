"""How far a run's figures can be trusted, in sentences."""

from collections.abc import Mapping
from typing import Any

from hand_gestures.reporting.wording import many

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
            f"{alike} of {many(leaks['held_out'], 'held-out clip')} {_have(alike)} a copy or a look-alike on another "
            "side of the split, which makes the figures too good."
        )
    if shared:
        said.append(f"{many(shared, 'group')} {_have(shared)} clips on two sides of the split.")
    return said


def _have(count: int) -> str:
    return "has" if count == 1 else "have"
