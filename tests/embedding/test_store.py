import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.embedding.store import EmbeddingFile, write_embeddings
from hand_gestures.errors import HandGesturesError
from small_embeddings import CHANNELS, CLASS_NAMES, FINGERPRINT, FRAMES, WIDTH, embedded_view, embedding_stream


def test_plain_h5py_reads_what_was_written(tmp_path):
    views = [embedded_view(n % 3, n) for n in range(5)]
    path = tmp_path / "preprocessed_train_dataset.h5"
    write_embeddings(path, embedding_stream(views))
    with h5py.File(path) as file:
        data = file["embeddings/data"]
        assert data.shape == (5, FRAMES, CHANNELS, WIDTH)
        assert data.dtype == np.float32
        assert data.compression == "gzip"
        assert data.shuffle
        assert data.chunks == (1, FRAMES, CHANNELS, WIDTH)
        for row, view in enumerate(views):
            np.testing.assert_array_equal(data[row], view.embedding)
            np.testing.assert_array_equal(file["hands/boxes"][row], view.boxes)
            np.testing.assert_array_equal(file["hands/scores"][row], view.scores)
        assert file["labels/data"][:].tolist() == [view.label for view in views]
        assert file["views/data"][:].tolist() == [view.view for view in views]
        assert file["sequence_ids/data"].asstr()[:].tolist() == [view.sequence_id for view in views]
        assert file["hands/frames"][:].tolist() == [0, 4]
        assert file.attrs["schema_version"] == 1
        assert tuple(file.attrs["class_names"]) == CLASS_NAMES
        assert tuple(file.attrs["channel_names"]) == CHANNEL_NAMES
        assert json.loads(file.attrs["fingerprint"]) == FINGERPRINT


def test_handle_is_light_and_tells_the_header(write_file):
    file = pickle.loads(pickle.dumps(write_file("a.h5", 4)))
    assert len(pickle.dumps(file)) < 1000
    assert len(file) == 4
    assert file.header.class_names == CLASS_NAMES
    assert file.header.fingerprint == FINGERPRINT
    assert file.labels.tolist() == [0, 1, 2, 0]


def test_a_failing_stream_leaves_the_earlier_file_and_nothing_half(tmp_path):
    path = tmp_path / "a.h5"
    write_embeddings(path, embedding_stream([embedded_view(0, 0)]))
    before = path.read_bytes()

    def broken():
        yield embedded_view(0, 0)
        raise HandGesturesError("a frame is gone")

    with pytest.raises(HandGesturesError, match="a frame is gone"):
        write_embeddings(path, embedding_stream([], announced=2)._replace(rows=broken()))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_fewer_rows_than_announced_are_no_file(tmp_path):
    with pytest.raises(HandGesturesError, match="announced with 3 rows, but 1 came"):
        write_embeddings(tmp_path / "a.h5", embedding_stream([embedded_view(0, 0)], announced=3))
    assert list(tmp_path.iterdir()) == []


def test_a_killed_writer_leaves_no_file_under_the_final_name(tmp_path):
    script = tmp_path / "write.py"
    script.write_text(
        "import sys, time\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from pathlib import Path\n"
        "from small_embeddings import embedded_view, embedding_stream\n"
        "from hand_gestures.embedding.store import write_embeddings\n"
        "def slow():\n"
        "    for n in range(1000):\n"
        "        yield embedded_view(0, n)\n"
        "        print(n, flush=True)\n"
        "        time.sleep(0.01)\n"
        "write_embeddings(Path(sys.argv[1]), embedding_stream([], announced=1000)._replace(rows=slow()))\n"
    )
    target = tmp_path / "out" / "a.h5"
    writer = subprocess.Popen([sys.executable, str(script), str(target)], stdout=subprocess.PIPE, text=True)
    while int(writer.stdout.readline()) < 20:
        pass
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    assert not target.exists()
    with pytest.raises(HandGesturesError, match="does not exist; run kedro run --pipeline feature_engineering"):
        EmbeddingFile(target).open()


@pytest.mark.parametrize("content", [b"", b"no hdf5", None])
def test_what_is_no_embeddings_file_is_said_in_one_sentence(tmp_path, content):
    path = tmp_path / "a.h5"
    if content is None:
        h5py.File(path, "w").close()
    else:
        path.write_bytes(content)
    with pytest.raises(HandGesturesError, match=r"run kedro run --pipeline feature_engineering"):
        EmbeddingFile(path).open()
