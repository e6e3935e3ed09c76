"""Video files → the folder of frames that all later steps read."""

import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import NamedTuple

import cv2
import pandas as pd

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.names import nfc
from hand_gestures.utils.progress import progress
from hand_gestures.utils.rules import pluralise
from hand_gestures.utils.workers import in_processes
from hand_gestures.video.class_folders import Rejected, class_files, class_folders, reject
from hand_gestures.video.frame_folder import FrameFolder
from hand_gestures.video.frame_names import format_frame_name, parse_frame_name
from hand_gestures.video.ingest_records import IngestedVideo, IngestRecords, Record, Source, remove_if_empty
from hand_gestures.video.segments import MAX_NAME_BYTES, Segment, listed_segments, parse_segments
from hand_gestures.video.video_files import SUFFIXES, Sampling, VideoFile
from hand_gestures.video.video_sources import VideoFaultError

END_TOLERANCE = 0.5  # seconds; annotators round, and the last frame is shown for a moment
LAYOUT = "{class_name}/{name}.mp4"
# Raised when the same video would give other frames: then the frames of earlier versions are replaced. 2: display
# matrix, pixel shape, deinterlacing, transparency and HDR.
DECODING_VERSION = 2


class IngestCounts(NamedTuple):
    """How many videos one ingest wrote, found up to date, and how many files it rejected."""

    written: int
    up_to_date: int
    rejected: int


@dataclass(frozen=True, eq=False)  # compared by identity, so that a clip can be a key
class _Clip:
    """A segment of a video, or a whole video, whose frames must be written.

    Attributes:
        label: its name in the table of rejects.
        segment: which frames belong to it.
        source: the file and the settings, as they are recorded.
        stale: names of older frames that are replaced.
    """

    label: str
    segment: Segment
    source: Source
    stale: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Task:
    """A video that is decoded once for all its clips."""

    path: Path
    frames_dir: Path
    clips: tuple[_Clip, ...]


