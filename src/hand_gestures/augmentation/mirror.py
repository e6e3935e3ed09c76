"""A mirrored clip of "swipe left" shows "swipe right": the label of each mirrored view."""

import logging
from collections.abc import Mapping

from hand_gestures.augmentation.direction_names import find_directions
from hand_gestures.utils.errors import HandGesturesError

logger = logging.getLogger(__name__)


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
    named, perhaps = ([name for name in found if name not in pairs] for found in find_directions(class_names))
    if perhaps:
        logger.warning(
            "these class names may contain a direction: %s; if a mirror changes a class, add it to "
            "augmentation.mirrored_classes",
            ", ".join(perhaps),
        )
    if named:
        raise HandGesturesError(
            "a mirror changes the meaning of classes named for a direction, but augmentation.mirrored_classes does "
            f"not say what becomes of {', '.join(named)}; map each to its mirror image (swipe_left: swipe_right), "
            "to itself where the mirror changes nothing, or set augmentation.horizontal_flip to 0"
        )


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
