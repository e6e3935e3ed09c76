"""Video files → the folder of frames that all later steps read."""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple

import cv2

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.progress import progress
from hand_gestures.utils.rules import pluralise
from hand_gestures.utils.workers import in_processes
from hand_gestures.video.class_folders import Rejected, class_files, class_folders, reject
from hand_gestures.video.frame_names import format_frame_name, parse_frame_name
from hand_gestures.video.ingest_records import IngestedVideo, IngestRecords, Source
from hand_gestures.video.video_files import SUFFIXES, Sampling, VideoFile
from hand_gestures.video.video_sources import VideoFaultError

LAYOUT = "{class_name}/{name}.mp4"
# Raised when the same video would give other frames: then the frames of earlier versions are replaced. 2: display
# matrix, pixel shape, deinterlacing, transparency and HDR.
DECODING_VERSION = 2
MAX_NAME_BYTES = 230  # file systems allow 255, and `_frame_0000.jpg` follows


class IngestCounts(NamedTuple):
    """How many videos one ingest wrote, found up to date, and how many files it rejected."""

    written: int
    up_to_date: int
    rejected: int


@dataclass(frozen=True)
class _Task:
    """A video whose frames must be written; `stale` are names of older frames that they replace."""

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

    A video is skipped if its size, time and settings are those of the existing frames. An ingest that was killed at any
    moment continues with the next call and ends with the files of an undisturbed one. A file that cannot be read is
    recorded with its reason; the others are written.

    Args:
        videos_dir: the folder of videos.
        frames_dir: the folder of frames; it is created.
        sampling: which frames are kept, and their size.
        jpeg_quality: 1 to 100.
        processes: videos decoded at the same time; the files are the same for any number.

    Returns:
        The counts; reasons of rejects are in `IngestRecords(frames_dir).rejected()`.

    Raises:
        HandGesturesError: there is no video; another ingest is writing to `frames_dir`; frames cannot be written.
    """
    if not videos_dir.is_dir():
        raise HandGesturesError(
            f"videos are read from {LAYOUT} below videos_dir, but {videos_dir} is no folder; "
            "give the right one with --params videos_dir=PATH"
        )
    records = IngestRecords(frames_dir)
    with records.lock():
        rejected: list[Rejected] = []
        settings = {**asdict(sampling), "jpeg_quality": jpeg_quality, "decoding_version": DECODING_VERSION}
        sources = list(_sources(videos_dir, settings, rejected))
        if not sources:
            raise _no_video(videos_dir, rejected)
        records.clear_stages()
        unnamed = len(rejected)
        tasks = list(_outstanding(sources, videos_dir, frames_dir, rejected))
        foreign = len(rejected) - unnamed  # videos whose frames exist and were not written here
        outcomes = in_processes(_write_frames, tasks, max(1, min(processes, len(tasks))))
        faults = [fault for fault in progress(outcomes, len(tasks), "ingesting videos") if fault is not None]
        records.write_rejected(rejected + faults)
    up_to_date = len(sources) - len(tasks) - foreign
    return IngestCounts(len(tasks) - len(faults), up_to_date, len(rejected) + len(faults))


def find_videos(videos_dir: Path, rejected: list[Rejected]) -> Iterator[tuple[str, os.DirEntry]]:
    """Find every file with the name of a video, each video id once per class.

    Args:
        videos_dir: the folder of videos.
        rejected: all other entries are appended to it, with the reason.

    Yields:
        (class, file), ordered by class and name.
    """
    for class_name in class_folders(videos_dir, rejected):
        used: dict[str, str] = {}
        for entry in class_files(videos_dir, class_name, rejected):
            name = Path(entry.name)
            reason = _name_fault(name, used)
            if reason is None:
                used[name.stem] = entry.name
                yield class_name, entry
            else:
                rejected.append(reject(f"{class_name}/{name}", reason))


def _sources(videos_dir: Path, settings: dict, rejected: list[Rejected]) -> Iterator[tuple[str, Source]]:
    for class_name, entry in find_videos(videos_dir, rejected):
        status = entry.stat()
        yield class_name, Source(entry.name, status.st_size, status.st_mtime_ns, settings)


def _name_fault(name: Path, used: dict[str, str]) -> str | None:
    if name.suffix.lower() not in SUFFIXES:
        return f"name does not end in {', '.join(SUFFIXES)}"
    if name.stem in used:
        return f"its frames would have the same names as those of {used[name.stem]}"
    return None if len(os.fsencode(name.stem)) <= MAX_NAME_BYTES else f"name longer than {MAX_NAME_BYTES} bytes"


def _no_video(videos_dir: Path, rejected: list[Rejected]) -> HandGesturesError:
    first = f" ({len(rejected)} rejected, the first: {rejected[0].path}, {rejected[0].reason})" if rejected else ""
    return HandGesturesError(
        f"videos are read from {LAYOUT} ({', '.join(SUFFIXES)}) below videos_dir, but {videos_dir} holds none{first}; "
        "give another folder with --params videos_dir=PATH"
    )


def _outstanding(
    sources: list[tuple[str, Source]], videos_dir: Path, frames_dir: Path, rejected: list[Rejected]
) -> Iterator[_Task]:
    """The videos whose frames are missing, incomplete, or come from another file or other settings."""
    records = IngestRecords(frames_dir)
    unfinished = records.unfinished()
    complete = {(record.video.class_name, record.video.video_id): record for record in records.complete()}
    classes = dict.fromkeys(class_name for class_name, _ in sources)
    frames = {class_name: _frames_by_video(frames_dir / class_name) for class_name in classes}
    for class_name, source in sources:
        video_id = Path(source.file).stem
        record = complete.get((class_name, video_id))
        existing = frames[class_name].get(video_id, [])
        if record is not None and record.source == source and record.video.frames == len(existing):
            continue
        if existing and record is None and (class_name, video_id) not in unfinished:
            reason = f"its frame names are used by {pluralise(len(existing), 'frame')} not written by video_ingest"
            rejected.append(reject(f"{class_name}/{source.file}", reason))
            continue
        path = videos_dir / class_name / source.file
        yield _Task(path, frames_dir, class_name, video_id, source, tuple(existing))


def _frames_by_video(class_folder: Path) -> dict[str, list[str]]:
    frames = defaultdict(list)
    if class_folder.is_dir():
        for path in class_folder.iterdir():
            name = parse_frame_name(path.name)
            if name is not None:
                frames[name.video_id].append(path.name)
    return frames


def _write_frames(task: _Task) -> Rejected | None:
    """Replace the frames of one video, or return why it cannot be used; its older frames then stay."""
    records = IngestRecords(task.frames_dir)
    try:
        staged = records.stage(task.class_name, task.video_id)
        try:
            video = _decode_into(staged, task)
        except VideoFaultError as fault:
            shutil.rmtree(staged)
            return reject(f"{task.class_name}/{task.source.file}", str(fault))
        records.begin(task.class_name, task.video_id)
        _replace_frames(staged, task)
        records.finish(task.source, video)
    except OSError as error:
        raise HandGesturesError(
            f"frames of {task.class_name}/{task.source.file} must be written to {task.frames_dir}, but that failed "
            f"({error.strerror}); make room or fix the folder and run video_ingest again: it continues with this video"
        ) from error
    return None


def _replace_frames(staged: Path, task: _Task) -> None:
    folder = task.frames_dir / task.class_name
    folder.mkdir(exist_ok=True)
    for name in task.stale:
        (folder / name).unlink(missing_ok=True)
    for frame in staged.iterdir():
        frame.rename(folder / frame.name)
    staged.rmdir()


def _decode_into(folder: Path, task: _Task) -> IngestedVideo:
    settings = task.source.settings
    quality = [cv2.IMWRITE_JPEG_QUALITY, settings["jpeg_quality"]]
    sampling = Sampling(**{field.name: settings[field.name] for field in fields(Sampling)})
    times = []
    with VideoFile(task.path) as video:
        for number, frame in enumerate(video.frames(sampling)):
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
        source_fps=video.source_fps,
        seconds=round(times[-1] - times[0], 3),
        readable_share=round(video.readable_share, 3),
        damaged_frames=video.damaged_frames,
    )
