import json
import shutil

import pytest
import torch

from embedding.conftest import RESNEXT_MEAN, RESNEXT_SIZE, VIT_SIZE, VIT_STD, Intruder, random_frames
from hand_gestures.embedding.backbones import load_resnext, load_vit
from hand_gestures.embedding.fetch import fetch_models, model_files, model_identity
from hand_gestures.embedding.hands import HandDetector
from hand_gestures.embedding.model_files import ModelUnavailableError
from hand_gestures.errors import HandGesturesError


def source(name="painter/none", revision="main", path=None):
    return {"name": name, "revision": revision, "path": path and str(path)}


@pytest.fixture
def local(vit_folder, resnext_folder, yolo_file):
    """What the parameters say where all three models lie on disk."""
    return {
        "vit": source(path=vit_folder),
        "resnext": source(path=resnext_folder),
        "hands": {**source(path=yolo_file), "weights": "weights/best.pt"},
    }


def test_models_on_disk_are_described_as_plain_json(local):
    found = fetch_models(**local)
    assert list(found) == ["vit", "resnext", "hands"]
    plain = json.loads(json.dumps(found))
    assert {role: entry["sha256"] for role, entry in plain.items()} == {
        role: entry["sha256"] for role, entry in found.items()
    }
    assert plain["vit"]["preprocessing"]["size"] == VIT_SIZE
    assert plain["vit"]["preprocessing"]["std"] == list(VIT_STD)
    assert plain["resnext"]["preprocessing"]["size"] == RESNEXT_SIZE
    assert plain["resnext"]["preprocessing"]["mean"] == list(RESNEXT_MEAN)
    assert "preprocessing" not in plain["hands"]


def test_models_come_by_name_from_the_hub(hub, vit_folder, resnext_folder, yolo_file, tmp_path):
    (tmp_path / "hands" / "weights").mkdir(parents=True)
    shutil.copy(yolo_file, tmp_path / "hands" / "weights" / "best.pt")
    commits = {
        "vit": hub.publish("painter/vit", vit_folder),
        "resnext": hub.publish("painter/resnext", resnext_folder),
        "hands": hub.publish("painter/hands", tmp_path / "hands"),
    }
    found = fetch_models(
        vit=source("painter/vit"),
        resnext=source("painter/resnext", commits["resnext"]),
        hands={**source("painter/hands"), "weights": "weights/best.pt"},
    )
    assert {role: entry["commit"] for role, entry in found.items()} == commits
    assert {role: entry["name"] for role, entry in found.items()} == {role: f"painter/{role}" for role in commits}
    json.dumps(found)


def test_what_was_found_can_be_loaded_after_a_round_through_json(local):
    found = json.loads(json.dumps(fetch_models(**local)))
    frames = random_frames(seed=8, count=1, height=64, width=64)
    assert load_vit(model_files(found["vit"]))(frames).shape == (1, 32)
    assert load_resnext(model_files(found["resnext"]))(frames).shape == (1, 80)
    detector = HandDetector(model_files(found["hands"]), 64, confidence=0.01, max_hands=1, device="cpu")
    assert len(detector(frames.permute(0, 2, 3, 1).numpy())) == 1


def test_the_hand_detector_may_be_left_out(local):
    assert list(fetch_models(**{**local, "hands": None})) == ["vit", "resnext"]


def test_a_hagrid_checkpoint_needs_a_vit_of_its_width(local, hagrid_file):
    with pytest.raises(HandGesturesError, match="2048 features do not fill 3 rows of 32"):
        fetch_models(**{**local, "resnext": source(path=hagrid_file)})


@pytest.mark.parametrize(("role", "what"), [("vit", "ViT"), ("resnext", "ResNeXt"), ("hands", "hand detector")])
def test_the_missing_model_is_the_one_that_is_named(local, tmp_path, role, what):
    local[role]["path"] = str(tmp_path / "nowhere")
    with pytest.raises(ModelUnavailableError) as caught:
        fetch_models(**local)
    assert f"the {what} " in str(caught.value)
    assert str(tmp_path / "nowhere") in str(caught.value)


def test_a_hand_detector_that_holds_code_is_refused_before_any_frame_is_read(local, tmp_path):
    torch.save({"model": Intruder(tmp_path / "intruder")}, tmp_path / "best.pt")
    local["hands"]["path"] = str(tmp_path / "best.pt")
    with pytest.raises(ModelUnavailableError, match="hand detector"):
        fetch_models(**local)
    assert not (tmp_path / "intruder").exists()


def test_the_identity_of_a_model_does_not_say_where_it_lies(local, vit_folder, tmp_path):
    copy = shutil.copytree(vit_folder, tmp_path / vit_folder.name)
    found, moved = fetch_models(**local), fetch_models(**{**local, "vit": source(path=copy)})
    assert found["vit"]["folder"] != moved["vit"]["folder"]
    identity = model_identity(found["vit"])
    assert identity == model_identity(moved["vit"])
    assert identity["sha256"] == found["vit"]["sha256"]
    assert identity["preprocessing"] == found["vit"]["preprocessing"]
    assert str(vit_folder) not in json.dumps(identity)
