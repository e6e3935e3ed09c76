import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hand_gestures.comparison import trials as module
from hand_gestures.comparison.trials import Compared, run_trials
from hand_gestures.comparison.variants import Variant
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.utils.errors import HandGesturesError
from small_training import NETWORK, TRAINING

TESTS = Path(__file__).parents[1]
VARIANTS = [
    Variant("bilstm"),
    Variant("linear_probe"),
    Variant("nearest_neighbour"),
    Variant("bilstm", without="vit"),
    Variant("bilstm", views=1),
    Variant("bilstm", views=1, split="random"),
]
SEEDS = [1, 2]


def compared_by(train_file, val_file, **changes):
    ids = [*train_file.sequence_ids[:: int(train_file.views.max()) + 1], *val_file.sequence_ids]
    labels = {
        name: label
        for file in (train_file, val_file)
        for name, label in zip(file.sequence_ids, file.labels, strict=True)
    }
    return Compared(
        train_file,
        val_file,
        CHANNEL_NAMES,
        random_sides={name: "val" if index % 4 == 0 else "train" for index, name in enumerate(ids)},
        pixels={name: np.full(3, float(labels[name])) for name in ids},
        network=NETWORK,
        training=TRAINING.model_copy(update=changes),
        class_sets={"swipes": ["swipe_left", "swipe_right"]},
    )


@pytest.fixture
def compared(write_file):
    return compared_by(write_file("train.h5", 24, views=2), write_file("val.h5", 12, first=24))


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "comparison"
    made.mkdir()
    return made


def without_time(trials):
    return [trial._replace(seconds=None) for trial in trials]


def test_every_variant_runs_with_every_seed_and_nearest_neighbour_once(compared, folder):
    trials = list(run_trials(VARIANTS, SEEDS, compared, folder))
    assert [trial.name for trial in trials] == [
        "bilstm, seed 1",
        "bilstm, seed 2",
        "linear_probe, seed 1",
        "linear_probe, seed 2",
        "nearest_neighbour",
        "bilstm without vit, seed 1",
        "bilstm without vit, seed 2",
        "bilstm on 1 view, seed 1",
        "bilstm on 1 view, seed 2",
        "bilstm on 1 view, random split, seed 1",
        "bilstm on 1 view, random split, seed 2",
    ]
    bilstm, probe, nearest, random_split = trials[0], trials[2], trials[4], trials[9]
    assert len(bilstm.history) == 3
    assert bilstm.parameters > probe.parameters > 0
    assert nearest.parameters is nearest.seconds is None
    assert nearest.metrics == {"accuracy": 1, "mean_class_accuracy": 1, "macro_f1": 1, "accuracy_swipes": 1}
    assert set(bilstm.metrics) == {"accuracy", "mean_class_accuracy", "macro_f1", "loss", "accuracy_swipes"}
    assert set(bilstm.right) == set(compared.val_file.sequence_ids)
    assert set(random_split.right) == {name for name, side in compared.random_sides.items() if side == "val"}
    assert bilstm.metrics["accuracy"] == pytest.approx(np.mean(list(bilstm.right.values())))
    assert bilstm.described() == {
        "network": "bilstm",
        "split": "grouped",
        "seed": "1",
        "parameters": str(bilstm.parameters),
    }


def test_finished_trials_are_read_from_disk(compared, folder, monkeypatch):
    first = list(run_trials(VARIANTS, SEEDS, compared, folder))
    monkeypatch.setattr(module, "train_classifier", None)  # calling it would fail
    assert list(run_trials(VARIANTS, SEEDS, compared, folder)) == first
    assert list(run_trials(VARIANTS[3:4], [2], compared, folder)) == [first[6]]


def test_other_parameters_or_other_files_start_a_trial_afresh(compared, folder, write_file):
    (first,) = run_trials(VARIANTS[:1], [1], compared, folder)
    longer = replace(compared, training=TRAINING.model_copy(update={"epochs": 4}))
    (second,) = run_trials(VARIANTS[:1], [1], longer, folder)
    assert (len(first.history), len(second.history)) == (3, 4)
    others = compared_by(write_file("train2.h5", 27, views=2), compared.val_file)
    (third,) = run_trials(VARIANTS[:1], [1], others, folder)
    assert third.history != first.history


def test_finished_trials_stay_when_only_speed_or_class_sets_change(compared, folder, monkeypatch):
    variants = [Variant("bilstm"), Variant("nearest_neighbour")]
    first = list(run_trials(variants, [1], compared, folder))
    assert not (folder / "training").exists()
    monkeypatch.setattr(module, "train_classifier", None)  # calling either would fail
    monkeypatch.setattr(module, "nearest_neighbour", None)
    faster = replace(
        compared,
        training=compared.training.model_copy(update={"workers": 1, "preload": False, "threads": 2}),
        class_sets={"still": ["fist"], "swipes": ["swipe_left", "swipe_right"], "none": []},
    )
    again = list(run_trials(variants, [1], faster, folder))
    for before, after in zip(first, again, strict=True):
        still = [correct for name, correct in before.right.items() if name.startswith("fist/")]
        assert after.metrics == before.metrics | {"accuracy_still": np.mean(still)}
    (fewer,) = run_trials(variants[:1], [1], replace(faster, class_sets={}), folder)
    assert not [name for name in fewer.metrics if name.startswith("accuracy_")]
    for before, after in zip(first, again, strict=True):
        assert after.history == before.history


