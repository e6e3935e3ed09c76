"""The network that reads embeddings, and the bundle that a trained one travels in."""

from hand_gestures.classifier.bundle import Bundle, load_bundle, save_bundle
from hand_gestures.classifier.network import CNNBiLSTMWithAttention, GestureOutput

__all__ = ["Bundle", "CNNBiLSTMWithAttention", "GestureOutput", "load_bundle", "save_bundle"]
