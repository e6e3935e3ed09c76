import json
import shutil
import subprocess
import sys

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from base_parameters import base_parameters
from hand_gestures.backbones.fetch import fetch_models, model_files, model_identity
from hand_gestures.backbones.hand_detector import HandDetector
from hand_gestures.backbones.model_files import ModelUnavailableError
from hand_gestures.backbones.networks import load_resnext, load_vit
from hand_gestures.parameters import HandParameters
from hand_gestures.utils.errors import HandGesturesError
from small_backbones import RESNEXT_MEAN, RESNEXT_SIZE, VIT_SIZE, VIT_STD, Intruder, random_frames


def source(name="painter/none", revision="main", path=None):
    return {"name": name, "revision": revision, "path": path and str(path)}


@pytest.fixture
def local(vit_folder, resnext_folder, yolo_file):
    """The parameters of three models on disk."""
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


def test_models_are_downloaded_from_the_hub_by_name(hub, vit_folder, resnext_folder, yolo_file, tmp_path):
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


def test_a_branch_that_moves_keeps_its_recorded_commit_and_the_run_says_what_to_set(
    hub, vit_folder, local, tmp_path, caplog
):
    first = hub.publish("painter/vit", vit_folder)
    newer = shutil.copytree(vit_folder, tmp_path / "newer")
    weights = load_file(newer / "model.safetensors")
    save_file({name: value + 1 for name, value in weights.items()}, newer / "model.safetensors", {"format": "pt"})
    models, record = local | {"vit": source("painter/vit"), "hands": None}, tmp_path / "record"
    found = fetch_models(**models, record=record)
    second = hub.publish("painter/vit", newer)
    caplog.clear()
    again = fetch_models(**models, record=record)
    assert again == found
    assert again["vit"]["commit"] == first
    (message,) = caplog.messages
    for part in (
        f"painter/vit: main has moved from commit {first} to {second}; this run still uses the first",
        f"set backbones.vit.revision to {first} to keep it",
        f"or to {second}",
    ):
        assert part in message
    # a commit is what it says, recorded or not; without a record the branch is where it is now
    chosen = fetch_models(**models | {"vit": source("painter/vit", second)}, record=record)
    assert chosen["vit"]["commit"] == second
    assert fetch_models(**models, record=tmp_path / "new")["vit"]["commit"] == second


def test_weights_that_are_not_the_recorded_ones_are_refused(hub, vit_folder, local, tmp_path):
    commit = hub.publish("painter/vit", vit_folder)
    models, record = local | {"vit": source("painter/vit"), "hands": None}, tmp_path / "record"
    fetch_models(**models, record=record)
    changed = {"painter/vit@main": {"commit": commit, "sha256": "ab" * 32}}
    (record / "commits.json").write_text(json.dumps(changed))
    with pytest.raises(ModelUnavailableError, match="the ViT must be the file with the pinned sha256 abab"):
        fetch_models(**models, record=record)


def test_models_on_disk_and_pinned_commits_are_not_recorded(hub, vit_folder, local, tmp_path):
    models = local | {"vit": source("painter/vit", hub.publish("painter/vit", vit_folder)), "hands": None}
    fetch_models(**models, record=tmp_path / "record")
    assert not (tmp_path / "record").exists()


def test_found_models_can_be_loaded_after_a_round_trip_through_json(local):
    found = json.loads(json.dumps(fetch_models(**local)))
    frames = random_frames(seed=8, count=1, height=64, width=64)
    assert load_vit(model_files(found["vit"]))(frames).shape == (1, 32)
    assert load_resnext(model_files(found["resnext"]))(frames).shape == (1, 80)
    detector = HandDetector(model_files(found["hands"]), 64, confidence=0.01, max_hands=1, device="cpu")
    assert len(detector(frames.permute(0, 2, 3, 1).numpy())) == 1


def test_the_hand_detector_is_optional(local):
    assert list(fetch_models(**{**local, "hands": None})) == ["vit", "resnext"]


def test_a_hagrid_checkpoint_needs_a_vit_of_its_width(local, hagrid_file):
    with pytest.raises(HandGesturesError, match="2048 features do not fill 3 rows of 32"):
        fetch_models(**{**local, "resnext": source(path=hagrid_file)})


@pytest.mark.parametrize(("role", "what"), [("vit", "ViT"), ("resnext", "ResNeXt"), ("hands", "hand detector")])
def test_the_error_names_the_missing_model(local, tmp_path, role, what):
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


def test_weights_with_the_pinned_sha256_are_accepted(local):
    sha256 = fetch_models(**local)["hands"]["sha256"]
    found = fetch_models(**{**local, "hands": {**local["hands"], "sha256": sha256}})
    assert (found["hands"]["sha256"], found["hands"]["trusted_sha256"]) == (sha256, None)


