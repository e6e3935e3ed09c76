"""CSV tables of names that a user wrote, or that a run of this program wrote and a setting leads to."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.formula_cells import is_formula, without_quote
from hand_gestures.utils.names import nfc


def read_text_table(path: Path) -> pd.DataFrame:
    """Read a CSV, every cell as text: a name such as 007 or NA is no number and no missing value.

    This program writes a quote before every cell that a spreadsheet program would run. A table in which all of these
    cells have a quote was written by it, so the quotes are removed.

    Args:
        path: the file.

    Raises:
        OSError: the file is missing.
        ValueError: it is no CSV.
    """
    table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    formulas = [cell for column in table.columns for cell in table[column] if is_formula(cell)]
    return table.map(without_quote) if all(cell.startswith("'") for cell in formulas) else table


def read_setting_table(path: Path, setting: str, form: str, columns: Sequence[str]) -> pd.DataFrame:
    """`read_text_table` for a file that a parameter names.

    Args:
        path: the file.
        setting: name of the parameter, for the error.
        form: what the file must contain, for the error.
        columns: which the file must have.

    Raises:
        HandGesturesError: the file is missing, is no CSV, or lacks a column.
    """
    try:
        rows = read_text_table(path)
    except (OSError, ValueError) as error:
        raise HandGesturesError(
            f"{setting} must be a CSV with {form}, but {path} cannot be read as one ({error}); "
            "correct the file or its path"
        ) from error
    missing = [name for name in columns if name not in rows.columns]
    if missing:
        raise HandGesturesError(f"{setting} must be a CSV with {form}, but {path} has no column '{missing[0]}'; add it")
    return rows


def values_by_sequence(rows: pd.DataFrame, values: pd.Series, noun: str, path: Path) -> pd.Series:
    """One value for each sequence of a table.

    Args:
        rows: columns `class_name` and `video_id`.
        values: the value of each row; its name becomes that of the result.
        noun: what a value is, for the error.
        path: the file of the table, for the error.

    Returns:
        The values, indexed by sequence_id in NFC.

    Raises:
        HandGesturesError: a sequence has several values.
    """
    sequence_ids = (rows["class_name"] + "/" + rows["video_id"]).map(nfc)
    listed = pd.DataFrame({"sequence_id": sequence_ids, values.name: values}).drop_duplicates()
    repeated = listed["sequence_id"][listed["sequence_id"].duplicated()]
    if len(repeated):
        raise HandGesturesError(
            f"a sequence belongs to one {noun}, but {path} lists '{repeated.iloc[0]}' in several; keep one of its lines"
        )
    return listed.set_index("sequence_id")[values.name]
