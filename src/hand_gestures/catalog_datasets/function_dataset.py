"""A function as a catalog entry: how a node calls something that it must not know, such as MLflow."""

from collections.abc import Callable
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError
from kedro.utils import load_obj


class FunctionDataset(AbstractDataset[NoReturn, Callable[..., Any]]):
    """``FunctionDataset`` loads a function by its dotted path; or, with ``call``, what the function returns.

    Example usage for the YAML API:

    .. code-block:: yaml

        on_epoch:
          type: hand_gestures.catalog_datasets.FunctionDataset
          function: hand_gestures.mlflow_support.tracking.log_epoch
    """

    def __init__(self, *, function: str, call: bool = False, metadata: dict[str, Any] | None = None) -> None:
        """
        Args:
            function: dotted path, `package.module.function`.
            call: load what the function returns without arguments, not the function itself.
            metadata: ignored by Kedro and read by plugins.
        """
        self._function = function
        self._call = call
        self.metadata = metadata

    def load(self) -> Any:
        function = load_obj(self._function)
        return function() if self._call else function

    def save(self, data: NoReturn) -> None:
        raise DatasetError(f"{self._function} is a function in the code and cannot be saved; make it no node's output")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"function": self._function, "call": self._call}
