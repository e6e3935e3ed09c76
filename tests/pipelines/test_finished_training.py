"""A finished training is never lost: its result is saved before its checkpoint is removed."""

import errno
import json
import logging
import shutil

import pytest

from hand_gestures.training import train as module
from hand_gestures.utils import resumable
from tiny_project import run


@pytest.fixture
def project(demo, tmp_path):
    """A copy of the project of the tiny demo, in which runs may change results."""
    return shutil.copytree(demo, tmp_path / "copy")


def fail_at(path, flush):
    """`flush`, but the disk is full when this file is written."""

    def fails(partial):
        if partial.name.startswith(path.name):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        flush(partial)

    return fails


def test_a_training_whose_result_could_not_be_saved_is_only_saved_by_the_next_run(project, caplog, monkeypatch):
    root = project / "data/demo"
    before = json.loads((root / "08_reporting/evaluation.json").read_text())
    history = root / "08_reporting/training_history.csv"
    undisturbed = history.read_bytes()
    history.unlink()
    with monkeypatch.context() as full_disk:
        full_disk.setattr(resumable, "_flush", fail_at(history, resumable._flush))
        with pytest.raises(Exception, match="No space left on device"):
            run(project, pipeline_names=["modeling"])
    assert not history.exists()
    monkeypatch.setattr(module, "_make_trainer", None)  # training again would fail
    caplog.clear()
    with caplog.at_level(logging.INFO):
        run(project, pipeline_names=["modeling"])
    assert "this training was finished by an earlier run, its model is saved again" in caplog.messages
    assert history.read_bytes() == undisturbed
    assert json.loads((root / "08_reporting/evaluation.json").read_text()) == before
    assert not (root / "06_models/training_checkpoint").exists()
