"""Read clips from disk and make the views of each sequence, ready for the backbones."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

from hand_gestures.augmentation import ClipAugmentation, resize_clip, view_seed
from hand_gestures.augmentation.torch_augmentation import DrawnView, augment_frames
from hand_gestures.store.embedding_file import ClipRequest
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.video.image_files import read_frame


class ClipViews(NamedTuple):
    """V views of one sequence, with each distinct frame once.

    Attributes:
        row: index of the sequence in its table.
        views: uint8 (V, n, size, size, 3), RGB, by number; the clean view is there too where only hands need it.
        times: int (T,), index of the frame, 0 to n - 1, that each time step shows.
        mirrored: bool (V,), whether a view is mirrored.
        aspect: width divided by height of the frames on disk.
    """

    row: int
    views: torch.Tensor
    times: torch.Tensor
    mirrored: torch.Tensor
    aspect: float


class DrawnClip(NamedTuple):
    """A sequence whose augmented views are drawn, and made later, on a device.

    Attributes:
        row: index of the sequence in its table.
        clean: uint8 (n, size, size, 3), RGB, the clean view.
        frames: uint8 (n, H, W, 3), RGB, from which the augmented views are made; None where they equal `clean`.
        times: int (T,), as in `ClipViews`.
        aspect: width divided by height of the frames on disk.
        drawn: what was drawn for each view, by number; None for the clean view.
    """

    row: int
    clean: torch.Tensor
    frames: torch.Tensor | None
    times: torch.Tensor
    aspect: float
    drawn: list[DrawnView | None]

    def on_device(self, device: torch.device) -> ClipViews:
        """Make the views on a device.

        Args:
            device: where they are made, and stay.

        Returns:
            All views.
        """
        clean = self.clean.to(device, non_blocking=True)
        frames = clean if self.frames is None else self.frames.to(device, non_blocking=True)
        views = [clean if view is None else augment_frames(frames, view, clean.shape[1]) for view in self.drawn]
        mirrored = torch.tensor([view is not None and view.mirrored for view in self.drawn])
        return ClipViews(self.row, torch.stack(views), self.times, mirrored, self.aspect)


class VideoSequenceDataset(Dataset):
    """Reads the frames of a sequence once and makes its clean view and its augmented views.

    Args:
        sequences: table with `sequence_id` and `frames`, the T relative paths of each clip; `embed_sequences` also
            needs `class_name`.
        frames_dir: folder to which the paths are relative.
        size: side of the output frames, pixels.
        augmentation: makes the augmented views; None where there are none.
        augmented_views: number of augmented views.
        seed: seed of the augmentation; an augmented view depends only on this seed, the column `content` of its
            sequence (see `digest_clips`) and its number.

    Example:
        >>> clips = VideoSequenceDataset(sequences, Path("data/01_raw/frames"), size=640)
        >>> clips[0].views.shape  # one clean view of 32 frames
        torch.Size([1, 32, 640, 640, 3])
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
        self.sequences = sequences
        self.frames_dir = frames_dir
        self.size = size
        self.augmentation = augmentation
        self.augmented_views = augmented_views if augmentation else 0
        self.seed = seed

    def __len__(self) -> int:
        return len(self.sequences)

    def __getitem__(self, request: int | ClipRequest) -> ClipViews | DrawnClip:
        """The requested views of a sequence; an index requests all views."""
        if isinstance(request, int):
            request = ClipRequest(request, tuple(range(1 + self.augmented_views)), hands=True)
        raw, times, aspect = read_clip(self.frames_dir, self.sequences["frames"].iloc[request.sequence], self.size)
        numbers = sorted({*request.views, *([0] if request.hands else [])})
        if self.augmentation is not None and self.augmentation.parameters.engine == "torch":
            return self._draw(raw, torch.from_numpy(times), aspect, request.sequence, numbers)
        # uint8 and distinct frames only: this is what worker processes send, and what waits in memory
        views = np.empty((len(numbers), len(raw), self.size, self.size, 3), np.uint8)
        mirrored = np.zeros(len(views), bool)
        for row, number in enumerate(numbers):
            if number == 0:
                views[row] = resize_clip(raw, self.size)
            else:
                assert self.augmentation is not None
                views[row], mirrored[row] = self.augmentation(raw, self._view_seed(request.sequence, number))
        tensors = [torch.from_numpy(array) for array in (views, times, mirrored)]
        return ClipViews(request.sequence, tensors[0], tensors[1], tensors[2], aspect)

    def _draw(
        self, raw: np.ndarray, times: torch.Tensor, aspect: float, index: int, numbers: Sequence[int]
    ) -> DrawnClip:
        assert self.augmentation is not None
        drawn = [
            None if number == 0 else self.augmentation.draw(raw[0], self._view_seed(index, number))
            for number in numbers
        ]
        clean = resize_clip(raw, self.size)
        frames = None if clean is raw else torch.from_numpy(raw)
        return DrawnClip(index, torch.from_numpy(clean), frames, times, aspect, drawn)

    def _view_seed(self, index: int, view: int) -> int:
        return view_seed(self.seed, self.sequences["content"].iloc[index], view)


