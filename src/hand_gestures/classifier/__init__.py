"""The networks that read embeddings, and the bundle that a trained one travels in."""

from hand_gestures.classifier.base import GestureNetwork, GestureOutput
from hand_gestures.classifier.bilstm import CNNBiLSTMWithAttention
from hand_gestures.classifier.bundle import Bundle, load_bundle, save_bundle
from hand_gestures.classifier.networks import NETWORKS, build_network, describe_network

__all__ = [
    "NETWORKS",
    "Bundle",
    "CNNBiLSTMWithAttention",
    "GestureNetwork",
    "GestureOutput",
    "build_network",
    "describe_network",
    "load_bundle",
    "save_bundle",
]
