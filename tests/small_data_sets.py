"""Small made-up copies of published data sets and of exports of annotation tools, with real videos and pictures.

Each has the classes wave and fist, four performers, and shows one gesture per class and performer. The grey level of a
picture is its frame number in the video, so that a test can see which frames a clip has.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from small_videos import write_pictures

CLASSES = ("wave", "fist")
PERFORMERS = range(4)
LENGTH = 40  # frames of an untrimmed video
PARTS = ((4, 16), (20, 36))  # the gesture of each class in it: first frame, first frame after
WHOLE = (0, 12)  # a trimmed video
FPS = 24
GREY_STEP = 6


class DataSet(NamedTuple):
    """Where the annotations are, and what the clips must be.

    Attributes:
        annotations: value of `video_ingest.segments`.
        frames: first frame and first frame after of every clip, by class.
        has_groups: the annotations name performers or recordings beside the videos.
        splits: the splits that they name.
    """

    annotations: Path
    frames: dict[str, tuple[int, int]]
    has_groups: bool
    splits: set[str]


def frame(number: int, class_index: int, performer: int) -> np.ndarray:
    """RGB uint8 (48, 64, 3): grey by number, a rectangle whose colour is the class and whose place is the performer."""
    picture = np.full((48, 64, 3), 10 + GREY_STEP * number, np.uint8)
    picture[4 + 8 * performer : 12 + 8 * performer, 40:60] = ((255, 0, 0), (0, 0, 255))[class_index]
    return picture


def frame_number(picture: np.ndarray) -> int:
    """The number of a frame that `frame` made."""
    return round((float(picture[:, :32].mean()) - 10) / GREY_STEP)


def frames_of(performer: int, class_index: int | None = None) -> list[np.ndarray]:
    """A trimmed video of one class, or an untrimmed video of both."""
    if class_index is not None:
        return [frame(number, class_index, performer) for number in range(*WHOLE)]
    return [frame(number, int(number >= PARTS[1][0]), performer) for number in range(LENGTH)]


def write_folder(folder: Path, prefix: str, digits: int, pictures: list[np.ndarray]) -> None:
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures, start=1):
        path = folder / f"{prefix}{number:0{digits}}.jpg"
        assert cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def untrimmed(root: Path, name: str) -> None:
    for performer in PERFORMERS:
        write_pictures(root / name.format(performer=performer), frames_of(performer), FPS)


def slovo(root: Path, original: bool = False) -> DataSet:
    lines = ["attachment_id\ttext\tuser_id\theight\twidth\tlength\ttrain\tbegin\tend"]
    for performer in PERFORMERS:
        for index, name in enumerate(CLASSES):
            clip, train = f"{name[0]}{performer}", performer < 3
            video = root / ("train" if train else "test") / f"{clip}.mp4"
            write_pictures(video, frames_of(performer, None if original else index), FPS)
            begin, end = PARTS[index]
            lines.append(f"{clip}\t{name}\tuser{performer}\t48\t64\t{end - begin}\t{train}\t{begin}\t{end}")
    write_text(root / "annotations.csv", "\n".join(lines) + "\n")
    parts = PARTS if original else (WHOLE, WHOLE)
    return DataSet(root, dict(zip(CLASSES, parts, strict=True)), True, {"train", "test"})


def slovo_original(root: Path) -> DataSet:
    return slovo(root, original=True)


def jester(root: Path) -> DataSet:
    lists = {"train": "", "validation": ""}
    for performer in PERFORMERS:
        for index, name in enumerate(CLASSES):
            number = 1000 + 10 * performer + index
            write_folder(root / f"20bn-jester-v1/{number}", "", 5, frames_of(performer, index))
            lists["train" if performer < 3 else "validation"] += f"{number};{name}\n"
    for name, text in lists.items():
        write_text(root / f"jester-v1-{name}.csv", text)
    return DataSet(root, dict.fromkeys(CLASSES, WHOLE), False, {"train", "val"})


def ipn_hand(root: Path) -> DataSet:
    lines = []
    for performer in PERFORMERS:
        video = f"{performer}CM1_1_R_#21{performer}"
        write_folder(root / "frames" / video, f"{video}_", 6, frames_of(performer))
        for index, name in enumerate(CLASSES):
            start, end = PARTS[index]
            lines.append(f"{video},{name},{index + 1},{start + 1},{end},{end - start}")
    write_text(root / "annotations/Annot_List.txt", "video,label,id,t_start,t_end,frames\n" + "\n".join(lines) + "\n")
    write_text(root / "annotations/Annot_TestList.txt", "\n".join(lines[-2:]) + "\n")
    return DataSet(root, dict(zip(CLASSES, PARTS, strict=True)), True, {"train", "test"})


def wlasl(root: Path) -> DataSet:
    words = []
    for index, name in enumerate(CLASSES):
        instances = []
        for performer in PERFORMERS:
            video = f"{index}{performer:04}"
            write_pictures(root / f"videos/{video}.mp4", frames_of(performer, index), FPS)
            split = ("train", "train", "val", "test")[performer]
            names = {"video_id": video, "signer_id": performer, "split": split}
            instances.append(names | {"frame_start": 1, "frame_end": -1, "fps": 25})
        words.append({"gloss": name, "instances": instances})
    write_text(root / "WLASL_v0.3.json", json.dumps(words))
    return DataSet(root, dict.fromkeys(CLASSES, WHOLE), True, {"train", "val", "test"})


def path_lists(root: Path) -> DataSet:
    lists = {"train": "", "test": ""}
    for performer in PERFORMERS:
        for index, name in enumerate(CLASSES):
            video = f"{name}/v_{name}_g0{performer}_c01.avi"
            write_pictures(root / video, frames_of(performer, index), FPS, codec_options={"b": "8000000"})
            train = performer < 3
            lists["train" if train else "test"] += f"{video} {index + 1}\n" if train else f"{video}\n"
    write_text(root / "classInd.txt", "".join(f"{index + 1} {name}\n" for index, name in enumerate(CLASSES)))
    for name, text in lists.items():
        write_text(root / f"{name}list01.txt", text)
    return DataSet(root, dict.fromkeys(CLASSES, WHOLE), True, {"train", "test"})


def cvat(root: Path) -> DataSet:
    untrimmed(root, "anna{performer}.mp4")
    for performer in PERFORMERS:
        box = '<box frame="{}" outside="{}"/>'
        tracks = "".join(
            f'<track id="{index}" label="{name}">{box.format(start, 0)}{box.format(end, 1)}</track>'
            for index, (name, (start, end)) in enumerate(zip(CLASSES, PARTS, strict=True))
        )
        task = f"<start_frame>2</start_frame><frame_filter>step=2</frame_filter><source>anna{performer}.mp4</source>"
        text = f"<annotations><version>1.1</version><meta><task>{task}</task></meta>{tracks}</annotations>"
        write_text(root / f"exports/{performer}/annotations.xml", text)
    return DataSet(root / "exports", dict(zip(CLASSES, PARTS, strict=True)), False, set())


def label_studio(root: Path) -> DataSet:
    untrimmed(root, "anna{performer}.mp4")
    tasks = []
    for performer in PERFORMERS:
        result = [
            {
                "type": "timelinelabels",
                # frameRate was half the rate of the videos
                "value": {"ranges": [{"start": start // 2 + 1, "end": end // 2}], "timelinelabels": [name]},
            }
            for name, (start, end) in zip(CLASSES, PARTS, strict=True)
        ]
        data = {"video": f"/data/upload/1/0a1b2c3d-anna{performer}.mp4", "fps": FPS // 2}
        tasks.append({"data": data, "annotations": [{"result": result}]})
    path = write_text(root / "export.json", json.dumps(tasks))
    return DataSet(path, dict(zip(CLASSES, PARTS, strict=True)), False, set())


def fiftyone(root: Path) -> DataSet:
    untrimmed(root, "data/anna{performer}.mp4")
    detections = [
        {"_cls": "TemporalDetection", "label": name, "support": [start + 1, end]}
        for name, (start, end) in zip(CLASSES, PARTS, strict=True)
    ]
    samples = [
        {
            "filepath": f"data/anna{performer}.mp4",
            "_media_type": "video",
            "tags": ["validation" if performer == 3 else "train"],
            "events": {"_cls": "TemporalDetections", "detections": detections},
        }
        for performer in PERFORMERS
    ]
    write_text(root / "metadata.json", "{}")
    write_text(root / "samples.json", json.dumps({"samples": samples}))
    return DataSet(root, dict(zip(CLASSES, PARTS, strict=True)), False, {"train", "val"})


def csv(root: Path) -> DataSet:
    untrimmed(root, "day1/anna{performer}.mp4")
    lines = ["video,start_frame,end_frame,class_name,group"]
    for performer in PERFORMERS:
        for name, (start, end) in zip(CLASSES, PARTS, strict=True):
            lines.append(f"day1/anna{performer}.mp4,{start},{end},{name},anna{performer}")
    path = write_text(root / "segments.csv", "\n".join(lines) + "\n")
    return DataSet(path, dict(zip(CLASSES, PARTS, strict=True)), True, set())


DATA_SETS: dict[str, Callable[[Path], DataSet]] = {
    "csv": csv,
    "slovo": slovo,
    "slovo_original": slovo_original,
    "jester": jester,
    "ipn_hand": ipn_hand,
    "wlasl": wlasl,
    "path_lists": path_lists,
    "cvat": cvat,
    "label_studio": label_studio,
    "fiftyone": fiftyone,
}
