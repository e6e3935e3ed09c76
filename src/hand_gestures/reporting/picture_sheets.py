"""Sheets of small pictures: each clip is a row of its frames with a caption above it."""

import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from hand_gestures.reporting.plot_style import BLUE, INK, ORANGE, SPLIT_COLOURS, shorten
from hand_gestures.reporting.run_summary import readable
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.names import safe_name, safe_names
from hand_gestures.utils.progress import progress
from hand_gestures.utils.rules import evenly_spaced
from hand_gestures.video.image_files import read_small

logger = logging.getLogger(__name__)

PAPER, CAPTION_INK, HAND_BOX = "#ffffff", "#66727d", "#f5a623"
BLANK_TILE, BLANK_CROSS = "#eef0f2", "#cdd3d8"
MARGIN, TITLE_HEIGHT, CAPTION_HEIGHT, GAP = 16, 40, 22, 2  # pixels
MIN_SHEET_WIDTH = 480  # pixels between the margins, room for a title
JPEG_QUALITY = 88
CONTACT_HEIGHT, STRIP_HEIGHT = 96, 72  # pixels of a frame on contact sheets and on all other sheets
BAR_HEIGHT, NUMBER_HEIGHT, MIN_TILE_WIDTH = 48, 14, 38  # pixels; a number needs that width
FILM_FRAMES, PAIR_FRAMES = 16, 8  # frames shown of each clip
MAX_PAIRS, CLIPS_PER_CLASS = 10, 3  # confused pairs, and clips of each of the two classes


class Strip(NamedTuple):
    """A clip on a sheet: its caption with a mark in this colour, and its pictures in order."""

    caption: str
    colour: str
    pictures: list[Image.Image]


class MarkedHands(NamedTuple):
    """Hands to draw on contact sheets.

    `steps` are the indices of the S frames of a clip that were searched; `boxes` has for each sequence_id a float
    (S, K, 4) with x0, y0, x1, y1 as fractions of the frame, NaN where there is no hand.

    Example:
        >>> MarkedHands(steps=(0, 8, 16, 24), boxes={"wave/a17": np.full((4, 2, 4), np.nan)})
    """

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
    """A sheet for each class with clips from as many groups as possible.

    Args:
        sequences: one row per clip with `sequence_id`, `class_name`, `video_id`, `group` and `frames`.
        sides: split of each clip (N,): train, val, test or left_out.
        frames_dir: the folder that `frames` are relative to.
        clips: maximum number of clips on a sheet.
        frames: pictures of each clip, evenly spaced.
        hands: if given, only frames that were searched are shown, with boxes around the hands.

    Yields:
        File name (`safe_names` of the class, .jpg) and JPEG bytes, one class after the other.

    Raises:
        HandGesturesError: a frame is missing or cannot be decoded.
    """
    ordered = sequences.assign(side=sides).sort_values(["class_name", "group", "video_id"])
    file_names = safe_names(ordered["class_name"].unique())
    by_class = ordered.groupby("class_name")
    for name, members in progress(by_class, len(by_class), "drawing contact sheets", quiet_seconds=5):
        class_name = str(name)
        # Ordered by group, so evenly spaced clips come from as many groups as possible.
        chosen = members.iloc[evenly_spaced(len(members), clips)]
        strips = [_contact_strip(clip, frames_dir, frames, hands) for clip in chosen.itertuples()]
        title = f"{class_name}: {len(chosen)} of {len(members)} clips"
        yield f"{file_names[class_name]}.jpg", draw_sheet(title, strips, caption=class_name)


def _contact_strip(clip: Any, frames_dir: Path, wanted: int, hands: MarkedHands | None) -> Strip:
    steps = hands.steps if hands else range(len(clip.frames))
    boxes = hands.boxes[clip.sequence_id] if hands else np.empty((len(steps), 0, 4))
    pictures = [
        draw_boxes(thumbnail(frames_dir / clip.frames[steps[index]], CONTACT_HEIGHT), boxes[index])
        for index in evenly_spaced(len(steps), wanted)
    ]
    # Of the whole clip: the frames that are shown may miss the only hand.
    note = ", no hand found" if hands and not np.isfinite(boxes).any() else ""
    caption = f"{readable(clip.side)}: {_clip_name(clip.video_id, clip.group)}{note}"
    return Strip(caption, SPLIT_COLOURS[clip.side], pictures)


