"""The frames of clips that were scored, as small pictures."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image, ImageDraw

from hand_gestures.errors import HandGesturesError
from hand_gestures.reporting.rows import shortened
from hand_gestures.reporting.strips import clip_name, spread, thumbnail

logger = logging.getLogger(__name__)
BLANK, CROSS = "#eef0f2", "#cdd3d8"


def with_frames(predictions: pd.DataFrame, sequences: pd.DataFrame) -> pd.DataFrame:
    """The clean views of `predictions` with the `video_id` and `frames` of `sequences`.

    Raises:
        HandGesturesError: a clip is none of the sequences.
    """
    clean = predictions[predictions["view"] == 0]
    joined = clean.merge(sequences[["sequence_id", "video_id", "frames"]], "left", "sequence_id", validate="1:1")
    strangers = joined.loc[joined["frames"].isna(), "sequence_id"]
    if len(strangers):
        raise HandGesturesError(
            f"every clip that was scored must be one of the sequences, but {len(strangers)} are not, "
            f"{strangers.iloc[0]!r} for one; run feature_engineering and modeling again"
        )
    return joined


def answer(clip: Any) -> str:
    """A row of `with_frames` in a line: its class, what it was taken for, how surely, and which clip it is."""
    said = "right" if clip.correct else f"taken for {shortened(clip.predicted)}"
    name = clip_name(clip.video_id, clip.group)
    return f"{shortened(clip.class_name)}, {said}, confidence {clip.confidence:.2f}: {name}"


class FrameReader:
    """Gives frames as pictures of one height. A frame whose file is not there any more is blank, and counted: the
    embeddings may have come from another machine."""

    def __init__(self, frames_dir: Path, height: int) -> None:
        self.frames_dir = frames_dir
        self.height = height
        self.asked = 0
        self.gone: list[Path] = []

    def read(self, frame: str) -> Image.Image:
        """The frame at this path below the folder.

        Raises:
            HandGesturesError: the file is there and cannot be decoded.
        """
        path = self.frames_dir / frame
        self.asked += 1
        if path.exists():
            return thumbnail(path, self.height)
        self.gone.append(path)
        return _blank(self.height)

    def read_some(self, frames: list[str], wanted: int) -> list[Image.Image]:
        """So many of a clip's frames, evenly spaced."""
        return [self.read(frames[step]) for step in spread(len(frames), wanted)]

    def warn(self, pictures: str) -> None:
        """One line if frames were missing from what is called `pictures`."""
        if self.gone:
            logger.warning(
                "%d of %d frames in the %s are blank, as their files are not there any more: %s for one; to see them, "
                "run reporting where the frames are, or with --params frames_dir=PATH",
                len(self.gone),
                self.asked,
                pictures,
                self.gone[0],
            )


def _blank(height: int) -> Image.Image:
    """A tile of the usual shape, crossed out."""
    width = height * 4 // 3
    tile = Image.new("RGB", (width, height), BLANK)
    pen = ImageDraw.Draw(tile)
    pen.line((0, 0, width, height), CROSS)
    pen.line((0, height, width, 0), CROSS)
    return tile
