"""The plain flow with which the program is compared: one frame, one call, one item at a time.

Each frame is read with `cv2.imread` and resized to 640. For each frame, a ViT is called three times through its image
processor, and a ResNeXt50 three times with the 640×640 frame and its 640×320 halves without resizing, all in float32.
The HDF5 file is created empty, with automatic chunks and gzip, and grows batch by batch. The file is opened again for
every item of training.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np
import torch
from einops import rearrange
from torchvision.transforms import v2

from hand_gestures.embedding.channels import assemble_channels

SIZE = 640
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's
UNRESIZED = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])
AT_224 = v2.Compose(
    [
        v2.ToImage(),
        v2.Resize((224, 224), v2.InterpolationMode.BICUBIC, antialias=True),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(MEAN, STD),
    ]
)


def read(paths: Iterable[Path]) -> Iterator[np.ndarray]:
    """RGB frames, uint8 (640, 640, 3)."""
    for path in paths:
        yield cv2.cvtColor(cv2.resize(cv2.imread(str(path)), (SIZE, SIZE)), cv2.COLOR_BGR2RGB)


@torch.inference_mode()
def extract(
    frames: Iterable[np.ndarray], vit: Any, processor: Any, resnext: Any, device: torch.device, transform: Any
) -> np.ndarray:
    """Embed frames, one after the other: float32 (N, 12, D).

    Args:
        frames: RGB, uint8 (640, 640, 3).
        vit, processor: a `ViTModel` and its image processor.
        resnext: of timm, without its head.
        transform: input of the ResNeXt: `UNRESIZED`, or `AT_224` for a plain flow with both backbones at 224.
    """
    embedded = []
    for frame in frames:
        regions = frame[:, : SIZE // 2], frame[:, SIZE // 2 :], frame
        tokens, pooled = [], []
        for region in regions:
            pixels = processor(images=region, return_tensors="pt")["pixel_values"].to(device)
            tokens.append(vit(pixel_values=pixels).last_hidden_state.mean(dim=1))
            pooled.append(resnext(transform(np.ascontiguousarray(region))[None].to(device)))
        embedded.append(assemble_channels(torch.stack(tokens), torch.stack(pooled)).cpu().numpy())
    return np.concatenate(embedded)


def write(path: Path, batches: Iterable[np.ndarray], labels: np.ndarray) -> None:
    """Append batches of clips, each (B, T, C, D), to a new file."""
    with h5py.File(path, "w") as file:
        data: Any = None
        for batch in batches:
            if data is None:
                empty, most = (0, *batch.shape[1:]), (None, *batch.shape[1:])
                data = file.create_dataset("embeddings/data", empty, "float32", maxshape=most, compression="gzip")
            data.resize(len(data) + len(batch), axis=0)
            data[-len(batch) :] = batch
        file["labels/data"] = labels


class Items(torch.utils.data.Dataset):
    """Items of such a file, which is opened again for each item."""

    def __init__(self, path: Path, rows: int) -> None:
        self.path = path
        self.rows = rows

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        """The clip, (C, T, D), and its label."""
        with h5py.File(self.path) as file:
            clip, label = file["embeddings/data"][row], int(file["labels/data"][row])
        return rearrange(torch.from_numpy(clip), "t c d -> c t d"), label
