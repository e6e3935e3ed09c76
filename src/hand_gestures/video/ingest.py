"""Video files → the folder of frames that everything else reads."""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
from filelock import FileLock, Timeout

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.progress import progress
from hand_gestures.utils.workers import in_processes
from hand_gestures.video.class_folders import INGEST_FOLDER, Rejected, class_files, class_folders, reject
from hand_gestures.video.frame_names import format_frame_name, parse_frame_name
from hand_gestures.video.ingest_records import LOCK, IngestedVideo, IngestRecords, Source
from hand_gestures.video.video_files import SUFFIXES, Sampling, VideoFaultError, read_video, source_fps

LAYOUT = "{class_name}/{name}.mp4"
LONGEST_NAME = 230  # bytes: file systems allow 255, and `_frame_0000.jpg` follows


class IngestCounts(NamedTuple):
    """What one ingest did with the files it found."""

    written: int
    up_to_date: int
    rejected: int


@dataclass(frozen=True)
class _Task:
    """A video whose frames are to be written; `stale` are names of frames that stand in their place."""

    path: Path
    frames_dir: Path
    class_name: str
    video_id: str
    source: Source
    stale: tuple[str, ...]


def ingest_videos(
    videos_dir: Path, frames_dir: Path, sampling: Sampling, jpeg_quality: int, processes: int
) -> IngestCounts:
    """Write the frames of `{class_name}/{name}.mp4` as `{class_name}/{name}_frame_{n}.jpg`, n from 0.

    A video whose size, time and settings are those of its frames is left alone. Interrupted at any moment,
    the next call goes on, and ends with the files of an undisturbed one. What cannot be read is recorded
    with its reason, and the rest goes on.

    Raises:
        HandGesturesError: there is no video; another ingest is at work in `frames_dir`; frames cannot be written.
    """
    if not videos_dir.is_dir():
        raise HandGesturesError(
            f"videos are read from {LAYOUT} below videos_dir, but {videos_dir} is no folder; "
            "give the right one with --params videos_dir=PATH"
        )
    rejected: list[Rejected] = []
    settings = {**asdict(sampling), "jpeg_quality": jpeg_quality}
    with _alone(frames_dir):
        sources = list(_sources(videos_dir, settings, rejected))
        if not sources:
            because = (
                f" (the first of {len(rejected)} rejected: {rejected[0].path}, {rejected[0].reason})"
                if rejected
                else ""
            )
            raise HandGesturesError(
                f"videos are read from {LAYOUT} ({', '.join(SUFFIXES)}) below videos_dir, but {videos_dir} holds "
                f"none{because}; give another folder with --params videos_dir=PATH"
            )
        records = IngestRecords(frames_dir)
        records.clear_stages()
        named = len(rejected)
        tasks = list(_outstanding(sources, videos_dir, frames_dir, records, rejected))
        refused = len(rejected) - named
        outcomes = in_processes(_write_frames, tasks, max(1, min(processes, len(tasks))))
        faults = [fault for fault in progress(outcomes, len(tasks), "ingesting videos") if fault is not None]
        records.write_rejected(rejected + faults)
    up_to_date = len(sources) - len(tasks) - refused
    return IngestCounts(len(tasks) - len(faults), up_to_date, len(rejected) + len(faults))


@contextmanager
def _alone(frames_dir: Path) -> Iterator[None]:
    """Two at work in one folder would remove each other's frames; the lock of a killed one is free."""
    folder = frames_dir / INGEST_FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK, timeout=0):
            yield
    except Timeout as error:
        raise HandGesturesError(
            f"one ingest at a time may write to {frames_dir}, but another is at work there; wait for it to end"
        ) from error


def _sources(videos_dir: Path, settings: dict, rejected: list[Rejected]) -> Iterator[tuple[str, Source]]:
    """(class, source) of every file that is a video by its name, each video id once in its class."""
    for class_name in class_folders(videos_dir, rejected):
        taken: dict[str, str] = {}
        for entry in class_files(videos_dir, class_name, rejected):
            name = Path(entry.name)
            reason = _name_fault(name, taken)
            if reason is None:
                taken[name.stem] = entry.name
                status = entry.stat()
                yield class_name, Source(entry.name, status.st_size, status.st_mtime_ns, settings)
            else:
                rejected.append(reject(f"{class_name}/{name}", reason))


