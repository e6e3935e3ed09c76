"""Model folders that somebody else changed: each is refused in one sentence, and costs little memory."""

import json
import os
import re
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch

from hand_gestures.classifier import Bundle, load_bundle, save_bundle
from hand_gestures.classifier.networks import build_network, describe_network
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.utils.errors import HandGesturesError

SIZES = {"classes": 3, "channels": 12, "frames": 8, "width": 6, "hidden": 4, "layers": 2, "dropout": 0.1}
REMEDIES = "run kedro run --pipeline modeling|keep model.safetensors and model.json|train again"


def write_bundle(folder, network="bilstm"):
    torch.manual_seed(3)
    architecture = describe_network(network, **SIZES)
    weights = build_network(architecture).copy_weights()
    save_bundle(Bundle(weights, architecture, ["a", "b", "c"], list(CHANNEL_NAMES), 8, {"seed": 1}), folder)
    return folder


def described(**changes):
    def change(folder):
        path = folder / "model.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        content |= {name: value for name, value in changes.items() if name != "architecture"}
        content["architecture"] |= changes.get("architecture", {})
        path.write_text(json.dumps(content), encoding="utf-8")

    return change


def text(content):
    return lambda folder: (folder / "model.json").write_bytes(content)


def tensors(header, content=b"", length=None):
    encoded = json.dumps(header).encode() if isinstance(header, dict) else header
    prefix = struct.pack("<Q", len(encoded) if length is None else length)
    return lambda folder: (folder / "model.safetensors").write_bytes(prefix + encoded + content)


def weights(**changes):
    def change(folder):
        bundle = load_bundle(folder)
        save_bundle(Bundle(**{**vars(bundle), "weights": {**bundle.weights, **changes}}), folder)

    return change


def pipe(folder):
    (folder / "model.json").unlink()
    os.mkfifo(folder / "model.json")


def tensor(shape, end, dtype="F32"):
    return {"mean": {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}}


LOADED = {
    "deep": (text(b'{"metrics":' * 90_000), "not one .*nested more than 50 levels deep"),
    "deep and complete": (described(contract=json.loads('{"a":' * 60 + "1" + "}" * 60)), "50 levels deep"),
    "list": (text(b"[]"), "model.json must be a JSON object, but it is list"),
    "not UTF-8": (text(b'{"a": "\xff"}'), "not one .*utf-8"),
    "huge": (text(b" " * (1 << 24) + b"{}"), "model.json must have at most 16777216 bytes"),
    "unknown field": (described(code="x"), "must have the fields .* but 'code' differs"),
    "pipe": (pipe, "model.json must be a file"),
    "names": (described(class_names="abc"), "class_names must be list, but it is str"),
    "numbers as names": (described(class_names=[1, 2, 3]), "class_names must be a list of texts, but it is .1, 2, 3"),
    "a class twice": (described(class_names=["a", "b", "b"]), "class_names must be different, but 'b' is there twice"),
    "a channel twice": (described(channel_names=["left_vit"] * 12), "channel_names must be different, but 'left_vit'"),
    "too few names": (described(class_names=["a"]), "the architecture must have 1 classes .* but it has 3"),
    "too many channels": (described(architecture={"channels": 10**9}), "must have 12 channels .* it has 1000000000"),
    "no frames": (described(frames_per_clip=0), "frames_per_clip must be 1 or more, but it is 0"),
    "true frames": (described(frames_per_clip=True), "frames_per_clip must be int, but it is bool"),
    "half a frame": (described(frames_per_clip=7.5), "frames_per_clip must be int, but it is float"),
    "contract": (described(contract=[]), "contract must be dict, but it is list"),
    "metric": (described(metrics={"val_accuracy": "good"}), "metrics must be numbers, but 'val_accuracy' is str"),
    "long header": (tensors(b"{}", length=1 << 40), "the header of model.safetensors must have at most 1048576 bytes"),
    "tensor beyond the file": (tensors(tensor([12, 1, 6], 288), bytes(8)), "not one"),
    "tensor of another size": (tensors(tensor([10**9, 10**9], 288), bytes(288)), "not one"),
    "overflowing tensor": (tensors(tensor([2**62, 2**62], 288), bytes(288)), "not one"),
    "empty tensor": (tensors(tensor([0, 10**15], 0)), "every weight must hold numbers, but mean is empty"),
    "unknown type": (tensors(tensor([4], 4, "F7"), bytes(4)), "not one"),
    "header that is no JSON": (tensors(b"nonsense"), "not one"),
    "NaN": (weights(mean=np.full((12, 1, 6), np.nan, "f4")), "must be finite numbers, but 72 of 72 in mean of"),
    "infinite": (weights(mean=np.full((12, 1, 6), np.inf, "f4")), "must be finite numbers, but 72 of 72 in mean of"),
}
BUILT = {
    "unknown network": (described(architecture={"name": "resnet"}), "must be one of bilstm"),
    "network that is a list": (described(architecture={"name": []}), "must be one of bilstm"),
    "hidden": (described(architecture={"hidden": 10**9}), "hidden is 1000000000 and no more than 16 is possible"),
    "endless hidden": (described(architecture={"hidden": 1e308}), "hidden is 1e\\+308 and no more than 16 is possible"),
    "hidden that other weights could have": (
        weights(more=np.zeros(1_000_000, "u1")),
        r"more has the shape \(1000000,\) instead of None",
    ),
    "layers": (described(architecture={"layers": 10**9}), "layers is 1000000000 and no more than 32 is possible"),
    "width": (described(architecture={"width": 2**70}), "width is 1180591620717411303424 and no more than"),
    "another size": (described(architecture={"hidden": 3}), r"must fit its architecture, but .* instead of \("),
    "whole numbers": (weights(mean=np.zeros((12, 1, 6), int)), "must be floating-point numbers, but mean is int64"),
}