def read_clip(frames_dir: Path, paths: Sequence[str], size: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Decode each distinct frame of a clip once; short clips repeat their last frame.

    Args:
        frames_dir: folder to which the paths are relative.
        paths: relative path of the frame at each of the T time steps.
        size: side of the squares to which frames that are larger are resized, pixels.

    Returns:
        Frames uint8 (n, H, W, 3), RGB, resized to the size of the first one where they differ, and to `size` where
        they are wider or higher; int (T,), index of the frame that each time step shows; and width divided by height
        of the first frame on disk.

    Raises:
        HandGesturesError: a frame is missing or damaged.
    """
    distinct = list(dict.fromkeys(paths))
    first = read_frame(frames_dir / distinct[0])
    height, width = first.shape[:2]
    clip = np.empty((len(distinct), *((size, size) if max(height, width) > size else (height, width)), 3), np.uint8)
    for number, path in enumerate(distinct):
        frame = first if number == 0 else read_frame(frames_dir / path)
        if frame.shape[:2] != (height, width):
            frame = cv2.resize(frame, (width, height))
        # frame by frame: a whole clip of large frames would be touched twice, and fresh memory is slow
        clip[number] = resize_clip(frame[None], size)[0] if max(height, width) > size else frame
    index = {path: i for i, path in enumerate(distinct)}
    return clip, np.array([index[path] for path in paths]), width / height


def clip_loader(
    clips: VideoSequenceDataset, requests: Sequence[int | ClipRequest], workers: int, pinned: bool = False
) -> Iterator[ClipViews | DrawnClip]:
    """Load clips one by one and in order; worker processes read ahead.

    Args:
        clips: the sequences.
        requests: what to load; an index requests all views of a sequence.
        workers: number of processes, each with one thread; 0 loads in this process.
        pinned: put the clips into page-locked memory, from which a GPU copies without blocking.

    Yields:
        The requested views of each sequence.

    Raises:
        HandGesturesError: a frame is missing or damaged.
    """
    loader = DataLoader(
        _ErrorsAsItems(clips),
        sampler=requests,
        batch_size=None,  # clips differ in their number of distinct frames, so they cannot be stacked
        num_workers=min(workers, len(requests)),
        pin_memory=pinned,
        worker_init_fn=_use_one_thread,
        # fork would copy locks that the threads of this process may hold after running a network
        multiprocessing_context="spawn" if workers and requests else None,
    )
    for item in loader:
        if isinstance(item, HandGesturesError):
            raise item
        yield item


class _ErrorsAsItems(Dataset):
    """Returns an error as an item: raised in a worker process, its message would contain the worker's traceback."""

    def __init__(self, clips: VideoSequenceDataset) -> None:
        self.clips = clips

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, request: int | ClipRequest) -> ClipViews | DrawnClip | HandGesturesError:
        try:
            return self.clips[request]
        except HandGesturesError as error:
            return error


def _use_one_thread(_: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
