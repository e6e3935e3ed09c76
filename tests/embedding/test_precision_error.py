import logging

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from hand_gestures.backbones.networks import load_resnext, load_vit
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.embedding.precision_error import (
    compare_channels,
    log_precision_error,
    measure_precision_error,
    sample_frames,
)
from small_backbones import local_files, random_frames


@pytest.fixture
def exact():
    """Embeddings that differ little from their mean, as those of one data set."""
    rng = np.random.default_rng(0)
    return (100 + rng.normal(0, 1, (50, 12, 16))).astype(np.float32)


def test_equal_embeddings_have_no_error(exact):
    assert set(compare_channels(exact, exact)) == set(CHANNEL_NAMES)
    for error in compare_channels(exact, exact).values():
        assert error == {"cosine": 1.0, "relative_l2": 0.0}


def test_the_centred_cosine_shows_an_error_that_the_plain_cosine_hides(exact):
    noisy = exact.copy()
    noisy[:, 3] += np.random.default_rng(1).normal(0, 1, (50, 16))
    found = compare_channels(exact, noisy)[CHANNEL_NAMES[3]]
    plain = (
        (exact[:, 3] * noisy[:, 3]).sum(1) / np.linalg.norm(exact[:, 3], axis=1) / np.linalg.norm(noisy[:, 3], axis=1)
    )
    assert plain.mean() > 0.999
    assert 0.6 < found["cosine"] < 0.8
    assert found["relative_l2"] == pytest.approx(0.01, rel=0.1)
    assert compare_channels(exact, noisy)[CHANNEL_NAMES[4]]["cosine"] == 1.0


def test_a_constant_channel_without_error_has_cosine_one():
    same = np.ones((5, 12, 4), np.float32)
    assert compare_channels(same, same)["full_vit"] == {"cosine": 1.0, "relative_l2": 0.0}


def test_bfloat16_has_a_small_error_and_float32_none(vit_folder, resnext_folder):
    frames = random_frames(seed=7, count=5, height=60, width=80).permute(0, 2, 3, 1).contiguous()
    backbones = load_vit(local_files(vit_folder)), load_resnext(local_files(resnext_folder))
    rough, exact = (
        measure_precision_error(*backbones, frames, torch.device("cpu"), kind) for kind in ("bfloat16", "float32")
    )
    assert all(0.8 < error["cosine"] < 1 and 0 < error["relative_l2"] < 0.2 for error in rough.values())
    assert all(error == {"cosine": 1.0, "relative_l2": 0.0} for error in exact.values())


def test_sample_frames_reads_the_middle_frames_of_24_sequences(tmp_path):
    paths = [[f"v{video}_frame_{number}.png" for number in range(3)] for video in range(40)]
    for _, middle, _ in paths:
        cv2.imwrite(str(tmp_path / middle), np.zeros((24, 32, 3), np.uint8))
    frames = sample_frames(pd.DataFrame({"frames": paths}), tmp_path, 16)
    assert frames.shape == (24, 16, 16, 3)
    assert frames.dtype == torch.uint8


def test_the_worst_values_are_logged_first(exact, caplog):
    noisy = exact.copy()
    noisy[:, 3] += np.random.default_rng(1).normal(0, 1, (50, 16))
    precision_error = compare_channels(exact, noisy)
    with caplog.at_level(logging.INFO):
        log_precision_error("bfloat16", precision_error)
    first, *rows = caplog.messages[0].splitlines()
    worst = precision_error[CHANNEL_NAMES[3]]
    assert first == (
        f"bfloat16 compared with float32: centred cosine at least {worst['cosine']:.4f}, "
        f"relative L2 at most {worst['relative_l2']:.4f}"
    )
    assert len(rows) == 13