def ingest_videos(
    videos_dir: Path,
    frames_dir: Path,
    sampling: Sampling,
    jpeg_quality: int,
    processes: int,
    segments: pd.DataFrame | None = None,
) -> IngestCounts:
    """Write the frames of `{class_name}/{name}.mp4` as `{class_name}/{name}_frame_{n}.jpg`, n from 0.

    With a table of segments, each of its rows becomes a clip, `{class_name}/{video}_{start}-{end}_frame_{n}.jpg`; the
    layout of the videos is then free. A video is decoded once for all its segments.

    A video is skipped if its size, time and settings are those of the existing frames. An ingest that was killed at any
    moment continues with the next call and ends with the files of an undisturbed one. A file that cannot be read is
    recorded with its reason; the others are written.

    Args:
        videos_dir: the folder of videos.
        frames_dir: the folder of frames; it is created.
        sampling: which frames are kept, and their size.
        jpeg_quality: 1 to 100.
        processes: videos decoded at the same time; the files are the same for any number.
        segments: see `parse_segments`; None: every video is one clip of the class of its folder.

    Returns:
        The counts; reasons of rejects are in `IngestRecords(frames_dir).rejected()`.

    Raises:
        HandGesturesError: there is no video or no good segment; the table has another form; another ingest is writing
            to `frames_dir`; frames cannot be written.
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
        clips = list(_clips(videos_dir, settings, segments, rejected))
        if not clips:
            raise _no_video(videos_dir, rejected) if segments is None else _no_segment(len(segments), rejected)
        records.clear_stages()
        unnamed = len(rejected)
        outstanding = list(_outstanding(clips, frames_dir, rejected))
        foreign = len(rejected) - unnamed  # clips whose frames exist and were not written here
        tasks = _tasks_by_video(outstanding, videos_dir, frames_dir)
        outcomes = in_processes(_write_frames, tasks, max(1, min(processes, len(tasks))))
        faults = [fault for found in progress(outcomes, len(tasks), "ingesting videos") for fault in found]
        records.write_rejected(rejected + faults)
    up_to_date = len(clips) - len(outstanding) - foreign
    return IngestCounts(len(outstanding) - len(faults), up_to_date, len(rejected) + len(faults))


def leftover_frames(
    videos_dir: Path, frames_dir: Path, segments: pd.DataFrame | None = None
) -> dict[tuple[str, str], list[str]]:
    """Frames of an earlier ingest whose video is gone: removed, renamed, or moved to another class.

    Frames of a segment are also left over if no row of the table has this class, video, start and end. A row counts
    even if a fault keeps it from being ingested now.

    Args:
        videos_dir: the folder of videos.
        frames_dir: the folder of frames.
        segments: see `parse_segments`; None: there is no table.

    Returns:
        Names of the frames by (class folder, video id), both spelled as on disk. Frames that video_ingest did not
        write are never among them.

    Raises:
        HandGesturesError: a record of the ingest is damaged; the table has another form.
    """
    records = IngestRecords(frames_dir)
    listed = set() if segments is None else set(listed_segments(segments, videos_dir))
    gone = [
        (record.video.class_name, record.video.video_id)
        for record in records.complete()
        if not _has_origin(record, videos_dir, listed)
    ]
    clips = {(segment.class_name, segment.video_id) for segment in listed if (videos_dir / segment.video).exists()}
    gone += [
        (class_name, video_id)
        for class_name, video_id in sorted(records.unfinished())
        if (class_name, video_id) not in clips and not _has_video(videos_dir / class_name, video_id)
    ]
    frames = {class_name: _frames_by_video(frames_dir / class_name) for class_name, _ in gone}
    return {(class_name, video_id): frames[class_name].get(video_id, []) for class_name, video_id in gone}


def remove_leftover_frames(videos_dir: Path, frames_dir: Path, segments: pd.DataFrame | None = None) -> int:
    """Remove the frames of `leftover_frames` and their records; a kill leaves them marked as incomplete.

    Args:
        videos_dir: the folder of videos.
        frames_dir: the folder of frames.
        segments: see `parse_segments`; None: there is no table.

    Returns:
        Number of removed frames.

    Raises:
        HandGesturesError: another ingest is writing to `frames_dir`; a record of the ingest is damaged.
    """
    records = IngestRecords(frames_dir)
    with records.lock():
        leftovers = leftover_frames(videos_dir, frames_dir, segments)
        for (class_name, video_id), names in leftovers.items():
            records.begin(class_name, video_id)
            for name in names:
                (frames_dir / class_name / name).unlink(missing_ok=True)
            remove_if_empty(frames_dir / class_name)
            records.forget(class_name, video_id)
    return sum(map(len, leftovers.values()))


def _has_origin(record: Record, videos_dir: Path, listed: set[Segment]) -> bool:
    """Whether the video of a record exists and, if the record is of a segment, its row too."""
    file, part = record.video.file, record.source.settings.get("segment")
    if part is None:
        return (videos_dir / record.video.class_name / file).exists()
    segment = Segment(file, record.video.class_name, part["start"], part["end"], part["in_frames"])
    return segment in listed and (videos_dir / file).exists()


def _has_video(folder: Path, video_id: str) -> bool:
    """Whether a class folder of videos has a file for this video id."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return any(path.suffix.lower() in SUFFIXES and nfc(path.stem) == nfc(video_id) for path in paths)


def _clips(
    videos_dir: Path, settings: dict, segments: pd.DataFrame | None, rejected: list[Rejected]
) -> Iterator[_Clip]:
    if segments is None:
        for class_name, entry in find_videos(videos_dir, rejected):
            segment = Segment(entry.name, class_name)
            status = entry.stat()
            source = Source(entry.name, status.st_size, status.st_mtime_ns, settings)
            yield _Clip(f"{class_name}/{entry.name}", segment, source)
        return
    for segment in parse_segments(segments, videos_dir, rejected):
        status = (videos_dir / segment.video).stat()
        part = {"start": segment.start, "end": segment.end, "in_frames": segment.in_frames}
        source = Source(segment.video, status.st_size, status.st_mtime_ns, settings | {"segment": part})
        yield _Clip(f"{segment.class_name}/{segment.video_id}", segment, source)


