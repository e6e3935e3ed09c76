"""A first look at a data set: what is understood, what is rejected and why, what to set next. No model is loaded."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pandas as pd

from hand_gestures.dataset.folder_layout import Layout, recognise_layout
from hand_gestures.dataset.frame_catalog import FrameCatalog, scan_frames
from hand_gestures.dataset.group_proposal import propose_groups
from hand_gestures.dataset.importers import read_annotations
from hand_gestures.parameters import FrameCatalogParameters, SplitParameters, VideoIngestParameters
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.names import nfc
from hand_gestures.utils.progress import progress
from hand_gestures.utils.rules import pluralise
from hand_gestures.utils.workers import in_processes
from hand_gestures.video.class_folders import Rejected, reject, rejects_table, shown
from hand_gestures.video.image_files import picture_size
from hand_gestures.video.ingest import find_videos
from hand_gestures.video.limits import MAX_PIXELS
from hand_gestures.video.segments import parse_segments
from hand_gestures.video.video_files import VideoFile
from hand_gestures.video.video_sources import VideoFaultError

SHOWN = 8  # values listed in one line
MISSPELT_RATIO = 3  # a class with so many times fewer clips than another one may be a spelling of it
MISSPELT_LETTERS = 4
MIN_FOR_PROCESSES = 500  # videos; fewer headers are read sooner than processes start

Clip = tuple[str, str]  # (class, video id)


class DataCheck(NamedTuple):
    """The result of the check.

    Attributes:
        report: Markdown.
        rejected: columns `folder` (videos or frames), `path` and `reason`.
    """

    report: str
    rejected: pd.DataFrame


class _Header(NamedTuple):
    """What the header of a video declares, or why the video cannot be read."""

    seconds: float | None
    fps: float | None
    size: tuple[int, int]
    fault: str | None


class _Part(NamedTuple):
    """The check of one folder."""

    layout: Layout
    clips: list[Clip]
    facts: list[str]
    rejected: pd.DataFrame


def check_data(
    videos_dir: Path,
    frames_dir: Path,
    video_ingest: VideoIngestParameters,
    frame_catalog: FrameCatalogParameters,
    split: SplitParameters,
    frames_per_clip: int,
) -> DataCheck:
    """Check the folders of videos and frames. No arrangement of files and no table of segments is an error.

    Videos are opened, not decoded: a video with a good header may still be rejected by the ingest.

    Args:
        videos_dir: folder of videos; it need not exist.
        frames_dir: folder of frames; it need not exist.
        video_ingest: the table of segments, if there is one; without one, every video is a clip of the class of its
            folder.
        frame_catalog: how frames are read and checked; its number of processes also reads the headers of videos.
        split: the group pattern and lists that are set.
        frames_per_clip: number of sampled frames.

    Returns:
        The report and the table of rejects.
    """
    try:
        videos = _check_videos(videos_dir, frame_catalog.processes, read_annotations(video_ingest))
    except HandGesturesError as error:  # the table has another form
        layout = Layout("video_ingest.segments cannot be used", ["correct video_ingest.segments, see the reason"])
        videos = _Part(layout, [], [], rejects_table([reject(str(video_ingest.segments), str(error))]))
    frames = _check_frames(frames_dir, frame_catalog, frames_per_clip)
    clips = frames.clips or videos.clips
    similar = similar_classes([class_name for class_name, _ in clips])
    lines = ["# Data check", ""]
    for name, folder, part in (("Videos", videos_dir, videos), ("Frames", frames_dir, frames)):
        lines += [f"## {name}: {folder}", "", f"- layout: {part.layout.found}", *_counts(part, name.lower()), ""]
    lines += ["## Groups", "", *_group_lines(clips, split), "", "## Next", ""]
    steps = [*similar, *_next_steps(videos, frames, clips, split)]
    lines += [f"{number}. {step}" for number, step in enumerate(steps, start=1)]
    rejected = [part.rejected.assign(folder=name) for name, part in (("videos", videos), ("frames", frames))]
    # a folder may have a name that is not text, and the report is text, one fact a line
    report = "".join(f"{shown(line)}\n" for line in lines)
    return DataCheck(report, pd.concat(rejected, ignore_index=True)[["folder", "path", "reason"]])


def similar_classes(class_names: Sequence[str]) -> list[str]:
    """Pairs of class names that may be one class, spelled in two ways.

    Args:
        class_names: the class of each clip.

    Returns:
        A sentence for each of the first `SHOWN` pairs: names that differ only in upper and lower case or in spaces,
        hyphens and underscores; and names where one has a letter more, or two letters in another order, and far fewer
        clips.
    """
    counts = Counter(class_names)
    names = sorted(counts, key=lambda name: (-counts[name], name))
    plain = {name: re.sub(r"[\s_-]+", "", name.casefold()) for name in names}
    pairs = [
        (one, other)
        for one, other in combinations(names, 2)
        if plain[one] == plain[other]
        # a letter more can also be the meaning: circlecw, circleccw
        or (counts[other] * MISSPELT_RATIO <= counts[one] and _one_slip(plain[one], plain[other]))
    ]
    return [
        f"if {one} ({pluralise(counts[one], 'clip')}) and {other} ({counts[other]}) are the same class, "
        "give both folders one name"
        for one, other in pairs[:SHOWN]
    ]


def _one_slip(one: str, other: str) -> bool:
    """Whether one of two words has a letter more, or two neighbours in another order."""
    short, long = sorted((one, other), key=len)
    if len(short) < MISSPELT_LETTERS or len(long) - len(short) > 1:
        return False
    places = range(len(long))
    if len(long) > len(short):
        return any(long[:place] + long[place + 1 :] == short for place in places)
    return any(long[:place] + long[place : place + 2][::-1] + long[place + 2 :] == short for place in places)


def _check_videos(videos_dir: Path, processes: int, segments: pd.DataFrame | None) -> _Part:
    rejected: list[Rejected] = []
    clips_by_path: dict[Path, list[Clip]] = {}
    if segments is not None:
        for segment in parse_segments(segments, videos_dir, rejected):
            clip = (segment.class_name, nfc(segment.video_id))
            clips_by_path.setdefault(videos_dir / segment.video, []).append(clip)
    elif videos_dir.is_dir():
        for class_name, entry in find_videos(videos_dir, rejected):
            clips_by_path[Path(entry.path)] = [(nfc(class_name), nfc(Path(entry.name).stem))]
    # a folder of pictures has no header
    paths = [path for path in clips_by_path if not path.is_dir()]
    headers = in_processes(_read_header, paths, processes if len(paths) >= MIN_FOR_PROCESSES else 1)
    known: list[_Header] = []
    for path, header in zip(paths, progress(headers, len(paths), "opening videos"), strict=True):
        if header.fault is None:
            known.append(header)
        else:
            del clips_by_path[path]
            rejected.append(reject(str(path.relative_to(videos_dir)), header.fault))
    facts = []
    if known:
        facts = [
            _spread("length of the videos", [header.seconds for header in known if header.seconds], "s"),
            "frame rate: " + _most_common(f"{header.fps:g}" if header.fps else "unknown" for header in known),
            "size: " + _most_common("{}x{}".format(*header.size) for header in known),
        ]
    clips = [clip for path_clips in clips_by_path.values() for clip in path_clips]
    if segments is None:
        layout = recognise_layout(videos_dir, "videos")
    else:
        found = f"a table of {pluralise(len(segments), 'segment')} in {pluralise(len(clips_by_path), 'readable video')}"
        remedies = [] if clips else ["correct video_ingest.segments, or set videos_dir to where its paths start from"]
        layout = Layout(found, remedies)
    return _Part(layout, clips, facts, rejects_table(rejected))


def _read_header(path: Path) -> _Header:
    try:
        with VideoFile(path) as video:
            if 0 in video.size:  # FFmpeg leaves out a size beyond the limit
                return _Header(
                    None, None, (0, 0), f"declares no size of its pictures, or more than {MAX_PIXELS} pixels"
                )
            return _Header(video.declared_seconds, video.source_fps, video.size, None)
    except VideoFaultError as fault:
        return _Header(None, None, (0, 0), str(fault))


def _check_frames(frames_dir: Path, parameters: FrameCatalogParameters, frames_per_clip: int) -> _Part:
    if frames_dir.is_dir():
        catalog = scan_frames(frames_dir, parameters.full_decode, parameters.processes, parameters.frame_pattern)
    else:
        catalog = FrameCatalog(pd.DataFrame(columns=["class_name", "video_id", "path"]), rejects_table([]))
    groups = catalog.frames.groupby(["class_name", "video_id"], sort=True)
    facts = []
    if len(catalog.frames):
        lengths = groups.size()
        short = int((lengths < frames_per_clip).sum())
        # of first frames only: opening every file of a large data set takes minutes
        sizes = ["{}x{}".format(*picture_size(frames_dir / path)) for path in groups["path"].first()]
        facts = [
            f"frames: {len(catalog.frames)}",
            _spread("length", lengths.tolist(), "frames"),
            f"clips with fewer than {frames_per_clip} frames, which repeat their last frame: {short}",
            "size: " + _most_common(sizes),
        ]
    clips = [(str(class_name), str(video_id)) for class_name, video_id in groups.size().index]
    layout = recognise_layout(frames_dir, "frames", parameters.frame_pattern)
    return _Part(layout, clips, facts, catalog.rejected)


def _counts(part: _Part, noun: str) -> list[str]:
    """The lines about one folder."""
    lines = []
    if part.clips:
        names = [class_name for class_name, _ in part.clips]
        lines.append(f"- classes: {len(set(names))}, with their clips: {_most_common(names)}")
        lines += [f"- clips: {len(part.clips)}", *(f"- {fact}" for fact in part.facts)]
    else:
        lines += [f"- {noun} that can be used: none"]
    reasons = part.rejected["reason"].value_counts()
    lines.append(f"- rejected: {len(part.rejected)}")
    for reason, count in reasons.head(SHOWN).items():
        first = part.rejected["path"][part.rejected["reason"] == reason].iloc[0]
        lines.append(f"    - {count} x {reason}; the first: {first}")
    if len(reasons) > SHOWN:
        lines.append(f"    - and {len(reasons) - SHOWN} more reasons")
    return lines


def _group_lines(clips: list[Clip], split: SplitParameters) -> list[str]:
    if split.groups is not None:
        return [f"- split.groups is set: {split.groups}"]
    if split.group_pattern is not None:
        return [f"- split.group_pattern is set: `{split.group_pattern}`"]
    proposal = propose_groups(clips)
    if proposal is None:
        return ["- no part of the video ids is proposed as a group"]
    return [
        f"- proposal: `split.group_pattern: {proposal.pattern}`",
        f"- it finds {pluralise(len(proposal.clips), 'group')} in {len(clips)} clips, in each class at least "
        f"{proposal.fewest}: {_most_common(proposal.clips.elements())}",
        "- check that each of them is one performer or one recording: the names alone cannot show it",
    ]


def _next_steps(videos: _Part, frames: _Part, clips: list[Clip], split: SplitParameters) -> list[str]:
    steps: list[str] = []
    if not frames.clips and not videos.clips:
        # an empty folder needs no remedy if the other one has files
        filled = [part for part in (videos, frames) if not part.layout.is_empty]
        for part in filled or [videos, frames]:
            steps += part.layout.remedies
    elif frames.clips:
        steps += frames.layout.remedies
    else:
        steps += videos.layout.remedies
    if len(frames.rejected) or len(videos.rejected):
        steps.append("read 02_intermediate/data_check_rejects.csv: every rejected file and the reason")
    if clips and split.group_pattern is None and split.groups is None and split.lists is None:
        found = "if the proposal is right" if propose_groups(clips) else "if the clips come from a few people"
        steps.append(f"set split.group_pattern {found}, so that clips of one person are in one split")
    if frames.clips and len({class_name for class_name, _ in frames.clips}) > 1:
        steps.append("kedro run")
    elif videos.clips and not frames.clips:
        steps.append("kedro run --pipeline video_ingest")
    return list(dict.fromkeys(steps)) or ["nothing to do"]


def _spread(name: str, values: Sequence[float], unit: str) -> str:
    if not values:
        return f"{name}: not declared"
    return f"{name}: {min(values):g} to {max(values):g} {unit}, median {median(values):g}"


def _most_common(values: Iterable[str]) -> str:
    """`"a (3), b (1)"`; the most frequent values first, then by name."""
    counts = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    more = f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
    return ", ".join(f"{value} ({count})" for value, count in counts[:SHOWN]) + more
