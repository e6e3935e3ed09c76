"""The two frozen backbones: a ViT, loaded with transformers, and a ResNeXt50, loaded with timm."""

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hand_gestures.backbones.model_files import ModelFiles, explain_load_errors
from hand_gestures.backbones.preprocessing import Preprocessing
from hand_gestures.utils.errors import HandGesturesError

WEIGHTS = "model.safetensors"
VIT_CONFIG_FILES = ["config.json", "preprocessor_config.json"]
RESNEXT_CONFIG_FILES = ["config.json"]
INTERPOLATIONS = {0: "nearest-exact", 2: "bilinear", 3: "bicubic"}  # PIL's numbers
CHUNKS = 3  # a ResNeXt vector is cut into three channels of the ViT's width, the last one padded with zeros

# HaGRID's own full-frame classifiers: letterboxed to 224, with the data set's mean and standard deviation
# (github.com/hukenovs/hagrid)
HAGRID_PREPROCESSING = Preprocessing(224, "bilinear", (0.54, 0.499, 0.473), (0.231, 0.232, 0.229), letterbox=144)
HAGRID_KEY = "MODEL_STATE"


@dataclass(frozen=True)
class Backbone:
    """A frozen network that converts regions into feature vectors.

    Attributes:
        network: in eval mode, without gradients.
        width: number of features.
        preprocessing: its input format.

    Example:
        >>> vit = load_vit(files)
        >>> vit(left_halves, right_halves, full_frames).shape  # for N frames: (3 N, 768)
    """

    network: nn.Module
    width: int
    preprocessing: Preprocessing

    def __call__(self, *regions: torch.Tensor) -> torch.Tensor:
        """Compute features.

        Args:
            regions: uint8 (N, 3, H, W) each; H and W may differ between tensors.

        Returns:
            float32 (sum of N, width).
        """
        return self.network(self.pixels(*regions)).float()

    def pixels(self, *regions: torch.Tensor) -> torch.Tensor:
        """The input of the network for these regions.

        Returns:
            (sum of N, 3, size, size) in the dtype of the network.
        """
        dtype = next(self.network.parameters()).dtype
        # in a lower precision, rounding changes the features more than the resizing does
        return self.preprocessing(*regions, exact=dtype == torch.float32).to(dtype)

    def to(self, device: torch.device, dtype: torch.dtype) -> "Backbone":
        """Copy the backbone to a device and dtype; this one is not changed.

        Returns:
            The copy.
        """
        return replace(self, network=copy.deepcopy(self.network).to(device, dtype))


class MeanTokens(nn.Module):
    """The mean over all tokens of the last hidden layer of a ViT (Dosovitskiy et al., arXiv:2010.11929).

    Args:
        vit: a `ViTModel`.

    Example:
        >>> MeanTokens(vit)(torch.zeros(2, 3, 224, 224)).shape
        torch.Size([2, 768])
    """

    def __init__(self, vit: nn.Module) -> None:
        super().__init__()
        self.vit = vit

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Compute features.

        Args:
            pixels: (N, 3, s, s).

        Returns:
            (N, D).
        """
        return self.vit(pixel_values=pixels).last_hidden_state.mean(dim=1)  # tokens (N, 1 + patches, D)


def load_vit(files: ModelFiles) -> Backbone:
    """Load a ViT with the size and normalisation of its own config files.

    Args:
        files: a folder of transformers with safetensors weights.

    Returns:
        The backbone in float32 on the CPU.

    Raises:
        ModelUnavailableError: the files are damaged, incomplete or of another network.
    """
    from transformers import ViTImageProcessor, ViTModel
    from transformers.utils import logging as transformers_logging

    with explain_load_errors("ViT", files):
        transformers_logging.disable_progress_bar()
        if files.weights != WEIGHTS:
            raise ValueError(f"transformers reads {WEIGHTS} of a folder: give that folder as path")
        vit, report = ViTModel.from_pretrained(
            files.folder,
            add_pooling_layer=False,
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
            attn_implementation="sdpa",  # config.json may name a kernel of another repository, which would run its code
        )
        missing = sorted(report["missing_keys"]) + sorted(str(key) for key in report["mismatched_keys"])
        if missing:  # transformers itself continues with random numbers
            raise ValueError(f"{len(missing)} weights are missing or have another shape, the first: {missing[0]}")
        processor = ViTImageProcessor.from_pretrained(files.folder)
        preprocessing = Preprocessing(
            size=vit.config.image_size,
            interpolation=INTERPOLATIONS[int(processor.resample)],
            mean=tuple(processor.image_mean),
            std=tuple(processor.image_std),
        )
    return Backbone(_freeze(MeanTokens(vit)), vit.config.hidden_size, preprocessing)


def load_resnext(files: ModelFiles) -> Backbone:
    """Load a ResNeXt (Xie et al., arXiv:1611.05431) without its classifier head.

    Args:
        files: a folder of timm (config.json and safetensors), or a HaGRID checkpoint with the key `MODEL_STATE`.

    Returns:
        The backbone in float32 on the CPU.

    Raises:
        ModelUnavailableError: the files are damaged, incomplete or of another network.
    """
    with explain_load_errors("ResNeXt", files):
        load = _load_timm_folder if Path(files.weights).suffix == ".safetensors" else _load_hagrid_checkpoint
        network, preprocessing = load(files)
    return Backbone(_freeze(network), int(network.num_features), preprocessing)


def check_widths(vit_width: int, resnext_width: int) -> None:
    """Check that a ResNeXt vector fills exactly three channels of the ViT's width.

    Args:
        vit_width: features of the ViT.
        resnext_width: features of the ResNeXt.

    Raises:
        HandGesturesError: it fills fewer channels, or does not fit into them.
    """
    if not (CHUNKS - 1) * vit_width < resnext_width <= CHUNKS * vit_width:
        raise HandGesturesError(
            f"the ResNeXt's features must fill {CHUNKS} rows of the ViT's width, but {resnext_width} features do not "
            f"fill {CHUNKS} rows of {vit_width}; choose backbones that fit, such as 2048 with 768"
        )


def _load_timm_folder(files: ModelFiles) -> tuple[Any, Preprocessing]:
    import timm
    from safetensors.torch import load_file

    # timm's own loading ignores the name of the weights file, and accepts missing weights where it drops a head
    network = timm.create_model(f"local-dir:{files.folder}", pretrained=False, num_classes=0)
    head = network.pretrained_cfg["classifier"] + "."
    weights = {key: value for key, value in load_file(files.weights_path).items() if not key.startswith(head)}
    network.load_state_dict(weights, strict=True)
    config = timm.data.resolve_data_config(model=network)
    return network, Preprocessing(config["input_size"][-1], config["interpolation"], config["mean"], config["std"])


def _load_hagrid_checkpoint(files: ModelFiles) -> tuple[Any, Preprocessing]:
    import timm

    checkpoint = torch.load(files.weights_path, map_location="cpu", weights_only=True)
    if HAGRID_KEY not in checkpoint:
        raise ValueError(f"the checkpoint has no {HAGRID_KEY}, only {', '.join(map(str, list(checkpoint)[:5]))}")
    weights = {key: value for key, value in checkpoint[HAGRID_KEY].items() if not key.startswith("fc.")}
    network = timm.create_model("resnext50_32x4d", pretrained=False, num_classes=0)
    network.load_state_dict(weights, strict=True)
    return network, HAGRID_PREPROCESSING


def _freeze(network: nn.Module) -> nn.Module:
    return network.eval().requires_grad_(False)  # in train mode, batch statistics would mix the clips of a batch
