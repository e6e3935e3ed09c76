"""Types in annotations of nodes whose libraries are slow to import."""

from typing import Any, Protocol


class Figure(Protocol):
    """A matplotlib figure.

    Kedro resolves the annotations of all nodes at start; importing matplotlib there would slow down every command.
    """

    def savefig(self, fname: Any, **kwargs: Any) -> None:
        """Write the figure to a file."""
