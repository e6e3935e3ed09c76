"""Augmented views: one draw of random changes for a whole clip, and the label that its mirror image gets."""

from hand_gestures.augmentation.clip_augmentation import ClipAugmentation, resize_clip, view_seed
from hand_gestures.augmentation.mirror import mirrored_labels

__all__ = ["ClipAugmentation", "mirrored_labels", "resize_clip", "view_seed"]
