import pytest

from hand_gestures.video.class_folders import class_files, class_folders

SYSTEM = [".DS_Store", "._v_frame_1.jpg", "._clip.mp4", "Thumbs.db", "thumbs.db", "desktop.ini", "Desktop.ini"]


@pytest.mark.parametrize("name", SYSTEM)
def test_a_file_of_the_operating_system_is_in_no_table(tmp_path, name):
    (tmp_path / "wave").mkdir()
    (tmp_path / name).write_text("x")
    (tmp_path / "wave" / name).write_text("x")
    (tmp_path / "wave" / "clip.mp4").write_text("x")
    rejected = []
    assert class_folders(tmp_path, rejected) == ["wave"]
    assert [entry.name for entry in class_files(tmp_path, "wave", rejected)] == ["clip.mp4"]
    assert rejected == []


@pytest.mark.parametrize("name", [".notes", "_x.jpg", "Thumbs.db.jpg", "my desktop.ini", ".DS_Store2"])
def test_other_names_are_not_ignored(tmp_path, name):
    (tmp_path / "wave").mkdir()
    (tmp_path / "wave" / name).write_text("x")
    rejected = []
    found = [entry.name for entry in class_files(tmp_path, "wave", rejected)]
    assert found + [row.path.removeprefix("wave/") for row in rejected] == [name]


def test_a_folder_with_the_name_of_a_system_file_is_not_ignored(tmp_path):
    (tmp_path / "._wave").mkdir()
    rejected = []
    class_folders(tmp_path, rejected)
    assert [tuple(row) for row in rejected] == [("._wave", "hidden")]
