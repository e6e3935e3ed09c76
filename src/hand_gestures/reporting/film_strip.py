"""One picture a class: a clip that was recognised and one that was not, with the weight of each frame beneath it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from hand_gestures.errors import HandGesturesError
from hand_gestures.reporting.clip_frames import FrameReader, answer, with_frames
from hand_gestures.reporting.figures import BLUE, ORANGE
from hand_gestures.reporting.rows import shortened
from hand_gestures.reporting.strips import INK, PALE, PAPER, Strip, draw_strips, font, jpeg, spread

PICTURES = 16  # of a clip's frames
HEIGHT, BAR, NUMBER = 72, 48, 14  # of a frame, of the highest bar, and of a number beneath it; pixels
NARROWEST = 38  # pixels that a number needs


def film_strips(
    sequences: pd.DataFrame, predictions: pd.DataFrame, attention: pd.DataFrame, frames_dir: Path
) -> Iterator[tuple[str, bytes]]:
    """A sheet for each class as (`{class_name}.jpg`, jpeg): its clip that was recognised most surely and, where one was
    not, the one that was taken for another class most surely.

    Args:
        sequences: `sequence_id`, `video_id` and `frames` of the clips.
        predictions: as of an `Evaluation`; clean views are shown.
        attention: as of `clip_attention`, of the same clips.
        frames_dir: where the frames' paths start.

    Raises:
        HandGesturesError: the tables are not of the same clips, or a frame cannot be decoded.
    """
    clips = _weighed(with_frames(predictions, sequences), attention)
    clips = clips.sort_values(["confidence", "sequence_id"], ascending=[False, True])
    reader = FrameReader(frames_dir, HEIGHT)
    for class_name, of_class in clips.groupby("class_name"):
        surest = of_class.groupby("correct", sort=False).head(1).sort_values("correct", ascending=False)
        yield f"{class_name}.jpg", jpeg(_sheet(str(class_name), of_class, surest, reader))
    reader.warn("film strips")


def _weighed(clips: pd.DataFrame, attention: pd.DataFrame) -> pd.DataFrame:
    keys = ["sequence_id", "view"]
    weighed = clips.merge(attention[[*keys, "frame_weights"]], on=keys, validate="1:1")
    fits = [
        len(frames) == len(weights) for frames, weights in zip(weighed["frames"], weighed["frame_weights"], strict=True)
    ]
    if len(weighed) != len(clips) or not all(fits):
        raise HandGesturesError(
            f"every frame of a clip that was scored must have its weight, but of {len(clips)} clips {sum(fits)} have "
            "theirs; run feature_engineering and modeling again"
        )
    return weighed


def _sheet(class_name: str, of_class: pd.DataFrame, surest: pd.DataFrame, reader: FrameReader) -> Image.Image:
    highest = max(weights.max() for weights in surest["frame_weights"])
    equal = 1 / len(surest["frame_weights"].iloc[0])
    return draw_strips(
        f"{shortened(class_name)}: {of_class['correct'].sum()} of {len(of_class)} clips right",
        [_strip(clip, highest, reader) for clip in surest.itertuples()],
        f"bars: a frame's share of the attention, over all channels; line: equal shares, {equal:.1%}; below: the frame",
    )


def _strip(clip: Any, highest: float, reader: FrameReader) -> Strip:
    weights = clip.frame_weights
    most = weights.argmax()
    tiles = [
        _tile(reader.read(clip.frames[step]), step, weights, max(highest, 2 / len(weights)))
        for step in spread(len(weights), PICTURES)
    ]
    return Strip(
        f"{answer(clip)}; highest share: frame {most}, {weights[most]:.1%}",
        BLUE if clip.correct else ORANGE,
        tiles,
    )


def _tile(picture: Image.Image, step: int, weights: np.ndarray, highest: float) -> Image.Image:
    """The picture, beneath it a bar, `BAR` high for the weight `highest`, and beneath that the weight and the frame's
    number."""
    width, ground = max(NARROWEST, picture.width), picture.height + 4 + BAR
    tile = Image.new("RGB", (width, ground + 2 * NUMBER), PAPER)
    tile.paste(picture, ((width - picture.width) // 2, 0))
    pen = ImageDraw.Draw(tile)
    top, line = (ground - round(BAR * weight / highest) for weight in (weights[step], 1 / len(weights)))
    pen.rectangle((width // 4, top, width - width // 4, ground), BLUE)
    pen.line((0, line, width, line), ORANGE)
    pen.line((0, ground, width, ground), PALE)
    small = font(10)
    pen.text((width / 2, ground + 4), f"{weights[step]:.1%}", INK, small, "mt")
    pen.text((width / 2, ground + 3 + NUMBER), str(step), PALE, small, "mt")
    return tile
