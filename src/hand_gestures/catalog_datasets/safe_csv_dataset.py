"""CSV tables that hold names of users, safe to open in a spreadsheet program."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from kedro_datasets.pandas import CSVDataset

from hand_gestures.catalog_datasets.atomic_datasets import AtomicSave
from hand_gestures.utils.formula_cells import with_quote, without_quote


class SafeCSVDataset(AtomicSave, CSVDataset):
    """``SafeCSVDataset`` is a ``CSVDataset`` that writes ``'=1+1`` for a text cell or column name ``=1+1``.

    ``load`` removes the quote again, so every table comes back as it was saved; a name that begins with a quote itself
    keeps it. Numbers such as ``-1`` stay as they are. The save is atomic.

    Example usage for the YAML API:

    .. code-block:: yaml

        rejected_frames:
          type: hand_gestures.catalog_datasets.SafeCSVDataset
          filepath: data/02_intermediate/rejected_frames.csv
          load_args: {dtype: str, keep_default_na: false}
          save_args: {index: false}
    """

    def load(self) -> pd.DataFrame:
        return _change_text(super().load(), without_quote)

    def save(self, data: pd.DataFrame) -> None:
        super().save(_change_text(data, with_quote))


def _change_text(table: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    """The table with `change` applied to cells and column names; `table` itself stays as it is."""
    changed = table.copy(deep=False)
    for index in range(table.shape[1]):  # by position: names of columns may be equal
        column = table.iloc[:, index]
        if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
            cells = [change(cell) for cell in column]
            if any(cell is not old for cell, old in zip(cells, column, strict=True)):
                changed.isetitem(index, cells)
    changed.columns = pd.Index([change(name) for name in table.columns], dtype=table.columns.dtype)
    return changed
