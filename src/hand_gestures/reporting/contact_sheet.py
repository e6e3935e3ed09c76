"""One picture a class: some of its clips, a row each."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from hand_gestures.reporting.figures import SIDE_COLOURS
from hand_gestures.reporting.strips import MARK, Strip, clip_name, draw_strips, jpeg, spread, thumbnail

NO_BOXES = np.empty((0, 4))


class Row(NamedTuple):
    """A clip on a sheet: `frames` are paths of its pictures, in order; `boxes` float (k, 4) what is marked on each as
    x0, y0, x1, y1 in fractions of it."""

    video_id: str
    group: str
    side: str
    frames: list[Path]
    boxes: Sequence[np.ndarray] = ()
    note: str = ""


class MarkedHands(NamedTuple):
    """Hands to be marked on sheets: the time `steps` that were searched, and by sequence_id the boxes (S, K, 4), NaN
    where there is none."""

    steps: Sequence[int]
    boxes: Mapping[str, np.ndarray]


def contact_sheets(
    sequences: pd.DataFrame,
    sides: np.ndarray,
    frames_dir: Path,
    clips: int,
    frames: int,
    hands: MarkedHands | None = None,
) -> Iterator[tuple[str, bytes]]:
    """A sheet for each class as (`{class_name}.jpg`, jpeg): `clips` clips from as many groups as there are.

    Args:
        sequences: `sequence_id`, `class_name`, `video_id`, `group`, `frames` of all clips.
        sides: the side of each in the split.
        frames_dir: where the frames' paths start.
        clips: rows of a sheet at most.
        frames: pictures of each clip, evenly spaced.
        hands: what is marked; then the pictures are of frames that were searched for hands.
    """
    ordered = sequences.assign(side=sides).sort_values(["class_name", "group", "video_id"])
    for class_name, of_class in ordered.groupby("class_name"):
        chosen = of_class.iloc[spread(len(of_class), clips)]
        rows = [_row(clip, frames_dir, frames, hands) for clip in chosen.itertuples()]
        sheet = draw_sheet(f"{class_name}: {len(chosen)} of {len(of_class)} clips", rows)
        yield f"{class_name}.jpg", jpeg(sheet)


def _row(clip: Any, frames_dir: Path, pictures: int, hands: MarkedHands | None) -> Row:
    if hands is None:
        shown = spread(len(clip.frames), pictures)
        return Row(clip.video_id, clip.group, clip.side, [frames_dir / clip.frames[step] for step in shown])
    found = hands.boxes[clip.sequence_id]
    searched = spread(len(hands.steps), pictures)
    return Row(
        clip.video_id,
        clip.group,
        clip.side,
        [frames_dir / clip.frames[hands.steps[place]] for place in searched],
        [found[place][np.isfinite(found[place]).all(axis=1)] for place in searched],
        "" if np.isfinite(found).any() else "no hand found",
    )


def draw_sheet(title: str, rows: list[Row]) -> Image.Image:
    """The rows below each other, each with its video, group, side and note above it."""
    return draw_strips(title, [Strip(_caption(row), SIDE_COLOURS[row.side], _pictures(row)) for row in rows])


def _caption(row: Row) -> str:
    side = row.side.replace("_", " ")
    return f"{side}: {clip_name(row.video_id, row.group)}{', ' * bool(row.note)}{row.note}"


def _pictures(row: Row) -> list[Image.Image]:
    pictures = [thumbnail(path) for path in row.frames]
    for picture, boxes in zip(pictures, row.boxes or [NO_BOXES] * len(pictures), strict=True):
        pen = ImageDraw.Draw(picture)
        for box in boxes * (2 * picture.size):
            pen.rectangle([*box], outline=MARK, width=2)
    return pictures
