"""Tables, records and pages that are replaced whole: a killed save leaves the old file."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from kedro_datasets import json, pandas, text

from hand_gestures.utils.resumable import atomic_write


class AtomicSave:
    """``AtomicSave`` is inherited before a dataset of kedro-datasets; its file is written aside and moved to its place.

    Example:

    .. code-block:: python

        class TextDataset(AtomicSave, text.TextDataset): ...
    """

    _copy: Callable[..., Any]  # the datasets have these two
    _get_save_path: Callable[[], PurePosixPath]

    def save(self, data: Any) -> None:
        with atomic_write(Path(self._get_save_path())) as partial:
            # the copy has no version: `partial` is the whole path
            aside = self._copy(_filepath=PurePosixPath(partial), _version=None)
            super(AtomicSave, aside).save(data)  # type: ignore[misc]


class JSONDataset(AtomicSave, json.JSONDataset):
    """``JSONDataset`` is the one of kedro-datasets with an atomic save.

    Example usage for the YAML API:

    .. code-block:: yaml

        class_names:
          type: hand_gestures.catalog_datasets.JSONDataset
          filepath: data/03_primary/class_names.json
    """


class ParquetDataset(AtomicSave, pandas.ParquetDataset):
    """``ParquetDataset`` is the one of kedro-datasets with an atomic save.

    Example usage for the YAML API:

    .. code-block:: yaml

        sequences:
          type: hand_gestures.catalog_datasets.ParquetDataset
          filepath: data/03_primary/sequences.parquet
    """


class TextDataset(AtomicSave, text.TextDataset):
    """``TextDataset`` is the one of kedro-datasets with an atomic save.

    Example usage for the YAML API:

    .. code-block:: yaml

        report:
          type: hand_gestures.catalog_datasets.TextDataset
          filepath: data/08_reporting/report.html
    """
