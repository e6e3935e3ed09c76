"""Draws the synthetic gesture set."""

from __future__ import annotations

from collections.abc import Iterator

from hand_gestures.parameters import SampleParameters


def render_clips(sample: SampleParameters, seed: int) -> Iterator[tuple[str, bytes]]:
    """Frames of drawn hands, rendered as they are written."""
    from hand_gestures.synthetic.sample import render_sample

    return render_sample(**sample.model_dump(), seed=seed)
