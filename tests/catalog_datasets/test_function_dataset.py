import pytest
from kedro.io import DatasetError

from hand_gestures.catalog_datasets import FunctionDataset
from hand_gestures.mlflow_support import tracking


def test_a_function_is_loaded_by_its_path():
    dataset = FunctionDataset(function="hand_gestures.mlflow_support.tracking.log_epoch")
    assert dataset.load() is tracking.log_epoch
    assert dataset.exists()


def test_what_a_function_returns_is_loaded_where_the_entry_calls_it():
    dataset = FunctionDataset(function="hand_gestures.mlflow_support.tracking.active_run", call=True)
    assert dataset.load() == {}


def test_a_function_cannot_be_saved():
    dataset = FunctionDataset(function="hand_gestures.mlflow_support.tracking.log_epoch")
    with pytest.raises(DatasetError, match="is a function in the code and cannot be saved"):
        dataset.save(print)
