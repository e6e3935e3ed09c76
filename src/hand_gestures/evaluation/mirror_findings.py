"""What the table of a mirror audit says: sentences, contradictions with the setting, and whether to stop."""

import pandas as pd

from hand_gestures.utils.errors import HandGesturesError

SWAP, UNCHANGED, UNDECIDED = "swap", "unchanged", "undecided"


def require_decided_mirrors(audit: pd.DataFrame) -> None:
    """Refuse to train on labels that the embeddings show to be wrong.

    Args:
        audit: the table of `audit_mirrors`.

    Raises:
        HandGesturesError: two classes change places in a mirror, and `augmentation.mirrored_classes` says nothing
            about one of them. If it maps each of them, to the other or to itself, that is the user's decision.
    """
    decided = set(audit.loc[audit["mirrored_classes"] != "", "class_name"])
    pairs = [(one, other) for one, other in _swaps(audit) if not {one, other} <= decided]
    if pairs:
        turned = ", ".join(f"{one} into {other} and back" for one, other in pairs)
        missing = ", ".join(f"{one}: {other}" for one, other in pairs)
        raise HandGesturesError(
            f"mirrored views need the label of the class that they show, but the embeddings show that a mirror turns "
            f"{turned}, and augmentation.mirrored_classes does not decide that; set it to {missing}, or map each "
            f"class to itself (both change labels and embed nothing), or set augmentation.horizontal_flip to 0, and "
            "run again from feature_engineering"
        )


def describe_mirrors(audit: pd.DataFrame) -> list[str]:
    """The findings of an audit in sentences, for log, report and model card.

    Args:
        audit: the table of `audit_mirrors`.

    Returns:
        Sentences: found pairs first, then unchanged and undecided classes.
    """
    rows = audit.set_index("class_name")
    sentences = [
        f"A mirror turns {one} into {other} and back (log-likelihood ratios {rows['log_ratio'][one]:.1f} and "
        f"{rows['log_ratio'][other]:.1f})."
        for one, other in _swaps(audit)
    ]
    if unchanged := audit.loc[audit["finding"] == UNCHANGED, "class_name"].tolist():
        sentences.append(f"A mirror does not change the class of {', '.join(unchanged)}.")
    open_cases = audit[audit["finding"] == UNDECIDED]
    for never_set, consequence in (
        (False, "augmentation.mirrored_classes decides"),
        (True, "augmentation.mirrored_classes was never set"),
    ):
        part = open_cases[(open_cases["mirrored_classes"] == "") == never_set]
        for reason, names in part.groupby("reason", sort=False)["class_name"]:
            sentences.append(f"The mirror audit is undecided ({reason}) and {consequence} for: {', '.join(names)}.")
    return sentences


def mirror_contradictions(audit: pd.DataFrame) -> list[str]:
    """Where the embeddings contradict `augmentation.mirrored_classes`; the setting has priority.

    Args:
        audit: the table of `audit_mirrors`.

    Returns:
        A sentence for each class that the setting turns into another class than the one its mirrored views look like.
    """
    columns = audit[["class_name", "finding", "looks_like", "mirrored_classes"]]
    return [
        f"augmentation.mirrored_classes turns {name} into {setting}, but mirrored views of {name} look like {found}."
        for name, finding, found, setting in columns.itertuples(index=False, name=None)
        if finding != UNDECIDED and setting not in ("", found)
    ]


def _swaps(audit: pd.DataFrame) -> list[tuple[str, str]]:
    """Each pair of classes that change places, once, in the order of the table."""
    swaps = audit[audit["finding"] == SWAP]
    position = {name: index for index, name in enumerate(audit["class_name"])}
    pairs = zip(swaps["class_name"], swaps["looks_like"], strict=True)
    return [(one, other) for one, other in pairs if position[one] < position[other]]
