"""A mirrored clip of "swipe left" shows "swipe right": the label of each mirrored view."""

import logging
import re
from collections.abc import Mapping

from hand_gestures.utils.errors import HandGesturesError

logger = logging.getLogger(__name__)

DIRECTIONS = {"left", "right", "clockwise", "counterclockwise", "anticlockwise"}


def mirrored_labels(class_names: list[str], mirrored_classes: dict[str, str], flips: bool) -> dict[str, str]:
    """The class that the mirror image of each class belongs to.

    Args:
        class_names: the classes of the data set.
        mirrored_classes: class → class of its mirror image. One direction of a pair is enough; an empty map means that
            no class changes.
        flips: whether any view is mirrored.

    Returns:
        Class → class of its mirror image, for every class of the data set.

    Raises:
        HandGesturesError: the name of a class contains a direction but the map does not contain the class, or the
            pairs contradict each other, or views are mirrored and a mirror class has no clips.
    """
    pairs = in_both_directions(mirrored_classes)
    known = set(class_names)
    absent = sorted(name for name in pairs if name not in known and pairs[name] not in known)
    if absent:
        logger.warning(
            "augmentation.mirrored_classes names classes that this data set does not have: %s", ", ".join(absent)
        )
    if flips:
        _require_all_mirror_classes(class_names, pairs)
    return {name: pairs.get(name, name) for name in class_names}


def _require_all_mirror_classes(class_names: list[str], pairs: dict[str, str]) -> None:
    for name in class_names:
        if pairs.get(name, name) not in class_names:
            raise HandGesturesError(
                f"a mirrored view needs a class of this data set, but augmentation.mirrored_classes turns '{name}' "
                f"into '{pairs[name]}', which has no clips; add clips of it or set augmentation.horizontal_flip to 0"
            )
    unmapped = [name for name in class_names if DIRECTIONS & _words(name) and name not in pairs]
    if unmapped:
        raise HandGesturesError(
            "a mirror changes the meaning of classes named for a direction, but augmentation.mirrored_classes does "
            f"not say what becomes of {', '.join(unmapped)}; map each to its mirror image (swipe_left: swipe_right), "
            "to itself where the mirror changes nothing, or set augmentation.horizontal_flip to 0"
        )


def _words(name: str) -> set[str]:
    """`"swipe_left"`, `"SWIPE LEFT"` and `"swipeLeft"` → `{"swipe", "left"}`."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def in_both_directions(pairs: Mapping[str, str]) -> dict[str, str]:
    """Complete `augmentation.mirrored_classes`, where one direction of a pair is enough.

    Args:
        pairs: class → class of its mirror image.

    Returns:
        The same map with both directions of every pair. A class that it lacks was not decided by the user.

    Raises:
        HandGesturesError: the pairs contradict each other.
    """
    both = dict(pairs)
    for one, other in pairs.items():
        if both.setdefault(other, one) != one:
            raise HandGesturesError(
                f"a mirror of a mirror is the class itself, but augmentation.mirrored_classes turns '{one}' into "
                f"'{other}' and '{other}' into '{both[other]}'; give each class one partner"
            )
    return both
