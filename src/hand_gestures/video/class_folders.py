"""A folder with one folder a class: what may be read in it, and why the rest may not."""

import os
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from hand_gestures.utils.rules import ALL_CLASSES

INGEST_FOLDER = ".ingest"  # the ingest keeps its records there, beside the class folders it fills
NOT_UTF8 = "name is not UTF-8"
OUTSIDE = "link that leads outside the folder"


class Rejected(NamedTuple):
    """One row of a table of rejects; `path` is relative to the folder."""

    path: str
    reason: str


def rejects_table(rejected: list[Rejected]) -> pd.DataFrame:
    """The rejects, ordered by path."""
    return pd.DataFrame(sorted(rejected), columns=Rejected._fields)


def reject(path: str, reason: str) -> Rejected:
    """A row that any table can hold: what of the path is no text is replaced."""
    return Rejected(os.fsencode(path).decode(errors="replace"), reason)


def class_folders(root: Path, rejected: list[Rejected]) -> list[str]:
    """Names of the class folders, ordered; whatever else stands beside them is rejected."""
    names = []
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.name == INGEST_FOLDER:
                continue
            reason = entry_fault(entry, root)
            if reason is None and not entry.is_dir():
                reason = "not inside a class folder"
            elif reason is None and entry.name == ALL_CLASSES:
                reason = "tables call all classes together so: rename the class"
            if reason is None:
                names.append(entry.name)
            else:
                rejected.append(reject(entry.name, reason))
    return sorted(names)


def class_files(root: Path, class_name: str, rejected: list[Rejected]) -> list[os.DirEntry]:
    """The files of a class, ordered by name; folders, hidden files and links that lead outside are rejected."""
    try:
        with os.scandir(root / class_name) as scanned:
            entries = sorted(scanned, key=lambda entry: entry.name)
    except OSError as error:
        rejected.append(Rejected(f"{class_name}/", f"cannot be read: {error.strerror}"))
        return []
    files = []
    for entry in entries:
        reason = entry_fault(entry, root)
        if reason is None and entry.is_dir():
            reason = "folder inside a class folder"
        elif reason is None and not entry.is_file():
            reason = "no file that can be read"  # a pipe, say, for which a reader would wait for ever
        if reason is None:
            files.append(entry)
        else:
            rejected.append(reject(f"{class_name}/{entry.name}", reason))
    return files


def entry_fault(entry: os.DirEntry, root: Path) -> str | None:
    """Why an entry may not be read, or None."""
    try:
        if entry.name.startswith("."):
            return "hidden"
        if not _is_text(entry.name):
            return NOT_UTF8
        if entry.is_symlink():
            entry.stat()  # a link to nowhere, or to itself
            if not Path(entry.path).resolve().is_relative_to(root.resolve()):
                return OUTSIDE
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None


def _is_text(name: str) -> bool:
    """False for a name whose bytes are not UTF-8: no table could hold it."""
    return name.isascii() or name.encode(errors="ignore").decode() == name
