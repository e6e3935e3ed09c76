import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hand_gestures.classifier import Bundle, load_bundle, save_bundle
from hand_gestures.classifier.networks import NETWORKS, build_network, describe_network
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.utils.contract import split_fingerprint
from hand_gestures.utils.errors import HandGesturesError

ARCHITECTURE = {"name": "bilstm", "classes": 3, "channels": 12, "width": 6, "hidden": 4, "layers": 2, "dropout": 0.1}


@pytest.fixture
def bundle():
    torch.manual_seed(3)
    weights = build_network(ARCHITECTURE).copy_weights()
    return Bundle(weights, ARCHITECTURE, ["a", "b", "ü"], list(CHANNEL_NAMES), 8, {"seed": 1}, {"val_accuracy": 0.5})


def test_round_trip_keeps_every_field_and_every_output(bundle, tmp_path):
    save_bundle(bundle, tmp_path / "model")
    loaded = load_bundle(tmp_path / "model")
    for field in dataclasses.fields(Bundle):
        if field.name != "weights":
            assert getattr(loaded, field.name) == getattr(bundle, field.name)
    clips = torch.randn(2, 12, 8, 6)
    assert torch.equal(loaded.build()(clips).logits, bundle.build()(clips).logits)
    assert not loaded.build().training


def test_a_model_of_an_earlier_version_reads_embeddings_of_its_contract(bundle, tmp_path):
    save_bundle(bundle, tmp_path / "model")
    path = tmp_path / "model" / "model.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    del description["contract"], description["provenance"]
    models = {"vit": {"sha256": "a" * 64, "revision": "main"}}
    fingerprint = {"models": models, "clips": {"frames": 8, "size": 64}, "precision": "float32", "seed": 3}
    path.write_text(json.dumps(description | {"fingerprint": fingerprint}), encoding="utf-8")
    loaded = load_bundle(tmp_path / "model")
    assert loaded.contract == split_fingerprint(fingerprint).contract
    assert loaded.contract["frames"] == 8
    assert loaded.provenance == {"models": models}


def test_only_safetensors_and_json_are_written(bundle, tmp_path):
    save_bundle(bundle, tmp_path / "model")
    save_bundle(bundle, tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["model.json", "model.safetensors"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert json.loads((tmp_path / "model" / "model.json").read_text(encoding="utf-8"))["class_names"] == ["a", "b", "ü"]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_weights_file_has_the_bytes_that_the_writer_of_torch_gives(bundle, tmp_path, name):
    sizes = {"classes": 3, "channels": 12, "frames": 8, "width": 6, "hidden": 4, "layers": 2, "dropout": 0.1}
    network = build_network(describe_network(name, **sizes))
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, tmp_path / "by_torch")
    save_bundle(dataclasses.replace(bundle, weights=network.copy_weights()), tmp_path / "model")
    assert (tmp_path / "model" / "model.safetensors").read_bytes() == (tmp_path / "by_torch").read_bytes()


@pytest.mark.parametrize("kind", [np.float64, np.float16, np.int64, np.bool_])
def test_weights_keep_type_shape_and_order_however_they_lie_in_memory(bundle, tmp_path, kind):
    table = np.arange(6).reshape(2, 3).astype(kind)
    weights = {"transposed": table.T, "every other": table[:, ::2], "scalar": np.array(5, kind)}
    save_bundle(dataclasses.replace(bundle, weights=weights), tmp_path / "model")
    loaded = load_bundle(tmp_path / "model").weights
    assert loaded.keys() == weights.keys()
    for name, value in weights.items():
        assert (loaded[name].dtype, loaded[name].shape) == (value.dtype, value.shape)
        assert np.array_equal(loaded[name], value)


def test_copied_weights_do_not_change_when_the_network_trains_on(bundle):
    network = bundle.build()
    copied = network.copy_weights()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    for name, value in bundle.weights.items():
        assert np.array_equal(copied[name], value)


def test_a_bundle_is_loaded_without_torch(bundle, tmp_path):
    save_bundle(bundle, tmp_path / "model")
    script = """
import sys
from pathlib import Path
import hand_gestures.classifier
import hand_gestures.classifier.bundle
hand_gestures.classifier.load_bundle(Path(sys.argv[1]))
print(sorted({"torch", "lightning", "einops"} & sys.modules.keys()))
"""
    run = subprocess.run([sys.executable, "-c", script, tmp_path / "model"], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "resnet"}, r"must be one of bilstm, attentive_probe, linear_probe .* but it is 'resnet'"),
        ({"name": None}, "must be one of .* but it is None"),
        ({"heads": 4}, "unexpected keyword argument 'heads'"),
        ({"hidden": -1}, "'hidden': -1.*ValueError"),
        ({"hidden": "8"}, "'hidden': '8'.*TypeError"),
    ],
)
def test_an_unknown_network_or_wrong_sizes_are_an_error_in_one_sentence(bundle, change, message):
    wrong = dataclasses.replace(bundle, architecture=ARCHITECTURE | change)
    with pytest.raises(HandGesturesError, match=message):
        wrong.build()


def test_a_size_that_is_missing_is_an_error(bundle):
    sizes = {name: value for name, value in ARCHITECTURE.items() if name != "hidden"}
    with pytest.raises(HandGesturesError, match="'hidden'"):
        dataclasses.replace(bundle, architecture=sizes).build()


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_weights_that_do_not_fit_the_architecture_are_an_error(bundle, change):
    weights = dict(bundle.weights)
    if change == "missing":
        del weights["mean"]
    elif change == "extra":
        weights["more"] = np.zeros(1, np.float32)
    else:
        weights["mean"] = np.zeros((12, 1, 7), np.float32)
    with pytest.raises(HandGesturesError, match="must fit its architecture"):
        dataclasses.replace(bundle, weights=weights).build()


@pytest.mark.parametrize("damage", ["no folder", "no weights", "no json", "text as weights"])
def test_a_folder_that_is_not_a_bundle_is_an_error_in_one_sentence(bundle, tmp_path, damage):
    folder = tmp_path / "model"
    if damage != "no folder":
        save_bundle(bundle, folder)
    if damage == "no weights":
        (folder / "model.safetensors").unlink()
    if damage == "no json":
        (folder / "model.json").write_text("{")
    if damage == "text as weights":
        (folder / "model.safetensors").write_text("not a tensor")
    with pytest.raises(HandGesturesError, match="run kedro run --pipeline modeling"):
        load_bundle(folder)
