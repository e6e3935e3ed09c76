"""The models of MediaPipe come from one pinned wheel, and no other file is accepted."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hand_gestures.backbones import landmark_models
from hand_gestures.backbones.landmark_models import (
    ATTRIBUTION,
    LICENCE,
    SHA256,
    fetch_landmark_models,
    find_landmark_model,
)
from hand_gestures.backbones.model_files import ModelUnavailableError, sha256_of
from landmark_models import MODELS, ROOT, needs_landmark_models


def write_wheel(path, monkeypatch):
    """A small wheel with the layout of the real one, and its pins."""
    contents = {name: f"model {name}".encode() for name in SHA256}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            folder = "palm_detection" if name.startswith("palm") else "hand_landmark"
            archive.writestr(f"mediapipe/modules/{folder}/{name}", content)
        archive.writestr("mediapipe-0.10.21.dist-info/LICENSE", "Apache License")
    (path.parent / "one").write_bytes(b"")
    pins = {}
    for name, content in contents.items():
        file = path.parent / f"pin-{name}"
        file.write_bytes(content)
        pins[name] = sha256_of(file)
    monkeypatch.setattr(landmark_models, "SHA256", pins)
    monkeypatch.setattr(landmark_models, "WHEEL_SHA256", sha256_of(path))
    return pins


def test_a_wheel_becomes_four_models_with_licence_and_attribution(tmp_path, monkeypatch):
    write_wheel(tmp_path / "a.whl", monkeypatch)
    folder = tmp_path / "models"
    assert fetch_landmark_models(folder, tmp_path / "a.whl")
    assert sorted(file.name for file in folder.iterdir()) == sorted([*SHA256, LICENCE, ATTRIBUTION])
    assert "Copyright The MediaPipe Authors" in (folder / ATTRIBUTION).read_text()
    found = find_landmark_model(folder, "palm_detection", "lite")
    assert found.weights_path.read_bytes() == b"model palm_detection_lite.tflite"


def test_a_complete_folder_is_not_written_again_and_a_damaged_one_is(tmp_path, monkeypatch):
    write_wheel(tmp_path / "a.whl", monkeypatch)
    folder = tmp_path / "models"
    fetch_landmark_models(folder, tmp_path / "a.whl")
    assert not fetch_landmark_models(folder, tmp_path / "a.whl")
    (folder / "hand_landmark_lite.tflite").write_bytes(b"half")
    assert fetch_landmark_models(folder, tmp_path / "a.whl")
    find_landmark_model(folder, "hand_landmark", "lite")


def test_another_wheel_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    write_wheel(tmp_path / "a.whl", monkeypatch)
    monkeypatch.setattr(landmark_models, "WHEEL_SHA256", "0" * 64)
    with pytest.raises(ModelUnavailableError, match="wheel of MediaPipe must be the file with the pinned sha256"):
        fetch_landmark_models(tmp_path / "models", tmp_path / "a.whl")
    assert not (tmp_path / "models").exists()


def test_a_missing_model_names_the_command_and_a_changed_one_is_refused(tmp_path, monkeypatch):
    with pytest.raises(ModelUnavailableError, match=r"landmark_models fetch"):
        find_landmark_model(tmp_path, "hand_landmark", "full")
    (tmp_path / "hand_landmark_full.tflite").write_bytes(b"other")
    with pytest.raises(ModelUnavailableError, match="pinned sha256 11c272b8"):
        find_landmark_model(tmp_path, "hand_landmark", "full")


def test_without_a_package_index_the_error_is_one_sentence(tmp_path):
    command = [sys.executable, "-m", "hand_gestures.backbones.landmark_models", "fetch", str(tmp_path / "models")]
    no_index = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null", "PYTHONPATH": str(ROOT / "src"), "PATH": "/bin"}
    result = subprocess.run(command, capture_output=True, text=True, env=no_index, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: the hand landmark models are part of mediapipe-0.10.21-cp311")
    assert len(result.stderr.splitlines()) == 1


def test_the_command_needs_no_installed_package():
    code = "import sys; from hand_gestures.backbones import landmark_models; print(*sys.modules)"
    isolated = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); {code}"]
    loaded = subprocess.run(isolated, capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "torch", "huggingface_hub", "mediapipe"} & set(loaded)


@needs_landmark_models
def test_the_set_up_has_put_the_real_models_in_place():
    for name in SHA256:
        part, _, complexity = name.removesuffix(".tflite").rpartition("_")
        assert find_landmark_model(MODELS, part, complexity).weights_path.stat().st_size > 1_900_000
    assert "Apache License" in Path(MODELS / LICENCE).read_text()


def test_the_make_targets_and_the_image_fetch_the_models():
    makefile = (ROOT / "Makefile").read_text()
    for target in ("install", "demo", "test"):
        [line] = [line for line in makefile.splitlines() if line.startswith(f"{target}:")]
        assert "$(LANDMARKS)/LICENSE" in line
    assert "landmark_models fetch /hand_landmarks" in (ROOT / "Dockerfile").read_text()
