"""Training on hand landmarks: changed in every epoch, mirrored only where that is right, reproducible after a kill."""

import numpy as np
import pytest
import torch

from base_parameters import base_parameters
from hand_gestures.augmentation.landmark_augmentation import FOUND, LANDMARK_CHANNELS, PALM, RIGHT, WIDTH
from hand_gestures.parameters import NetworkParameters, TrainingParameters
from hand_gestures.store.embedding_file import EmbeddingFile, EmbeddingHeader
from hand_gestures.store.hdf5_dataset import EmbeddedClip
from hand_gestures.store.write import write_embeddings
from hand_gestures.training.train import find_landmark_channels, train_classifier
from small_embeddings import CONTRACT, Clip, make_pending

CLASSES = ("fist", "swipe_left", "swipe_right")
FRAMES = 8
RECIPE = {
    "augmentation": {"horizontal_flip": 1.0},
    "mirrored_labels": {"fist": "fist", "swipe_left": "swipe_right", "swipe_right": "swipe_left"},
}


class StopError(Exception):
    """Ends a training in the middle, as a kill would."""


def landmark_clip(label: int, number: int, channels: int) -> Clip:
    """A palm that rests, or moves to the left or to the right."""
    rng = np.random.default_rng(number)
    clip = np.zeros((1, FRAMES, channels, WIDTH), np.float32)
    clip[..., :-1, PALM] = rng.normal(0, 0.02, (1, FRAMES, channels - 1, 2))
    clip[0, :, -2, PALM.start] += np.linspace(-0.5, 0.5, FRAMES) * (0, -1, 1)[label]
    clip[..., -2, RIGHT], clip[..., -2, FOUND] = 0.5, 1  # it can be either hand
    return Clip(clip, np.array([label]), np.zeros((0, 1, 4), np.float32), np.zeros((0, 1), np.float32))


@pytest.fixture
def write_landmarks(tmp_path):
    def write(name, labels, others=(), recipe=RECIPE, first=0) -> EmbeddingFile:
        channels = (*others, *LANDMARK_CHANNELS)
        clips = [landmark_clip(label, first + n, len(channels)) for n, label in enumerate(labels)]

        header = EmbeddingHeader(
            shape=(len(labels), FRAMES, len(channels), WIDTH),
            class_names=CLASSES,
            channel_names=channels,
            hand_frames=(),
            max_hands=1,
            contract=CONTRACT,
            recipe=recipe,
        )
        ids = [f"{CLASSES[label]}/v{first + n}" for n, label in enumerate(labels)]
        write_embeddings(tmp_path / name, make_pending(clips, header, ids))
        return EmbeddingFile(tmp_path / name)

    return write


def train(files, folder, on_epoch=lambda metrics: None, epochs=8, **augmentation):
    training = base_parameters(
        TrainingParameters, epochs=epochs, batch_size=8, learning_rate=0.02, precision="float32", device="cpu"
    )
    changed = training.landmark_augmentation.model_copy(update=augmentation)
    return train_classifier(
        *files,
        network=base_parameters(NetworkParameters, hidden=16, layers=1, dropout=0.0),
        training=training.model_copy(update={"landmark_augmentation": changed}),
        seed=1,
        folder=folder,
        on_epoch=on_epoch,
    )


def last_accuracy(training):
    return training.history["val_accuracy"].iloc[-1]


def test_a_mirrored_class_is_learnt_from_its_mirror_image(write_landmarks, tmp_path):
    files = write_landmarks("train.h5", [0, 1] * 16), write_landmarks("val.h5", [2] * 8, first=100)
    assert last_accuracy(train(files, tmp_path / "mirrored", epochs=30, rotation=5)) == 1
    assert last_accuracy(train(files, tmp_path / "plain", rotation=5, mirror=0.0)) == 0


def test_nothing_is_mirrored_where_flips_are_off_or_other_channels_cannot_follow(write_landmarks):
    parameters = base_parameters(TrainingParameters).landmark_augmentation
    no_flips = RECIPE | {"augmentation": {"horizontal_flip": 0.0}}
    alone = find_landmark_channels(write_landmarks("a.h5", [0, 1]), parameters)
    without_flips = find_landmark_channels(write_landmarks("b.h5", [0, 1], recipe=no_flips), parameters)
    beside = find_landmark_channels(write_landmarks("c.h5", [0, 1], others=("full_vit",)), parameters)
    assert alone.augmentation.mirrored_labels.tolist() == [0, 2, 1]
    assert without_flips.augmentation.mirrored_labels is None
    assert beside.augmentation.mirrored_labels is None
    assert beside.indices == [1, 2]


def test_other_channels_stay_as_they_are_and_the_batch_is_not_changed(write_landmarks):
    file = write_landmarks("a.h5", [0, 1], others=("full_vit",))
    landmarks = find_landmark_channels(file, base_parameters(TrainingParameters).landmark_augmentation)
    clip = np.stack([landmark_clip(label, 5, 3).embeddings[0] for label in (1, 2)]).swapaxes(1, 2)
    batch = EmbeddedClip(torch.from_numpy(clip), torch.tensor([1, 2]), torch.tensor([0, 1]))
    changed = landmarks.augment(batch, seed=3)
    assert torch.equal(batch.clip, torch.from_numpy(clip))
    assert torch.equal(changed.clip[:, 0], batch.clip[:, 0])
    assert not torch.equal(changed.clip[:, 1], batch.clip[:, 1])
    assert torch.equal(changed.clip, landmarks.augment(batch, seed=3).clip)


def test_a_resumed_training_sees_the_same_changes(write_landmarks, tmp_path):
    files = write_landmarks("train.h5", [0, 1, 2] * 8), write_landmarks("val.h5", [0, 1, 2] * 2, first=100)

    def stop(metrics):
        if metrics.epoch == 6:
            raise StopError

    whole = train(files, tmp_path / "whole")
    with pytest.raises(StopError):
        train(files, tmp_path / "resumed", stop)
    resumed = train(files, tmp_path / "resumed")
    assert resumed.resumed
    assert resumed.history["train_loss"].tolist() == whole.history["train_loss"].tolist()
