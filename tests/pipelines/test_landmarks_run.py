"""`kedro run --env landmarks`: from frames to a report without backbones, ultralytics or the hub."""

import json

import cv2

from hand_gestures.augmentation.landmark_augmentation import LANDMARK_CHANNELS, WIDTH
from hand_gestures.classifier import load_bundle
from hand_gestures.store.embedding_file import EmbeddingFile
from landmark_models import MODELS, drawn_clip, needs_landmark_models

CLASSES = ("swipe_left", "swipe_right")


@needs_landmark_models
def test_landmarks_train_and_validate_without_any_other_model(kedro, project):
    for name in CLASSES:
        (project / "frames" / name).mkdir(parents=True)
        for performer in (1, 2, 3, 4):
            for number, frame in enumerate(drawn_clip(name, performer)[4:28:3]):
                path = project / "frames" / name / f"performer{performer}_frame_{number}.jpg"
                cv2.imwrite(str(path), frame[..., ::-1])
    (project / "src/ultralytics.py").write_text("raise ImportError('ultralytics must not be imported')\n")
    changes = {
        "frames_dir": project / "frames",
        "data_root": project / "out",
        "split.group_pattern": r"^(performer\d+)",
        "split.val_fraction": 0.5,
        "clips.frames": 8,
        "landmarks.path": MODELS.resolve(),
        "landmarks.complexity": "lite",
        "augmentation.mirrored_classes.swipe_left": "swipe_right",
        "extraction.workers": 0,
        "training.epochs": 2,
    }
    run = kedro("run", "--env", "landmarks", "--params", ",".join(f"{name}={value}" for name, value in changes.items()))
    assert run.returncode == 0, run.stderr
    file = EmbeddingFile(project / "out/05_model_input/preprocessed_train_dataset.h5")
    assert file.header.shape == (4, 8, 2, WIDTH)
    assert list(file.header.provenance["models"]) == ["landmarks"]
    assert tuple(load_bundle(project / "out/06_models/classifier").channel_names) == LANDMARK_CHANNELS
    assert json.loads((project / "out/08_reporting/evaluation.json").read_text())
    assert "Apache-2.0" in (project / "out/06_models/model_card.md").read_text()
