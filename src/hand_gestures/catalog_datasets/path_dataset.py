"""What all datasets of this package share: a file or folder at a path."""

from pathlib import Path
from typing import Any, TypeVar

from kedro.io import AbstractDataset

In = TypeVar("In")
Out = TypeVar("Out")


class PathDataset(AbstractDataset[In, Out]):
    """Base class of datasets that are one file or folder; subclasses define ``load`` and ``save``."""

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        """
        Args:
            filepath: the file or folder.
            metadata: ignored by Kedro and read by plugins.
        """
        self._filepath = Path(filepath)
        self.metadata = metadata

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath}
