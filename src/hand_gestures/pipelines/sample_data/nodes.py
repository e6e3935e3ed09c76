"""The drawn gesture set and the compact backbones that see it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hand_gestures.parameters import AugmentationParameters, ClipParameters, CompactBackboneParameters, SampleParameters


def render_clips(sample: SampleParameters, seed: int) -> Iterator[tuple[str, bytes]]:
    """Frames of drawn hands, rendered as they are written."""
    from hand_gestures.synthetic.sample import render_sample

    return render_sample(**sample.model_dump(), seed=seed)


def teach_compact_backbones(
    folder: Path, compact: CompactBackboneParameters, clips: ClipParameters, augmentation: AugmentationParameters
) -> dict[str, Any]:
    """Train the compact networks on drawn hands of other performers, write them to `folder`, report their errors."""
    from hand_gestures.synthetic.teach import teach

    return teach(
        folder,
        size=clips.size,
        # a distorted frame's hand is no longer where it was drawn
        augmentation=augmentation.transform() | {"distortion": 0.0, "horizontal_flip": 0.5, "blur": 0.4},
        **compact.model_dump(),
    )
