"""The feature vector of hand landmarks, and the random changes that training applies to it in every epoch."""

from collections.abc import Sequence

import torch
from einops import rearrange, repeat

from hand_gestures.parameters import LandmarkAugmentationParameters

LANDMARK_CHANNELS = ("first_landmarks", "second_landmarks")  # one channel for each hand slot
# The features of one hand slot in one frame. Lengths of the paths are in units of the picture's height, relative to the
# mean over the clip and both hands; shapes are relative to the wrist, in units of the palm's length.
WORLD = slice(0, 63)  # shape in space: x, y, z of 21 points
IMAGE = slice(63, 105)  # shape in the picture: x, y of 21 points
PALM = slice(105, 107)  # path of the palm's centre
TIP = slice(107, 109)  # path of the tip of the index finger
SIZE = 109  # logarithm of the palm's length in units of the picture's height
RIGHT = 110  # that it is a right hand, 0..1
SCORE = 111  # of the landmark model, 0..1; 0 where the features are interpolated
FOUND = 112  # 1: found in this frame, 0: interpolated, or the slot is empty
WIDTH = 113
X_COLUMNS = [*range(0, 63, 3), *range(63, 109, 2)]  # a mirror changes their sign
PLANES = [(x, x + 1) for x in X_COLUMNS]  # columns x, y that turn with the picture
FLAGS = [SCORE, FOUND]  # never interpolated


