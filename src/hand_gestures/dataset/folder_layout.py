"""Recognise how the files of a folder are arranged, and say how to get the expected arrangement."""

import os
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from hand_gestures.utils.names import nfc
from hand_gestures.utils.rules import pluralise
from hand_gestures.video.class_folders import is_system_file
from hand_gestures.video.frame_names import IMAGE_SUFFIXES, parse_frame_name, propose_frame_pattern
from hand_gestures.video.video_files import SUFFIXES

Kind = Literal["videos", "frames"]
EXPECTED: dict[Kind, str] = {
    "videos": "{class_name}/{name}.mp4",
    "frames": "{class_name}/{video_id}_frame_{number}.jpg",
}
SPLIT_NAMES = {"train", "training", "val", "valid", "validation", "dev", "test", "testing"}
MAX_FILES = 200_000  # looked at: enough to recognise a layout, and listing them takes seconds


class Layout(NamedTuple):
    """How a folder is arranged.

    Attributes:
        found: the arrangement, in words.
        remedies: what to do, in order; empty for the expected arrangement.
        is_empty: the folder does not exist or holds no file.
    """

    found: str
    remedies: list[str]
    is_empty: bool = False


class _Content(NamedTuple):
    """Files below a folder, as paths relative to it."""

    videos: list[PurePosixPath]
    images: list[PurePosixPath]
    others: list[PurePosixPath]


def recognise_layout(root: Path, kind: Kind, pattern: str | None = None) -> Layout:
    """Recognise the arrangement of a folder from names alone.

    Args:
        root: the folder; it need not exist.
        kind: what it should contain.
        pattern: of frame names, if one is set, see `parse_frame_name`.

    Returns:
        The arrangement and the remedies.
    """
    if not root.is_dir():
        remedy = f"to use {kind}, give their folder: --params {kind}_dir=PATH"
        return Layout("the folder does not exist", [remedy], is_empty=True)
    content = _list_files(root)
    own, foreign = (content.videos, content.images) if kind == "videos" else (content.images, content.videos)
    if not own:
        return _without_files(root, kind, content, foreign)
    if pattern is not None:
        return _by_pattern(own, pattern)
    layout = _by_depth(root, kind, own)
    if not foreign:
        return layout
    if kind == "videos":
        other, remedy = "pictures", "move them to the class folders of the folder of frames"
    else:
        other, remedy = "videos", "move them to the folder of videos and run kedro run --pipeline video_ingest"
    remedy = f"{other} in a folder of {kind} are not used: {remedy}"
    return Layout(f"{layout.found}, mixed with {len(foreign)} {other}", [*layout.remedies, remedy])


def _by_depth(root: Path, kind: Kind, own: list[PurePosixPath]) -> Layout:
    """The layout of files of one kind, by how many folders they are in."""
    depth = Counter(len(path.parts) - 1 for path in own).most_common(1)[0][0]
    at_depth = [path for path in own if len(path.parts) - 1 == depth]
    if depth == 0:
        first = at_depth[0]
        return Layout(
            f"{len(at_depth)} {kind} directly in the folder, without class folders",
            [
                f"make one folder per class in {root} and move the {kind} into them: {{class_name}}/{first}"
                + ("; or list the class of each video in a table, video_ingest.segments" if kind == "videos" else "")
            ],
        )
    if depth == 1:
        return _one_level(root, kind, at_depth)
    return _deeper(root, kind, depth, at_depth)


def _list_files(root: Path) -> _Content:
    content, count = _Content([], [], []), 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside = PurePosixPath(folder).relative_to(root)
        for name in sorted(names):
            if name.startswith(".") or is_system_file(name):
                continue
            suffix = PurePosixPath(name).suffix.lower()
            kind = content.videos if suffix in SUFFIXES else content.images if suffix in IMAGE_SUFFIXES else content[2]
            kind.append(inside / name)
            count += 1
        if count >= MAX_FILES:
            break
    return content


