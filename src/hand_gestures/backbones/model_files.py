"""Where a pretrained model's files are: on disk, or fetched from the hub at a pinned revision."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hand_gestures.utils.errors import HandGesturesError

HUB_TIMEOUT = 10.0  # seconds
COMMIT = re.compile(r"[0-9a-f]{40}")


class ModelUnavailableError(HandGesturesError):
    """A pretrained model cannot be had or is not what it should be."""


@dataclass(frozen=True)
class ModelFiles:
    """One model on disk.

    `folder` holds `weights` (a file name) and its config; `commit` is the resolved revision, None for a
    local path; `sha256` is that of the weights. `trusted_sha256` is set where code in the weights may run:
    in a file with this sha256 and in no other.
    """

    name: str
    revision: str | None
    commit: str | None
    folder: str
    weights: str
    sha256: str
    trusted_sha256: str | None = None

    @property
    def weights_path(self) -> Path:
        return Path(self.folder) / self.weights


def find_model(
    *, what: str, name: str, revision: str, path: str | None, weights: str, config_files: list[str]
) -> ModelFiles:
    """Find a model's files: below the local `path` where one is given, else on the hub.

    Args:
        what: what the model is for, used in errors.
        name: repository on the hub, "owner/name".
        revision: branch, tag or commit of it.
        path: a local folder that holds `weights`, or a weights file itself.
        weights: name of the weights file in the repository.
        config_files: what else is needed from the repository.

    Raises:
        ModelUnavailableError: naming the model, the revision, where it was looked for and what to do.
    """
    if path is not None:
        return _local_model(what, Path(path), weights)
    folder = _fetch(what, name, revision, [weights, *config_files])
    for file in [weights, *config_files]:
        if not (folder / file).is_file():
            raise ModelUnavailableError(
                f"the {what} needs the file {file}, but {name} at revision {revision} has none "
                f"(looked in {folder}); choose another model or revision"
            )
    return ModelFiles(name, revision, folder.name, str(folder), weights, sha256_of(folder / weights))


def sha256_of(file: Path) -> str:
    """64 hex digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def require_sha256(what: str, file: Path, sha256: str, pinned: str) -> None:
    """Raise `ModelUnavailableError` unless the `sha256` of a file is the one that was pinned."""
    if sha256 != pinned:
        raise ModelUnavailableError(
            f"the {what} must be the file with the pinned sha256 {pinned}, but {file} has {sha256}; "
            "give that file, or correct the sha256 if this is the one you trust"
        )


@contextmanager
def loading(
    what: str, files: ModelFiles, remedy: str = "give the file that belongs to this model, or fetch it again"
) -> Iterator[None]:
    """Turns whatever a library raises on a wrong file into one sentence, a `ModelUnavailableError`."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelUnavailableError(
            f"the {what} {files.name} (revision {files.commit or 'local'}) cannot be loaded from {files.weights_path} "
            f"({type(error).__name__}: {reason}); {remedy}"
        ) from error


def _local_model(what: str, path: Path, weights: str) -> ModelFiles:
    file = path / weights if path.is_dir() else path
    if not file.is_file():
        raise ModelUnavailableError(
            f"the {what} is to be loaded from a local path, but {file} does not exist; "
            "correct the path, or set it to null to fetch the model by name"
        )
    return ModelFiles(path.name, None, None, str(file.parent), file.name, sha256_of(file))


def _fetch(what: str, name: str, revision: str, files: list[str]) -> Path:
    from huggingface_hub import constants

    try:
        return Path(_snapshot(name, revision, files))
    except Exception as error:  # the client has no common base for no network, no such model, no such revision
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelUnavailableError(
            f"the {what} {name} at revision {revision} cannot be had: looked in {constants.HF_HUB_CACHE} and at "
            f"{constants.ENDPOINT} ({type(error).__name__}: {reason[0]}); check name, revision and network, "
            "or download it elsewhere and set its path"
        ) from error


def _snapshot(name: str, revision: str, files: list[str]) -> str:
    """`snapshot_download` that gives up a hub which does not answer within HUB_TIMEOUT and looks in the cache.

    By itself it retries a pinned commit for 23 s where nobody listens, and waits for ever where nobody answers.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    if COMMIT.fullmatch(revision):
        try:
            cached = snapshot_download(name, revision=revision, allow_patterns=files, local_files_only=True)
            if all((Path(cached) / file).is_file() for file in files):
                return cached
        except LocalEntryNotFoundError:
            pass
    try:
        HfApi().model_info(name, revision=revision, timeout=HUB_TIMEOUT)
    except Exception as unreachable:
        try:
            return snapshot_download(name, revision=revision, allow_patterns=files, local_files_only=True)
        except LocalEntryNotFoundError:
            raise unreachable from None
    return snapshot_download(name, revision=revision, allow_patterns=files)
