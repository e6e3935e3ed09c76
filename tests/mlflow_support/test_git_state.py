"""Which code runs, in real repositories."""

import subprocess

import pytest

from hand_gestures.mlflow_support.git_state import git_state


def git(folder, *arguments):
    author = ["-c", "user.name=Anna", "-c", "user.email=anna@example.org"]
    ended = subprocess.run(["git", "-C", folder, *author, *arguments], capture_output=True, text=True, check=True)
    return ended.stdout.strip()


@pytest.fixture
def project(tmp_path):
    """A committed project."""
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    (folder / "src" / "code.py").write_text("1")
    git(tmp_path, "init", "-q", folder)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def test_the_commit_of_an_unchanged_tree_is_known(project):
    assert git_state(project) == (git(project, "rev-parse", "HEAD"), False)


@pytest.mark.parametrize("name", ["src/code.py", "src/new.py", "pyproject.toml"])
def test_changed_and_new_code_is_dirty(project, name):
    (project / name).write_text("2")
    assert git_state(project).dirty


def test_data_is_not_code(project):
    (project / "frame.jpg").touch()
    assert not git_state(project).dirty


def test_without_a_repository_nothing_is_known(tmp_path):
    assert git_state(tmp_path) is None


def test_a_surrounding_repository_without_the_project_is_not_used(project):
    inner = project / "unpacked"
    inner.mkdir()
    (inner / "pyproject.toml").touch()
    assert git_state(inner) is None


def test_before_the_first_commit_nothing_is_known(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "pyproject.toml").touch()
    assert git_state(tmp_path) is None


def test_without_git_nothing_is_known(project, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(project) is None
