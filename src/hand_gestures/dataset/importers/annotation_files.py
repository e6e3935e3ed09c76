"""What all importers share: the form of their result, and errors about files of another form."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from hand_gestures.utils.errors import HandGesturesError


class SegmentRow(NamedTuple):
    """One row of the table of segments, in frames from 0 or in seconds.

    `end` is the first frame or second after the segment; None with `start`: the whole video.
    """

    video: str
    class_name: str
    start: float | None = None
    end: float | None = None
    group: str = ""
    split: str = ""


def segment_table(rows: list[SegmentRow], in_seconds: bool = False) -> pd.DataFrame:
    """The rows as a table; None stays None.

    Args:
        rows: all of them in frames, or all of them in seconds.
        in_seconds: which of the two.
    """
    unit = "seconds" if in_seconds else "frame"
    names = {"start": f"start_{unit}", "end": f"end_{unit}"}
    return pd.DataFrame(rows, columns=SegmentRow._fields, dtype=object).rename(columns=names)


@contextmanager
def reading(path: Path, form: str) -> Iterator[None]:
    """Turn an error of reading or of an unexpected content into one sentence.

    Args:
        path: the file.
        form: what the file should be, in words.

    Raises:
        HandGesturesError: the block raised an error that a wrong or missing file causes.
    """
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, SyntaxError) as error:
        # SyntaxError: of XML
        raise HandGesturesError(
            f"video_ingest.segments must lead to {form}, but {path} cannot be read as that "
            f"({type(error).__name__}: {error}); correct the path or video_ingest.segments_format"
        ) from error


def first_existing(*paths: Path) -> Path:
    """The first path that exists, or the first one."""
    return next((path for path in paths if path.exists()), paths[0])
