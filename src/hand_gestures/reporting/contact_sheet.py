"""One picture a class: some of its clips, a row each."""

import io
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from hand_gestures.reporting.figures import SIDE_COLOURS
from hand_gestures.video.image_files import read_small

INK, PALE, PAPER, MARK = "#1c2733", "#66727d", "#ffffff", "#f5a623"
HEIGHT, MARGIN, CAPTION, TITLE = 96, 16, 22, 40  # of a frame, around the sheet, above a row, above all; pixels
JPEG_QUALITY = 88
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
        chosen = of_class.iloc[_spread(len(of_class), clips)]
        rows = [_row(clip, frames_dir, frames, hands) for clip in chosen.itertuples()]
        sheet = draw_sheet(f"{class_name}: {len(chosen)} of {len(of_class)} clips", rows)
        encoded = io.BytesIO()
        sheet.save(encoded, "JPEG", quality=JPEG_QUALITY)
        yield f"{class_name}.jpg", encoded.getvalue()


def _row(clip: Any, frames_dir: Path, pictures: int, hands: MarkedHands | None) -> Row:
    if hands is None:
        shown = _spread(len(clip.frames), pictures)
        return Row(clip.video_id, clip.group, clip.side, [frames_dir / clip.frames[step] for step in shown])
    found = hands.boxes[clip.sequence_id]
    searched = _spread(len(hands.steps), pictures)
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
    strips = [[_thumbnail(path) for path in row.frames] for row in rows]
    width = max([sum(picture.width + 2 for picture in strip) for strip in strips] + [480]) + 2 * MARGIN
    sheet = Image.new("RGB", (width, TITLE + MARGIN + len(rows) * (HEIGHT + CAPTION + 8)), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, 14), _fitting(title, width - 2 * MARGIN, _font(17)), INK, _font(17))
    top = TITLE + 6
    for row, strip in zip(rows, strips, strict=True):
        pen.rectangle((MARGIN, top + 4, MARGIN + 9, top + 13), SIDE_COLOURS[row.side])
        of_group = "" if row.group.endswith(row.video_id) else f", group {row.group}"
        caption = f"{row.side.replace('_', ' ')}: {row.video_id}{of_group}{', ' * bool(row.note)}{row.note}"
        pen.text((MARGIN + 16, top), _fitting(caption, width - 2 * MARGIN - 16, _font(12)), PALE, _font(12))
        left = MARGIN
        for picture, boxes in zip(strip, row.boxes or [NO_BOXES] * len(strip), strict=True):
            sheet.paste(picture, (left, top + CAPTION))
            for box in boxes * (2 * picture.size) + 2 * (left, top + CAPTION):
                pen.rectangle([*box], outline=MARK, width=2)
            left += picture.width + 2
        top += HEIGHT + CAPTION + 8
    return sheet


def _thumbnail(path: Path) -> Image.Image:
    image = read_small(path, "RGB", 2 * HEIGHT)
    return image.resize((max(1, round(image.width * HEIGHT / image.height)), HEIGHT))


def _fitting(text: str, width: int, font: ImageFont.FreeTypeFont) -> str:
    """The text on one line, its end cut off where it is longer than `width` pixels."""
    line = " ".join(text.split())
    kept = len(line)
    while font.getlength(line[:kept] + "…" * (kept < len(line))) > width:
        kept -= 1
    return line[:kept] + "…" * (kept < len(line))


def _spread(available: int, wanted: int) -> np.ndarray:
    return np.unique(np.linspace(0, available - 1, min(wanted, available)).round().astype(int))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """The font of the figures: it has accents, Greek and Cyrillic."""
    return ImageFont.truetype(font_manager.findfont("DejaVu Sans"), size)