class LandmarkAugmentation:
    """Random changes of clips of landmark features: the same change for all frames and both hands of a clip.

    Args:
        parameters: strengths and probabilities.
        mirrored_labels: class index of the mirror image of each class; None never mirrors.

    Example:
        >>> augmentation = LandmarkAugmentation(parameters, mirrored_labels=[1, 0])
        >>> clips, labels = augmentation(clips, labels, torch.Generator().manual_seed(1))
    """

    def __init__(self, parameters: LandmarkAugmentationParameters, mirrored_labels: Sequence[int] | None) -> None:
        self.parameters = parameters
        self.mirrored_labels = None if mirrored_labels is None else torch.tensor(mirrored_labels)

    def __call__(
        self, clips: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Change clips; the given ones stay as they are.

        Args:
            clips: float32 (B, 2, T, D) with D >= `WIDTH`, the channels of both hand slots; further columns are zeros.
            labels: int64 (B,).
            generator: source of all random numbers, on the CPU.

        Returns:
            Clips of the same shape, and the labels; a mirrored clip has that of its mirror image.
        """
        seen = clips[..., FOUND].amax(dim=2) > 0  # (B, 2): an empty slot stays empty
        changed = self._drop_frames(self._change_time(clips, generator), generator)
        self._change_space(changed, generator)
        labels = self._mirror(changed, labels, generator)
        return changed * rearrange(seen, "b s -> b s 1 1"), labels

    def _change_time(self, clips: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Cut off both ends, then play some parts faster and others slower."""
        count, _, length, _ = clips.shape
        start, end, bend = (_uniform((count, 1), 1.0, generator, clips) for _ in range(3))
        low = start.abs() * self.parameters.crop / 2
        high = 1 - end.abs() * self.parameters.crop / 2
        time = torch.linspace(0, 1, length, device=clips.device)
        time = time + bend * self.parameters.time_warp * time * (1 - time)  # still rises: the strength is below 1
        return resample(clips, (low + (high - low) * time) * (length - 1))

    def _drop_frames(self, clips: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Forget hands in single frames, as if they had not been found."""
        chance = torch.rand(clips.shape[:3], generator=generator).to(clips.device)
        found = (clips[..., FOUND] > 0) & (chance >= self.parameters.dropped_frames)
        return fill_gaps(clips, torch.where(found.any(dim=2, keepdim=True), found, clips[..., FOUND] > 0))

    def _change_space(self, clips: torch.Tensor, generator: torch.Generator) -> None:
        """Rotate, scale and shift in the plane of the picture, and add noise; in place."""
        count = len(clips)
        angle = torch.deg2rad(_uniform((count, 1, 1, 1), self.parameters.rotation, generator, clips))
        log_scale = _uniform((count, 1, 1), self.parameters.scale, generator, clips)
        shift = _uniform((count, 1, 1, 2), self.parameters.shift, generator, clips)
        x_columns, y_columns = map(list, zip(*PLANES, strict=True))
        x, y = clips[..., x_columns], clips[..., y_columns]
        clips[..., x_columns], clips[..., y_columns] = (
            x * angle.cos() - y * angle.sin(),
            x * angle.sin() + y * angle.cos(),
        )
        for path in (PALM, TIP):
            clips[..., path] = clips[..., path] * rearrange(log_scale.exp(), "b s t -> b s t 1") + shift
        clips[..., SIZE] += log_scale
        noise = torch.randn((*clips.shape[:3], SIZE), generator=generator).to(clips.device)
        clips[..., :SIZE] += self.parameters.noise * noise

    def _mirror(self, clips: torch.Tensor, labels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Mirror some clips in place and return the labels of all."""
        if self.mirrored_labels is None:
            return labels
        mirrored = (torch.rand(len(clips), generator=generator) < self.parameters.mirror).to(clips.device)
        chosen = clips[mirrored]
        mirror_landmarks(chosen)
        clips[mirrored] = chosen
        return torch.where(mirrored, self.mirrored_labels.to(labels.device)[labels], labels)


def mirror_landmarks(clips: torch.Tensor) -> None:
    """Turn features into those of the mirrored picture, in place.

    Args:
        clips: (..., D) with D >= `WIDTH`; no empty slots.
    """
    clips[..., X_COLUMNS] = -clips[..., X_COLUMNS]
    clips[..., RIGHT] = 1 - clips[..., RIGHT]


def resample(clips: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Read clips at other times: linear between frames, flags from the nearest frame.

    Args:
        clips: (B, S, T, D).
        positions: (B, N), in frames, 0 to T - 1.

    Returns:
        (B, S, N, D).
    """
    last = clips.shape[2] - 1
    positions = positions.clamp(0, last)
    before = positions.floor().long()
    share = rearrange(positions - before, "b n -> b 1 n 1")
    mixed = torch.lerp(_take(clips, before), _take(clips, (before + 1).clamp(max=last)), share)
    mixed[..., FLAGS] = _take(clips[..., FLAGS], positions.round().long())
    return mixed


def fill_gaps(clips: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
    """Interpolate the frames in which a hand was not found; before the first and after the last one, repeat it.

    Args:
        clips: (B, S, T, D).
        found: bool (B, S, T).

    Returns:
        (B, S, T, D) with the flags `SCORE` and `FOUND` at 0 in filled frames; a slot without any hand is zero.
    """
    length = clips.shape[2]
    frame = torch.arange(length, device=clips.device).expand(found.shape)
    before = torch.where(found, frame, -1).cummax(dim=2).values
    after = torch.where(found, frame, length).flip(2).cummin(dim=2).values.flip(2)
    any_before, any_after = before >= 0, after < length
    low = torch.where(any_before, before, after.clamp(max=length - 1))
    high = torch.where(any_after, after, before.clamp(min=0))
    share = torch.where(high > low, (frame - low) / (high - low).clamp(min=1), 0.0).to(clips.dtype)
    columns = clips.shape[-1]
    first, second = (clips.gather(2, repeat(index, "b s t -> b s t d", d=columns)) for index in (low, high))
    filled = torch.lerp(first, second, share[..., None])
    filled[..., FLAGS] = clips[..., FLAGS] * found[..., None]
    return filled * found.any(dim=2)[..., None, None]


def _take(clips: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """(B, S, T, D) at frames (B, N): (B, S, N, D)."""
    index = repeat(frames, "b n -> b s n d", s=clips.shape[1], d=clips.shape[3])
    return clips.gather(2, index)


def _uniform(shape: tuple[int, ...], limit: float, generator: torch.Generator, like: torch.Tensor) -> torch.Tensor:
    """Uniform numbers in -limit..limit."""
    return ((torch.rand(shape, generator=generator) * 2 - 1) * limit).to(like.device)
