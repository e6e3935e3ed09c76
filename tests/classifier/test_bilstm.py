import pytest
import torch

from hand_gestures.classifier.bilstm import (
    ChannelAttentionLayer,
    CNNBiLSTMWithAttention,
    ResidualLSTM,
    SequenceAttentionLayer,
)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return CNNBiLSTMWithAttention(classes=5, channels=12, width=10, hidden=8, layers=3, dropout=0.3).eval()


@pytest.fixture
def clips():
    return torch.randn(4, 12, 32, 10, generator=torch.Generator().manual_seed(1))


def test_outputs_have_their_shapes_and_attention_sums_to_one(network, clips):
    output = network(clips)
    assert output.logits.shape == (4, 5)
    assert output.channel_attention.shape == (4, 12)
    assert output.sequence_attention.shape == (4, 12, 32)
    torch.testing.assert_close(output.channel_attention.sum(-1), torch.ones(4))
    torch.testing.assert_close(output.sequence_attention.sum(-1), torch.ones(4, 12))


def test_reversing_time_changes_the_output(network, clips):
    assert (network(clips).logits - network(clips.flip(2)).logits).abs().max() > 1e-3


def test_the_output_of_a_clip_does_not_depend_on_the_other_clips(network, clips):
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(network(clips[order]).logits, network(clips).logits[order])
    torch.testing.assert_close(network(clips[:1]).logits, network(clips).logits[:1])


def test_recurrence_runs_over_time_within_each_channel(clips):
    """A change at one time step of one channel reaches the other steps of that channel and no other channel."""
    recurrence = ResidualLSTM(10, 8, 2, 0.0).eval()
    before = recurrence(clips.flatten(0, 1)).unflatten(0, (4, 12))
    changed = clips.clone()
    changed[1, 3, 16] += 1
    difference = (recurrence(changed.flatten(0, 1)).unflatten(0, (4, 12)) - before).abs().amax(dim=-1)
    assert (difference[1, 3] > 0).all()
    difference[1, 3] = 0
    assert difference.max() == 0


def test_the_residual_is_linear_and_added_to_the_recurrence(clips):
    recurrence = ResidualLSTM(10, 8, 1, 0.0).eval()
    steps = clips[0]
    torch.testing.assert_close(recurrence(steps) - recurrence.lstm(steps)[0], recurrence.residual(steps))


@pytest.mark.parametrize("layer", [SequenceAttentionLayer(6), ChannelAttentionLayer(6)])
def test_attention_returns_the_weighted_mean(layer):
    items = torch.randn(3, 7, 6)
    pooled, weights = layer(items)
    torch.testing.assert_close(pooled, (weights[..., None] * items).sum(1))


def test_standardised_input_has_mean_zero(network):
    clips = torch.randn(50, 12, 32, 10) * 7 + 3
    clips[:, 2, :, 4] = 5.0  # a padded feature never varies
    network.standardise_with(clips.mean((0, 2)), clips.std((0, 2)))
    standardised = (clips - network.mean) / network.spread
    torch.testing.assert_close(standardised.mean((0, 2)), torch.zeros(12, 10), atol=1e-4, rtol=0)
    assert torch.isfinite(network(clips).logits).all()
    assert {"mean", "spread"} <= network.state_dict().keys()
