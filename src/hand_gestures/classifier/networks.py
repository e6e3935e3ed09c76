"""The networks by name."""

import inspect
from typing import Any

from hand_gestures.classifier.base import GestureNetwork
from hand_gestures.classifier.bilstm import CNNBiLSTMWithAttention
from hand_gestures.classifier.probes import AttentiveProbe, LinearProbe

NETWORKS: dict[str, type[GestureNetwork]] = {
    "bilstm": CNNBiLSTMWithAttention,
    "attentive_probe": AttentiveProbe,
    "linear_probe": LinearProbe,
}


def describe_network(name: str, **sizes: Any) -> dict[str, Any]:
    """The architecture of a bundle: the network's name and, of `sizes`, those that this network takes."""
    return {"name": name, **{size: sizes[size] for size in inspect.signature(NETWORKS[name]).parameters}}


def build_network(architecture: dict[str, Any]) -> GestureNetwork:
    """The network that `describe_network` described, with fresh weights."""
    sizes = dict(architecture)
    return NETWORKS[sizes.pop("name")](**sizes)
