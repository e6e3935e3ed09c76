"""Files that belong together but are replaced one after another: a kill between two of them is found later."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hand_gestures.utils.resumable import read_json, write_json


class Mixture(NamedTuple):
    """Names of files that were replaced and names of files that were not, when a run stopped between them."""

    replaced: list[str]
    old: list[str]


class JointSaves:
    """The files that one step writes. A marker file holds their state from before the first is replaced.

    Each file must be replaced whole, by a rename: only then its state changes exactly when its content does.

    Args:
        marker: path of the marker file.
        files: file or folder by name.

    Example:
        >>> saves = JointSaves(Path("make_split.unfinished"), {"split": Path("split.csv"), "train": Path("train.csv")})
        >>> saves.begin()
        >>> # a kill here, after split.csv was replaced, makes saves.mixture() name both files
        >>> saves.end()
    """

    def __init__(self, marker: Path, files: Mapping[str, Path]) -> None:
        self.marker = marker
        self.files = files

    def begin(self) -> None:
        """Write the marker before the first file is replaced. After a stop between two files the old marker stays."""
        if self.mixture() is None:
            write_json(self.marker, {name: _state(path) for name, path in self.files.items()})

    def end(self) -> None:
        """Remove the marker: all files are replaced."""
        self.marker.unlink(missing_ok=True)

    def mixture(self) -> Mixture | None:
        """The mixed files, or None if no run stopped here, or it stopped before the first or after the last file."""
        before: Any = read_json(self.marker)
        if not isinstance(before, dict):
            return None
        replaced = [name for name, path in self.files.items() if before.get(name) != _state(path)]
        old = [name for name in self.files if name not in replaced]
        return Mixture(replaced, old) if replaced and old else None


def _state(path: Path) -> list[int] | None:
    """What changes when a file or a folder is replaced; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_mtime_ns, found.st_size]  # not the inode: a copied data folder keeps its times
