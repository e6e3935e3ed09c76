"""Catalog datasets of this project: `load` returns a light handle, `save` consumes a stream."""

from hand_gestures.datasets.bundle_dataset import BundleDataset
from hand_gestures.datasets.embeddings_dataset import EmbeddingsDataset
from hand_gestures.datasets.figure_dataset import FigureDataset
from hand_gestures.datasets.folder_dataset import FolderDataset
from hand_gestures.datasets.image_folder_dataset import ImageFolderDataset

__all__ = ["BundleDataset", "EmbeddingsDataset", "FigureDataset", "FolderDataset", "ImageFolderDataset"]
