"""The two frozen backbones: a ViT through transformers, a ResNeXt50 through timm."""

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hand_gestures.backbones.model_files import ModelFiles, loading
from hand_gestures.backbones.preprocessing import Preprocessing
from hand_gestures.utils.errors import HandGesturesError

VIT_CONFIG_FILES = ["config.json", "preprocessor_config.json"]
RESNEXT_CONFIG_FILES = ["config.json"]
WEIGHTS = "model.safetensors"

# HaGRID's own classifiers: letterboxed to 224, with the data set's mean and spread
# (github.com/hukenovs/hagrid, configs of the full-frame classifiers)
HAGRID_PREPROCESSING = Preprocessing(224, "bilinear", (0.54, 0.499, 0.473), (0.231, 0.232, 0.229), letterbox=144)
INTERPOLATIONS = {0: "nearest-exact", 2: "bilinear", 3: "bicubic"}  # PIL's numbers
HAGRID_KEY = "MODEL_STATE"
CHUNKS = 3  # a ResNeXt vector is cut into three rows of the ViT's width, the last padded with zeros


@dataclass(frozen=True)
class Backbone:
    """A frozen network that turns regions into vectors of `width` features."""

    network: nn.Module
    width: int
    preprocessing: Preprocessing

    def __call__(self, *regions: torch.Tensor) -> torch.Tensor:
        """uint8 (N, 3, H, W), one tensor or several of different sizes → float32 (all N, width)."""
        return self.network(self.pixels(*regions)).float()

    def pixels(self, *regions: torch.Tensor) -> torch.Tensor:
        """What the network is shown of these regions."""
        dtype = next(self.network.parameters()).dtype
        return self.preprocessing(*regions).to(dtype)

    def to(self, device: torch.device, dtype: torch.dtype) -> "Backbone":
        """The same on `device` in `dtype`; this one stays as it is."""
        return replace(self, network=copy.deepcopy(self.network).to(device, dtype))


class MeanTokens(nn.Module):
    """A ViT read as the mean over all tokens of its last hidden layer: (N, 3, s, s) → (N, D)."""

    def __init__(self, vit: nn.Module) -> None:
        super().__init__()
        self.vit = vit

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.vit(pixel_values=pixels).last_hidden_state.mean(dim=1)


def load_vit(files: ModelFiles) -> Backbone:
    """Load a ViT of transformers with the size and normalisation of its own config."""
    from transformers import ViTImageProcessor, ViTModel
    from transformers.utils import logging as transformers_logging

    with loading("ViT", files):
        transformers_logging.disable_progress_bar()
        if files.weights != WEIGHTS:
            raise ValueError(f"transformers reads {WEIGHTS} of a folder: give that folder as path")
        vit, report = ViTModel.from_pretrained(
            files.folder, add_pooling_layer=False, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
        missing = sorted(report["missing_keys"]) + sorted(str(key) for key in report["mismatched_keys"])
        if missing:  # transformers would go on with random numbers in their place
            raise ValueError(f"{len(missing)} weights are missing or of another shape, the first: {missing[0]}")
        processor = ViTImageProcessor.from_pretrained(files.folder)
        preprocessing = Preprocessing(
            size=vit.config.image_size,
            interpolation=INTERPOLATIONS[int(processor.resample)],
            mean=tuple(processor.image_mean),
            std=tuple(processor.image_std),
        )
    return Backbone(_frozen(MeanTokens(vit)), vit.config.hidden_size, preprocessing)


def load_resnext(files: ModelFiles) -> Backbone:
    """Load a ResNeXt of timm (a folder with config.json and safetensors), or a HaGRID `MODEL_STATE` checkpoint."""
    with loading("ResNeXt", files):
        if Path(files.weights).suffix == ".safetensors":
            network, preprocessing = _timm_folder(files)
        else:
            network, preprocessing = _hagrid_checkpoint(files)
    return Backbone(_frozen(network), int(network.num_features), preprocessing)


def _timm_folder(files: ModelFiles) -> tuple[Any, Preprocessing]:
    import timm
    from safetensors.torch import load_file

    # timm itself takes any model.safetensors of the folder, and is not strict where the file has a head to drop
    network = timm.create_model(f"local-dir:{files.folder}", pretrained=False, num_classes=0)
    head = network.pretrained_cfg["classifier"] + "."
    weights = {key: value for key, value in load_file(files.weights_path).items() if not key.startswith(head)}
    network.load_state_dict(weights, strict=True)
    config = timm.data.resolve_data_config(model=network)
    preprocessing = Preprocessing(config["input_size"][-1], config["interpolation"], config["mean"], config["std"])
    return network, preprocessing


def _hagrid_checkpoint(files: ModelFiles) -> tuple[Any, Preprocessing]:
    import timm

    checkpoint = torch.load(files.weights_path, map_location="cpu", weights_only=True)
    if HAGRID_KEY not in checkpoint:
        raise ValueError(f"the checkpoint has no {HAGRID_KEY}, only {', '.join(map(str, list(checkpoint)[:5]))}")
    weights = {key: value for key, value in checkpoint[HAGRID_KEY].items() if not key.startswith("fc.")}
    network = timm.create_model("resnext50_32x4d", pretrained=False, num_classes=0)
    network.load_state_dict(weights, strict=True)
    return network, HAGRID_PREPROCESSING


def _frozen(network: nn.Module) -> nn.Module:
    return network.eval().requires_grad_(False)


def check_widths(vit_width: int, resnext_width: int) -> None:
    """Raise `HandGesturesError` unless the ResNeXt's vector fills exactly three rows of the ViT's width."""
    if not (CHUNKS - 1) * vit_width < resnext_width <= CHUNKS * vit_width:
        raise HandGesturesError(
            f"the ResNeXt's features must fill {CHUNKS} rows of the ViT's width, but {resnext_width} features do not "
            f"fill {CHUNKS} rows of {vit_width}; choose backbones that fit, such as 2048 with 768"
        )
