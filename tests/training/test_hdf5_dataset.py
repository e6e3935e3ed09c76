import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from hand_gestures.training.hdf5_dataset import HDF5Dataset, mean_and_spread


@pytest.mark.parametrize("preload", [True, False, "auto"])
def test_items_are_the_rows_with_time_after_channel(write_file, preload):
    file = write_file("a.h5", 5)
    dataset = HDF5Dataset(file, preload)
    with file.open() as opened:
        for row in range(5):
            item = dataset[row]
            expected = opened["embeddings/data"][row].transpose(1, 0, 2)
            np.testing.assert_array_equal(item.clip.numpy(), expected)
            assert int(item.label) == opened["labels/data"][row]
            assert int(item.row) == row


def test_every_process_opens_the_file_anew(write_file):
    dataset = HDF5Dataset(write_file("a.h5", 9), preload=False)
    alone = torch.stack([dataset[row].clip for row in range(9)])  # this process has it open by now
    batches = list(DataLoader(dataset, batch_size=4, num_workers=2))
    torch.testing.assert_close(torch.cat([batch.clip for batch in batches]), alone)
    assert torch.cat([batch.row for batch in batches]).tolist() == list(range(9))


@pytest.mark.parametrize("preload", [True, False])
def test_mean_and_spread_are_those_of_the_whole_file(write_file, preload):
    file = write_file("a.h5", 11)
    with file.open() as opened:
        data = opened["embeddings/data"][:].astype(np.float64)
    mean, spread = mean_and_spread(HDF5Dataset(file, preload))
    np.testing.assert_allclose(mean, data.mean((0, 1)), atol=1e-6)
    np.testing.assert_allclose(spread, data.std((0, 1)), atol=1e-6)