def test_a_trained_network_is_not_lost_when_its_trial_cannot_be_saved(compared, folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_json", lambda path, content: 1 / 0)  # as on a full disk
        with pytest.raises(ZeroDivisionError):
            list(run_trials(VARIANTS[:1], [1], compared, folder))
    saved = []
    monkeypatch.setattr("hand_gestures.training.train._make_trainer", None)  # training would fail
    monkeypatch.setattr(module, "finish_training", lambda path: saved.append((folder / "bilstm, seed 1.json").exists()))
    (trial,) = run_trials(VARIANTS[:1], [1], compared, folder)
    assert len(trial.history) == 3
    assert saved == [True]


DAMAGED_TRIALS = [
    "",
    "{",
    "[1]",
    "7",
    "null",
    "[" * 100_000,
    '{"trial": {}}',
    '{"identity": [], "trial": {}}',
    '{"identity": {}, "variant": {"network": "bilstm"}, "figures": {}}',
]


@pytest.mark.parametrize("content", DAMAGED_TRIALS, ids=range(len(DAMAGED_TRIALS)))
def test_a_damaged_or_older_trial_file_starts_the_trial_afresh(compared, folder, content):
    (folder / "nearest_neighbour.json").write_text(content)
    (trial,) = run_trials([Variant("nearest_neighbour")], [1], compared, folder)
    assert json.loads((folder / "nearest_neighbour.json").read_text())["trial"]["metrics"] == trial.metrics


CHANGED_TRIALS = [
    {"metrics": 3},
    {"metrics": {}},
    {"metrics": {"accuracy": "good"}},
    {"history": 1},
    {"right": [1]},
]


@pytest.mark.parametrize("change", CHANGED_TRIALS)
def test_a_trial_file_of_the_right_identity_with_damaged_content_runs_again_with_a_warning(
    compared, folder, change, caplog
):
    nearest = [Variant("nearest_neighbour")]
    (first,) = run_trials(nearest, [1], compared, folder)
    path = folder / "nearest_neighbour.json"
    saved = json.loads(path.read_text())
    path.write_text(json.dumps(saved | {"trial": saved["trial"] | change}))
    assert list(run_trials(nearest, [1], compared, folder)) == [first]
    assert f"{path} is damaged or of an earlier version, its trial runs again" in caplog.text


def test_the_error_names_a_clip_without_pixels(compared, folder):
    unknown = compared.val_file.sequence_ids[3]
    pixels = {name: value for name, value in compared.pixels.items() if name != unknown}
    with pytest.raises(HandGesturesError, match=rf"1 have none, for example '{unknown}'; run data_processing"):
        list(run_trials([Variant("nearest_neighbour")], [1], replace(compared, pixels=pixels), folder))


SCRIPT = f"""
import sys
sys.path[:0] = [{str(TESTS)!r}, {str(TESTS / "comparison")!r}]
from pathlib import Path
import torch
from hand_gestures.store.embedding_file import EmbeddingFile
from test_trials import SEEDS, VARIANTS, compared_by, run_trials
torch.set_num_threads(1)
folder = Path(sys.argv[1])
compared = compared_by(EmbeddingFile(folder / "train.h5"), EmbeddingFile(folder / "val.h5"), epochs=12)
for trial in run_trials(VARIANTS[:1], SEEDS, compared, folder / "comparison"):
    print(trial.name, flush=True)
"""


def test_a_killed_comparison_continues_and_equals_an_undisturbed_one(compared, folder, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    run = subprocess.Popen([sys.executable, script, tmp_path], stdout=subprocess.PIPE, text=True)
    assert run.stdout.readline() == "bilstm, seed 1\n"
    until = time.monotonic() + 60
    while not (folder / "training" / "last.ckpt").exists() and time.monotonic() < until:
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    kept = json.loads((folder / "bilstm, seed 1.json").read_text())
    assert not (folder / "bilstm, seed 2.json").exists()
    longer = compared_by(EmbeddingFile(tmp_path / "train.h5"), EmbeddingFile(tmp_path / "val.h5"), epochs=12)
    resumed = list(run_trials(VARIANTS[:1], SEEDS, longer, folder))
    assert resumed[0].history == kept["trial"]["history"]
    assert resumed[1].seconds is None  # it was interrupted, so its duration is not known
    (tmp_path / "undisturbed").mkdir()
    undisturbed = list(run_trials(VARIANTS[:1], SEEDS, longer, tmp_path / "undisturbed"))
    assert without_time(resumed) == without_time(undisturbed)
