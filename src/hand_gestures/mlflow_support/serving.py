"""A bundle as a model of MLflow: with a signature, an example and the code that runs it, nothing pickled."""

import json
import tempfile
from importlib.metadata import version
from pathlib import Path

import mlflow
import numpy as np
from mlflow.environment_variables import MLFLOW_UV_AUTO_DETECT
from mlflow.models import ModelSignature
from mlflow.models.model import ModelInfo
from mlflow.types import ColSpec, DataType, Schema, TensorSpec
from mlflow.types.schema import Map

import hand_gestures
from hand_gestures.classifier import Bundle, save_bundle
from hand_gestures.store.embedding_file import EmbeddingFile

PACKAGE = Path(hand_gestures.__file__).parent
BUNDLE, CHANNELS = "classifier", "channel_names.json"  # artifacts; see served_model.py
PACKAGES = ("mlflow", "torch", "einops", "safetensors", "numpy", "pandas")  # that the model needs where it is served


def log_model(bundle: Bundle, file: EmbeddingFile) -> ModelInfo:
    """Log the model in the active run; it takes clips as `file` holds them, whose first is the example."""
    MLFLOW_UV_AUTO_DETECT.set(False)  # it would add this project's whole lock
    with file.open() as opened:
        example = opened["embeddings/data"][:1].astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        bundle_folder, channels = Path(folder) / BUNDLE, Path(folder) / CHANNELS
        save_bundle(bundle, bundle_folder)
        channels.write_text(json.dumps(file.header.channel_names))
        return mlflow.pyfunc.log_model(
            name="model",
            python_model=str(PACKAGE / "served_model.py"),
            artifacts={BUNDLE: str(bundle_folder), CHANNELS: str(channels)},
            code_paths=[str(PACKAGE)],
            signature=_signature(example),
            input_example=example,
            # no index has the local part of a version ("+cpu")
            pip_requirements=[f"{name}=={version(name).partition('+')[0]}" for name in PACKAGES],
        )


def _signature(example: np.ndarray) -> ModelSignature:
    return ModelSignature(
        Schema([TensorSpec(example.dtype, (-1, *example.shape[1:]))]),
        Schema(
            [
                ColSpec(DataType.string, "predicted"),
                ColSpec(DataType.double, "confidence"),
                ColSpec(Map(DataType.double), "probabilities"),
            ]
        ),
    )
