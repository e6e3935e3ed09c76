"""What all importers share: the form of their result, and errors about files of another form."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from hand_gestures.utils.errors import HandGesturesError


class SegmentRow(NamedTuple):
    """One row of the table of segments; `end_frame` is the first frame after the segment, None: the whole video."""

    video: str
    class_name: str
    start_frame: int | None = None
    end_frame: int | None = None
    group: str = ""
    split: str = ""


def segment_table(rows: list[SegmentRow]) -> pd.DataFrame:
    """The rows as a table; None stays None."""
    return pd.DataFrame(rows, columns=SegmentRow._fields, dtype=object)


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
