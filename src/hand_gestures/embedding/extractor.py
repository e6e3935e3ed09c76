"""Compute the twelve channels of frames with both backbones."""

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from einops import rearrange

from hand_gestures.backbones.compilation import Compilation, compile_network
from hand_gestures.backbones.networks import Backbone, check_widths
from hand_gestures.embedding.channels import assemble_channels, cut_regions
from hand_gestures.utils.contract import REGIONS
from hand_gestures.utils.devices import DTYPES, choose_batch_size, is_out_of_memory
from hand_gestures.utils.errors import HandGesturesError

logger = logging.getLogger(__name__)


class ClipEmbedder:
    """Runs left half, right half and full frame through both backbones.

    Args:
        vit, resnext: the frozen backbones; they are copied.
        device: where they run.
        precision: "float32", "bfloat16" or "float16" for weights and activations; the result is always float32.
        batch_size: frames per batch, each gives three regions; None chooses by device. It is halved when a batch does
            not fit in memory.
        compilation: "off"; "optional" compiles with the first frames and warns where that fails; "required" raises.

    Raises:
        HandGesturesError: the feature sizes of the backbones do not fit together.

    Example:
        >>> embedder = ClipEmbedder(load_vit(vit_files), load_resnext(resnext_files), torch.device("cpu"))
        >>> embedder(torch.zeros(32, 640, 640, 3, dtype=torch.uint8)).shape
        (32, 12, 768)
    """

    def __init__(
        self,
        vit: Backbone,
        resnext: Backbone,
        device: torch.device,
        precision: str = "float32",
        batch_size: int | None = None,
        compilation: Compilation = "off",
    ) -> None:
        check_widths(vit.width, resnext.width)
        self.vit = vit.to(device, DTYPES[precision])
        self.resnext = resnext.to(device, DTYPES[precision])
        if device.type == "cuda":  # on a CPU this layout makes the grouped convolutions slower
            self.resnext.network.to(memory_format=torch.channels_last)
        self.device = device
        self.batch_size = batch_size or choose_batch_size(device)
        self.compilation = compilation
        self.width = vit.width  # D
        self._compiled_for: int | None = None
        self._uncompiled = self.vit, self.resnext

    def __call__(self, frames: torch.Tensor) -> np.ndarray:
        """Embed frames.

        Args:
            frames: RGB uint8 (N, H, W, 3).

        Returns:
            float32 (N, 12, D), channels as in `CHANNEL_NAMES`.
        """
        return self.start(frames)()

    @torch.inference_mode()
    def start(self, frames: torch.Tensor) -> Callable[[], np.ndarray]:
        """Start to embed frames; a GPU computes while the caller does other work.

        Args:
            frames: RGB uint8 (N, H, W, 3).

        Returns:
            A function that waits for the result, float32 (N, 12, D).

        Raises:
            HandGesturesError: not even one frame fits in memory.
        """
        results = []
        done = 0
        while done < len(frames):
            batch = frames[done : done + self.batch_size]
            try:
                results.append(self._embed(batch))
                done += len(batch)
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                self._halve_batches(error)
        return self._to_host(torch.cat(results))

    @torch.inference_mode()
    def prepare(self) -> None:
        """Compile for the current batch size, where that is wanted and not done yet; `start` calls this too."""
        if self.compilation == "off" or self._compiled_for == self.batch_size:
            return
        self._compiled_for = self.batch_size
        logger.info("compiling the backbones for batches of %d frames", self.batch_size)
        # any size of region will do: `pixels` resizes it to the size that the network sees
        regions = torch.zeros(len(REGIONS) * self.batch_size, 3, 8, 8, dtype=torch.uint8, device=self.device)
        required = self.compilation == "required"
        self.vit, self.resnext = (
            replace(plain, network=compile_network(plain.network, plain.pixels(regions), required))
            for plain in self._uncompiled  # compiled for one batch size, so start from the plain networks
        )

    def _embed(self, frames: torch.Tensor) -> torch.Tensor:
        self.prepare()
        count = len(frames)
        if self.compilation != "off":
            frames = _pad(frames, self.batch_size)
        pixels = rearrange(frames.to(self.device, non_blocking=True), "n h w c -> n c h w")
        regions = cut_regions(pixels)
        # no TF32: cuDNN would round float32 convolutions; no benchmark: every run must choose the same kernels
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            vit, resnext = (
                rearrange(backbone(*regions), "(r n) d -> r n d", r=len(REGIONS))
                for backbone in (self.vit, self.resnext)
            )
        return assemble_channels(vit, resnext)[:count]  # (N, 12, D)

    def _halve_batches(self, error: RuntimeError) -> None:
        if self.batch_size == 1:
            raise HandGesturesError(
                f"one frame must fit in the memory of {self.device}, but does not ({str(error).splitlines()[0]}); "
                "free memory there, or set extraction.device or extraction.precision to one that needs less"
            ) from error
        self.batch_size //= 2
        if self.device.type == "cuda":
            torch.cuda.empty_cache()  # blocks of the larger batch would not fit the smaller one
        logger.warning("%s is out of memory: continuing with batches of %d frames", self.device, self.batch_size)

    def _to_host(self, embedded: torch.Tensor) -> Callable[[], np.ndarray]:
        if self.device.type != "cuda":
            return embedded.cpu().numpy
        host = torch.empty(embedded.shape, dtype=embedded.dtype, pin_memory=True)
        host.copy_(embedded, non_blocking=True)
        # wait for this copy only: the next clip may already be queued behind it
        copied = torch.cuda.Event()
        copied.record(torch.cuda.current_stream(self.device))

        def result() -> np.ndarray:
            """Wait for the copy."""
            copied.synchronize()
            return host.numpy()

        return result


def _pad(frames: torch.Tensor, count: int) -> torch.Tensor:
    """Repeat the last frame until there are `count`: a compiled network accepts one batch size only."""
    missing = count - len(frames)
    return torch.cat([frames, frames[-1:].expand(missing, *frames.shape[1:])]) if missing else frames