def _tasks_by_video(clips: list[_Clip], videos_dir: Path, frames_dir: Path) -> list[_Task]:
    by_path: dict[Path, list[_Clip]] = defaultdict(list)
    for clip in clips:
        in_class_folder = "segment" not in clip.source.settings
        folder = videos_dir / clip.segment.class_name if in_class_folder else videos_dir
        by_path[folder / clip.segment.video].append(clip)
    return [_Task(path, frames_dir, tuple(video_clips)) for path, video_clips in by_path.items()]


def find_videos(videos_dir: Path, rejected: list[Rejected]) -> Iterator[tuple[str, os.DirEntry]]:
    """Find every file with the name of a video, each video id once per class.

    Args:
        videos_dir: the folder of videos.
        rejected: all other entries are appended to it, with the reason.

    Yields:
        (class, file), ordered by class and name.
    """
    used: dict[tuple[str, str], str] = {}  # by class and video id in NFC: two folders may be one class
    for class_name in class_folders(videos_dir, rejected):
        for entry in class_files(videos_dir, class_name, rejected):
            name = Path(entry.name)
            video = nfc(class_name), nfc(name.stem)
            reason = _name_fault(name, used.get(video, "").removeprefix(f"{class_name}/"))
            if reason is None:
                used[video] = f"{class_name}/{entry.name}"
                yield class_name, entry
            else:
                rejected.append(reject(f"{class_name}/{name}", reason))


def _name_fault(name: Path, same_video: str) -> str | None:
    if name.suffix.lower() not in SUFFIXES:
        return f"name does not end in {', '.join(SUFFIXES)}"
    if same_video:
        return f"its frames would have the same names as those of {same_video}"
    return None if len(os.fsencode(name.stem)) <= MAX_NAME_BYTES else f"name longer than {MAX_NAME_BYTES} bytes"


def _no_video(videos_dir: Path, rejected: list[Rejected]) -> HandGesturesError:
    first = f" ({len(rejected)} rejected, the first: {rejected[0].path}, {rejected[0].reason})" if rejected else ""
    return HandGesturesError(
        f"videos are read from {LAYOUT} ({', '.join(SUFFIXES)}) below videos_dir, but {videos_dir} holds none{first}; "
        "give another folder with --params videos_dir=PATH"
    )


def _no_segment(rows: int, rejected: list[Rejected]) -> HandGesturesError:
    first = f" (the first: {rejected[0].path}, {rejected[0].reason})" if rejected else ""
    return HandGesturesError(
        f"video_ingest.segments must have a row that can be used, but none of its {rows} rows can{first}; "
        "correct the rows, or set videos_dir to the folder that their paths start from"
    )


def _outstanding(clips: list[_Clip], frames_dir: Path, rejected: list[Rejected]) -> Iterator[_Clip]:
    """The clips whose frames are missing, incomplete, or come from another file or other settings."""
    records = IngestRecords(frames_dir)
    unfinished = records.unfinished()
    complete = {(record.video.class_name, record.video.video_id): record for record in records.complete()}
    frames = {name: _frames_by_video(frames_dir / name) for name in dict.fromkeys(c.segment.class_name for c in clips)}
    for clip in clips:
        class_name, video_id = clip.segment.class_name, clip.segment.video_id
        record = complete.get((class_name, video_id))
        existing = frames[class_name].get(video_id, [])
        if record is not None and record.source == clip.source and record.video.frames == len(existing):
            continue
        if existing and record is None and (class_name, video_id) not in unfinished:
            reason = f"its frame names are used by {pluralise(len(existing), 'frame')} not written by video_ingest"
            rejected.append(reject(clip.label, reason))
            continue
        yield replace(clip, stale=tuple(existing))


def _frames_by_video(class_folder: Path) -> dict[str, list[str]]:
    frames = defaultdict(list)
    if class_folder.is_dir():
        for path in class_folder.iterdir():
            name = parse_frame_name(path.name)
            if name is not None:
                frames[name.video_id].append(path.name)
    return frames


