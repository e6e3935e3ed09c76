"""A plot as a catalog entry that reports can include."""

from pathlib import Path

from kedro_datasets.matplotlib import MatplotlibDataset

from hand_gestures.catalog_datasets.atomic_datasets import AtomicSave


class PlotDataset(AtomicSave, MatplotlibDataset):
    """``PlotDataset`` is a ``MatplotlibDataset`` that loads the path of the picture, for reports to embed it.

    The save is atomic.

    Example usage for the YAML API:

    .. code-block:: yaml

        curves_plot:
          type: hand_gestures.catalog_datasets.PlotDataset
          filepath: data/08_reporting/plots/curves.png
    """

    def load(self) -> Path:
        return Path(self._get_load_path())
