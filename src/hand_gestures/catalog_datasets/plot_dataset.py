"""A figure as a catalog entry that can be read again."""

from pathlib import Path

from kedro_datasets.matplotlib import MatplotlibDataset


class PlotDataset(MatplotlibDataset):
    """``PlotDataset`` is a ``MatplotlibDataset`` whose ``load`` gives the picture's place, for reports to carry it.

    Example usage for the YAML API:

    .. code-block:: yaml

        curves_plot:
          type: hand_gestures.catalog_datasets.PlotDataset
          filepath: data/08_reporting/plots/curves.png
    """

    def load(self) -> Path:
        return Path(self._get_load_path())
