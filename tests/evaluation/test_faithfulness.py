from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
import torch
from einops import einsum, reduce
from torch import nn

from hand_gestures.classifier import Bundle
from hand_gestures.classifier.base import GestureOutput
from hand_gestures.classifier.networks import NETWORKS, build_network, describe_network
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.evaluation.faithfulness import COLUMNS, faithfulness, measure_faithfulness
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.write import write_embeddings
from hand_gestures.utils.errors import HandGesturesError
from small_embeddings import CHANNELS, CLASS_NAMES, CONTRACT, FRAMES, WIDTH, Clip, pending_embeddings

MEAN = 5.0
MEASURING = {"clips": 100, "draws": 3, "batch_size": 7, "device": torch.device("cpu"), "seed": 1}


class Network(nn.Module):
    """Classifies by the mean over all frames and channels; attention does not change its logits.

    `attend` maps strengths (B, C, T), the distances from the mean, to attention scores of that shape.
    """

    def __init__(self, attend):
        super().__init__()
        self.attend = attend
        self.register_buffer("mean", torch.full((CHANNELS, 1, WIDTH), MEAN))

    def forward(self, clips):
        centred = clips - self.mean
        scores = self.attend(centred.abs().sum(dim=-1))
        by_frame = scores.softmax(dim=-1)
        by_channel = reduce(scores, "b c t -> b c", "mean").softmax(dim=-1)
        logits = einsum(centred[..., : len(CLASS_NAMES)], "b c t k -> b k")
        return GestureOutput(logits, by_channel, by_frame)


@dataclass(frozen=True)
class NetworkBundle(Bundle):
    network: nn.Module | None = None

    def build(self):
        return self.network


def bundle_of(network):
    return NetworkBundle({}, {}, list(CLASS_NAMES), list(CHANNEL_NAMES), FRAMES, CONTRACT, network=network)


def clip_with_one_informative_position(clip, axis, position):
    """The mean everywhere except in one frame (axis 1) or channel (axis 2), which shows the class of the clip."""
    rng = np.random.default_rng(clip)
    embeddings = np.full((1, FRAMES, CHANNELS, WIDTH), MEAN, np.float32)
    index = [0, slice(None), slice(None), clip % 3]
    index[axis] = position
    embeddings[tuple(index)] += 2
    embeddings += rng.normal(0, 0.01, embeddings.shape)
    boxes = np.zeros((2, 3, 4), np.float32)
    return Clip(embeddings.astype(np.float32), np.array([clip % 3]), boxes, boxes[..., 0])


@pytest.fixture
def write_clips(tmp_path):
    """Writes clips that show their class in one position of the axis (1: frame, 2: channel) and nowhere else."""

    def write(axis, clips=60):
        length = (FRAMES, CHANNELS)[axis - 1]
        sequences = [clip_with_one_informative_position(clip, axis, 5 * clip % length) for clip in range(clips)]
        write_embeddings(tmp_path / "val.h5", pending_embeddings(sequences))
        return EmbeddingFile(tmp_path / "val.h5")

    return write


def measure(file, attend, **changes):
    return measure_faithfulness(bundle_of(Network(attend)), file, **{**MEASURING, **changes})


def by_strength(strength):
    return strength


def at_random(strength):
    return torch.randn(strength.shape, generator=torch.Generator().manual_seed(8))


def evenly(strength):
    return torch.zeros_like(strength)


@pytest.mark.parametrize(("axis", "array_axis"), [("frames", 1), ("channels", 2)])
def test_faithful_attention_loses_accuracy_with_the_most_attended_but_not_with_the_least(write_clips, axis, array_axis):
    table = measure(write_clips(array_axis), by_strength)
    some = table[(table["axis"] == axis) & (table["removed"] > 0)]
    assert (some["most_attended"] < 0.6).all()  # chance is a third
    assert (some["least_attended"] == 1).all()
    assert some["random"].is_monotonic_decreasing
    assert faithfulness(table)[f"faithfulness_{axis}"] > 0.3


@pytest.mark.parametrize("attend", [at_random, evenly])
def test_random_or_even_attention_has_a_faithfulness_near_zero(write_clips, attend):
    for axis, array_axis in (("frames", 1), ("channels", 2)):
        assert abs(faithfulness(measure(write_clips(array_axis), attend))[f"faithfulness_{axis}"]) < 0.15


