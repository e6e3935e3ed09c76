"""Draws the synthetic gesture set."""

from __future__ import annotations

from collections.abc import Iterator

from hand_gestures.parameters import SampleParameters


def render_clips(sample: SampleParameters, seed: int) -> Iterator[tuple[str, bytes]]:
    """Render frames of drawn hands while they are written."""
    from hand_gestures.synthetic.sample import render_sample  # loads OpenCV: only when this pipeline runs

    return render_sample(sample, seed)
