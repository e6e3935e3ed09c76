"""A figure as a catalog entry that can be read again."""

from pathlib import Path

from kedro_datasets.matplotlib import MatplotlibDataset


class FigureDataset(MatplotlibDataset):
    """``FigureDataset`` is a ``MatplotlibDataset`` whose ``load`` gives the picture's place, for reports to carry it.

    Example usage for the YAML API:

    .. code-block:: yaml

        curves_figure:
          type: hand_gestures.datasets.FigureDataset
          filepath: data/08_reporting/figures/curves.png
    """

    def load(self) -> Path:
        return Path(self._get_load_path())
