"""All compact networks, one after the other, on the same rendered frames."""

from pathlib import Path
from typing import Any

from hand_gestures.synthetic.compact_backbones import train_compact_resnext, train_compact_vit
from hand_gestures.synthetic.compact_yolo import train_compact_yolo
from hand_gestures.synthetic.training_frames import render_hand_frames


def teach(
    folder: Path,
    *,
    size: int,
    augmentation: dict[str, Any],
    performers: int,
    frames_each: int,
    held_out_performers: int,
    vit_epochs: int,
    resnext_epochs: int,
    yolo_epochs: int,
    seed: int,
    processes: int,
) -> dict[str, Any]:
    """Write `vit/`, `resnext/` and `yolo.pt` below `folder`; returns their figures on performers they never saw."""
    shared: dict[str, Any] = {"size": size, "seed": seed, "augmentation": augmentation, "processes": processes}
    frames = render_hand_frames(performers=performers, frames_each=frames_each, first=0, **shared)
    held_out = render_hand_frames(performers=held_out_performers, frames_each=8, first=performers, **shared)
    return {
        "resnext": train_compact_resnext(frames, held_out, folder / "resnext", resnext_epochs, seed),
        "vit": train_compact_vit(frames, held_out, folder / "vit", vit_epochs, seed),
        "yolo": train_compact_yolo(frames, held_out, folder / "yolo.pt", yolo_epochs, seed),
    }