@pytest.mark.parametrize(("change", "message"), [*LOADED.values(), *BUILT.values()], ids=[*LOADED, *BUILT])
def test_a_bundle_that_declares_something_wrong_is_refused(tmp_path, change, message):
    folder = write_bundle(tmp_path / "model")
    change(folder)
    with pytest.raises(HandGesturesError, match=message) as error:
        load_bundle(folder).build()
    assert "\n" not in str(error.value)
    assert re.search(REMEDIES, str(error.value))


def test_a_size_with_room_in_the_weights_is_refused_before_it_is_allocated(tmp_path):
    """A weight of a million numbers allows a size of a million, but the LSTM of that size has four million million."""
    folder = write_bundle(tmp_path / "model")
    weights(mean=np.zeros((1_000_000,), "f4"))(folder)
    described(architecture={"hidden": 1_000_000})(folder)
    with pytest.raises(HandGesturesError, match=r"must fit its architecture, but .* has the shape"):
        load_bundle(folder).build()


def test_other_files_in_the_folder_are_ignored(tmp_path):
    folder = write_bundle(tmp_path / "model")
    (folder / "model.pkl").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    (folder / "code.py").write_text("raise SystemExit")
    assert load_bundle(folder).build().classes == 3


@pytest.mark.parametrize("network", ["bilstm", "attentive_probe", "linear_probe"])
def test_to_check_the_sizes_draws_no_random_numbers(tmp_path, network):
    folder = write_bundle(tmp_path / "model", network)
    bundle = load_bundle(folder)
    torch.manual_seed(5)
    build_network(bundle.architecture)
    expected = torch.get_rng_state()
    torch.manual_seed(5)
    bundle.build()
    assert torch.equal(torch.get_rng_state(), expected)


LIMITED = """
import re, resource, sys, torch
from pathlib import Path
import hand_gestures.classifier.networks
from hand_gestures.classifier import load_bundle
from hand_gestures.utils.errors import HandGesturesError
def peak(): return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text()).group(1))
load_bundle(Path(sys.argv[1])).build()
before = peak()
used = int(re.search(r"VmSize:\\s*(\\d+)", Path("/proc/self/status").read_text()).group(1)) << 10
resource.setrlimit(resource.RLIMIT_AS, (used + 500_000_000,) * 2)
for folder in sys.argv[2:]:
    try:
        load_bundle(Path(folder)).build()
    except HandGesturesError as error:
        assert "emory" not in str(error), error
    else:
        raise AssertionError(f"{folder} is not refused")
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
def test_no_such_bundle_takes_500_megabytes(tmp_path):
    folders = [write_bundle(tmp_path / "right")]
    for number, (change, _) in enumerate([*LOADED.values(), *BUILT.values()]):
        folders.append(write_bundle(tmp_path / str(number)))
        change(folders[-1])
    run = subprocess.run([sys.executable, "-c", LIMITED, *folders], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < 500_000  # kilobytes more than a right bundle takes