@pytest.mark.parametrize("run_pickled_code", [False, True])
def test_weights_with_another_sha256_are_refused_and_not_loaded(local, tmp_path, run_pickled_code):
    torch.save({"model": Intruder(tmp_path / "intruder")}, tmp_path / "best.pt")
    local["hands"] |= {
        "path": str(tmp_path / "best.pt"),
        "sha256": "ab" * 32,
        "run_pickled_code": run_pickled_code,
    }
    with pytest.raises(ModelUnavailableError) as caught:
        fetch_models(**local)
    for part in ("the hand detector must be", "sha256 " + "ab" * 32, str(tmp_path / "best.pt"), "give that file"):
        assert part in str(caught.value)
    assert not (tmp_path / "intruder").exists()


def test_code_in_pinned_weights_runs_where_it_is_allowed(local, tmp_path):
    sha256 = fetch_models(**local)["hands"]["sha256"]
    local["hands"] |= {"sha256": sha256, "run_pickled_code": True}
    script = (
        "import json, sys\n"
        "from hand_gestures.backbones.fetch import fetch_models, model_files\n"
        "from hand_gestures.backbones.hand_detector import load_detector\n"
        "found = fetch_models(**json.loads(sys.argv[1]))\n"
        "load_detector(model_files(json.loads(json.dumps(found['hands']))))\n"
        "from ultralytics.utils import SAFE_LOAD\n"
        "print(json.dumps([SAFE_LOAD, found['hands']]))\n"
    )
    safe, found = json.loads(_answer(script, json.dumps(local)))
    assert not safe
    assert found["trusted_sha256"] == sha256
    assert model_identity(found) == {"name": "hands.pt", "revision": None, "commit": None, "sha256": sha256}


def _answer(script, *arguments):
    """The last line that a new process prints."""
    run = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()[-1]


def test_running_code_needs_a_pinned_sha256():
    named = {"name": "painter/hands", "run_pickled_code": True}
    with pytest.raises(ValidationError, match=r"only from a file that is pinned: set hands\.sha256"):
        base_parameters(HandParameters, **named)
    assert base_parameters(HandParameters, **named, sha256="AB" * 32).sha256 == "ab" * 32


@pytest.mark.parametrize("sha256", ["ab" * 31, "ab" * 33, "xy" * 32, "", 7])
def test_a_sha256_has_64_hex_digits(sha256):
    with pytest.raises(ValidationError) as caught:
        base_parameters(HandParameters, name="painter/hands", sha256=sha256, run_pickled_code=True)
    assert [fault["loc"] for fault in caught.value.errors()] == [("sha256",)]


def test_embeddings_without_hands_need_no_ultralytics(local):
    script = (
        "import importlib, json, pkgutil, sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'ultralytics':\n"
        "            raise ImportError(f'{name} is not installed')\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from hand_gestures import backbones, embedding, store\n"
        "packages = [(one.__name__, one.__path__) for one in (backbones, embedding, store)]\n"
        "modules = [f'{name}.{one.name}' for name, path in packages for one in pkgutil.iter_modules(path)]\n"
        "for module in modules:\n"
        "    importlib.import_module(module)\n"
        "from hand_gestures.backbones.fetch import fetch_models\n"
        "models = json.loads(sys.argv[1])\n"
        "found = list(fetch_models(**{**models, 'hands': None}))\n"
        "try:\n"
        "    fetch_models(**models)\n"
        "except ImportError as error:\n"
        "    print(json.dumps([modules, found, str(error)]))\n"
    )
    modules, found, error = json.loads(_answer(script, json.dumps(local)))
    expected = {
        "backbones.networks",
        "embedding.extractor",
        "backbones.fetch",
        "backbones.hand_detector",
        "store.write",
    }
    assert {f"hand_gestures.{name}" for name in expected} <= set(modules)
    assert found == ["vit", "resnext"]
    assert error == "ultralytics is not installed"


def test_the_identity_of_a_model_does_not_depend_on_its_path(local, vit_folder, tmp_path):
    copy = shutil.copytree(vit_folder, tmp_path / vit_folder.name)
    found, moved = fetch_models(**local), fetch_models(**{**local, "vit": source(path=copy)})
    assert found["vit"]["folder"] != moved["vit"]["folder"]
    identity = model_identity(found["vit"])
    assert identity == model_identity(moved["vit"])
    assert identity["sha256"] == found["vit"]["sha256"]
    assert identity["preprocessing"] == found["vit"]["preprocessing"]
    assert str(vit_folder) not in json.dumps(identity)