def _without_files(root: Path, kind: Kind, content: _Content, foreign: list[PurePosixPath]) -> Layout:
    if foreign and kind == "videos":
        remedy = f"frames need no video_ingest: kedro run --params frames_dir={root}"
        return Layout(f"{pluralise(len(foreign), 'picture')}, no videos", [remedy])
    if foreign:
        command = f"kedro run --pipeline video_ingest --params videos_dir={root},frames_dir=PATH"
        return Layout(f"{pluralise(len(foreign), 'video')}, no frames", [f"convert the videos first: {command}"])
    if content.others:
        suffixes = Counter(path.suffix.lower() or "no suffix" for path in content.others)
        found = ", ".join(f"{suffix} ({count})" for suffix, count in suffixes.most_common(3))
        allowed = ", ".join(SUFFIXES if kind == "videos" else IMAGE_SUFFIXES)
        return Layout(f"no {kind}, but files with other suffixes: {found}", [f"convert the files to one of {allowed}"])
    remedy = f"put the {kind} there, as {EXPECTED[kind]}, or give --params {kind}_dir=PATH"
    return Layout("the folder is empty", [remedy], is_empty=True)


def _by_pattern(paths: list[PurePosixPath], pattern: str) -> Layout:
    unmatched = [path for path in paths if parse_frame_name(nfc("/".join(path.parts[1:])), pattern) is None]
    if not unmatched:
        return Layout("frame_catalog.frame_pattern, which matches every picture", [])
    found = f"frame_catalog.frame_pattern matches {len(paths) - len(unmatched)} of {len(paths)} pictures"
    # pictures of another kind may be left out on purpose
    remedies = ["correct frame_catalog.frame_pattern"] if len(unmatched) > len(paths) / 2 else []
    return Layout(f"{found}; the first that it does not match: {unmatched[0]}", remedies)


def _one_level(root: Path, kind: Kind, paths: list[PurePosixPath]) -> Layout:
    if kind == "frames":
        unnamed = [path for path in paths if parse_frame_name(path.name) is None]
        if len(unnamed) > len(paths) / 2:
            return Layout(
                f"pictures in class folders, but {len(unnamed)} of {len(paths)} names are not "
                "{video_id}_frame_{number}, the first: " + str(unnamed[0]),
                [_rename_or_pattern(unnamed[0])],
            )
    classes = sorted({path.parts[0] for path in paths})
    if len(classes) == 1:
        return Layout(
            f"{EXPECTED[kind]}, but only one class: {classes[0]}",
            [f"add at least one more class folder beside {root / classes[0]}"],
        )
    return Layout(f"{EXPECTED[kind]}, as expected", [])


def _deeper(root: Path, kind: Kind, depth: int, paths: list[PurePosixPath]) -> Layout:
    """Files with at least one folder between their class folder and themselves, or above their class folder."""
    tops = sorted({path.parts[0] for path in paths})
    example = paths[0]
    if kind == "frames" and sum(parse_frame_name(path.name) is None for path in paths) > len(paths) / 2:
        return Layout(
            f"one folder of pictures per clip, the first: {example}",
            [_rename_or_pattern(example)],
        )
    if depth == 2 and len(tops) == 1:
        return Layout(
            f"class folders one level too deep, inside {tops[0]}/", [f"give --params {kind}_dir={root / tops[0]}"]
        )
    if {top.lower() for top in tops} <= SPLIT_NAMES:
        return Layout(
            f"class folders inside folders of a split: {', '.join(tops)}",
            [
                f"move the class folders of all splits together: {'/'.join(example.parts[1:])}; list class_name, "
                "video_id and split of each video in a CSV and set split.lists to it"
            ],
        )
    flat = "-".join(example.parts[1:])
    return Layout(
        f"{depth} levels of folders above the {kind}, the first: {example}",
        [
            f"if {tops[0]} is a class: move its {kind} into it, with the inner folder in the name: {tops[0]}/{flat}",
            f"if {example.parts[-2]} is a class: move the class folders into {root}: {'/'.join(example.parts[-2:])}",
        ],
    )


def _rename_or_pattern(example: PurePosixPath) -> str:
    """The remedy for pictures whose names are not those of frames."""
    proposal = propose_frame_pattern(example.relative_to(example.parts[0]))
    if proposal is None:
        return "rename the pictures to {class_name}/{video_id}_frame_{number}.jpg"
    return f"set frame_catalog.frame_pattern in conf/local/parameters.yml, for example to {proposal}"
