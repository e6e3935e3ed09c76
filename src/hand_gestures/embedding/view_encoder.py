"""All encoders of a run together: the twelve channels of the backbones, the channels of hand landmarks, or both."""

from collections.abc import Callable

import numpy as np
import torch
from einops import rearrange

from hand_gestures.augmentation.landmark_augmentation import LANDMARK_CHANNELS, WIDTH
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.embedding.clip_views import ClipViews
from hand_gestures.embedding.extractor import ClipEmbedder
from hand_gestures.embedding.landmark_encoder import LandmarkEncoder


class ViewEncoder:
    """Embeds the views of a clip with every encoder; each frame is decoded once for all of them.

    Args:
        backbones: computes the twelve channels; None leaves them out.
        landmarks: computes the channels of hand landmarks; None leaves them out.

    Attributes:
        channel_names: the C channels, those of the backbones first.
        width: D, that of the widest encoder; narrower channels end with zeros.
        device: where the backbones run.
        on_gpu: whether the backbones compute while the caller does other work.

    Example:
        >>> ViewEncoder(None, landmarks).channel_names
        ('first_landmarks', 'second_landmarks')
    """

    def __init__(self, backbones: ClipEmbedder | None, landmarks: LandmarkEncoder | None) -> None:
        self.backbones = backbones
        self.landmarks = landmarks
        self.channel_names, self.width = describe_channels(backbones.width if backbones else 0, landmarks is not None)
        self.device = backbones.device if backbones else torch.device("cpu")
        self.on_gpu = self.device.type == "cuda"

    def prepare(self) -> None:
        """Compile the backbones, where that is wanted."""
        if self.backbones is not None:
            self.backbones.prepare()

    def start(self, clip: ClipViews) -> Callable[[], np.ndarray]:
        """Start to embed all views of a clip.

        Args:
            clip: V views of n frames.

        Returns:
            A function that waits for the result, float32 (V, n, C, D).
        """
        # the backbones first: a GPU computes them while this process finds the hands
        waiting = self._start_backbones(self.backbones, clip.views) if self.backbones is not None else None
        # each view is a clip of its own, in which hands are tracked
        marks = [self.landmarks(view.cpu().numpy(), clip.aspect) for view in clip.views] if self.landmarks else []

        def result() -> np.ndarray:
            """Wait for the backbones and put the channels side by side."""
            parts = []
            if waiting is not None:
                parts.append(waiting())
            if marks:
                parts.append(np.stack(marks))
            if len(parts) == 1:
                return parts[0]
            missing = [(*[(0, 0)] * 3, (0, self.width - part.shape[-1])) for part in parts]
            return np.concatenate([np.pad(part, pad) for part, pad in zip(parts, missing, strict=True)], axis=2)

        return result

    def _start_backbones(self, backbones: ClipEmbedder, views: torch.Tensor) -> Callable[[], np.ndarray]:
        if self.on_gpu:  # views share batches, which are large there
            whole = backbones.start(views.flatten(0, 1))
            return lambda: rearrange(whole(), "(v n) c d -> v n c d", v=len(views))
        # each view in batches of its own: its numbers do not depend on which other views are missing
        results = [backbones.start(view) for view in views]
        return lambda: np.stack([result() for result in results])


def describe_channels(backbone_width: int, landmarks: bool) -> tuple[tuple[str, ...], int]:
    """The channels of a run, and their width.

    Args:
        backbone_width: D of the twelve channels; 0 where they are not wanted.
        landmarks: whether the channels of hand landmarks are wanted.

    Returns:
        The names of the C channels, those of the backbones first; and D, that of the widest encoder.
    """
    names = (CHANNEL_NAMES if backbone_width else ()) + (LANDMARK_CHANNELS if landmarks else ())
    return names, max(backbone_width, WIDTH if landmarks else 0)
