"""Light types for annotations of nodes.

Kedro resolves all annotations of nodes when it starts. Importing matplotlib for that would slow down every command.
"""

from typing import Any, Protocol


class Figure(Protocol):
    """A matplotlib figure, as a node returns it and a `PlotDataset` saves it."""

    def savefig(self, fname: Any, **kwargs: Any) -> None: ...
