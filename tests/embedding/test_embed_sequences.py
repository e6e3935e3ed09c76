import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from base_parameters import base_parameters
from hand_gestures.augmentation import ClipAugmentation
from hand_gestures.backbones.hand_detector import Hands
from hand_gestures.backbones.networks import Backbone
from hand_gestures.backbones.preprocessing import Preprocessing
from hand_gestures.dataset.sequences import build_sequences
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.embedding.clip_views import VideoSequenceDataset
from hand_gestures.embedding.embed_sequences import Extraction, HandSearch, embed_sequences
from hand_gestures.embedding.extractor import ClipEmbedder
from hand_gestures.embedding.view_encoder import ViewEncoder
from hand_gestures.parameters import AugmentationParameters
from hand_gestures.store.embedding_file import ClipRequest, FileGroup
from hand_gestures.store.row_keys import digest
from hand_gestures.utils.errors import HandGesturesError

MIRROR = {"fist": "fist", "swipe_left": "swipe_right", "swipe_right": "swipe_left"}


@pytest.fixture
def frames_dir(tmp_path):
    rng = np.random.default_rng(0)
    for class_name in MIRROR:
        for video in range(2):
            for number in range(3):
                path = tmp_path / class_name / f"v{video}_frame_{number}.png"
                path.parent.mkdir(exist_ok=True)
                cv2.imwrite(str(path), rng.integers(0, 256, (24, 32, 3), np.uint8))
    return tmp_path


@pytest.fixture
def sequences(frames_dir):
    rows = [
        (path.parent.name, *path.stem.split("_frame_"), str(path.relative_to(frames_dir)))
        for path in frames_dir.rglob("*.png")
    ]
    frames = pd.DataFrame(rows, columns=["class_name", "video_id", "frame_number", "path"])
    table = build_sequences(frames.astype({"frame_number": int}), 5, None)
    return table.assign(content=[digest(name.encode()).hex() for name in table["sequence_id"]])


def backbone(width, seed):
    torch.manual_seed(seed)
    network = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, width)).eval()
    return Backbone(network, width, Preprocessing(8, "bilinear", (0.5,) * 3, (0.5,) * 3))


class FakeDetector:
    """Finds three hands in bright frames, none in others; the first score is the brightness. Counts the frames."""

    def __init__(self):
        self.shown = 0

    def __call__(self, frames):
        self.shown += len(frames)
        return [self.find(frame.mean() / 255) for frame in frames]

    def find(self, brightness):
        count = 3 if brightness > 0.49 else 0
        scores = np.array([brightness, brightness / 2, brightness / 3][:count], np.float32)
        return Hands(np.tile(scores[:, None], (1, 4)), scores)


def pending(sequences, frames_dir, detector=None, views=1, workers=0):
    augmentation = ClipAugmentation(base_parameters(AugmentationParameters), 16)
    return embed_sequences(
        VideoSequenceDataset(sequences, frames_dir, 16, augmentation, views, seed=3),
        Extraction(
            lambda frames: ViewEncoder(
                ClipEmbedder(backbone(4, 1), backbone(10, 2), torch.device("cpu"), batch_size=2), None
            ),
            channel_names=CHANNEL_NAMES,
            width=4,
            search=HandSearch(detector, (0, 3, 4), 2),
            recipe={
                "contract": {"frames": 5, "storage": "float32"},
                "views": {"augmentation": {}, "mirrored_labels": MIRROR},
                "hands": {},
                "provenance": {},
                "class_names": list(MIRROR),
            },
            precision_error={},
            workers=workers,
        ),
        FileGroup(1),
        upgrade=lambda file: None,
        task="embedding",
    )


def embedded(pending, indices=range(6)):
    """All views and the hands of these sequences."""
    return list(pending.embed([ClipRequest(index, tuple(range(pending.views)), hands=True) for index in indices]))


