"""Find the files of a pretrained model: below a local path, or downloaded from the hub at a revision."""

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
    """A pretrained model is not available, or is not the one that was expected."""


@dataclass(frozen=True)
class ModelFiles:
    """The files of one model on disk.

    Attributes:
        name: repository on the hub, or name of the local file or folder.
        revision: the requested revision; None for a local path.
        commit: the commit of that revision; None for a local path.
        folder: holds the weights and the config files.
        weights: name of the weights file.
        sha256: of the weights.
        trusted_sha256: code in the weights may run in a file with this sha256; None forbids it.
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
        """The weights file.

        Returns:
            Its path.
        """
        return Path(self.folder) / self.weights


def find_model(
    *, what: str, name: str, revision: str, path: str | None, weights: str, config_files: list[str]
) -> ModelFiles:
    """Find the files of a model: below `path` where it is given, else on the hub.

    Args:
        what: what the model is, for messages, such as "ViT".
        name: repository on the hub, "owner/name".
        revision: branch, tag or commit.
        path: a local folder that holds `weights`, or a weights file.
        weights: name of the weights file in the repository.
        config_files: further files that are needed from the repository.

    Returns:
        The files.

    Raises:
        ModelUnavailableError: a file is missing, or the hub does not answer and the cache has no copy.
    """
    if path is not None:
        return _find_local_model(what, Path(path), weights)
    folder = _download(what, name, revision, [weights, *config_files])
    for file in [weights, *config_files]:
        if not (folder / file).is_file():
            raise ModelUnavailableError(
                f"the {what} needs the file {file}, but {name} at revision {revision} does not contain it "
                f"(looked in {folder}); choose another model or revision"
            )
    return ModelFiles(name, revision, folder.name, str(folder), weights, sha256_of(folder / weights))


def newest_commit(name: str, revision: str) -> str | None:
    """The commit that a branch or tag on the hub is now.

    Args:
        name: repository on the hub.
        revision: branch, tag or commit.

    Returns:
        40 hex digits; None where the hub does not answer.
    """
    from huggingface_hub import HfApi

    try:
        return HfApi().model_info(name, revision=revision, timeout=HUB_TIMEOUT).sha
    except Exception:  # as in `_download`
        return None


def sha256_of(file: Path) -> str:
    """sha256 of a file.

    Args:
        file: its path.

    Returns:
        64 hex digits.
    """
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def require_sha256(what: str, file: Path, sha256: str, pinned: str) -> None:
    """Check that a file is the pinned one.

    Args:
        what: what the model is, for messages.
        file: its weights.
        sha256: sha256 of `file`.
        pinned: the expected sha256.

    Raises:
        ModelUnavailableError: they differ.
    """
    if sha256 != pinned:
        raise ModelUnavailableError(
            f"the {what} must be the file with the pinned sha256 {pinned}, but {file} has {sha256}; "
            "give that file, or correct the sha256 if this is the file you trust"
        )


@contextmanager
def explain_load_errors(
    what: str, files: ModelFiles, remedy: str = "give the file that belongs to this model, or fetch it again"
) -> Iterator[None]:
    """Turn any error that a library raises for a wrong file into one sentence.

    Args:
        what: what the model is, for messages.
        files: the files that the block loads.
        remedy: what the user can do.

    Raises:
        ModelUnavailableError: the block raised an error.
    """
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelUnavailableError(
            f"the {what} {files.name} (revision {files.commit or 'local'}) cannot be loaded from {files.weights_path} "
            f"({type(error).__name__}: {reason}); {remedy}"
        ) from error


def _find_local_model(what: str, path: Path, weights: str) -> ModelFiles:
    file = path / weights if path.is_dir() else path
    if not file.is_file():
        raise ModelUnavailableError(
            f"the {what} is loaded from a local path, but {file} does not exist; "
            "correct the path, or set it to null to download the model by name"
        )
    return ModelFiles(path.name, None, None, str(file.parent), file.name, sha256_of(file))


def _download(what: str, name: str, revision: str, files: list[str]) -> Path:
    from huggingface_hub import constants

    try:
        return Path(_snapshot(name, revision, files))
    except Exception as error:  # no network, no such model, no such revision: they have no common base class
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelUnavailableError(
            f"the {what} {name} at revision {revision} could not be downloaded: looked in {constants.HF_HUB_CACHE} "
            f"and at {constants.ENDPOINT} ({type(error).__name__}: {reason[0]}); check name, revision and network, "
            "or download it elsewhere and set its path"
        ) from error


def _snapshot(name: str, revision: str, files: list[str]) -> str:
    """`snapshot_download` with a timeout: after HUB_TIMEOUT seconds without an answer, only the cache is searched.

    Without this it retries a pinned commit for 23 s where no server runs, and waits forever where a server is silent.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    def from_cache() -> str:
        return snapshot_download(name, revision=revision, allow_patterns=files, local_files_only=True)

    if COMMIT.fullmatch(revision):  # a commit never changes: a complete copy in the cache needs no request
        try:
            cached = from_cache()
            if all((Path(cached) / file).is_file() for file in files):
                return cached
        except LocalEntryNotFoundError:
            pass
    try:
        HfApi().model_info(name, revision=revision, timeout=HUB_TIMEOUT)
    except Exception as unreachable:
        try:
            return from_cache()
        except LocalEntryNotFoundError:
            raise unreachable from None
    return snapshot_download(name, revision=revision, allow_patterns=files)
