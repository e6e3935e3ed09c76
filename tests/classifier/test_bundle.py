import dataclasses
import json

import pytest
import torch

from hand_gestures.classifier import Bundle, build_network, load_bundle, save_bundle
from hand_gestures.utils.errors import HandGesturesError

ARCHITECTURE = {"name": "bilstm", "classes": 3, "channels": 12, "width": 6, "hidden": 4, "layers": 2, "dropout": 0.1}


@pytest.fixture
def bundle():
    torch.manual_seed(3)
    weights = build_network(ARCHITECTURE).state_dict()
    return Bundle(weights, ARCHITECTURE, ["a", "b", "ü"], ["x"] * 12, 8, {"seed": 1}, {"val_accuracy": 0.5})


def test_round_trip_keeps_every_field_and_every_output(bundle, tmp_path):
    save_bundle(bundle, tmp_path / "model")
    loaded = load_bundle(tmp_path / "model")
    for field in dataclasses.fields(Bundle):
        if field.name != "weights":
            assert getattr(loaded, field.name) == getattr(bundle, field.name)
    clips = torch.randn(2, 12, 8, 6)
    assert torch.equal(loaded.build()(clips).logits, bundle.build()(clips).logits)
    assert not loaded.build().training


def test_only_safetensors_and_json_are_written(bundle, tmp_path):
    save_bundle(bundle, tmp_path / "model")
    save_bundle(bundle, tmp_path / "model")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["model.json", "model.safetensors"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert json.loads((tmp_path / "model" / "model.json").read_text(encoding="utf-8"))["class_names"] == ["a", "b", "ü"]


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_weights_that_do_not_fit_fail_loudly(bundle, change):
    weights = dict(bundle.weights)
    if change == "missing":
        del weights["mean"]
    elif change == "extra":
        weights["more"] = torch.zeros(1)
    else:
        weights["mean"] = torch.zeros(12, 1, 7)
    with pytest.raises(HandGesturesError, match="must fit its architecture"):
        dataclasses.replace(bundle, weights=weights).build()


@pytest.mark.parametrize("damage", ["no folder", "no weights", "no json", "text as weights"])
def test_a_folder_that_is_no_bundle_is_said_in_one_sentence(bundle, tmp_path, damage):
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
