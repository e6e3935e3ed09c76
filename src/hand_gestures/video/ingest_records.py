"""What the ingest remembers of each video, in `.ingest/` inside the frames folder.

Frames are decoded into `{class}/{video_id}.frames/`. `{class}/{video_id}.writing` stands there while they
move to their place: a killed ingest leaves it, the frame catalog refuses those frames, and the next ingest
writes them anew. `{class}/{video_id}.json` then says which file and settings they come from.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.video.class_folders import INGEST_FOLDER, Rejected

WHOLE, WRITING, STAGE = ".json", ".writing", ".frames"
REJECTED, LOCK = ".rejected.json", ".lock"  # hidden: a class may be called anything else


@dataclass(frozen=True)
class Source:
    """A video file as it was when it was read, and how it was read."""

    file: str
    bytes: int
    mtime_ns: int
    settings: dict[str, Any]


@dataclass(frozen=True)
class IngestedVideo:
    """One row of the table of ingested videos; sizes in pixels, `seconds` from first to last frame kept."""

    class_name: str
    video_id: str
    file: str
    frames: int
    height: int
    width: int
    source_fps: float | None
    seconds: float


@dataclass(frozen=True)
class Record:
    """A video whose frames are whole."""

    source: Source
    video: IngestedVideo


class IngestRecords:
    """The records of one frames folder."""

    def __init__(self, frames_dir: Path) -> None:
        self.folder = frames_dir / INGEST_FOLDER

    def stage(self, class_name: str, video_id: str) -> Path:
        """An empty folder to decode into: frames move to their place when all are there."""
        folder = self._place(class_name, video_id, STAGE)
        folder.mkdir(parents=True)
        return folder

    def clear_stages(self) -> None:
        """Remove what a killed ingest had decoded but not moved."""
        for folder in self.folder.glob(f"*/*{STAGE}"):
            shutil.rmtree(folder)

    def begin(self, class_name: str, video_id: str) -> None:
        """From here on the frames of this video are not whole."""
        self._place(class_name, video_id, WRITING).touch()
        self._place(class_name, video_id, WHOLE).unlink(missing_ok=True)

    def finish(self, source: Source, video: IngestedVideo) -> None:
        """The frames of this video are whole."""
        names = video.class_name, video.video_id
        _write_json(self._place(*names, WHOLE), {"source": asdict(source), "video": asdict(video)})
        self._place(*names, WRITING).unlink()

    def unfinished(self) -> set[tuple[str, str]]:
        """(class, video_id) of videos whose frames are not whole."""
        return {(path.parent.name, path.name.removesuffix(WRITING)) for path in self.folder.glob(f"*/*{WRITING}")}

    def whole(self) -> Iterator[Record]:
        """Records of all whole videos, ordered by class and video."""
        unfinished = self.unfinished()
        for path in sorted(self.folder.glob(f"*/*{WHOLE}")):
            if (path.parent.name, path.name.removesuffix(WHOLE)) not in unfinished:
                yield _read_record(path)

    def write_rejected(self, rejected: list[Rejected]) -> None:
        """Keep the rejects of the latest ingest."""
        _write_json(self.folder / REJECTED, [list(row) for row in sorted(rejected)])

    def rejected(self) -> list[Rejected]:
        """The rejects of the latest ingest."""
        path = self.folder / REJECTED
        return [Rejected(*row) for row in json.loads(path.read_text())] if path.is_file() else []

    def _place(self, class_name: str, video_id: str, suffix: str) -> Path:
        return self.folder / class_name / f"{video_id}{suffix}"


def unfinished_videos(frames_dir: Path) -> set[tuple[str, str]]:
    """(class, video_id) of videos that an interrupted ingest left half written in `frames_dir`."""
    return IngestRecords(frames_dir).unfinished()


def _read_record(path: Path) -> Record:
    try:
        content = json.loads(path.read_text())
        return Record(Source(**content["source"]), IngestedVideo(**content["video"]))
    except (ValueError, KeyError, TypeError) as error:
        raise HandGesturesError(
            f"{path} must be a record of the video ingest, but cannot be read ({error}); "
            "remove it together with that video's frames and run video_ingest again"
        ) from error


def _write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, ensure_ascii=False))
    partial.replace(path)