def test_equal_weights_are_removed_in_random_order(tmp_path):
    sequences = [clip_with_one_informative_position(clip, 1, 0) for clip in range(60)]
    write_embeddings(tmp_path / "first.h5", pending_embeddings(sequences))
    assert abs(faithfulness(measure(EmbeddingFile(tmp_path / "first.h5"), evenly))["faithfulness_frames"]) < 0.15


def test_nothing_then_an_eighth_a_quarter_and_a_half_are_removed(write_clips):
    table = measure(write_clips(1), by_strength)
    assert list(table) == COLUMNS
    removed = table.groupby("axis")["removed"].agg(list)
    assert removed.to_dict() == {"frames": [0, 1, 2, 4], "channels": [0, 1, 3, 6]}
    nothing = table[table["removed"] == 0]
    assert (nothing[["most_attended", "random", "random_lowest", "random_highest", "least_attended"]] == 1).all(
        axis=None
    )
    assert (table["random_lowest"] <= table["random"]).all()
    assert (table["random"] <= table["random_highest"]).all()


def test_removed_parts_become_the_mean_and_nothing_else_changes(write_clips):
    seen = []

    class RecordingNetwork(Network):
        def forward(self, clips):
            seen.append(clips.clone())
            return super().forward(clips)

    file = write_clips(1, clips=4)
    measure_faithfulness(bundle_of(RecordingNetwork(by_strength)), file, **MEASURING)
    whole, *others = seen
    assert len(others) == 2 * 3 * (2 + 3)
    for clips in others:
        removed = (clips == MEAN).all(dim=-1)
        assert removed.any()
        assert torch.equal(clips[~removed], whole[~removed])
    counts = sorted({int((clips == MEAN).all(dim=-1).sum()) // len(clips) for clips in others})
    assert counts == [
        1 * FRAMES,
        1 * CHANNELS,
        2 * CHANNELS,
        4 * CHANNELS,
    ]  # 3 and 6 channels: as many cells as 2 and 4 frames


def test_the_batch_size_does_not_change_the_table_but_the_seed_does(write_clips):
    file = write_clips(1)
    table = measure(file, by_strength, clips=20)
    pd.testing.assert_frame_equal(table, measure(file, by_strength, clips=20, batch_size=3))
    assert (table["clips"] == 20).all()
    assert not table.equals(measure(file, by_strength, clips=20, seed=2))


def test_only_clean_views_are_used(write_file):
    file = write_file("val.h5", 5, views=3)
    assert (measure(file, by_strength)["clips"] == 5).all()


def test_zero_clips_measure_nothing(write_clips):
    table = measure(write_clips(1, clips=3), by_strength, clips=0)
    assert list(table) == COLUMNS
    assert table.empty
    assert faithfulness(table) == {}


def small_bundle(name, channel_names):
    torch.manual_seed(3)
    sizes = {"classes": 3, "channels": len(channel_names), "frames": FRAMES, "width": WIDTH}
    architecture = describe_network(name, **sizes, hidden=4, layers=1, dropout=0.0)
    weights = build_network(architecture).copy_weights()
    return Bundle(weights, architecture, list(CLASS_NAMES), list(channel_names), FRAMES, CONTRACT)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_network_is_measured_on_its_own_channels(write_file, name):
    file = write_file("val.h5", 9)
    for channel_names, removed in ((CHANNEL_NAMES, [0, 1, 3, 6]), (CHANNEL_NAMES[:4], [0, 1, 2])):
        table = measure_faithfulness(small_bundle(name, channel_names), file, **MEASURING)
        assert table[table["axis"] == "channels"]["removed"].tolist() == removed
        assert set(faithfulness(table)) == {"faithfulness_frames", "faithfulness_channels"}


def test_embeddings_with_another_contract_are_refused(write_file):
    bundle = replace(small_bundle("bilstm", CHANNEL_NAMES), contract={})
    with pytest.raises(HandGesturesError, match=r"contract backbones\.vit\.sha256 is None for the model and a for"):
        measure_faithfulness(bundle, write_file("val.h5", 3), **MEASURING)
