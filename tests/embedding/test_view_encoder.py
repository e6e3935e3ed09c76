"""Landmarks beside the twelve channels, or alone: each frame is read once, and the file says what its channels are."""

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from base_parameters import base_parameters
from hand_gestures.augmentation.landmark_augmentation import FOUND, LANDMARK_CHANNELS, WIDTH
from hand_gestures.backbones.fetch import fetch_models, model_identity
from hand_gestures.backbones.networks import Backbone
from hand_gestures.backbones.preprocessing import Preprocessing
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.embedding.clip_views import ClipViews
from hand_gestures.embedding.extractor import ClipEmbedder
from hand_gestures.embedding.landmark_encoder import LandmarkEncoder
from hand_gestures.embedding.plan import make_extraction_recipe, plan_embeddings
from hand_gestures.embedding.view_encoder import ViewEncoder
from hand_gestures.parameters import (
    AugmentationParameters,
    ClipParameters,
    ExtractionParameters,
    HandParameters,
    LandmarkParameters,
)
from hand_gestures.store.embedding_file import ClipRequest, EmbeddingFile
from hand_gestures.store.write import write_embeddings
from hand_gestures.utils.errors import HandGesturesError
from landmark_models import MODELS, drawn_clip, needs_landmark_models

CLASSES = ["swipe_left", "swipe_right"]
FRAMES = 8


@pytest.fixture(scope="module")
def landmarks():
    return LandmarkEncoder(MODELS, "lite", search_every=1, trim=False)


@pytest.fixture
def frames_dir(tmp_path):
    for name in CLASSES:
        (tmp_path / name).mkdir()
        for number, frame in enumerate(drawn_clip(name)[4:28:3]):
            cv2.imwrite(str(tmp_path / name / f"v0_frame_{number}.png"), frame[..., ::-1])
    return tmp_path


def clip_table(frames_dir):
    rows = [(f"{name}/v0", name, [f"{name}/v0_frame_{number}.png" for number in range(FRAMES)]) for name in CLASSES]
    return pd.DataFrame(rows, columns=["sequence_id", "class_name", "frames"])


def small_embedder(width):
    torch.manual_seed(1)
    networks = [nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, n)) for n in (width, 3 * width)]
    backbones = [
        Backbone(net.eval(), net[2].out_features, Preprocessing(8, "bilinear", (0.5,) * 3, (0.5,) * 3))
        for net in networks
    ]
    return ClipEmbedder(*backbones, torch.device("cpu"))


def plan(frames_dir, **augmentation):
    parameters = base_parameters(LandmarkParameters, path=str(MODELS), complexity="lite")
    models = fetch_models(None, None, None, parameters.model_dump(exclude={"licence"}))
    extraction = base_parameters(ExtractionParameters, encoders=["landmarks"], precision="float32", workers=0)
    augment = base_parameters(
        AugmentationParameters, **{"views": 0, "mirrored_classes": {"swipe_left": "swipe_right"}} | augmentation
    )
    clips = base_parameters(ClipParameters, frames=FRAMES, size=240)
    hands = base_parameters(HandParameters, enabled=False)
    recipe = make_extraction_recipe(models, CLASSES, clips, augment, hands, extraction, 1)
    tables, digests = {"training": clip_table(frames_dir)}, frames_dir / "digests.sqlite"
    return recipe, plan_embeddings(tables, frames_dir, recipe, models, {}, extraction, digests)["training"]


@needs_landmark_models
def test_landmarks_alone_need_no_backbone_and_fill_a_file(frames_dir, tmp_path):
    recipe, pending = plan(frames_dir)
    write_embeddings(tmp_path / "train.h5", pending)
    file = EmbeddingFile(tmp_path / "train.h5")
    assert file.header.shape == (2, FRAMES, len(LANDMARK_CHANNELS), WIDTH)
    assert file.header.channel_names == LANDMARK_CHANNELS
    assert list(recipe["provenance"]["models"]) == ["landmarks"]
    assert recipe["contract"]["backbones"] == {}
    assert file.header.contract["channels"] == list(LANDMARK_CHANNELS)
    assert file.header.recipe["mirrored_labels"] == {"swipe_left": "swipe_right", "swipe_right": "swipe_left"}
    clip = np.empty(file.header.shape[1:], np.float32)
    file.reader()(0, clip)
    assert clip[:, 0, FOUND].mean() > 0.5


