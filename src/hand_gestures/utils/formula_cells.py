"""Cells of CSV tables that a spreadsheet program would run as a formula: they are written with a quote before them."""

import re
from typing import Any

# A spreadsheet program runs a cell that begins with one of these as a formula; the last four are full-width signs.
FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # noqa: RUF001
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def is_formula(cell: str) -> bool:
    """Whether `SafeCSVDataset` writes a quote before this cell; false for a number such as `-1`.

    Args:
        cell: text.
    """
    return FORMULA.match(cell) is not None and not NUMBER.fullmatch(cell)


def with_quote(cell: Any) -> Any:
    """The cell as it is written.

    Args:
        cell: any value; only text is changed.
    """
    return f"'{cell}" if isinstance(cell, str) and is_formula(cell) else cell


def without_quote(cell: Any) -> Any:
    """The reverse of `with_quote`.

    Args:
        cell: any value; only text is changed.
    """
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") and FORMULA.match(cell) else cell