def draw_boxes(picture: Image.Image, boxes: np.ndarray) -> Image.Image:
    """Draw boxes around hands.

    Args:
        picture: changed in place.
        boxes: float (K, 4) with x0, y0, x1, y1 as fractions of the picture; a row with NaN is no box.

    Returns:
        The same picture.
    """
    pen = ImageDraw.Draw(picture)
    for box in boxes[np.isfinite(boxes).all(axis=1)] * (2 * picture.size):
        pen.rectangle([*box], outline=HAND_BOX, width=2)
    return picture


def film_strips(
    sequences: pd.DataFrame, predictions: pd.DataFrame, attention: pd.DataFrame, frames_dir: Path
) -> Iterator[tuple[str, bytes]]:
    """A sheet for each class: its most confident right clip and its most confident wrong one, with frame weights.

    Args:
        sequences: one row per clip with `sequence_id`, `video_id` and `frames`.
        predictions: one row per view, as in an `Evaluation`; only clean views are shown.
        attention: one row per view with `frame_weights` (T,), as `evaluation.attention.clip_attention` returns it.
        frames_dir: the folder that `frames` are relative to; a missing frame becomes blank.

    Yields:
        File name (`safe_names` of the class, .jpg) and JPEG bytes.

    Raises:
        HandGesturesError: the tables are about different clips, or a frame cannot be decoded.
    """
    clips = _with_weights(_with_frames(predictions, sequences), attention)
    reader = FrameReader(frames_dir)
    file_names = safe_names(clips["class_name"].unique())
    by_class = clips.groupby("class_name")
    for name, members in progress(by_class, len(by_class), "drawing film strips", quiet_seconds=5):
        class_name = str(name)
        # Rows are ordered by confidence, so the first of each group is the most confident one.
        surest = members.groupby("correct", sort=False).head(1).sort_values("correct", ascending=False)
        highest = max(weights.max() for weights in surest["frame_weights"])
        equal = 1 / len(surest["frame_weights"].iloc[0])
        sheet = draw_sheet(
            f"{shorten(class_name)}: {members['correct'].sum()} of {len(members)} clips right",
            [_film_strip(clip, max(highest, 2 * equal), reader) for clip in surest.itertuples()],
            f"bars: share of the attention that a frame has over all channels; line: equal shares, {equal:.1%}; "
            "number below: index of the frame",
            caption=class_name,
        )
        yield f"{file_names[class_name]}.jpg", sheet
    reader.warn("film strips")


def _film_strip(clip: Any, full_bar: float, reader: "FrameReader") -> Strip:
    weights = clip.frame_weights
    tiles = [
        _weighted_tile(reader.read(clip.frames[step]), step, weights, full_bar)
        for step in evenly_spaced(len(weights), FILM_FRAMES)
    ]
    most = weights.argmax()
    caption = f"{_answer(clip)}; highest share: frame {most}, {weights[most]:.1%}"
    return Strip(caption, BLUE if clip.correct else ORANGE, tiles)


