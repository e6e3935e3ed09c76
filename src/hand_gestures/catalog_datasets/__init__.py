"""Kedro datasets of this project: `load` returns a light handle, `save` consumes a stream."""

from hand_gestures.catalog_datasets.atomic_datasets import JSONDataset, ParquetDataset, TextDataset
from hand_gestures.catalog_datasets.bundle_dataset import BundleDataset
from hand_gestures.catalog_datasets.embeddings_dataset import EmbeddingsDataset
from hand_gestures.catalog_datasets.folder_dataset import FolderDataset
from hand_gestures.catalog_datasets.function_dataset import FunctionDataset
from hand_gestures.catalog_datasets.image_folder_dataset import ImageFolderDataset
from hand_gestures.catalog_datasets.plot_dataset import PlotDataset
from hand_gestures.catalog_datasets.safe_csv_dataset import SafeCSVDataset

__all__ = [
    "BundleDataset",
    "EmbeddingsDataset",
    "FolderDataset",
    "FunctionDataset",
    "ImageFolderDataset",
    "JSONDataset",
    "ParquetDataset",
    "PlotDataset",
    "SafeCSVDataset",
    "TextDataset",
]
