from matplotlib.figure import Figure
from PIL import Image

from hand_gestures.catalog_datasets import PlotDataset


def test_what_is_read_is_the_place_of_the_picture_that_was_saved(tmp_path):
    dataset = PlotDataset(filepath=str(tmp_path / "plots" / "curves.png"))
    assert not dataset.exists()
    dataset.save(Figure(figsize=(3, 2), dpi=100))
    with Image.open(dataset.load()) as picture:
        assert (picture.format, picture.size) == ("PNG", (300, 200))
