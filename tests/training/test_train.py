import logging
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import lightning
import numpy as np
import pytest
import torch

from hand_gestures.classifier import load_bundle
from hand_gestures.evaluation.evaluate import evaluate_classifier
from hand_gestures.parameters import NetworkParameters, TrainingParameters
from hand_gestures.store.chunk_packing import pack_chunk
from hand_gestures.store.embedding_file import ClipReader, EmbeddingFile
from hand_gestures.store.write import write_embeddings
from hand_gestures.training.module import GestureModule
from hand_gestures.training.train import balanced_weights, finish_training, train_classifier
from hand_gestures.utils.errors import HandGesturesError, user_error
from small_embeddings import CONTRACT, embedded_sequence, pending_embeddings
from small_training import NETWORK, TRAINING

TESTS = Path(__file__).parents[1]
EPOCHS = 6


@pytest.fixture
def files(write_file):
    return write_file("train.h5", 36), write_file("val.h5", 13, first=100)


def train(files, folder, seed=5, on_epoch=lambda metrics: None, **changes):
    """Train in `folder/training`; `changes` are parameters of the network or of the training."""
    network = {name: changes.pop(name) for name in NetworkParameters.model_fields.keys() & changes.keys()}
    return train_classifier(
        *files,
        network=NetworkParameters(**NETWORK.model_dump() | network),
        training=TrainingParameters(**TRAINING.model_dump() | {"epochs": EPOCHS} | changes),
        seed=seed,
        folder=folder / "training",
        on_epoch=on_epoch,
    )


class StopError(Exception):
    """Ends a training in the middle, as a kill would."""


def stop_after(epoch):
    """An `on_epoch` that stops while this epoch is reported, so that the epoch before is the last complete one."""

    def on_epoch(metrics):
        if metrics.epoch == epoch:
            raise StopError

    return on_epoch


def assert_same_training(one, other):
    """Equal to the last bit: history and weights."""
    assert one.history.equals(other.history)
    assert one.best.weights.keys() == other.best.weights.keys()
    for name, value in one.best.weights.items():
        assert np.array_equal(value, other.best.weights[name]), name


def accuracy(bundle, file):
    result = evaluate_classifier(bundle, file, TRAINING.batch_size, torch.device("cpu"))
    return float(result.predictions["correct"].mean())


def test_it_learns_the_direction_of_motion(files, tmp_path):
    trained = train(files, tmp_path, epochs=25, hidden=16)
    assert accuracy(trained.best, files[1]) == 1.0
    assert trained.history["train_loss"].iloc[-1] < trained.history["train_loss"].iloc[0] / 2


def test_it_overfits_three_batches_of_noise(tmp_path):
    clips = [embedded_sequence(0, n, noise=1.0)._replace(labels=np.array([n % 3])) for n in range(24)]
    write_embeddings(tmp_path / "noise.h5", pending_embeddings(clips))
    noise = EmbeddingFile(tmp_path / "noise.h5")
    trained = train((noise, noise), tmp_path, epochs=80, hidden=32, learning_rate=0.03)
    assert trained.history["train_accuracy"].max() == 1.0


def test_the_saved_model_of_the_best_epoch_has_the_accuracy_of_that_epoch(write_file, tmp_path):
    hard = write_file("train.h5", 6), write_file("val.h5", 13, first=100)
    # so high a rate that the last epoch is not the best one
    trained = train(hard, tmp_path, epochs=12, learning_rate=0.3)
    history = trained.history
    best = history.sort_values(["val_accuracy", "val_loss"], ascending=[False, True]).iloc[0]
    assert best["epoch"] < 12
    assert best["val_accuracy"] > history["val_accuracy"].iloc[-1] or best["val_loss"] < history["val_loss"].iloc[-1]
    assert trained.best.metrics["epoch"] == best["epoch"]
    from_disk = load_bundle(tmp_path / "training" / "best")
    assert accuracy(from_disk, hard[1]) == best["val_accuracy"]
    assert from_disk.weights.keys() == trained.best.weights.keys()
    for name, value in from_disk.weights.items():
        assert np.array_equal(value, trained.best.weights[name])


def test_the_same_seed_trains_the_same_model_and_another_seed_does_not(files, tmp_path):
    one, again, other = (train(files, tmp_path / str(n), epochs=2, seed=seed) for n, seed in enumerate((5, 5, 6)))
    assert one.history.equals(again.history)
    assert not one.history.equals(other.history)