def _write_frames(task: _Task) -> list[Rejected]:
    """Replace the frames of the clips of one video; returns those that cannot be used, whose older frames stay."""
    records = IngestRecords(task.frames_dir)
    faults = []
    try:
        staged = {clip: records.stage(clip.segment.class_name, clip.segment.video_id) for clip in task.clips}
        try:
            outcomes = _decode_into(staged, task.path)
        except VideoFaultError as fault:
            outcomes = {clip: str(fault) for clip in task.clips}
        for clip, outcome in outcomes.items():
            if isinstance(outcome, str):
                shutil.rmtree(staged[clip])
                faults.append(reject(clip.label, outcome))
                continue
            records.begin(clip.segment.class_name, clip.segment.video_id)
            _replace_frames(staged[clip], task.frames_dir, clip)
            records.finish(clip.source, outcome)
    except OSError as error:
        raise HandGesturesError(
            f"frames of {task.clips[0].label} must be written to {task.frames_dir}, but that failed "
            f"({error.strerror}); make room or fix the folder and run video_ingest again: it continues with this video"
        ) from error
    return faults


def _replace_frames(staged: Path, frames_dir: Path, clip: _Clip) -> None:
    folder = frames_dir / clip.segment.class_name
    folder.mkdir(exist_ok=True)
    for name in clip.stale:
        (folder / name).unlink(missing_ok=True)
    for frame in staged.iterdir():
        frame.rename(folder / frame.name)
    staged.rmdir()


def _decode_into(folders: dict[_Clip, Path], path: Path) -> dict[_Clip, IngestedVideo | str]:
    """Decode a video once and write the frames of each clip into its folder.

    Returns:
        The row of the table of each clip, or why the clip cannot be used.
    """
    settings = next(iter(folders)).source.settings
    quality = [cv2.IMWRITE_JPEG_QUALITY, settings["jpeg_quality"]]
    sampling = Sampling(**{field.name: settings[field.name] for field in fields(Sampling)})
    times: dict[_Clip, list[float]] = {clip: [] for clip in folders}
    with FrameFolder(path) if path.is_dir() else VideoFile(path) as video:
        for frame in video.frames(sampling, lambda *at: any(clip.segment.contains(*at) for clip in folders)):
            jpeg = cv2.imencode(".jpg", frame.image, quality)[1].tobytes()
            for clip, folder in folders.items():
                if clip.segment.contains(frame.index, frame.seconds):
                    name = format_frame_name(clip.segment.video_id, len(times[clip]))
                    (folder / name).write_bytes(jpeg)
                    times[clip].append(frame.seconds)
    outcomes: dict[_Clip, IngestedVideo | str] = {}
    for clip, clip_times in times.items():
        fault = _segment_fault(clip.segment, len(clip_times), video)
        if fault is not None:
            outcomes[clip] = fault
            continue
        height, width = frame.image.shape[:2]
        outcomes[clip] = IngestedVideo(
            clip.segment.class_name,
            clip.segment.video_id,
            clip.source.file,
            frames=len(clip_times),
            height=height,
            width=width,
            source_fps=video.source_fps,
            seconds=None if path.is_dir() else round(clip_times[-1] - clip_times[0], 3),
            readable_share=round(video.readable_share, 3),
            damaged_frames=video.damaged_frames,
        )
    return outcomes


def _segment_fault(segment: Segment, frames: int, video: VideoFile | FrameFolder) -> str | None:
    """Why a segment does not fit to its decoded video, or None."""
    if segment.end is not None:
        length, unit = (video.frame_count, "frames") if segment.in_frames else (video.seconds, "s")
        tolerance = END_TOLERANCE * (video.frame_count / video.seconds if segment.in_frames else 1)
        if segment.end > length + tolerance:
            return f"ends at {segment.end:g}, beyond the end of the video ({length:.4g} {unit})"
    return None if frames else "no frame of the video is inside the segment"
