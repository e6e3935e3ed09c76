"""Frames in, their twelve channels out."""

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from einops import rearrange

from hand_gestures.backbones.compilation import compile_network
from hand_gestures.backbones.networks import Backbone, check_widths
from hand_gestures.embedding.channels import REGIONS, assemble_channels, cut_regions
from hand_gestures.utils.devices import DTYPES, choose_batch_size, out_of_memory
from hand_gestures.utils.errors import HandGesturesError

logger = logging.getLogger(__name__)


class ClipEmbedder:
    """Runs left half, right half and full frame through both backbones.

    Args:
        vit, resnext: the frozen backbones.
        device: where they run.
        precision: "float32", "bfloat16" or "float16" for weights and activations; what comes out is float32.
        batch_size: frames at a time (each gives three regions); None chooses by device. Where the memory does not
            suffice it is halved.
        compiled: run the backbones compiled; they are compiled with the first frames.
        must_compile: an error where they cannot be, instead of a warning.
    """

    def __init__(
        self,
        vit: Backbone,
        resnext: Backbone,
        device: torch.device,
        precision: str = "float32",
        batch_size: int | None = None,
        compiled: bool = False,
        must_compile: bool = False,
    ) -> None:
        check_widths(vit.width, resnext.width)
        self.vit = vit.to(device, DTYPES[precision])
        self.resnext = resnext.to(device, DTYPES[precision])
        if device.type == "cuda":
            self.resnext.network.to(memory_format=torch.channels_last)
        self.device = device
        self.batch_size = batch_size or choose_batch_size(device)
        self.compiled = compiled
        self.must_compile = must_compile
        self.width = vit.width
        self._compiled_for: int | None = None
        self._plain = self.vit, self.resnext

    def __call__(self, frames: torch.Tensor) -> np.ndarray:
        """RGB uint8 (N, H, W, 3) → float32 (N, 12, D)."""
        return self.start(frames)()

    @torch.inference_mode()
    def start(self, frames: torch.Tensor) -> Callable[[], np.ndarray]:
        """Begin to embed; what is returned waits for the result. On a GPU other work can go on in between.

        Raises:
            HandGesturesError: not even one frame at a time fits in memory.
        """
        parts = []
        done = 0
        while done < len(frames):
            batch = frames[done : done + self.batch_size]
            try:
                parts.append(self._embed(batch))
                done += len(batch)
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise
                self._halve(error)
        return self._fetch(torch.cat(parts))

    def _embed(self, frames: torch.Tensor) -> torch.Tensor:
        self.prepare()
        wanted = len(frames)
        if self.compiled:
            frames = _filled_up(frames, self.batch_size)
        pixels = rearrange(frames.to(self.device, non_blocking=True), "n h w c -> n c h w")
        regions = cut_regions(pixels)
        # float32 means float32: cuDNN would round convolutions to TF32; and the same kernels in every run
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            vit, resnext = (
                rearrange(backbone(*regions), "(r n) d -> r n d", r=len(REGIONS))
                for backbone in (self.vit, self.resnext)
            )
        return assemble_channels(vit, resnext)[:wanted]

    @torch.inference_mode()
    def prepare(self) -> None:
        """Compile for the present batch size, where that is wanted and not done yet; `start` calls it too."""
        if not self.compiled or self._compiled_for == self.batch_size:
            return
        self._compiled_for = self.batch_size
        logger.info("compiling the backbones, for batches of %d frames", self.batch_size)
        regions = torch.zeros(len(REGIONS) * self.batch_size, 3, 8, 8, dtype=torch.uint8, device=self.device)
        self.vit, self.resnext = (
            replace(plain, network=compile_network(plain.network, plain.pixels(regions), self.must_compile))
            for plain in self._plain
        )

    def _halve(self, error: RuntimeError) -> None:
        if self.batch_size == 1:
            raise HandGesturesError(
                f"one frame must fit in the memory of {self.device}, but does not ({str(error).splitlines()[0]}); "
                "free memory there, or set extraction.device or extraction.precision to one that needs less"
            ) from error
        self.batch_size //= 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        logger.warning("%s is out of memory: going on with batches of %d frames", self.device, self.batch_size)

    def _fetch(self, embedded: torch.Tensor) -> Callable[[], np.ndarray]:
        if self.device.type != "cuda":
            return embedded.cpu().numpy
        host = torch.empty(embedded.shape, dtype=embedded.dtype, pin_memory=True)
        host.copy_(embedded, non_blocking=True)
        copied = torch.cuda.Event()
        copied.record(torch.cuda.current_stream(self.device))

        def finished() -> np.ndarray:
            copied.synchronize()
            return host.numpy()

        return finished


def _filled_up(frames: torch.Tensor, count: int) -> torch.Tensor:
    """The last frame repeated until there are `count`: compiled networks take batches of one size."""
    missing = count - len(frames)
    return torch.cat([frames, frames[-1:].expand(missing, *frames.shape[1:])]) if missing else frames
