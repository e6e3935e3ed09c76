"""A mirrored clip of "swipe left" shows "swipe right": which label a mirrored view takes."""

import logging
import re

from hand_gestures.utils.errors import HandGesturesError

logger = logging.getLogger(__name__)

DIRECTIONS = {"left", "right", "clockwise", "counterclockwise", "anticlockwise"}


def mirrored_labels(class_names: list[str], mirrored_classes: dict[str, str], flips: bool) -> dict[str, str]:
    """The class that each class becomes in a mirror; a pair need be given in one direction only.

    Args:
        class_names: the classes of the data set.
        mirrored_classes: class → class; an empty map says that no class changes.
        flips: whether any view is mirrored at all.

    Raises:
        HandGesturesError: a class is named for a direction but has no pair, or the pairs contradict each other.
    """
    pairs = _both_ways(mirrored_classes)
    known = set(class_names)
    absent = sorted(name for name in pairs if name not in known and pairs[name] not in known)
    if absent:
        logger.warning(
            "augmentation.mirrored_classes names classes that this data set does not have: %s", ", ".join(absent)
        )
    for name in class_names:
        if flips and pairs.get(name, name) not in known:
            raise HandGesturesError(
                f"a mirrored view needs a class of this data set, but augmentation.mirrored_classes turns '{name}' "
                f"into '{pairs[name]}', which has no clips; add clips of it or set augmentation.horizontal_flip to 0"
            )
    directed = [name for name in class_names if DIRECTIONS & set(_words(name))]
    unmapped = [name for name in directed if name not in pairs]
    if flips and unmapped:
        raise HandGesturesError(
            "a mirror changes the meaning of classes named for a direction, but augmentation.mirrored_classes does "
            f"not say what becomes of {', '.join(unmapped)}; map each to its mirror image (swipe_left: swipe_right), "
            "to itself where the mirror changes nothing, or set augmentation.horizontal_flip to 0"
        )
    return {name: pairs.get(name, name) for name in class_names}


def _words(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def _both_ways(pairs: dict[str, str]) -> dict[str, str]:
    both = dict(pairs)
    for one, other in pairs.items():
        if both.setdefault(other, one) != one:
            raise HandGesturesError(
                f"a mirror of a mirror is the class itself, but augmentation.mirrored_classes turns '{one}' into "
                f"'{other}' and '{other}' into '{both[other]}'; give each class one partner"
            )
    return both
