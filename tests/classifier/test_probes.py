import pytest
import torch

from hand_gestures.classifier.networks import NETWORKS, build_network, describe_network

SIZES = {"classes": 5, "channels": 12, "frames": 32, "width": 10, "hidden": 8, "layers": 2, "dropout": 0.3}


def build(name):
    torch.manual_seed(0)
    return build_network(describe_network(name, **SIZES)).eval()


@pytest.fixture
def clips():
    return torch.randn(4, 12, 32, 10, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_returns_logits_and_attention_that_sums_to_one(name, clips):
    output = build(name)(clips)
    assert output.logits.shape == (4, 5)
    assert output.channel_attention.shape == (4, 12)
    assert output.sequence_attention.shape == (4, 12, 32)
    torch.testing.assert_close(output.channel_attention.sum(-1), torch.ones(4))
    torch.testing.assert_close(output.sequence_attention.sum(-1), torch.ones(4, 12))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_output_of_a_clip_does_not_depend_on_the_other_clips(name, clips):
    network = build(name)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(network(clips[order]).logits, network(clips).logits[order])
    torch.testing.assert_close(network(clips[:1]).logits, network(clips).logits[:1])


def test_the_linear_probe_ignores_the_order_of_frames_and_the_others_do_not(clips):
    change = {
        name: (build(name)(clips).logits - build(name)(clips.flip(2)).logits).detach().abs().max() for name in NETWORKS
    }
    assert change["linear_probe"] < 1e-5
    assert change["attentive_probe"] > 1e-5
    assert change["bilstm"] > 1e-3


def test_the_attention_of_the_attentive_probe_shows_the_frame_that_its_query_matches(clips):
    network = build("attentive_probe")
    to_query, to_key, _ = network.attention.in_proj_weight.chunk(3)
    with torch.no_grad():
        network.query.mul_(1000)
        network.frame_place[0, 7] = 100 * to_key.T @ to_query @ network.query[0, 0]
    assert (network(clips).sequence_attention[..., 7] > 0.9).all()


@pytest.mark.parametrize(("width", "heads"), [(768, 12), (192, 3), (6, 1), (200, 2)])
def test_the_number_of_heads_divides_the_width(width, heads):
    network = build_network(describe_network("attentive_probe", **SIZES | {"width": width}))
    assert network.attention.num_heads == heads


def test_an_architecture_holds_only_the_sizes_that_its_network_takes():
    assert set(describe_network("linear_probe", **SIZES)) == {"name", "classes", "channels", "width"}