def test_rows_are_the_views_of_the_sequences_in_order(sequences, frames_dir):
    made = pending(sequences, frames_dir, views=2)
    assert made.header.shape == (18, 5, 12, 4)
    assert made.header.class_names == tuple(MIRROR)
    assert made.views == 3
    assert made.sequence_ids == list(sequences["sequence_id"])
    for sequence_id, labels, sequence in zip(made.sequence_ids, made.labels, embedded(made), strict=True):
        own = sequence_id.split("/")[0]
        assert sequence.embeddings.shape == (3, 5, 12, 4)
        assert sequence.mirrored.tolist() == [False, True, True]
        assert [made.header.class_names[label] for label in labels] == [own, MIRROR[own]]


def test_a_view_is_the_same_whichever_other_views_are_requested(sequences, frames_dir):
    made = pending(sequences, frames_dir, FakeDetector(), views=3)
    whole = embedded(made, [0, 4])
    requests = [ClipRequest(0, (2, 3), hands=False), ClipRequest(4, (1,), hands=True), ClipRequest(4, (), hands=True)]
    views, view, hands = made.embed(requests)
    np.testing.assert_array_equal(views.embeddings, whole[0].embeddings[2:])
    assert views.mirrored.tolist() == [True, True]
    assert views.boxes is None
    np.testing.assert_array_equal(view.embeddings, whole[1].embeddings[1:2])
    for found in (view, hands):
        np.testing.assert_array_equal(found.boxes, whole[1].boxes)
    assert len(hands.embeddings) == len(hands.mirrored) == 0


@pytest.mark.parametrize("workers", [0, 2])
def test_the_embeddings_of_a_sequence_do_not_depend_on_earlier_sequences(sequences, frames_dir, workers):
    whole = embedded(pending(sequences, frames_dir))
    rest = embedded(pending(sequences, frames_dir, workers=workers), [1, 4, 5])
    for index, sequence in zip([1, 4, 5], rest, strict=True):
        np.testing.assert_array_equal(sequence.embeddings, whole[index].embeddings)
        np.testing.assert_array_equal(sequence.mirrored, whole[index].mirrored)


def test_a_repeated_frame_repeats_its_embedding(sequences, frames_dir):
    (clean, _) = embedded(pending(sequences, frames_dir), [0])[0].embeddings
    np.testing.assert_array_equal(clean[3], clean[2])
    np.testing.assert_array_equal(clean[4], clean[2])
    assert not np.array_equal(clean[1], clean[2])


def test_hands_are_searched_once_in_each_frame_of_the_clean_view(sequences, frames_dir):
    detector = FakeDetector()
    for sequence, paths in zip(embedded(pending(sequences, frames_dir, detector)), sequences["frames"], strict=True):
        assert sequence.boxes.shape == (3, 2, 4)
        for step, time in enumerate((0, 3, 4)):
            frame = cv2.resize(cv2.imread(str(frames_dir / paths[time])), (16, 16), interpolation=cv2.INTER_AREA)
            expected = detector.find(frame.mean() / 255)
            np.testing.assert_allclose(sequence.scores[step, : len(expected.scores)], expected.scores[:2], rtol=1e-5)
            assert np.isnan(sequence.scores[step]).all() == (len(expected.scores) == 0)
    assert detector.shown == 6 * 2  # steps 3 and 4 show the same frame


def test_without_a_detector_no_hands_are_found(sequences, frames_dir):
    for sequence in embedded(pending(sequences, frames_dir)):
        assert np.isnan(sequence.boxes).all()
        assert np.isnan(sequence.scores).all()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_clip_is_read_only_when_its_embeddings_are_consumed(sequences, frames_dir, workers):
    made = pending(sequences, frames_dir, views=0, workers=workers)
    (frames_dir / sequences["frames"].iloc[1][0]).unlink()
    running = made.embed([ClipRequest(index, (0,), hands=True) for index in range(6)])
    next(running)
    with pytest.raises(HandGesturesError, match="restore the file"):
        next(running)
