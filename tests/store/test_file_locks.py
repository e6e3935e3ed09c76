"""A lock of another program is not damage."""

import errno
import os
import subprocess
import sys

import h5py
import pytest

from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.file_check import LockedFileError
from hand_gestures.store.hdf5_dataset import HDF5Dataset
from hand_gestures.store.write import write_embeddings
from small_embeddings import embedded_sequence, pending_embeddings

WRITER = """
import sys, h5py
with h5py.File(sys.argv[1], "r+"):
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def pending():
    return pending_embeddings([embedded_sequence(n % 3, n) for n in range(4)])


@pytest.fixture
def file(tmp_path, pending):
    write_embeddings(tmp_path / "a.h5", pending)
    return EmbeddingFile(tmp_path / "a.h5")


@pytest.fixture
def writer(file):
    """Another program that has the file open for writing."""
    program = subprocess.Popen(
        [sys.executable, "-c", WRITER, file.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout.readline() == "open\n"
    yield program
    program.communicate()


def test_a_file_that_another_program_writes_is_called_locked_with_the_remedy(file, writer):
    for read in (lambda: file.header, lambda: HDF5Dataset(EmbeddingFile(file.path))):
        with pytest.raises(LockedFileError) as caught:
            read()
        for part in (str(file.path), "lock failed", "temporarily unavailable", "wait until", "HDF5_USE_FILE_LOCKING"):
            assert part in str(caught.value)
        assert "feature_engineering" not in str(caught.value)
    writer.communicate()
    assert len(file) == 4


def test_a_locked_file_is_not_embedded_again(file, writer, pending):
    before = file.path.read_bytes()
    with pytest.raises(LockedFileError):
        write_embeddings(file.path, pending._replace(embed=None))  # calling it would fail
    assert file.path.read_bytes() == before


def test_the_remedy_skips_the_lock(file, writer):
    script = "import sys\nfrom hand_gestures.store.embedding_file import EmbeddingFile\nfrom pathlib import Path\n"
    run = subprocess.run(
        [sys.executable, "-c", script + "print(len(EmbeddingFile(Path(sys.argv[1]))))", file.path],
        env=os.environ | {"HDF5_USE_FILE_LOCKING": "FALSE"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "4\n"


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EIO])
def test_writing_to_a_file_system_without_locks_names_the_lock_and_the_remedy(tmp_path, pending, monkeypatch, number):
    def no_locks(path, mode):
        raise OSError(
            number,
            f"Unable to synchronously create file (unable to lock file, errno = {number}, error message = "
            f"'{os.strerror(number)}')",
        )

    monkeypatch.setattr(h5py, "File", no_locks)
    with pytest.raises(LockedFileError, match=rf"{os.strerror(number)}.*HDF5_USE_FILE_LOCKING=FALSE"):
        write_embeddings(tmp_path / "b.h5", pending)
    monkeypatch.undo()
    write_embeddings(tmp_path / "b.h5", pending._replace(embed=lambda missing: iter(missing)))  # all is kept
    assert len(EmbeddingFile(tmp_path / "b.h5")) == 4
