"""A sheet of strips: clips below each other, each a row of small pictures with its caption above."""

import io
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from hand_gestures.video.image_files import read_small

INK, PALE, PAPER, MARK = "#1c2733", "#66727d", "#ffffff", "#f5a623"
HEIGHT, MARGIN, CAPTION, TITLE = 96, 16, 22, 40  # of a frame, around the sheet, above a strip, above all; pixels
NARROWEST = 480  # pixels between the margins
JPEG_QUALITY = 88


class Strip(NamedTuple):
    """A clip on a sheet: its caption with a mark of this colour, and its pictures in order."""

    caption: str
    colour: str
    pictures: list[Image.Image]


def draw_strips(title: str, strips: list[Strip], note: str = "") -> Image.Image:
    """The strips below each other, and a line of text beneath all where there is a note."""
    heights = [max([picture.height for picture in strip.pictures], default=0) for strip in strips]
    width = max([sum(picture.width + 2 for picture in strip.pictures) for strip in strips] + [NARROWEST]) + 2 * MARGIN
    below = CAPTION if note else 0
    sheet = Image.new("RGB", (width, TITLE + MARGIN + sum(height + CAPTION + 8 for height in heights) + below), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, 14), fitting(title, width - 2 * MARGIN, font(17)), INK, font(17))
    top = TITLE + 6
    for strip, height in zip(strips, heights, strict=True):
        pen.rectangle((MARGIN, top + 4, MARGIN + 9, top + 13), strip.colour)
        caption = fitting(strip.caption, width - 2 * MARGIN - 16, font(12))
        pen.text((MARGIN + 16, top), caption, PALE, font(12))
        left = MARGIN
        for picture in strip.pictures:
            sheet.paste(picture, (left, top + CAPTION))
            left += picture.width + 2
        top += height + CAPTION + 8
    pen.text((MARGIN, top), fitting(note, width - 2 * MARGIN, font(11)), PALE, font(11))
    return sheet


def jpeg(sheet: Image.Image) -> bytes:
    """The sheet as a file holds it."""
    encoded = io.BytesIO()
    sheet.save(encoded, "JPEG", quality=JPEG_QUALITY)
    return encoded.getvalue()


def thumbnail(path: Path, height: int = HEIGHT) -> Image.Image:
    """A picture of this height.

    Raises:
        HandGesturesError: the file is gone or cannot be decoded.
    """
    image = read_small(path, "RGB", 2 * height)
    return image.resize((max(1, round(image.width * height / image.height)), height))


def clip_name(video_id: str, group: str) -> str:
    """The video, and its group where it is not one of its own."""
    return video_id if group.endswith(video_id) else f"{video_id}, group {group}"


def fitting(text: str, width: int, of_font: ImageFont.FreeTypeFont) -> str:
    """The text on one line, its end cut off where it is longer than `width` pixels."""
    line = " ".join(text.split())
    kept = len(line)
    while of_font.getlength(line[:kept] + "…" * (kept < len(line))) > width:
        kept -= 1
    return line[:kept] + "…" * (kept < len(line))


def spread(available: int, wanted: int) -> np.ndarray:
    """So many places, evenly spaced from the first to the last; all where there are no more."""
    return np.unique(np.linspace(0, available - 1, min(wanted, available)).round().astype(int))


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font of the figures: it has accents, Greek and Cyrillic."""
    return ImageFont.truetype(font_manager.findfont("DejaVu Sans"), size)
