"""CSV tables of names that a user wrote, or that a run of this program wrote and a setting leads to."""

from pathlib import Path

import pandas as pd

from hand_gestures.utils.formula_cells import is_formula, without_quote


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
