import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from hand_gestures.backbones.fetch import fetch_models, model_files
from hand_gestures.backbones.hand_detector import load_detector
from hand_gestures.synthetic import sample
from hand_gestures.synthetic.scene import make_performer

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts" / "compact_backbones"
SMALL = {
    "size": 64,
    "performers": 8,
    "frames-each": 8,
    "held-out-performers": 2,
    "vit-epochs": 1,
    "resnext-epochs": 1,
    "yolo-epochs": 1,
    "seed": 3,
    "processes": 2,
}


@pytest.fixture
def scripts(monkeypatch):
    """The scripts import each other by their names, as Python lets them when one of them is run."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    yield
    for path in SCRIPTS.glob("*.py"):
        sys.modules.pop(path.stem, None)


def test_the_trained_models_are_loaded_by_the_real_loaders(tmp_path):
    """A training of seconds: nothing is learned, but every file has the format that the loaders read."""
    options = [f"--{name}={value}" for name, value in SMALL.items()]
    command = [sys.executable, SCRIPTS / "train.py", f"--output={tmp_path}", *options]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert run.returncode == 0, run.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert set(report) == {"resnext", "vit", "yolo"}
    assert 0 <= report["vit"]["presence_accuracy"] <= 1
    source = {"name": "", "revision": ""}
    found = fetch_models(
        vit=source | {"path": str(tmp_path / "vit")},
        resnext=source | {"path": str(tmp_path / "resnext")},
        hands=source | {"path": str(tmp_path / "yolo.pt"), "weights": "yolo.pt"},
    )
    assert load_detector(model_files(found["hands"])).names == {0: "hand"}
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 12_000_000


def test_an_unknown_option_is_refused(scripts, monkeypatch, capsys):
    import train

    monkeypatch.setattr(sys, "argv", ["train.py", "--epochs=1"])
    with pytest.raises(SystemExit):
        train.parse_options()
    assert "unrecognized arguments: --epochs=1" in capsys.readouterr().err


def test_without_options_the_models_of_the_demo_are_trained(scripts, monkeypatch):
    import train

    monkeypatch.setattr(sys, "argv", ["train.py"])
    options = train.parse_options()
    assert options.output == ROOT / "data/06_models/compact_backbones"
    assert (options.performers, options.frames_each, options.held_out_performers) == (800, 16, 60)
    assert (options.vit_epochs, options.resnext_epochs, options.yolo_epochs) == (9, 8, 2)
    assert (options.seed, options.processes, options.size) == (7, 2, None)


def test_frames_are_augmented_as_in_the_demo_but_not_distorted(scripts):
    from train import demo_settings

    size, augmentation = demo_settings()
    demo = yaml.safe_load((ROOT / "conf/demo/parameters.yml").read_text())
    assert size == demo["clips"]["size"] == 160
    assert augmentation.blur_limit == demo["augmentation"]["blur_limit"] == 3
    assert (augmentation.distortion, augmentation.horizontal_flip, augmentation.blur) == (0.0, 0.5, 0.4)


def test_frames_do_not_depend_on_the_number_of_processes(scripts):
    from hand_frames import render_hand_frames
    from train import demo_settings

    _, augmentation = demo_settings()
    one, two = (render_hand_frames(range(2), 3, 64, 1, augmentation, processes) for processes in (1, 2))
    for name in ("images", "hands", "boxes"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_performers_of_the_training_are_not_those_of_the_sample(scripts):
    import hand_frames

    streams = (sample.SAMPLE, hand_frames.STRANGERS)
    shown, trained = (
        [make_performer(np.random.default_rng([42, stream, number]), 64, 64) for number in range(30)]
        for stream in streams
    )
    hands = [(performer.anatomy.skin, performer.hand_size, performer.pace) for performer in shown + trained]
    assert len(set(hands)) == 60
