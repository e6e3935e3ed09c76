"""A sheet of strips: clips below each other, each a row of small pictures with its caption above."""

import io
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from hand_gestures.reporting.plot_style import shortened
from hand_gestures.reporting.training_plots import BLUE, ORANGE, SIDE_COLOURS
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.rules import evenly_spaced
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


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font of the figures: it has accents, Greek and Cyrillic."""
    return ImageFont.truetype(font_manager.findfont("DejaVu Sans"), size)


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
        return [self.read(frames[step]) for step in evenly_spaced(len(frames), wanted)]

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
        chosen = of_class.iloc[evenly_spaced(len(of_class), clips)]
        rows = [_row(clip, frames_dir, frames, hands) for clip in chosen.itertuples()]
        sheet = draw_sheet(f"{class_name}: {len(chosen)} of {len(of_class)} clips", rows)
        yield f"{class_name}.jpg", jpeg(sheet)


def _row(clip: Any, frames_dir: Path, pictures: int, hands: MarkedHands | None) -> Row:
    if hands is None:
        shown = evenly_spaced(len(clip.frames), pictures)
        return Row(clip.video_id, clip.group, clip.side, [frames_dir / clip.frames[step] for step in shown])
    found = hands.boxes[clip.sequence_id]
    searched = evenly_spaced(len(hands.steps), pictures)
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
        for step in evenly_spaced(len(weights), PICTURES)
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


PAIRS, CLIPS, PICTURES = 10, 3, 8  # pairs of classes, clips of each of the two, frames of each clip
LONGEST_NAME = 90  # bytes of a class name in a file's name


def confused_pairs(sequences: pd.DataFrame, predictions: pd.DataFrame, frames_dir: Path) -> Iterator[tuple[str, bytes]]:
    """A sheet for each of the `PAIRS` most frequent mistakes as (`NN_true_as_predicted.jpg`, jpeg): the clips that were
    mistaken most surely and, beneath them, as many of the predicted class that were recognised most surely.

    Args:
        sequences: `sequence_id`, `video_id` and `frames` of the clips.
        predictions: as of an `Evaluation`; clean views are shown.
        frames_dir: where the frames' paths start.

    Raises:
        HandGesturesError: the tables are not of the same clips, or a frame cannot be decoded.
    """
    clips = with_frames(predictions, sequences).sort_values(["confidence", "sequence_id"], ascending=[False, True])
    reader = FrameReader(frames_dir, HEIGHT)
    pairs = most_confused(clips)
    if not pairs:
        logger.info("no validation clip was taken for another class: there are no confused pairs to draw")
    for place, (true, predicted, count) in enumerate(pairs, start=1):
        of_true = clips[clips["class_name"] == true]
        mistaken = of_true[of_true["predicted"] == predicted].head(CLIPS)
        right = clips[clips["correct"] & (clips["class_name"] == predicted)].head(len(mistaken))
        none = f"; no clip of {shortened(predicted)} was right" if right.empty else ""
        title = f"{shortened(true)} as {shortened(predicted)}: {count} of {len(of_true)} clips{none}"
        strips = [_strip(clip, reader) for clip in pd.concat([mistaken, right]).itertuples()]
        yield f"{place:02d}_{safe(true)}_as_{safe(predicted)}.jpg", jpeg(draw_strips(title, strips))
    reader.warn("pictures of confused pairs")


def most_confused(predictions: pd.DataFrame) -> list[tuple[str, str, int]]:
    """True class, predicted class and clips of the most frequent mistakes, `PAIRS` at most; of equals, the first by
    name."""
    counts = predictions[~predictions["correct"]].groupby(["class_name", "predicted"]).size().reset_index(name="clips")
    ordered = counts.sort_values(["clips", "class_name", "predicted"], ascending=[False, True, True]).head(PAIRS)
    return list(ordered.itertuples(index=False, name=None))


def safe(name: str) -> str:
    """A class name as a part of a file's name: letters and digits of any script, anything else a dash."""
    plain = re.sub(r"[^\w-]+", "-", name).encode()
    return plain[:LONGEST_NAME].decode(errors="ignore")


def _strip(clip: Any, reader: FrameReader) -> Strip:
    return Strip(answer(clip), BLUE if clip.correct else ORANGE, reader.read_some(clip.frames, PICTURES))