def _name_fault(name: Path, taken: dict[str, str]) -> str | None:
    if name.suffix.lower() not in SUFFIXES:
        return f"name does not end in {', '.join(SUFFIXES)}"
    if name.stem in taken:
        return f"its frames would have the names of those of {taken[name.stem]}"
    return None if len(os.fsencode(name.stem)) <= LONGEST_NAME else f"name longer than {LONGEST_NAME} bytes"


def _outstanding(
    sources: list[tuple[str, Source]],
    videos_dir: Path,
    frames_dir: Path,
    records: IngestRecords,
    rejected: list[Rejected],
) -> Iterator[_Task]:
    """The videos whose frames are missing, half written, or of another file or other settings."""
    unfinished = records.unfinished()
    whole = {(record.video.class_name, record.video.video_id): record for record in records.whole()}
    classes = dict.fromkeys(class_name for class_name, _ in sources)
    frames = {class_name: _frames_by_video(frames_dir / class_name) for class_name in classes}
    for class_name, source in sources:
        video_id = Path(source.file).stem
        record = whole.get((class_name, video_id))
        there = frames[class_name].get(video_id, [])
        if record is not None and record.source == source and record.video.frames == len(there):
            continue
        if there and record is None and (class_name, video_id) not in unfinished:
            reason = f"{len(there)} frames of its name are there already and come from elsewhere"
            rejected.append(reject(f"{class_name}/{source.file}", reason))
            continue
        path = videos_dir / class_name / source.file
        yield _Task(path, frames_dir, class_name, video_id, source, tuple(there))


def _frames_by_video(class_folder: Path) -> dict[str, list[str]]:
    frames = defaultdict(list)
    if class_folder.is_dir():
        for path in class_folder.iterdir():
            name = parse_frame_name(path.name)
            if name is not None:
                frames[name.video_id].append(path.name)
    return frames


def _write_frames(task: _Task) -> Rejected | None:
    """Replace the frames of one video, or say why it cannot be used: then what was there stays."""
    records = IngestRecords(task.frames_dir)
    folder = task.frames_dir / task.class_name
    try:
        staged = records.stage(task.class_name, task.video_id)
        try:
            video = _decode_into(staged, task)
        except VideoFaultError as fault:
            shutil.rmtree(staged)
            return reject(f"{task.class_name}/{task.source.file}", str(fault))
        folder.mkdir(exist_ok=True)
        records.begin(task.class_name, task.video_id)
        for name in task.stale:
            (folder / name).unlink(missing_ok=True)
        for frame in staged.iterdir():
            frame.rename(folder / frame.name)
        staged.rmdir()
        records.finish(task.source, video)
    except OSError as error:
        raise HandGesturesError(
            f"frames of {task.class_name}/{task.source.file} must be written to {task.frames_dir}, but that failed "
            f"({error.strerror}); make room or mend the folder and run video_ingest again: it goes on where it was"
        ) from error
    return None


def _decode_into(folder: Path, task: _Task) -> IngestedVideo:
    settings = dict(task.source.settings)
    quality = [cv2.IMWRITE_JPEG_QUALITY, settings.pop("jpeg_quality")]
    times = []
    for number, frame in enumerate(read_video(task.path, Sampling(**settings))):
        jpeg = cv2.imencode(".jpg", frame.image, quality)[1]
        (folder / format_frame_name(task.video_id, number)).write_bytes(jpeg.tobytes())
        times.append(frame.seconds)
    height, width = frame.image.shape[:2]
    return IngestedVideo(
        task.class_name,
        task.video_id,
        task.source.file,
        frames=len(times),
        height=height,
        width=width,
        source_fps=source_fps(task.path),
        seconds=round(times[-1] - times[0], 3),
    )
