"""Several devices, here processes of one CPU. Starting them takes seconds, so few tests do."""

import logging
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

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
from small_training import NETWORK, TRAINING

TESTS = Path(__file__).parents[1]
SETTINGS = {
    "name": "bilstm",
    **NETWORK,
    **TRAINING,
    "epochs": 6,
    "learning_rate": 0.05,
    "label_smoothing": 0.1,
    "class_weights": "balanced",
    "devices": 2,
    "seed": 5,
    "on_epoch": lambda metrics: None,
}


def train(files, folder, **changes):
    return train_classifier(*files, checkpoint=folder, **(SETTINGS | changes))


def trainers(process=None):
    """The processes that train for this one."""
    children = (process or psutil.Process()).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def shared_memory(process):
    """The large pieces of it that a process holds, by name."""
    maps = [line.split(maxsplit=5) for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines()]
    sizes = {
        place: int(end, 16) - int(start, 16)
        for (start, end), place in ((line[0].split("-"), line[5]) for line in maps if "/torch_" in line[-1])
    }
    return {place for place, size in sizes.items() if size > 20_000}


def write_files(folder):
    """35 clips of unequal classes to train on, so that neither batches nor classes divide evenly; and 13 that
    validate, a quarter of them with a wrong label, so that training soon learns what does not hold there."""
    train = [embedded_sequence(label, n) for n, label in enumerate([0] * 7 + [1] * 17 + [2] * 11)]
    val = [embedded_sequence(n % 3, n)._replace(labels=np.array([(n + (n % 4 == 0)) % 3])) for n in range(100, 113)]
    write_embeddings(folder / "train.h5", embedding_stream(train))
    write_embeddings(folder / "val.h5", embedding_stream(val, first=100))
    return EmbeddingFile(folder / "train.h5"), EmbeddingFile(folder / "val.h5")


@pytest.fixture
def files(tmp_path):
    return write_files(tmp_path)


LEARNING = {"epochs": 30, "patience": 3}
SCRIPT = f"""
import os, shutil, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path.insert(0, {str(TESTS)!r})
from training.test_devices import LEARNING, EmbeddingFile, train, trainers
folder = Path(sys.argv[1])
def on_epoch(metrics):
    print(*metrics, flush=True)
    if metrics.epoch == 3:
        for kept in ("identity.json", "last.ckpt"):
            shutil.copy(folder / "killed" / kept, folder / "stopped")
    if metrics.epoch == 8:
        waiting, suspended = trainers()
        suspended.suspend()
        print(waiting.pid, suspended.pid, flush=True)
        time.sleep(2)  # now the first one waits for the other, and comes to no epoch's end where it would miss us
        os.kill(os.getpid(), signal.SIGKILL)
files = [EmbeddingFile(folder / name) for name in ("train.h5", "val.h5")]
train(files, folder / "killed", on_epoch=on_epoch, **LEARNING)
"""


class Killed(NamedTuple):
    """A training by two processes that was killed: what it told, and what it left."""

    told: list[EpochMetrics]
    waiting: psutil.Process
    suspended: psutil.Process
    stopped: Path  # its state after the second epoch or a later one
    files: tuple[EmbeddingFile, EmbeddingFile]


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed")
    files = write_files(folder)
    (folder / "stopped").mkdir()
    with (folder / "told").open("w") as told:  # no pipe: those that are left behind would hold it open
        script = subprocess.run([sys.executable, "-c", SCRIPT, folder], stdout=told, check=False)
    assert script.returncode == -signal.SIGKILL
    *epochs, pids = (line.split() for line in (folder / "told").read_text().splitlines())
    ranks = [psutil.Process(int(pid)) for pid in pids]
    metrics = [EpochMetrics(int(epoch), *map(float, rest)) for epoch, *rest in epochs]
    yield Killed(metrics, *ranks, folder / "stopped", files)
    for rank in filter(psutil.Process.is_running, ranks):
        rank.kill()


def ends(process):
    patience = time.monotonic() + 30
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > patience:
            return False
        time.sleep(0.05)
    return True


def test_a_killed_training_leaves_no_process_behind(killed):
    assert killed.suspended.status() == psutil.STATUS_STOPPED
    assert ends(killed.waiting)  # without a word from the other
    killed.suspended.resume()
    assert ends(killed.suspended)


def test_two_processes_that_go_on_after_a_kill_train_the_model_that_one_trains(killed, tmp_path, caplog):
    seen, memory = [], []

    def on_epoch(metrics):
        seen.append(metrics)
        if metrics.epoch == 8:
            memory.extend(map(shared_memory, [psutil.Process(), *trainers()]))

    one = train(killed.files, tmp_path, devices=1, **LEARNING)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        two = train(killed.files, killed.stopped, on_epoch=on_epoch, **LEARNING)
    assert caplog.messages[0] == "the training goes on where it was stopped"
    trained_again = [message for message in caplog.messages if message.startswith("epoch ")]
    assert len(seen) - 7 <= len(trained_again) <= len(seen) - 2  # told once each, of those before nothing is said again
    assert [metrics.epoch for metrics in seen] == list(two.history["epoch"])
    assert seen[:8] == killed.told

    np.testing.assert_allclose(two.history, one.history, atol=1e-4, rtol=0)
    best = one.best.metrics["epoch"]
    assert two.best.metrics["epoch"] == best == len(one.history) - 3 < 27
    for name, value in one.best.weights.items():
        # softmax takes no notice of what is added to all scores: this bias has no gradient but rounding
        if not name.endswith("attention.score.2.bias"):
            torch.testing.assert_close(two.best.weights[name], value, atol=1e-5, rtol=0)
    answers = [evaluate_classifier(model, killed.files[1], 8, torch.device("cpu")) for model in (one.best, two.best)]
    np.testing.assert_allclose(answers[1].probabilities, answers[0].probabilities, atol=1e-5, rtol=0)
    # each of the 13 clips counts once
    right = answers[1].predictions["correct"]
    assert two.history["val_accuracy"][best - 1] == pytest.approx(right.sum() / 13, abs=1e-6)

    here, *there = memory
    assert here
    assert there == [here, here]  # the embeddings are kept once
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
