"""Networks that classify clip embeddings, and the bundle in which a trained one is saved.

Only the bundle is exported here: it does not import torch, and Kedro imports this package at every start.
"""

from hand_gestures.classifier.bundle import Bundle, load_bundle, save_bundle

__all__ = ["Bundle", "load_bundle", "save_bundle"]
