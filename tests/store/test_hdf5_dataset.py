import h5py
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.hdf5_dataset import HDF5Dataset, identity_collate, mean_and_spread
from hand_gestures.store.write import write_embeddings
from hand_gestures.utils.errors import HandGesturesError
from small_embeddings import embedded_sequence, pending_embeddings


@pytest.fixture
def file(write_file):
    return write_file("a.h5", 9)


def data_of(file):
    with file.open() as opened:
        return opened["embeddings/data"][:]


@pytest.mark.parametrize("preload", [True, False, "auto"])
def test_items_are_the_rows_with_time_after_channel(file, preload):
    dataset = HDF5Dataset(file, preload)
    for row, expected in enumerate(data_of(file)):
        item = dataset[row]
        np.testing.assert_array_equal(item.clip.numpy(), expected.transpose(1, 0, 2))
        assert item.clip.dtype == torch.float32
        assert int(item.label) == file.labels[row]
        assert int(item.row) == row


@pytest.mark.parametrize("preload", [True, False])
@pytest.mark.parametrize("storage", ["float32", "float16"])
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_loader_gets_float32_batches_from_every_storage_and_precision(write_file, preload, storage, precision):
    file = write_file("a.h5", 9, storage=storage)
    dataset = HDF5Dataset(file, preload, precision=precision)
    batches = list(DataLoader(dataset, 4, collate_fn=identity_collate))  # all held at once: no memory is shared
    assert [len(batch.clip) for batch in batches] == [4, 4, 1]
    clips = torch.cat([batch.clip for batch in batches])
    assert clips.dtype == torch.float32
    exact = storage == precision or (storage == "float16" or not preload)
    np.testing.assert_allclose(
        clips.numpy(), data_of(file).transpose(0, 2, 1, 3), rtol=0 if exact else 1e-3, atol=0 if exact else 1e-5
    )
    assert torch.cat([batch.row for batch in batches]).tolist() == list(range(9))
    assert torch.cat([batch.label for batch in batches]).tolist() == file.labels.tolist()


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_every_process_opens_the_file_itself(file, context):
    dataset = HDF5Dataset(file, preload=False)
    alone = torch.stack([dataset[row].clip.clone() for row in range(9)])  # this process has it open by now
    loader = DataLoader(dataset, 4, num_workers=2, multiprocessing_context=context, collate_fn=identity_collate)
    batches = list(loader)
    torch.testing.assert_close(torch.cat([batch.clip for batch in batches]), alone)
    assert torch.cat([batch.row for batch in batches]).tolist() == list(range(9))


def test_rows_are_preloaded_where_they_fit_in_the_share(file):
    assert HDF5Dataset(file, "auto", share=0.5).preloaded is not None
    assert HDF5Dataset(file, "auto", share=1e-12).preloaded is None
    assert HDF5Dataset(file, True, share=1e-12, precision="float16").preloaded.dtype == torch.float16


def test_a_file_with_automatic_chunks_is_read_too(tmp_path, file):
    """Scripts that append batches to a file write such files: automatic chunks, no shuffle."""
    path = tmp_path / "grown.h5"
    with file.open() as source, h5py.File(path, "w") as grown:
        for name in ("labels", "sequence_ids", "views", "mirrored", "contents", "hands"):
            source.copy(name, grown)
        for name, value in source.attrs.items():
            grown.attrs[name] = value
        data = grown.create_dataset(
            "embeddings/data", (0, *source["embeddings/data"].shape[1:]), maxshape=(None,) * 4, compression="gzip"
        )
        data.resize(9, axis=0)
        data[:] = source["embeddings/data"][:]
    for preload in (True, False):
        dataset = HDF5Dataset(EmbeddingFile(path), preload)
        np.testing.assert_array_equal(dataset.__getitems__([3, 1]).clip.numpy()[0], data_of(file)[3].transpose(1, 0, 2))


@pytest.mark.parametrize("preload", [True, False])
def test_the_error_of_a_damaged_clip_names_its_row(file, preload):
    with h5py.File(file.path, "r+") as opened:
        opened["embeddings/data"].id.write_direct_chunk((4, 0, 0, 0), b"no chunk")
    with pytest.raises(HandGesturesError, match=r"row 4 is not \(damaged chunk.*run feature_engineering again"):
        HDF5Dataset(file, preload)[4]


@pytest.mark.parametrize("preload", [True, False])
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_the_error_of_a_clip_that_is_not_finite_names_the_clip(tmp_path, preload, number):
    clips = [embedded_sequence(n % 3, n, views=2) for n in range(3)]
    clips[1].embeddings[1, 3, 2, 1] = number
    write_embeddings(tmp_path / "a.h5", pending_embeddings(clips))
    with pytest.raises(HandGesturesError, match=r"those of 'swipe_left/v1', view 1 \(row 3 of .*a\.h5\) are not"):
        HDF5Dataset(EmbeddingFile(tmp_path / "a.h5"), preload)[3]


@pytest.mark.parametrize("preload", [True, False])
def test_mean_and_spread_are_those_of_the_whole_file(file, preload):
    data = data_of(file).astype(np.float64)
    mean, spread = mean_and_spread(HDF5Dataset(file, preload), range(9))
    np.testing.assert_allclose(mean, data.mean((0, 1)), atol=1e-6)
    np.testing.assert_allclose(spread, data.std((0, 1)), atol=1e-6)


def test_mean_and_spread_of_some_rows_leave_out_the_others(file):
    data = data_of(file)[[1, 4]].astype(np.float64)
    mean, spread = mean_and_spread(HDF5Dataset(file), [1, 4])
    np.testing.assert_allclose(mean, data.mean((0, 1)), atol=1e-6)
    np.testing.assert_allclose(spread, data.std((0, 1)), atol=1e-6)


def test_rows_are_preloaded_only_where_the_container_has_room(file, monkeypatch):
    size = int(np.prod(file.header.shape)) * 4
    for free, preloaded in ((2 * size, True), (2 * size - 1, False)):
        monkeypatch.setattr("hand_gestures.store.hdf5_dataset.free_memory", lambda free=free: free)
        assert (HDF5Dataset(file, "auto", share=0.5).preloaded is not None) == preloaded


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_batch_of_preloaded_rows_needs_no_other_thread(file, precision):
    """Beside another program, several threads wait for the one whose core is taken."""
    wide = HDF5Dataset(file, True, precision=precision)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True) as profile:
            wide.__getitems__([3, 1, 5])
    finally:
        torch.set_num_threads(before)
    gathers = [event for event in profile.events() if event.name in ("aten::index_select", "aten::index")]
    assert [event.input_shapes[0] for event in gathers] == [[len(wide)]]  # the labels only