@needs_landmark_models
def test_landmarks_of_a_squeezed_view_are_those_of_the_frames_on_disk(frames_dir, landmarks):
    _, pending = plan(frames_dir)  # frames of 320 by 240, embedded as 240 by 240
    [sequence] = pending.embed([ClipRequest(0, (0,), hands=False)])
    expected = landmarks(drawn_clip("swipe_left")[4:28:3])
    both = (sequence.embeddings[0][..., FOUND] > 0) & (expected[..., FOUND] > 0)
    assert both.sum() >= 4
    assert np.median(np.abs(sequence.embeddings[0] - expected)[both]) < 0.05


@needs_landmark_models
@pytest.mark.parametrize("width", [16, 150])
def test_both_encoders_side_by_side_keep_their_own_numbers(landmarks, width):
    frames = torch.from_numpy(drawn_clip()[8:12].copy())
    views = torch.stack([frames, frames.flip(2)])
    clip = ClipViews(0, views, torch.arange(4), torch.tensor([False, True]), 320 / 240)
    backbones = small_embedder(width)
    encoder = ViewEncoder(backbones, landmarks)
    both = encoder.start(clip)()
    assert encoder.channel_names == CHANNEL_NAMES + LANDMARK_CHANNELS
    assert both.shape == (2, 4, 14, encoder.width)
    assert encoder.width == max(width, WIDTH)
    assert np.array_equal(both[:, :, :12, :width], backbones(views.flatten(0, 1)).reshape(2, 4, 12, width))
    assert np.array_equal(both[0, :, 12:, :WIDTH], landmarks(frames.numpy(), 320 / 240))
    assert (both[:, :, :12, width:] == 0).all()
    assert (both[:, :, 12:, WIDTH:] == 0).all()


@needs_landmark_models
def test_the_contract_knows_the_landmark_models_but_not_their_folder(frames_dir):
    recipe, _ = plan(frames_dir)
    parameters = base_parameters(LandmarkParameters, path=str(MODELS)).model_dump(exclude={"licence"})
    full, other = (
        fetch_models(None, None, None, parameters | change)["landmarks"] for change in ({}, {"search_every": 4})
    )
    lite = recipe["contract"]["landmarks"]
    assert model_identity(full)["sha256"] != lite["sha256"]
    assert model_identity(full) != model_identity(other)
    assert "folder" not in lite
    assert lite["features"] == 1


@needs_landmark_models
def test_directions_without_mirror_classes_stop_landmarks_too(frames_dir):
    with pytest.raises(HandGesturesError, match="mirrored_classes does not say what becomes of swipe_left"):
        plan(frames_dir, mirrored_classes={})
    plan(frames_dir, mirrored_classes={}, horizontal_flip=0.0)


@pytest.mark.parametrize(
    ("encoders", "reason"),
    [(["vit"], "vit and resnext together"), ([], "at least one"), (["landmarks", "landmarks"], "each encoder once")],
)
def test_encoders_that_give_no_channels_are_refused(encoders, reason):
    with pytest.raises(ValueError, match=reason):
        base_parameters(ExtractionParameters, encoders=encoders)


def test_landmarks_are_not_trimmed_beside_other_channels(vit_folder, resnext_folder):
    source = {"name": "owner/name", "revision": "main"}
    trimmed = base_parameters(LandmarkParameters, path=str(MODELS), trim=True).model_dump(exclude={"licence"})
    with pytest.raises(HandGesturesError, match=r"set landmarks\.trim to false"):
        fetch_models({**source, "path": str(vit_folder)}, {**source, "path": str(resnext_folder)}, None, trimmed)
