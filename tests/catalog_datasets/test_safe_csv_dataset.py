import csv
import tempfile
from itertools import chain
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kedro.io import DataCatalog

from hand_gestures.catalog_datasets import SafeCSVDataset
from small_sequences import FIXED

TEXT = {"dtype": str, "keep_default_na": False}
# a name with a line break or another control character never reaches a table
names = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=20),
    st.text("'=+-@1.e\uff1da", max_size=6),
    st.builds(
        "{}{}".format, st.sampled_from(["=", "+", "-", "@", "\t", "'", "''=", "\uff1d"]), st.text("a1'", max_size=3)
    ),
)


def round_trip(folder, table, **load_args):
    dataset = SafeCSVDataset(filepath=str(Path(folder) / "table.csv"), load_args=load_args or TEXT)
    dataset.save(table)
    with (Path(folder) / "table.csv").open(newline="") as file:
        return dataset.load(), list(csv.reader(file))


def is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


@FIXED
@given(st.lists(names, min_size=1, max_size=10), names)
@example(["=1+1", "'=1+1", "''=1+1", "-5", "'-5", "'a", "'"], "@column")
def test_any_name_comes_back_and_no_cell_is_a_formula(values, header):
    table = pd.DataFrame({f"{header}x": values, "n": range(len(values))})
    with tempfile.TemporaryDirectory() as folder:
        again, cells = round_trip(folder, table)
    assert list(again.columns) == list(table.columns)
    assert again[f"{header}x"].tolist() == values
    for cell in chain.from_iterable(cells):
        assert not cell.startswith(tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")) or is_number(cell)


def test_numbers_and_missing_values_stay_as_they_are(tmp_path):
    table = pd.DataFrame({"loss": [-1.5, None, 2e-7], "count": [-1, 0, 1], "found": [True, False, True]})
    again, cells = round_trip(tmp_path, table, float_precision="round_trip")
    pd.testing.assert_frame_equal(again, table)
    assert cells[1] == ["-1.5", "-1", "True"]


def test_the_saved_table_itself_is_not_changed(tmp_path):
    table = pd.DataFrame({"name": ["=a", "b"], "=c": pd.Categorical(["-x", "y"])})
    before = table.copy()
    round_trip(tmp_path, table)
    pd.testing.assert_frame_equal(table, before)


def test_columns_with_equal_names_keep_their_cells(tmp_path):
    table = pd.DataFrame([["=a", "b", "@c"]], columns=["x", "x", "y"])
    _, cells = round_trip(tmp_path, table)
    assert cells == [["x", "x", "y"], ["'=a", "b", "'@c"]]


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_catalog_and_its_preview_show_names_without_the_quote(tmp_path, wrapped):
    config = {"type": "hand_gestures.catalog_datasets.SafeCSVDataset", "filepath": str(tmp_path / "t.csv")}
    if wrapped:
        config = {"type": "kedro_mlflow.io.artifacts.MlflowArtifactDataset", "dataset": config}
    catalog = DataCatalog.from_config({"table": config})
    table = pd.DataFrame({"name": ["=a", "'b"]})
    if not wrapped:  # an artifact is logged in a run only
        catalog.save("table", table)
        assert catalog.get("table").preview(nrows=1)["data"] == [["=a"]]
    else:
        SafeCSVDataset(filepath=str(tmp_path / "t.csv")).save(table)
    assert catalog.load("table")["name"].tolist() == ["=a", "'b"]