def _weighted_tile(picture: Image.Image, step: int, weights: np.ndarray, full_bar: float) -> Image.Image:
    """The picture, below it a bar that is full at the weight `full_bar`, then weight and index of the frame."""
    width, base = max(MIN_TILE_WIDTH, picture.width), picture.height + 4 + BAR_HEIGHT
    tile = Image.new("RGB", (width, base + 2 * NUMBER_HEIGHT), PAPER)
    tile.paste(picture, ((width - picture.width) // 2, 0))
    pen = ImageDraw.Draw(tile)
    top, equal = (base - round(BAR_HEIGHT * weight / full_bar) for weight in (weights[step], 1 / len(weights)))
    pen.rectangle((width // 4, top, width - width // 4, base), BLUE)
    pen.line((0, equal, width, equal), ORANGE)
    pen.line((0, base, width, base), CAPTION_INK)
    pen.text((width / 2, base + 4), f"{weights[step]:.1%}", INK, _font(10), "mt")
    pen.text((width / 2, base + 3 + NUMBER_HEIGHT), str(step), CAPTION_INK, _font(10), "mt")
    return tile


def confused_pairs(sequences: pd.DataFrame, predictions: pd.DataFrame, frames_dir: Path) -> Iterator[tuple[str, bytes]]:
    """A sheet for each of the most frequent mistakes: the most confident wrong clips above right ones of that class.

    Args:
        sequences: one row per clip with `sequence_id`, `video_id` and `frames`.
        predictions: one row per view, as in an `Evaluation`; only clean views are shown.
        frames_dir: the folder that `frames` are relative to; a missing frame becomes blank.

    Yields:
        File name `NN_true_as_predicted.jpg`, with both classes as `safe_name`, and JPEG bytes.

    Raises:
        HandGesturesError: the tables are about different clips, or a frame cannot be decoded.
    """
    clips = _with_frames(predictions, sequences)
    reader = FrameReader(frames_dir)
    pairs = most_confused(clips)
    if not pairs:
        logger.info("all validation clips are right: there are no confused pairs to draw")
    for rank, (true, predicted, count) in enumerate(pairs, start=1):
        members = clips[clips["class_name"] == true]
        wrong = members[members["predicted"] == predicted].head(CLIPS_PER_CLASS)
        right = clips[clips["correct"] & (clips["class_name"] == predicted)].head(len(wrong))
        none = f"; no clip of {shorten(predicted)} was right" if right.empty else ""
        title = f"{shorten(true)} as {shorten(predicted)}: {count} of {len(members)} clips{none}"
        strips = [_pair_strip(clip, reader) for clip in pd.concat([wrong, right]).itertuples()]
        sheet = draw_sheet(title, strips, caption=f"{true} as {predicted}")
        yield f"{rank:02d}_{safe_name(true)}_as_{safe_name(predicted)}.jpg", sheet
    reader.warn("pictures of confused pairs")


def _pair_strip(clip: Any, reader: "FrameReader") -> Strip:
    pictures = [reader.read(clip.frames[step]) for step in evenly_spaced(len(clip.frames), PAIR_FRAMES)]
    return Strip(_answer(clip), BLUE if clip.correct else ORANGE, pictures)


def most_confused(predictions: pd.DataFrame) -> list[tuple[str, str, int]]:
    """The most frequent mistakes.

    Args:
        predictions: one row per clip with `class_name`, `predicted` and `correct`.

    Returns:
        True class, predicted class and number of clips, at most `MAX_PAIRS` times; ties are ordered by name.
    """
    counts = predictions[~predictions["correct"]].groupby(["class_name", "predicted"]).size().reset_index(name="clips")
    ordered = counts.sort_values(["clips", "class_name", "predicted"], ascending=[False, True, True]).head(MAX_PAIRS)
    return list(ordered.itertuples(index=False, name=None))


def _with_frames(predictions: pd.DataFrame, sequences: pd.DataFrame) -> pd.DataFrame:
    """The clean views with `video_id` and `frames` of their sequences, the most confident first."""
    clean = predictions[predictions["view"] == 0]
    joined = clean.merge(sequences[["sequence_id", "video_id", "frames"]], "left", "sequence_id", validate="1:1")
    unknown = joined.loc[joined["frames"].isna(), "sequence_id"]
    if len(unknown):
        raise HandGesturesError(
            f"every evaluated clip must be in the table of sequences, but {len(unknown)} are missing, for example "
            f"{unknown.iloc[0]!r}; run feature_engineering and modeling again"
        )
    return joined.sort_values(["confidence", "sequence_id"], ascending=[False, True])


def _with_weights(clips: pd.DataFrame, attention: pd.DataFrame) -> pd.DataFrame:
    """The clips with their `frame_weights`, in the same order."""
    keys = ["sequence_id", "view"]
    joined = clips.merge(attention[[*keys, "frame_weights"]], on=keys, validate="1:1")
    fits = joined["frames"].map(len) == joined["frame_weights"].map(len)
    if len(joined) != len(clips) or not fits.all():
        raise HandGesturesError(
            f"every frame of an evaluated clip must have a weight, but of {len(clips)} clips only {fits.sum()} have "
            "them; run feature_engineering and modeling again"
        )
    return joined


def _answer(clip: Any) -> str:
    """The row of a clip in one line: class, answer, confidence and name of the clip."""
    answer = "right" if clip.correct else f"predicted as {shorten(clip.predicted)}"
    name = _clip_name(clip.video_id, clip.group)
    return f"{shorten(clip.class_name)}, {answer}, confidence {clip.confidence:.2f}: {name}"


def _clip_name(video_id: str, group: str) -> str:
    """The video id, and the group unless the video is a group by itself."""
    return video_id if group.endswith(video_id) else f"{video_id}, group {group}"


class FrameReader:
    """Reads frames for sheets; a missing file becomes a blank tile and is counted.

    Embeddings may come from another machine, so that a report can be made where the frames are not.

    Example:
        >>> reader = FrameReader(Path("data/01_raw/frames"))
        >>> picture = reader.read("wave/a17_frame_1.jpg")
        >>> reader.warn("film strips")
    """

    def __init__(self, frames_dir: Path) -> None:
        """
        Args:
            frames_dir: the folder that paths of frames are relative to.
        """
        self.frames_dir = frames_dir
        self.read_count = 0
        self.missing: list[Path] = []

    def read(self, frame: str) -> Image.Image:
        """The frame as a picture of height `STRIP_HEIGHT`.

        Raises:
            HandGesturesError: the file exists and cannot be decoded.
        """
        path = self.frames_dir / frame
        self.read_count += 1
        if path.exists():
            return thumbnail(path, STRIP_HEIGHT)
        self.missing.append(path)
        return _blank_tile(STRIP_HEIGHT)

    def warn(self, pictures: str) -> None:
        """Log one warning if frames were missing from the pictures with this name."""
        if self.missing:
            logger.warning(
                "%d of %d frames in the %s are blank because their files are missing, for example %s; to see them, "
                "run reporting on the machine with the frames or with --params frames_dir=PATH",
                len(self.missing),
                self.read_count,
                pictures,
                self.missing[0],
            )


def thumbnail(path: Path, height: int) -> Image.Image:
    """A picture file in RGB.

    Args:
        path: JPEG or PNG.
        height: of the result in pixels; the shape is kept.

    Returns:
        The picture, upright.

    Raises:
        HandGesturesError: the file is missing or cannot be decoded.
    """
    image = read_small(path, "RGB", 2 * height)  # twice as high at least: one decoding step, one smooth one
    return image.resize((max(1, round(image.width * height / image.height)), height))


def _blank_tile(height: int) -> Image.Image:
    """A crossed-out tile in the shape of most videos."""
    width = height * 4 // 3
    tile = Image.new("RGB", (width, height), BLANK_TILE)
    pen = ImageDraw.Draw(tile)
    pen.line((0, 0, width, height), BLANK_CROSS)
    pen.line((0, height, width, 0), BLANK_CROSS)
    return tile


def draw_sheet(title: str, strips: list[Strip], note: str = "", *, caption: str) -> bytes:
    """The sheet of `draw_strips` as a JPEG file.

    Args:
        title: as in `draw_strips`.
        strips: as in `draw_strips`.
        note: as in `draw_strips`.
        caption: kept in the file as its comment. Pages show it, because the file name may differ from the names that
            the user chose.
    """
    encoded = io.BytesIO()
    draw_strips(title, strips, note).save(encoded, "JPEG", quality=JPEG_QUALITY, comment=caption.encode())
    return encoded.getvalue()


def draw_strips(title: str, strips: list[Strip], note: str = "") -> Image.Image:
    """Draw clips below each other.

    Args:
        title: one line above.
        strips: their pictures may differ in height and width.
        note: one line below; "" draws none.

    Returns:
        A sheet as wide as its widest strip.
    """
    row_heights = [
        CAPTION_HEIGHT + 8 + max([picture.height for picture in strip.pictures], default=0) for strip in strips
    ]
    inner = max([MIN_SHEET_WIDTH, *(sum(picture.width + GAP for picture in strip.pictures) for strip in strips)])
    height = TITLE_HEIGHT + MARGIN + sum(row_heights) + (CAPTION_HEIGHT if note else 0)
    sheet = Image.new("RGB", (inner + 2 * MARGIN, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, 14), _fit(title, inner, 17), INK, _font(17))
    top = TITLE_HEIGHT + 6
    for strip, row_height in zip(strips, row_heights, strict=True):
        pen.rectangle((MARGIN, top + 4, MARGIN + 9, top + 13), strip.colour)
        pen.text((MARGIN + 16, top), _fit(strip.caption, inner - 16, 12), CAPTION_INK, _font(12))
        left = MARGIN
        for picture in strip.pictures:
            sheet.paste(picture, (left, top + CAPTION_HEIGHT))
            left += picture.width + GAP
        top += row_height
    pen.text((MARGIN, top), _fit(note, inner, 11), CAPTION_INK, _font(11))
    return sheet


def _fit(text: str, width: int, size: int) -> str:
    """The text on one line; where it is longer than `width` pixels, its end is cut off."""
    line = " ".join(text.split())
    shown, kept = line, len(line)
    while _font(size).getlength(shown) > width:
        kept -= 1
        shown = line[:kept] + "…"
    return shown


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans comes with matplotlib and has accents, Greek and Cyrillic."""
    return ImageFont.truetype(font_manager.findfont("DejaVu Sans"), size)
