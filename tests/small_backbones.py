import ipaddress
import json
import os
import socket
import tempfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hand_gestures.backbones.hand_detector import restrict_ultralytics
from hand_gestures.backbones.model_files import ModelFiles, find_model
from hub import Hub

# ultralytics reads these once, at its first import, which the fixtures below may be
os.environ["ULTRALYTICS_SAFE_LOAD"] = "1"
os.environ["YOLO_OFFLINE"] = "true"
os.environ["YOLO_AUTOINSTALL"] = "false"
ULTRALYTICS_SETTINGS = tempfile.TemporaryDirectory(prefix="ultralytics_")  # removed when the tests end
os.environ["YOLO_CONFIG_DIR"] = ULTRALYTICS_SETTINGS.name

VIT_WIDTH, VIT_SIZE = 32, 48
VIT_MEAN, VIT_STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
RESNEXT_WIDTH, RESNEXT_SIZE = 80, 40
RESNEXT_MEAN, RESNEXT_STD = (0.45, 0.5, 0.55), (0.3, 0.2, 0.25)
RESNEXT_ARGS = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 20], "cardinality": 8, "base_width": 8}


@pytest.fixture(scope="module", autouse=True)
def only_loopback():
    """No test may reach any other machine: such attempts fail, and in the end the last test with them."""
    attempts = []
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_foreign(address[0])
        return connect(self, address)

    def guarded_resolve(host, *args, **kwargs):
        _refuse_foreign(host)
        return resolve(host, *args, **kwargs)

    def _refuse_foreign(host):
        name = host.decode() if isinstance(host, bytes) else host
        if name not in (None, "", "localhost") and not _is_loopback(name):
            attempts.append(name)
            raise OSError(f"tests stay on the loopback interface, not {name}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket, "getaddrinfo", guarded_resolve)
        yield
    assert not attempts


def _is_loopback(name):
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A running hub, with huggingface_hub pointed at it and at a fresh cache in `tmp_path`."""
    with Hub() as running:
        use_hub(monkeypatch, running.url, tmp_path / "cache")
        yield running


def use_hub(monkeypatch, url, cache):
    from huggingface_hub import close_session, constants

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    close_session()


@pytest.fixture(scope="session")
def vit_folder(tmp_path_factory):
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    torch.manual_seed(1)
    config = ViTConfig(
        hidden_size=VIT_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=VIT_SIZE,
        patch_size=16,
        hidden_dropout_prob=0.3,  # a network left in training mode gives random results
        initializer_range=0.2,
    )
    folder = tmp_path_factory.mktemp("vit")
    ViTModel(config, add_pooling_layer=False).save_pretrained(folder)
    ViTImageProcessor(
        size={"height": VIT_SIZE, "width": VIT_SIZE}, image_mean=list(VIT_MEAN), image_std=list(VIT_STD)
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def resnext():
    """The network whose weights `resnext_folder` holds, with the statistics of some pictures."""
    import timm

    torch.manual_seed(2)
    network = timm.create_model("resnext50_32x4d", num_classes=0, zero_init_last=False, **RESNEXT_ARGS)
    for _ in range(3):
        network(torch.randn(8, 3, RESNEXT_SIZE, RESNEXT_SIZE))
    return network.eval()


@pytest.fixture(scope="session")
def resnext_folder(tmp_path_factory, resnext):
    return save_resnext(tmp_path_factory.mktemp("resnext"), resnext.state_dict())


def save_resnext(folder, weights, model_args=RESNEXT_ARGS, num_classes=0):
    """Save weights of the small ResNeXt in timm's own format."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in weights.items()}, folder / "model.safetensors")
    config = {
        "architecture": "resnext50_32x4d",
        "num_classes": num_classes,
        "num_features": RESNEXT_WIDTH,
        "model_args": model_args,
        "pretrained_cfg": {
            "input_size": [3, RESNEXT_SIZE, RESNEXT_SIZE],
            "interpolation": "bicubic",
            "mean": list(RESNEXT_MEAN),
            "std": list(RESNEXT_STD),
            "num_classes": num_classes,
            "pool_size": [2, 2],
            "first_conv": "conv1",
            "classifier": "fc",
        },
    }
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="session")
def hagrid_network():
    """A real-size ResNeXt50 with the 18 classes of HaGRID and random weights."""
    from torchvision.models import resnext50_32x4d

    torch.manual_seed(3)
    return resnext50_32x4d(num_classes=18).eval()


@pytest.fixture(scope="session")
def hagrid_file(tmp_path_factory, hagrid_network):
    file = tmp_path_factory.mktemp("hagrid") / "ResNext50.pth"
    torch.save({"MODEL_STATE": hagrid_network.state_dict()}, file)
    return file


@pytest.fixture(scope="session")
def yolo_network():
    """An untrained YOLOv8 of an eighth of the widths whose scores and boxes vary with the picture."""
    restrict_ultralytics()
    from ultralytics.nn.tasks import DetectionModel, yaml_model_load

    torch.manual_seed(4)
    architecture = yaml_model_load("yolov8n.yaml")
    architecture.update(nc=3, scale="compact", scales={"compact": [0.33, 0.125, 512]})
    network = DetectionModel(architecture, nc=3, verbose=False)
    network.names = {0: "fist", 1: "palm", 2: "ok"}
    network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the plain average over the pictures below
    with torch.no_grad():
        for step in range(3):
            network(random_frames(seed=step, count=8, height=128, width=128) / 255)
        for distance, score in zip(network.model[-1].cv2, network.model[-1].cv3, strict=True):
            torch.nn.init.constant_(score[-1].bias, -1.0)
            torch.nn.init.normal_(score[-1].weight, std=0.1)
            distance[-1].bias.copy_(-0.2 * torch.arange(16.0).repeat(4))  # boxes that differ in place, and overlap
    network.args = {"imgsz": 64, "task": "detect"}
    return network.eval()


@pytest.fixture(scope="session")
def yolo_file(tmp_path_factory, yolo_network):
    file = tmp_path_factory.mktemp("yolo") / "hands.pt"
    torch.save({"model": yolo_network, "ema": None, "train_args": dict(yolo_network.args)}, file)
    return file


class Intruder:
    """Creates the folder `mark` when a loader that runs code unpickles it."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (os.mkdir, (str(self.mark),))


def local_files(path, weights="model.safetensors") -> ModelFiles:
    """Model files below a local path, as the program finds them."""
    return find_model(
        what="model", name="nobody/nothing", revision="main", path=str(path), weights=weights, config_files=[]
    )


def random_frames(seed, count, height, width):
    """uint8 (count, 3, height, width) with structure at many scales."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.uniform(0, 255, (count, 3, 5, 5)).astype(np.float32))
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)
    noise = torch.from_numpy(rng.normal(0, 8, (count, 3, height, width)).astype(np.float32))
    return (smooth + noise).clamp(0, 255).round().to(torch.uint8)


def overlap(one, other):
    """Intersection over union of two boxes x0, y0, x1, y1."""
    width, height = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    shared = max(width, 0) * max(height, 0)
    return shared / (np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - shared)
