import base64
import io

import pytest
from kedro.io import DatasetError
from kedro_datasets._typing import ImagePreview
from PIL import Image

from hand_gestures.catalog_datasets import ImageFolderDataset


def picture(width=40, height=30, colour="red"):
    encoded = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(encoded, "JPEG")
    return encoded.getvalue()


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def dataset(tmp_path):
    return ImageFolderDataset(filepath=str(tmp_path / "deep" / "sheets"))


def test_what_is_saved_lies_in_the_folder_that_is_loaded(dataset):
    assert not dataset.exists()
    dataset.save(iter([("wave.jpg", picture()), ("дві руки/a.jpg", picture())]))
    assert dataset.exists()
    assert names(dataset.load()) == ["wave.jpg", "дві руки/a.jpg"]
    assert (dataset.load() / "wave.jpg").read_bytes() == picture()


def test_a_new_save_leaves_nothing_of_the_old_one(dataset):
    dataset.save(iter([("old.jpg", picture())]))
    dataset.save(iter([("new.jpg", picture())]))
    assert names(dataset.load().parent) == ["sheets/new.jpg"]


def test_a_save_that_breaks_off_leaves_the_old_pictures(dataset):
    dataset.save(iter([("old.jpg", picture())]))

    def broken():
        yield "new.jpg", picture()
        raise ValueError("broken")

    with pytest.raises(DatasetError, match="broken"):
        dataset.save(broken())
    assert names(dataset.load()) == ["old.jpg"]
    dataset.save(iter([("newer.jpg", picture())]))
    assert names(dataset.load().parent) == ["sheets/newer.jpg"]


def shown(dataset):
    return Image.open(io.BytesIO(base64.b64decode(dataset.preview())))


def test_the_preview_shows_a_few_pictures_two_in_a_row(dataset):
    colours = ["red", "blue", "lime", "white", "black", "cyan", "navy", "pink"]
    dataset.save((f"{number}.jpg", picture(colour=colour)) for number, colour in enumerate(colours))
    sheet = shown(dataset)
    assert sheet.size == (2 * 40, 2 * 30)
    reds = [sheet.getpixel((20 + 40 * (place % 2), 15 + 30 * (place // 2)))[0] > 200 for place in range(4)]
    assert reds == [True, False, False, False]  # red, lime, black, navy


def test_the_preview_of_large_pictures_is_small_and_never_much_taller_than_wide(dataset):
    dataset.save(iter([("a.jpg", picture(3000, 300)), ("b.jpg", picture(200, 6000))]))
    assert shown(dataset).size == (2 * 480, 360)


@pytest.mark.parametrize("saved", [False, True])
def test_a_folder_without_pictures_has_an_empty_preview(dataset, saved):
    if saved:
        dataset.save(iter([]))
    assert len(set(shown(dataset).getdata())) == 1


def test_kedro_viz_finds_the_kind_of_preview(dataset):
    assert ImageFolderDataset.preview.__annotations__["return"] is ImagePreview
