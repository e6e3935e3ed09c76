"""Several devices, here processes of one CPU. Starting them takes seconds, so few tests do."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from hand_gestures.embedding.store import EmbeddingFile
from hand_gestures.embedding.write_embeddings import write_embeddings
from hand_gestures.errors import HandGesturesError
from hand_gestures.training import module
from hand_gestures.training.evaluate import evaluate_classifier
from hand_gestures.training.module import EpochMetrics
from hand_gestures.training.together import kind_of_devices
from hand_gestures.training.train import train_classifier
from small_embeddings import embedded_sequence, embedding_stream

TESTS = Path(__file__).parents[1]
SETTINGS = {
    "hidden": 8,
    "layers": 1,
    "dropout": 0.0,
    "standardise": True,
    "epochs": 6,
    "patience": None,
    "batch_size": 8,
    "learning_rate": 0.05,
    "weight_decay": 1e-4,
    "gradient_clip": 1.0,
    "label_smoothing": 0.1,
    "class_weights": "balanced",
    "precision": "float32",
    "device": "cpu",
    "devices": 2,
    "preload": "auto",
    "preload_share": 0.25,
    "preload_precision": "float32",
    "views": None,
    "view_sampling": "all",
    "workers": 0,
    "seed": 5,
    "on_epoch": lambda metrics: None,
}


def train(files, folder, **changes):
    return train_classifier(*files, checkpoint=folder, **(SETTINGS | changes))


def trainers(process=None):
    """The processes that train for this one."""
    children = (process or psutil.Process()).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


@pytest.fixture
def files(tmp_path):
    """35 clips of unequal classes to train on, so that neither batches nor classes divide evenly; and 13 that
    validate, a quarter of them with a wrong label, so that training soon learns what does not hold there."""
    train = [embedded_sequence(label, n) for n, label in enumerate([0] * 7 + [1] * 17 + [2] * 11)]
    val = [embedded_sequence(n % 3, n)._replace(labels=np.array([(n + (n % 4 == 0)) % 3])) for n in range(100, 113)]
    write_embeddings(tmp_path / "train.h5", embedding_stream(train))
    write_embeddings(tmp_path / "val.h5", embedding_stream(val, first=100))
    return EmbeddingFile(tmp_path / "train.h5"), EmbeddingFile(tmp_path / "val.h5")


def test_two_processes_train_the_model_that_one_trains(files, tmp_path, caplog):
    training, seen = [], []

    def on_epoch(metrics):
        training.append(len(trainers()))
        seen.append(metrics)

    settings = {"epochs": 30, "patience": 3}
    one = train(files, tmp_path / "one", devices=1, **settings)
    with caplog.at_level(logging.INFO):
        caplog.clear()
        two = train(files, tmp_path / "two", on_epoch=on_epoch, **settings)
    np.testing.assert_allclose(two.history, one.history, atol=1e-4, rtol=0)
    best = one.best.metrics["epoch"]
    assert two.best.metrics["epoch"] == best == len(one.history) - 3 < 27
    for name, value in one.best.weights.items():
        # softmax takes no notice of what is added to all scores: this bias has no gradient but rounding
        if not name.endswith("attention.score.2.bias"):
            torch.testing.assert_close(two.best.weights[name], value, atol=1e-5, rtol=0)
    answers = [evaluate_classifier(model, files[1], 8, torch.device("cpu")) for model in (one.best, two.best)]
    np.testing.assert_allclose(answers[1].probabilities, answers[0].probabilities, atol=1e-5, rtol=0)
    # each of the 13 clips counts once
    right = answers[1].predictions["correct"]
    assert two.history["val_accuracy"][best - 1] == pytest.approx(right.sum() / 13, abs=1e-6)
    # every epoch is told of here, as it ends
    assert [metrics.epoch for metrics in seen] == list(two.history["epoch"])
    assert training[0] == 2
    assert len([message for message in caplog.messages if message.startswith("epoch ")]) == len(seen)
    assert trainers() == []


def test_a_clip_that_one_process_cannot_use_is_named_in_one_sentence(tmp_path, write_file):
    clips = [embedded_sequence(n % 3, n) for n in range(4)]
    clips[3].embeddings[0, 3, 2, 1] = np.nan  # the second process reads it, and the first one waits
    write_embeddings(tmp_path / "val.h5", embedding_stream(clips))
    files = write_file("train.h5", 6), EmbeddingFile(tmp_path / "val.h5")
    with pytest.raises(HandGesturesError, match=r"those of 'fist/v3', view 0 \(row 3 of .*val\.h5\) are not") as caught:
        train(files, tmp_path / "training", preload=False, standardise=False)
    assert "\n" not in str(caught.value)
    assert trainers() == []


def test_a_process_that_dies_is_one_sentence(files, tmp_path):
    def on_epoch(metrics):
        trainers()[1].kill()

    with pytest.raises(HandGesturesError, match=r"on 2 devices .* one died .* fewer training\.devices") as caught:
        train(files, tmp_path / "training", epochs=10_000, on_epoch=on_epoch)
    assert "\n" not in str(caught.value)
    assert trainers() == []


SCRIPT = f"""
import os, shutil, signal, sys
import torch
torch.set_num_threads(1)
sys.path.insert(0, {str(TESTS)!r})
from pathlib import Path
from training.test_devices import EmbeddingFile, train, trainers
folder = Path(sys.argv[1])
def on_epoch(metrics):
    print(*metrics, flush=True)
    if metrics.epoch == 3:
        shutil.copytree(folder / "killed", folder / "resumed")
    if metrics.epoch == 5:
        waiting, stopped = trainers()
        stopped.suspend()  # now the other waits for it, and does not meet the broken pipe to here
        print(waiting.pid, stopped.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
train([EmbeddingFile(folder / name) for name in ("train.h5", "val.h5")], folder / "killed", dropout=0.3,
      epochs=200, on_epoch=on_epoch)
"""


def wait_for_end(pid):
    patience = time.monotonic() + 30
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > patience:
            return False
        time.sleep(0.05)
    return True


def test_a_killed_training_leaves_no_process_behind_and_goes_on_alike(files, tmp_path, caplog):
    killed = subprocess.run([sys.executable, "-c", SCRIPT, tmp_path], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    *epochs, last_line = killed.stdout.splitlines()
    waiting, suspended = map(int, last_line.split())
    try:
        assert wait_for_end(waiting)
        os.kill(suspended, signal.SIGCONT)
        assert wait_for_end(suspended)
    finally:
        for pid in filter(psutil.pid_exists, (waiting, suspended)):
            os.kill(pid, signal.SIGKILL)

    class EnoughError(Exception):
        pass

    seen = []

    def on_epoch(metrics):
        seen.append(metrics)
        if metrics.epoch == 5:
            raise EnoughError

    with caplog.at_level(logging.INFO), pytest.raises(EnoughError):
        train(files, tmp_path / "resumed", dropout=0.3, epochs=200, on_epoch=on_epoch)  # from its second or third epoch
    assert "the training goes on where it was stopped" in caplog.messages
    assert 2 <= len([message for message in caplog.messages if message.startswith("epoch ")]) <= 3
    assert seen == [EpochMetrics(int(number), *map(float, rest)) for number, *rest in map(str.split, epochs)]
    assert trainers() == []
    with caplog.at_level(logging.INFO):
        train(files, tmp_path / "resumed", dropout=0.3, epochs=1, devices=1)
    assert any("an unfinished training is removed" in message for message in caplog.messages)


def test_each_process_drops_out_for_itself(files, tmp_path, monkeypatch):
    losses = []
    for rank in (0, 1, 0):
        monkeypatch.setattr(module, "place", lambda rank=rank: (rank, 2))  # only what the step draws asks there
        trained = train(files, tmp_path / "training", devices=1, epochs=1, dropout=0.3)
        losses.append(trained.history["train_loss"].iloc[0])
    assert losses[0] == losses[2] != losses[1]


def test_more_devices_than_there_are_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert kind_of_devices("auto", 2) == "cuda"
    with pytest.raises(HandGesturesError, match="number of cuda devices, but is 3 and 2 can be seen here; set it to 2"):
        kind_of_devices("auto", 3)
    assert kind_of_devices("cpu", 3) == "cpu"
    with pytest.raises(HandGesturesError, match="number of mps devices, but is 2 and 1"):
        kind_of_devices("mps", 2)


NO_ROOM = """
import sys
from pathlib import Path
from hand_gestures.embedding.store import EmbeddingFile
from hand_gestures.errors import HandGesturesError
from hand_gestures.training.hdf5_dataset import HDF5Dataset
file = EmbeddingFile(Path(sys.argv[1]))
assert HDF5Dataset(file, "auto", share=1.0, shared=True).preloaded is None
assert HDF5Dataset(file, "auto", share=1.0, shared=False).preloaded is not None
try:
    HDF5Dataset(file, True, shared=True)
except HandGesturesError as error:
    print(error)
"""


def test_too_little_shared_memory_is_one_sentence(write_file):
    """As in a container, which has 64 MB of it unless told otherwise."""
    file = write_file("train.h5", 36)  # 83 kB
    mount = 'mount -t tmpfs -o size=64k tmpfs /dev/shm && exec "$@"'
    command = ["unshare", "-m", "sh", "-c", mount, "sh"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    script = [sys.executable, "-c", NO_ROOM, file.path]
    said = subprocess.run([*command, *script], capture_output=True, text=True, check=True)
    assert said.stdout.count("\n") == 1
    assert "do not fit into the 0.0 GB that are free there; give more (docker run --shm-size)" in said.stdout
