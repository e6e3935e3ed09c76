"""Clips from disk: the views of a sequence, ready for the backbones."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

from hand_gestures.augmentation import ClipAugmentation, resize_clip, view_seed
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.video.image_files import read_frame


class ClipViews(NamedTuple):
    """All views of one sequence, each distinct frame once.

    `row` is the sequence's place in the table; `views` uint8 (V, n, size, size, 3), the clean one first;
    `times` int (T,) says which of the n frames each time step shows; `mirrored` bool (V,).
    """

    row: int
    views: torch.Tensor
    times: torch.Tensor
    mirrored: torch.Tensor


class VideoSequenceDataset(Dataset):
    """Reads a sequence's frames once and makes its clean view and `augmented_views` augmented ones.

    Args:
        sequences: table with `sequence_id` and `frames`, the T relative paths of each clip.
        frames_dir: where those paths start.
        size: side of the frames that come out, pixels.
        augmentation: what makes the augmented views; None where there are none.
        augmented_views: how many of them.
        seed: seed of the augmentation; each view's draw depends on it, the sequence and the view only.
    """

    def __init__(
        self,
        sequences: pd.DataFrame,
        frames_dir: Path,
        size: int,
        augmentation: ClipAugmentation | None = None,
        augmented_views: int = 0,
        seed: int = 0,
    ) -> None:
        self.sequence_ids = list(sequences["sequence_id"])
        self.frames = list(sequences["frames"])
        self.frames_dir = frames_dir
        self.size = size
        self.augmentation = augmentation
        self.augmented_views = augmented_views if augmentation else 0
        self.seed = seed

    def __len__(self) -> int:
        return len(self.sequence_ids)

    def __getitem__(self, index: int) -> ClipViews:
        raw, times = read_clip(self.frames_dir, self.frames[index])
        views = np.empty((1 + self.augmented_views, len(raw), self.size, self.size, 3), np.uint8)
        mirrored = np.zeros(len(views), bool)
        views[0] = resize_clip(raw, self.size)
        if self.augmentation is not None:
            for view in range(1, len(views)):
                draw = view_seed(self.seed, self.sequence_ids[index], view)
                views[view], mirrored[view] = self.augmentation(raw, draw)
        return ClipViews(index, *map(torch.from_numpy, (views, times, mirrored)))


def read_clip(frames_dir: Path, paths: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Decode the distinct frames of a clip once: uint8 (n, H, W, 3), and which of them each of the T times shows.

    Frames of another size than the first are resized to it.
    """
    distinct = list(dict.fromkeys(paths))
    frames = [read_frame(frames_dir / path) for path in distinct]
    height, width = frames[0].shape[:2]
    same_size = [f if f.shape[:2] == (height, width) else cv2.resize(f, (width, height)) for f in frames]
    place = {path: i for i, path in enumerate(distinct)}
    return np.stack(same_size), np.array([place[path] for path in paths])


def clip_loader(
    clips: VideoSequenceDataset, places: Sequence[int], workers: int, pinned: bool = False
) -> Iterator[ClipViews]:
    """The items of `clips` at `places`, one by one and in order, read ahead by `workers` processes of one thread each.

    With `pinned` their memory is one that a GPU can fetch from by itself.
    """
    loader = DataLoader(
        _Outcomes(clips),
        sampler=places,
        batch_size=None,
        num_workers=min(workers, len(places)),
        pin_memory=pinned,
        worker_init_fn=_one_thread,
        # fork would copy the threads' locks of a process that has already run a network
        multiprocessing_context="spawn" if workers and places else None,
    )
    for outcome in loader:
        if isinstance(outcome, HandGesturesError):
            raise outcome
        yield outcome


class _Outcomes(Dataset):
    """Hands an error over as an item: raised in a worker, it would arrive wrapped in that worker's traceback."""

    def __init__(self, clips: VideoSequenceDataset) -> None:
        self.clips = clips

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> ClipViews | HandGesturesError:
        try:
            return self.clips[index]
        except HandGesturesError as error:
            return error


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
