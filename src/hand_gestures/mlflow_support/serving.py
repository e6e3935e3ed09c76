"""A bundle as an MLflow model: with signature, input example and the code that runs it, and without pickles."""

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
from hand_gestures.classifier.bundle import Bundle, save_bundle
from hand_gestures.store.embedding_file import EmbeddingFile

PACKAGE = Path(hand_gestures.__file__).parent
BUNDLE, CHANNELS = "classifier", "channel_names.json"  # artifacts; served_model.py reads them
REQUIREMENTS = ("mlflow", "torch", "einops", "safetensors", "numpy", "pandas")  # where the model is served


def log_model(bundle: Bundle, file: EmbeddingFile) -> ModelInfo:
    """Log a model in the active run.

    Args:
        bundle: the model.
        file: embeddings as the model will get them; the first clip becomes the input example, and its channels are
            those that the served model expects.
    """
    MLFLOW_UV_AUTO_DETECT.set(False)  # it would add the whole lock of this project
    example = np.empty((min(1, len(file)), *file.header.shape[1:]), np.float32)
    for row, clip in enumerate(example):
        file.reader()(row, clip)
    with tempfile.TemporaryDirectory() as folder:
        bundle_folder, channels = Path(folder) / BUNDLE, Path(folder) / CHANNELS
        save_bundle(bundle, bundle_folder)
        channels.write_text(json.dumps(file.header.channel_names))
        return mlflow.pyfunc.log_model(
            name="model",
            python_model=str(PACKAGE / "mlflow_support" / "served_model.py"),
            artifacts={BUNDLE: str(bundle_folder), CHANNELS: str(channels)},
            code_paths=[str(PACKAGE)],
            signature=_signature(example),
            input_example=example,
            # package indexes do not hold the local part of a version, such as "+cpu"
            pip_requirements=[f"{name}=={version(name).partition('+')[0]}" for name in REQUIREMENTS],
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
