"""Augmented views: one draw of random changes for a whole clip, and the label that its mirror image gets."""

from hand_gestures.augmentation.clip_augmentation import (
    ClipAugmentation,
    is_mirrored,
    mirrored_rows_of_schema_1,
    resize_clip,
    view_seed,
)
from hand_gestures.augmentation.mirror import in_both_directions, mirrored_labels

__all__ = [
    "ClipAugmentation",
    "in_both_directions",
    "is_mirrored",
    "mirrored_labels",
    "mirrored_rows_of_schema_1",
    "resize_clip",
    "view_seed",
]