def test_every_epoch_is_reported_when_it_ends(files, tmp_path):
    seen = []
    trained = train(files, tmp_path, epochs=3, on_epoch=seen.append)
    assert [metrics.epoch for metrics in seen] == [1, 2, 3]
    assert seen[-1].val_accuracy == trained.history["val_accuracy"].iloc[-1]
    assert set(seen[0].tracked()) == {"train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate"}


def test_the_learning_rate_follows_one_cycle_over_all_batches(files, tmp_path):
    rates = train(files, tmp_path, epochs=6).history["learning_rate"]
    assert rates.max() <= TRAINING.learning_rate
    assert rates.idxmax() in (1, 2)  # the cycle peaks at 30 %
    assert rates.iloc[-1] < TRAINING.learning_rate / 1000


@pytest.mark.parametrize("change", [{"preload": False}, {"preload": False, "workers": 1}])
def test_reading_clip_by_clip_trains_the_same_model(files, tmp_path, change):
    one, other = train(files, tmp_path / "one", epochs=2), train(files, tmp_path / "other", epochs=2, **change)
    assert one.history.equals(other.history)


def test_float16_in_memory_trains_nearly_the_same_model(files, tmp_path):
    one, other = (train(files, tmp_path / kind, epochs=2, preload_precision=kind) for kind in ("float32", "float16"))
    assert not one.history.equals(other.history)
    np.testing.assert_allclose(one.history["train_loss"], other.history["train_loss"], rtol=1e-2)


def test_a_model_learns_from_one_random_view_per_epoch_too(write_file, tmp_path):
    files = write_file("train.h5", 36, views=3), write_file("val.h5", 13, first=100)
    trained = train(files, tmp_path, epochs=25, hidden=16, view_sampling="random")
    assert accuracy(trained.best, files[1]) == 1.0


def test_training_stops_after_as_many_epochs_without_a_better_one_as_patience_says(write_file, tmp_path):
    hard = write_file("train.h5", 6), write_file("val.h5", 13, first=100)
    history = train(hard, tmp_path, epochs=40, learning_rate=0.3, patience=3).history
    best = history.sort_values(["val_accuracy", "val_loss"], ascending=[False, True]).iloc[0]["epoch"]
    assert len(history) == best + 3 < 40


def test_label_smoothing_raises_the_training_loss_only(files, tmp_path):
    plain, smooth = (
        train(files, tmp_path / str(share), epochs=25, label_smoothing=share).history.iloc[-1] for share in (0.0, 0.3)
    )
    assert plain["train_loss"] < 0.1 < 0.5 < smooth["train_loss"]
    assert smooth["train_accuracy"] == 1.0


def test_balanced_weights_give_every_class_the_same_total_weight(tmp_path):
    counts = {0: 2, 1: 4, 2: 12}
    clips = [embedded_sequence(label, 20 * label + n) for label, count in counts.items() for n in range(count)]
    write_embeddings(tmp_path / "a.h5", pending_embeddings(clips))
    factors = balanced_weights(EmbeddingFile(tmp_path / "a.h5"), np.arange(18))
    weight = [factors[label] * count for label, count in counts.items()]
    assert weight == pytest.approx([6.0] * 3)
    assert sum(weight) == 18  # on average a clip weighs 1
    write_embeddings(tmp_path / "b.h5", pending_embeddings(clips[2:]))
    assert balanced_weights(EmbeddingFile(tmp_path / "b.h5"), np.arange(16))[0] == 0
    some = balanced_weights(EmbeddingFile(tmp_path / "a.h5"), np.array([0, 2, 3]))
    assert some.tolist() == pytest.approx([1.5, 0.75, 0])


def test_a_model_trained_on_shuffled_time_cannot_tell_the_directions(write_file, tmp_path):
    """These classes differ in the order of their frames and in nothing else."""
    files = write_file("train.h5", 90), write_file("val.h5", 30, first=100)
    scrambled = []
    for file, name in zip(files, ("train", "val"), strict=True):
        rng = np.random.default_rng(0)
        clips = []
        for row, label in enumerate(file.labels):
            clip = np.empty((1, *file.header.shape[1:]), np.float32)
            ClipReader(file)(row, clip[0])
            clips.append(embedded_sequence(label, row)._replace(embeddings=rng.permuted(clip, axis=1)))
        write_embeddings(tmp_path / f"{name}_scrambled.h5", pending_embeddings(clips))
        scrambled.append(EmbeddingFile(tmp_path / f"{name}_scrambled.h5"))
    ordered, shuffled = (
        train(both, tmp_path / str(n), epochs=15, hidden=16).history["val_accuracy"].iloc[-1]
        for n, both in enumerate((files, scrambled))
    )
    assert ordered == 1.0
    assert shuffled < 0.8  # a held gesture still differs from a moving one


