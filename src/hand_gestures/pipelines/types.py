"""Light stand-ins for classes whose modules are slow to import, for annotations of nodes."""

from typing import Any, Protocol


class Figure(Protocol):
    """A matplotlib figure.

    Kedro resolves the annotations of all nodes at every start, and matplotlib.figure is slow to import.
    """

    def savefig(self, fname: Any, **kwargs: Any) -> None: ...
