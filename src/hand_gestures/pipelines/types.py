"""Types for the annotations of nodes."""

from typing import Any, Protocol


class Figure(Protocol):
    """A matplotlib figure.

    Kedro resolves annotations at start; importing matplotlib there would slow down every command.
    """

    def savefig(self, fname: Any, **kwargs: Any) -> None:
        """Save the figure to a file."""
