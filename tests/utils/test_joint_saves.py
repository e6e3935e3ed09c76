import shutil
from pathlib import Path

import pytest

from hand_gestures.utils.joint_saves import JointSaves, Mixture
from hand_gestures.utils.resumable import atomic_write, write_bytes


@pytest.fixture
def saves(tmp_path) -> JointSaves:
    files = {name: tmp_path / name for name in ("split", "train", "val")}
    for path in files.values():
        write_bytes(path, b"old")
    return JointSaves(tmp_path / "make_split.unfinished", files)


def replace(saves: JointSaves, *names: str) -> None:
    for name in names:
        write_bytes(saves.files[name], b"new")


def test_a_stop_between_two_files_names_both_kinds(saves):
    saves.begin()
    replace(saves, "split")
    assert saves.mixture() == Mixture(["split"], ["train", "val"])


@pytest.mark.parametrize("names", [(), ("split", "train", "val")])
def test_a_stop_before_the_first_or_after_the_last_file_mixes_nothing(saves, names):
    saves.begin()
    replace(saves, *names)
    assert saves.mixture() is None


def test_nothing_is_mixed_after_the_end_or_without_a_beginning(saves):
    replace(saves, "split")
    assert saves.mixture() is None
    saves.begin()
    replace(saves, "train")
    saves.end()
    assert saves.mixture() is None
    assert not saves.marker.exists()


def test_a_second_stop_before_the_first_file_does_not_hide_the_first_stop(saves):
    saves.begin()
    replace(saves, "split")
    saves.begin()
    assert saves.mixture() == Mixture(["split"], ["train", "val"])
    replace(saves, "split", "train")
    assert saves.mixture() == Mixture(["split", "train"], ["val"])


def test_new_files_and_replaced_folders_count(tmp_path):
    folder, table = tmp_path / "classifier", tmp_path / "history.csv"
    saves = JointSaves(tmp_path / "train.unfinished", {"classifier": folder, "history": table})
    saves.begin()
    for _ in range(2):
        with atomic_write(folder) as partial:
            Path(partial).mkdir()
        assert saves.mixture() == Mixture(["classifier"], ["history"])
        saves.begin()
    write_bytes(table, b"new")
    assert saves.mixture() is None


def test_a_copied_folder_is_still_mixed(saves, tmp_path_factory):
    saves.begin()
    replace(saves, "split")
    copy = tmp_path_factory.mktemp("copy") / "data"
    shutil.copytree(saves.marker.parent, copy)
    copied = JointSaves(copy / saves.marker.name, {name: copy / name for name in saves.files})
    assert copied.mixture() == Mixture(["split"], ["train", "val"])


def test_a_damaged_marker_counts_as_none(saves):
    saves.begin()
    replace(saves, "split")
    saves.marker.write_text('{"split": [1')
    assert saves.mixture() is None
