import json
import pickle

import h5py
import numpy as np
import pytest

from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.store.embedding_file import ClipReader, EmbeddingFile
from hand_gestures.store.write import write_embeddings
from hand_gestures.utils.errors import HandGesturesError
from small_embeddings import (
    CHANNELS,
    CLASS_NAMES,
    CONTRACT,
    FRAMES,
    RECIPE,
    WIDTH,
    embedded_sequence,
    pending_embeddings,
)


@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_plain_h5py_reads_what_was_written(tmp_path, storage):
    sequences = [embedded_sequence(n % 3, n, views=2) for n in range(5)]
    path = tmp_path / "preprocessed_train_dataset.h5"
    write_embeddings(
        path, pending_embeddings(sequences, storage=storage, precision_error={"left_vit": {"cosine": 0.9}})
    )
    with h5py.File(path) as file:
        data = file["embeddings/data"]
        assert data.shape == (10, FRAMES, CHANNELS, WIDTH)
        assert data.dtype == storage
        assert data.compression == "gzip"
        assert data.shuffle
        assert data.chunks == (1, FRAMES, CHANNELS, WIDTH)
        for row in range(10):
            sequence = sequences[row // 2]
            np.testing.assert_array_equal(data[row], sequence.embeddings[row % 2].astype(storage))
            np.testing.assert_array_equal(file["hands/boxes"][row], sequence.boxes)
            np.testing.assert_array_equal(file["hands/scores"][row], sequence.scores)
        assert file["labels/data"][:].tolist() == [0, 0, 1, 1, 2, 2, 0, 0, 1, 1]
        assert file["views/data"][:].tolist() == [0, 1] * 5
        assert file["sequence_ids/data"].asstr()[:].tolist()[:3] == ["fist/v0", "fist/v0", "swipe_left/v1"]
        assert file["hands/frames"][:].tolist() == [0, 4]
        assert file["mirrored/data"][:].tolist() == [0] * 10
        contents = np.repeat([np.frombuffer(clip.content, np.uint8) for clip in sequences], 2, axis=0)
        np.testing.assert_array_equal(file["contents/data"][:], contents)
        assert file.attrs["schema_version"] == 2
        assert tuple(file.attrs["class_names"]) == CLASS_NAMES
        assert tuple(file.attrs["channel_names"]) == CHANNEL_NAMES
        assert json.loads(file.attrs["contract"]) == CONTRACT
        assert json.loads(file.attrs["recipe"]) == RECIPE
        assert json.loads(file.attrs["precision_error"]) == {"left_vit": {"cosine": 0.9}}


def test_the_header_is_read_as_it_was_written(tmp_path):
    pending = pending_embeddings(
        [embedded_sequence(0, 0)],
        hand_search={"size": 8},
        provenance={"a": [1]},
        precision_error={"x": 1.0},
        storage="float16",
    )
    write_embeddings(tmp_path / "a.h5", pending)
    assert EmbeddingFile(tmp_path / "a.h5").header == pending.header


def test_a_pickled_handle_is_light_and_reads_the_header(write_file):
    file = pickle.loads(pickle.dumps(write_file("a.h5", 4)))
    assert len(pickle.dumps(file)) < 1000
    assert len(file) == 4
    assert file.header.class_names == CLASS_NAMES
    assert file.header.contract == CONTRACT
    assert file.labels.tolist() == [0, 1, 2, 0]


def test_a_reader_fills_arrays_of_any_float_dtype(write_file):
    read = ClipReader(write_file("a.h5", 4))
    expected = np.empty((FRAMES, CHANNELS, WIDTH), np.float32)
    read(2, expected)
    for dtype in ("float16", "float64"):
        out = np.empty(expected.shape, dtype)
        pickle.loads(pickle.dumps(read))(2, out)
        np.testing.assert_array_equal(out, expected.astype(dtype))


@pytest.mark.parametrize("content", [b"", b"no hdf5", None])
def test_a_file_without_embeddings_is_an_error_of_one_sentence(tmp_path, content):
    path = tmp_path / "a.h5"
    if content is None:
        h5py.File(path, "w").close()
    else:
        path.write_bytes(content)
    with pytest.raises(HandGesturesError, match=r"run kedro run --pipeline feature_engineering"):
        EmbeddingFile(path).open()


def test_the_error_of_a_missing_file_says_how_to_make_it(tmp_path):
    with pytest.raises(HandGesturesError, match="does not exist; run kedro run --pipeline feature_engineering"):
        EmbeddingFile(tmp_path / "a.h5").open()