SCRIPT = f"""
import os, signal, sys
import torch
torch.set_num_threads(1)  # as in these tests: several threads add in another order, which rounds differently
sys.path.insert(0, {str(TESTS)!r})
from pathlib import Path
from training.test_train import EmbeddingFile, train
ends = int(sys.argv[2])
def on_epoch(metrics):
    if metrics.epoch == ends:
        os.kill(os.getpid(), signal.SIGKILL)
folder = Path(sys.argv[1])
train([EmbeddingFile(folder / name) for name in ("train.h5", "val.h5")], folder, dropout=0.3, on_epoch=on_epoch)
"""


def test_a_killed_training_continues_and_equals_an_undisturbed_one(files, tmp_path, caplog):
    whole = train(files, tmp_path / "undisturbed", dropout=0.3)
    for ends in (1, 3, 4):  # while the first, the third and the fourth epoch are reported
        killed = subprocess.run([sys.executable, "-c", SCRIPT, tmp_path, str(ends)], capture_output=True, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    seen = []
    caplog.clear()
    with caplog.at_level(logging.INFO):
        resumed = train(files, tmp_path, dropout=0.3, on_epoch=seen.append)
    assert "training continues after epoch 3" in caplog.messages
    assert len([message for message in caplog.messages if message.startswith("epoch ")]) == 3  # epochs 4, 5 and 6
    assert [metrics.epoch for metrics in seen] == [1, 2, 3, 4, 5, 6]
    assert (whole.resumed, resumed.resumed) == (False, True)
    assert_same_training(resumed, whole)


def test_a_kill_while_the_checkpoint_is_written_leaves_the_checkpoint_before(files, tmp_path):
    whole = train(files, tmp_path / "undisturbed", dropout=0.3)
    save = lightning.Trainer.save_checkpoint

    def write_a_part(trainer, path):
        if trainer.current_epoch == 2:
            path.write_bytes(b"a part of a checkpoint")
            raise StopError
        save(trainer, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lightning.Trainer, "save_checkpoint", write_a_part)
        with pytest.raises(StopError):
            train(files, tmp_path, dropout=0.3)
    resumed = train(files, tmp_path, dropout=0.3)
    assert resumed.resumed
    assert_same_training(resumed, whole)


def test_a_training_needs_no_temporary_folder(files, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    assert len(train(files, tmp_path, epochs=3).history) == 3


def test_a_full_disk_ends_a_training_in_one_sentence_and_the_next_one_continues(files, tmp_path, small_disk):
    whole = train(files, tmp_path / "undisturbed", dropout=0.3)
    disk = small_disk(4000)
    filler = disk / "filler"

    def fill(metrics):
        if metrics.epoch == 3:
            with pytest.raises(OSError, match="No space left"):
                filler.write_bytes(bytes(5_000_000))

    with pytest.raises(Exception, match="No space left") as caught:
        train(files, disk, dropout=0.3, on_epoch=fill)
    assert re.fullmatch(
        r"a run needs space for its results, but .* could not be written \(No space left on device\); free disk space "
        "and run again: what is finished is kept",
        str(user_error(caught.value)),
    )
    filler.unlink()
    resumed = train(files, disk, dropout=0.3)
    assert resumed.resumed
    assert_same_training(resumed, whole)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


DAMAGES = {
    "empty": lambda folder: (folder / "last.ckpt").write_bytes(b""),
    "cut": lambda folder: cut(folder / "last.ckpt"),
    "ten bytes": lambda folder: (folder / "last.ckpt").write_bytes(b"PK\x03\x04nonsen"),
    "text": lambda folder: (folder / "last.ckpt").write_text("no checkpoint"),
    "other content": lambda folder: torch.save([1], folder / "last.ckpt"),
    "no history": lambda folder: torch.save({"history": []}, folder / "last.ckpt"),
    "code": lambda folder: (folder / "last.ckpt").write_bytes(b"cos\nsystem\n(S'touch ran'\ntR."),
    "flipped": lambda folder: flip(folder / "last.ckpt"),
    "best model cut": lambda folder: cut(folder / "best" / "model.safetensors"),
    "no best model": lambda folder: shutil.rmtree(folder / "best"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_starts_the_training_afresh_with_one_warning(files, tmp_path, damage, caplog):
    whole = train(files, tmp_path / "undisturbed", epochs=3)
    with pytest.raises(StopError):
        train(files, tmp_path, epochs=3, on_epoch=stop_after(3))
    damage(tmp_path / "training")
    again = train(files, tmp_path, epochs=3)
    assert not again.resumed
    assert_same_training(again, whole)
    assert caplog.text.count("training starts afresh, because the checkpoint") == 1
    assert not Path("ran").exists()


def test_a_finished_training_starts_afresh_and_so_does_one_with_other_parameters(files, tmp_path, caplog):
    train(files, tmp_path, epochs=3)
    finish_training(tmp_path / "training")
    with pytest.raises(StopError):
        train(files, tmp_path, on_epoch=stop_after(3))
    with caplog.at_level(logging.INFO):
        trained = train(files, tmp_path, learning_rate=0.01)
    assert (
        "training: unfinished work is discarded, because training.learning_rate was 0.02 and is now 0.01"
        in caplog.messages
    )
    assert not trained.resumed
    assert list(trained.history["epoch"]) == [1, 2, 3, 4, 5, 6]
    finish_training(tmp_path / "training")
    assert not (tmp_path / "training").exists()


def test_a_training_continues_when_only_its_speed_changes(files, tmp_path):
    with pytest.raises(StopError):
        train(files, tmp_path, on_epoch=stop_after(3))
    assert train(files, tmp_path, preload=False, preload_share=0.5, threads=2).resumed


def test_the_standardisation_and_the_class_weights_use_only_the_views_that_train(write_file, tmp_path):
    """Views of the clean file, with and without augmented views beside them that are not used."""
    clean = [embedded_sequence(n % 3, n) for n in range(12)]
    augmented = [
        one._replace(embeddings=np.concatenate([one.embeddings, one.embeddings + 5]), labels=np.array([*one.labels, 0]))
        for one in clean
    ]
    val = write_file("val.h5", 6, first=100)
    trained = []
    for name, clips in (("clean", clean), ("augmented", augmented)):
        write_embeddings(tmp_path / f"{name}.h5", pending_embeddings(clips))
        file = EmbeddingFile(tmp_path / f"{name}.h5")
        trained.append(train((file, val), tmp_path / name, epochs=2, views=1, class_weights="balanced"))
    for name, value in trained[0].best.weights.items():
        if name in ("mean", "spread"):
            assert np.array_equal(value, trained[1].best.weights[name]), name
    # the order of the rows differs between the files, so only the first loss can be compared closely
    np.testing.assert_allclose(trained[0].history["train_loss"][0], trained[1].history["train_loss"][0], rtol=0.2)


@pytest.mark.parametrize("part", ["training", "validation"])
def test_a_loss_that_is_not_finite_names_the_clip_and_keeps_the_last_good_epoch(files, write_file, tmp_path, part):
    with pytest.raises(StopError):
        train(files, tmp_path, standardise=False, on_epoch=stop_after(3))  # two complete epochs
    kept = {path: path.read_bytes() for path in (tmp_path / "training").rglob("*") if path.is_file()}
    side = part == "validation"
    file = EmbeddingFile(Path(shutil.copy(files[side].path, tmp_path / "huge.h5")))
    files = (files[0], file) if side else (file, files[1])
    with h5py.File(file.path, "r+") as opened:
        huge = np.full(opened["embeddings/data"].shape[1:], 3e38, np.float32)
        opened["embeddings/data"].id.write_direct_chunk((7, 0, 0, 0), pack_chunk(huge))
    with pytest.raises(HandGesturesError) as caught:
        train(files, tmp_path, standardise=False)
    for said in (
        "the loss must be a finite number, but in epoch 3 that of 1 of 8",
        f"{part} clips of a batch, such as '{file.sequence_ids[7]}', view 0 (row 7 of {file.path}), is not",
        "learning_rate",
        f"the model of the best epoch before is in {tmp_path / 'training' / 'best'}",
    ):
        assert said in str(caught.value)
    assert {path: path.read_bytes() for path in (tmp_path / "training").rglob("*") if path.is_file()} == kept


def test_a_small_network_trains_with_one_thread_and_gives_the_others_back(files, tmp_path):
    seen = []
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        train(files, tmp_path / "auto", epochs=1, on_epoch=lambda metrics: seen.append(torch.get_num_threads()))
        train(files, tmp_path / "3", epochs=1, threads=3, on_epoch=lambda metrics: seen.append(torch.get_num_threads()))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == [1, 3]


def test_parameters_that_are_refused_do_not_discard_unfinished_work(files, tmp_path):
    with pytest.raises(StopError):
        train(files, tmp_path, on_epoch=stop_after(3))
    with pytest.raises(HandGesturesError, match=r"training\.views must not exceed"):
        train(files, tmp_path, views=9)
    assert train(files, tmp_path).resumed


@pytest.mark.parametrize("settings", [{"epochs": 40, "patience": 3}, {"epochs": 4}])
def test_a_training_that_was_killed_after_its_last_epoch_trains_no_more(write_file, tmp_path, settings):
    hard = write_file("train.h5", 6), write_file("val.h5", 13, first=100)
    settings = settings | {"learning_rate": 0.3}
    whole = train(hard, tmp_path / "whole", **settings)
    train(hard, tmp_path, **settings)
    seen = []
    again = train(hard, tmp_path, on_epoch=seen.append, **settings)
    assert again.resumed
    assert_same_training(again, whole)
    assert [metrics.epoch for metrics in seen] == whole.history["epoch"].tolist()
    assert len(again.history) == len(whole.history)
    assert again.best.metrics == whole.best.metrics


def test_files_with_different_contracts_are_refused(write_file, tmp_path):
    files = write_file("train.h5", 6), write_file("val.h5", 6, contract=CONTRACT | {"size": 32})
    with pytest.raises(HandGesturesError, match=r"differ in size: 64 and 32"):
        train(files, tmp_path)


def test_a_file_with_one_class_is_refused(tmp_path):
    write_embeddings(tmp_path / "one.h5", pending_embeddings([embedded_sequence(1, n) for n in range(4)]))
    one = EmbeddingFile(tmp_path / "one.h5")
    with pytest.raises(HandGesturesError, match=r"at least two classes.*swipe_left"):
        train((one, one), tmp_path)


def test_a_model_refuses_embeddings_with_another_contract(files, write_file, tmp_path):
    trained = train(files, tmp_path, epochs=1)
    other = write_file("other.h5", 6, contract=CONTRACT | {"precision": "bfloat16"})
    with pytest.raises(HandGesturesError, match=r"precision is None for the model and bfloat16 for .*other\.h5"):
        evaluate_classifier(trained.best, other, 4, torch.device("cpu"))


@pytest.fixture
def little_memory(monkeypatch):
    """Training steps of more than `largest` clips run out of memory, from the given epoch on."""

    def limit(largest, epoch=0):
        step = GestureModule.training_step

        def training_step(self, batch, number):
            if len(batch.label) > largest and self.current_epoch >= epoch:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return step(self, batch, number)

        monkeypatch.setattr(GestureModule, "training_step", training_step)

    return limit


@pytest.mark.parametrize("epoch", [0, 3])
def test_a_batch_that_does_not_fit_is_split_and_makes_the_same_step(write_file, tmp_path, caplog, little_memory, epoch):
    files = write_file("train.h5", 32), write_file("val.h5", 13, first=100)  # whole batches of 8
    whole = train(files, tmp_path / "whole")
    little_memory(4, epoch)
    with caplog.at_level(logging.WARNING):
        split = train(files, tmp_path / "split")
    assert (
        "cpu is out of memory: training continues with batches of 4 clips, and 2 of them make a step" in caplog.messages
    )
    assert split.history["epoch"].tolist() == whole.history["epoch"].tolist()
    assert split.history["learning_rate"].tolist() == whole.history["learning_rate"].tolist()
    np.testing.assert_allclose(split.history["train_loss"], whole.history["train_loss"], rtol=1e-4)
    for name, weights in whole.best.weights.items():
        np.testing.assert_allclose(split.best.weights[name], weights, atol=1e-3)


def test_a_single_clip_that_does_not_fit_is_one_sentence(files, tmp_path, little_memory):
    little_memory(0)
    with pytest.raises(
        HandGesturesError, match=r"a training batch of 1 clips must fit in the memory of cpu, but does not"
    ):
        train(files, tmp_path)
