"""Settings of a training that takes a moment."""

NETWORK = {"hidden": 8, "layers": 1, "dropout": 0.0, "standardise": True}
TRAINING = {
    "epochs": 3,
    "patience": None,
    "batch_size": 8,
    "learning_rate": 0.02,
    "weight_decay": 1e-4,
    "gradient_clip": 1.0,
    "label_smoothing": 0.0,
    "class_weights": "none",
    "precision": "float32",
    "device": "cpu",
    "preload": "auto",
    "preload_share": 0.25,
    "preload_precision": "float32",
    "views": None,
    "view_sampling": "all",
    "workers": 0,
}
