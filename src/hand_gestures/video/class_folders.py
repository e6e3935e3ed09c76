"""A folder with one folder per class: which entries can be read, and why the others are rejected."""

import os
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from hand_gestures.utils.names import escape_control_characters, has_control_character, nfc
from hand_gestures.utils.rules import ALL_CLASSES

# Files that macOS and Windows write into any folder. They are no data of the user, so no table lists them.
SYSTEM_FILES = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
SYSTEM_PREFIX = "._"  # macOS keeps attributes of a file in one of this prefix on foreign file systems
INGEST_FOLDER = ".ingest"  # the ingest keeps its records there, beside the class folders that it fills


class Rejected(NamedTuple):
    """One row of a table of rejects.

    Attributes:
        path: relative to the folder; on one line, so a line break is written as \\n.
        reason: why the entry is not used.

    Example:
        >>> Rejected("wave/notes.txt", "name does not end in .mp4")
        Rejected(path='wave/notes.txt', reason='name does not end in .mp4')
    """

    path: str
    reason: str


def rejects_table(rejected: list[Rejected]) -> pd.DataFrame:
    """The rejects as a table.

    Args:
        rejected: in any order.

    Returns:
        Columns `path` and `reason`, ordered by path.
    """
    return pd.DataFrame(sorted(rejected), columns=Rejected._fields)


def reject(path: str, reason: str) -> Rejected:
    """A row that every table format can store.

    Args:
        path: as the file system gives it; bytes that are not UTF-8 are replaced, control characters are escaped.
        reason: why the entry is not used.
    """
    return Rejected(shown(path), reason)


def shown(path: str) -> str:
    """A path as it can be written into a table, a report or a log, on one line.

    Args:
        path: as the file system gives it; bytes that are not UTF-8 are replaced, control characters are escaped.
    """
    return escape_control_characters(os.fsencode(path).decode(errors="replace"))


def is_system_file(name: str) -> bool:
    """Whether an operating system wrote a file of this name beside the user's; such files are ignored.

    Args:
        name: without folders.
    """
    return name.startswith(SYSTEM_PREFIX) or name.casefold() in SYSTEM_FILES


def class_folders(root: Path, rejected: list[Rejected]) -> list[str]:
    """Names of the class folders.

    Args:
        root: the folder that holds them.
        rejected: every other entry of `root` is appended to it, except system files.

    Returns:
        The names as they are on disk, ordered by class: two folders may be one class, see `nfc`.
    """
    names = []
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.name == INGEST_FOLDER or _is_ignored(entry):
                continue
            reason = _entry_fault(entry, root)
            if reason is None and not entry.is_dir():
                reason = "not inside a class folder"
            elif reason is None and entry.name == ALL_CLASSES:
                reason = "tables use this name for all classes together; rename the class"
            if reason is None:
                names.append(entry.name)
            else:
                rejected.append(reject(entry.name, reason))
    return sorted(names, key=lambda name: (nfc(name), name))


def class_files(root: Path, class_name: str, rejected: list[Rejected]) -> list[os.DirEntry]:
    """The files of one class.

    Args:
        root: the folder that holds the class folders.
        class_name: name of the class folder.
        rejected: folders, hidden files and links that lead outside `root` are appended to it; system files are not.

    Returns:
        The files, ordered by name.
    """
    files, folders = _sorted_entries(root, class_name, rejected)
    rejected += [reject(f"{class_name}/{folder.name}", "folder inside a class folder") for folder in folders]
    return files


def nested_class_files(root: Path, class_name: str, rejected: list[Rejected]) -> list[os.DirEntry]:
    """The files of one class, those in folders inside the class folder included.

    Args:
        root: the folder that holds the class folders.
        class_name: name of the class folder.
        rejected: hidden entries, links to folders and links that lead outside `root` are appended to it.

    Returns:
        The files, folder by folder, ordered by name within each.
    """
    found, waiting = [], [class_name]
    while waiting:
        inside = waiting.pop()
        files, folders = _sorted_entries(root, inside, rejected)
        found += files
        for folder in reversed(folders):
            path = f"{inside}/{folder.name}"
            if folder.is_symlink():  # it may lead to a folder above it
                rejected.append(reject(path, "link to a folder"))
            else:
                waiting.append(path)
    return found


def _sorted_entries(root: Path, inside: str, rejected: list[Rejected]) -> tuple[list[os.DirEntry], list[os.DirEntry]]:
    """Files and folders directly in a folder below `root`, ordered by name; all others are appended to `rejected`."""
    try:
        with os.scandir(root / inside) as scanned:
            entries = sorted((entry for entry in scanned if not _is_ignored(entry)), key=lambda entry: entry.name)
    except OSError as error:
        rejected.append(Rejected(f"{inside}/", f"cannot be read: {error.strerror}"))
        return [], []
    files, folders = [], []
    for entry in entries:
        reason = _entry_fault(entry, root)
        if reason is None and entry.is_dir():
            folders.append(entry)
        elif reason is None and entry.is_file():
            files.append(entry)
        else:  # reading a pipe, for example, would wait forever
            rejected.append(reject(f"{inside}/{entry.name}", reason or "not a regular file"))
    return files, folders


def _is_ignored(entry: os.DirEntry) -> bool:
    return is_system_file(entry.name) and not entry.is_dir(follow_symlinks=False)


def _entry_fault(entry: os.DirEntry, root: Path) -> str | None:
    """Why an entry must not be read, or None."""
    try:
        if entry.name.startswith("."):
            return "hidden"
        if not _is_utf8(entry.name):
            return "name is not UTF-8"
        if has_control_character(entry.name):  # no table and no log line can show it as it is
            return "name holds a control character"
        if entry.is_symlink():
            entry.stat()  # raises for a link whose target is missing, and for a loop of links
            if not Path(entry.path).resolve().is_relative_to(root.resolve()):
                return "link that leads outside the folder"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None


def _is_utf8(name: str) -> bool:
    """False for a name whose bytes are not UTF-8: no table could store it."""
    return name.isascii() or name.encode(errors="ignore").decode() == name
