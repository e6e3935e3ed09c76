"""The records of the video ingest, in `.ingest/` inside the frames folder.

Frames are decoded into `{class}/{video_id}.frames/`. While they move to the class folder, the marker
`{class}/{video_id}.writing` exists. A killed ingest leaves the marker: the frame catalog then rejects the frames of
this video and the next ingest writes them again. Afterwards `{class}/{video_id}.json` records the file and the settings
that the frames come from.
"""

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.nested import parse_json
from hand_gestures.utils.resumable import exclusive_lock, write_json
from hand_gestures.video.class_folders import INGEST_FOLDER, Rejected

COMPLETE, WRITING, STAGE = ".json", ".writing", ".frames"
# Hidden names, because a class may have any other name.
REJECTED, LOCK_FOLDER = ".rejected.json", ".writer"


@dataclass(frozen=True)
class Source:
    """A video file at the moment when it was read, and the settings it was read with.

    Attributes:
        file: name inside the class folder; of a segment, path below the folder of videos.
        bytes: size.
        mtime_ns: time of the last change, nanoseconds.
        settings: fields of `Sampling`, `jpeg_quality` and `decoding_version`; of a segment, its times as `segment`.
    """

    file: str
    bytes: int
    mtime_ns: int
    settings: dict[str, Any]


@dataclass(frozen=True)
class IngestedVideo:
    """One row of the table of ingested videos.

    Attributes:
        class_name: name of the class folder.
        video_id: file name without its suffix; of a segment, its name.
        file: file name; of a segment, path below the folder of videos.
        frames: number of frames written.
        height: of the frames, pixels.
        width: of the frames, pixels.
        source_fps: mean frame rate that the container declares, or None.
        seconds: time from the first to the last written frame, or None for a folder of pictures.
        readable_share: seconds that were decoded, divided by the seconds that the file declares, 0 to 1.
        damaged_frames: frames of the file that could not be decoded and are left out.
    """

    class_name: str
    video_id: str
    file: str
    frames: int
    height: int
    width: int
    source_fps: float | None
    seconds: float | None
    readable_share: float = 1.0  # records of earlier versions have neither of the two
    damaged_frames: int = 0


@dataclass(frozen=True)
class Record:
    """A video whose frames are complete, and the file they come from."""

    source: Source
    video: IngestedVideo


class IngestRecords:
    """The records of one frames folder.

    Args:
        frames_dir: the folder; it need not exist.

    Example:
        >>> IngestRecords(Path("frames")).rejected()
        []
    """

    def __init__(self, frames_dir: Path) -> None:
        self.folder = frames_dir / INGEST_FOLDER

    def lock(self) -> AbstractContextManager[None]:
        """Keep other ingests away: two would remove each other's frames.

        Raises:
            HandGesturesError: another ingest is running.
        """
        return exclusive_lock(self.folder / LOCK_FOLDER)

    def stage(self, class_name: str, video_id: str) -> Path:
        """Make an empty folder to decode into.

        Returns:
            The folder; its frames move to the class folder when all are written.
        """
        folder = self._path(class_name, video_id, STAGE)
        folder.mkdir(parents=True)
        return folder

    def clear_stages(self) -> None:
        """Remove frames that a killed ingest decoded but did not move."""
        for folder in self.folder.glob(f"*/*{STAGE}"):
            shutil.rmtree(folder)

    def begin(self, class_name: str, video_id: str) -> None:
        """Mark the frames of this video as incomplete."""
        self._path(class_name, video_id, WRITING).touch()
        self._path(class_name, video_id, COMPLETE).unlink(missing_ok=True)

    def finish(self, source: Source, video: IngestedVideo) -> None:
        """Record that the frames of this video are complete."""
        names = video.class_name, video.video_id
        write_json(self._path(*names, COMPLETE), {"source": asdict(source), "video": asdict(video)})
        self._path(*names, WRITING).unlink()

    def forget(self, class_name: str, video_id: str) -> None:
        """Remove the marker of `begin`, after the frames of this video were removed."""
        marker = self._path(class_name, video_id, WRITING)
        marker.unlink()
        remove_if_empty(marker.parent)

    def unfinished(self) -> set[tuple[str, str]]:
        """The videos whose frames are incomplete.

        Returns:
            (class, video id) of each.
        """
        return {(path.parent.name, path.name.removesuffix(WRITING)) for path in self.folder.glob(f"*/*{WRITING}")}

    def complete(self) -> Iterator[Record]:
        """Records of the videos whose frames are complete.

        Yields:
            The records, ordered by class and video.

        Raises:
            HandGesturesError: a file is no such record.
        """
        unfinished = self.unfinished()
        for path in sorted(self.folder.glob(f"*/*{COMPLETE}")):
            if (path.parent.name, path.name.removesuffix(COMPLETE)) not in unfinished:
                yield _read_record(path)

    def write_rejected(self, rejected: list[Rejected]) -> None:
        """Keep the rejects of the latest ingest.

        Args:
            rejected: in any order.
        """
        write_json(self.folder / REJECTED, [list(row) for row in sorted(rejected)])

    def rejected(self) -> list[Rejected]:
        """The rejects of the latest ingest.

        Returns:
            The rejects, ordered by path; none before the first ingest.

        Raises:
            HandGesturesError: the file is no list of rejects.
        """
        path = self.folder / REJECTED
        if not path.is_file():
            return []
        try:
            return [Rejected(*row) for row in parse_json(path.read_bytes())]
        except (ValueError, TypeError) as error:
            raise HandGesturesError(
                f"{path} must be the list of rejects of the video ingest, but cannot be read ({error}); remove it and "
                "run video_ingest again"
            ) from error

    def _path(self, class_name: str, video_id: str, suffix: str) -> Path:
        return self.folder / class_name / f"{video_id}{suffix}"


def remove_if_empty(folder: Path) -> None:
    """Remove a folder that holds nothing.

    Args:
        folder: it may be missing.
    """
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def unfinished_videos(frames_dir: Path) -> set[tuple[str, str]]:
    """The videos that an interrupted ingest left incomplete.

    Args:
        frames_dir: the folder of frames.

    Returns:
        (class, video id) of each.
    """
    return IngestRecords(frames_dir).unfinished()


def _read_record(path: Path) -> Record:
    try:
        content = parse_json(path.read_bytes())
        return Record(Source(**content["source"]), IngestedVideo(**content["video"]))
    except (ValueError, KeyError, TypeError) as error:
        raise HandGesturesError(
            f"{path} must be a record of the video ingest, but cannot be read ({error}); "
            "remove it together with the frames of that video and run video_ingest again"
        ) from error
