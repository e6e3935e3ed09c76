"""The first creation of MLflow's database: killed at any moment, twice at once, on a full disk."""

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from mlflow import MlflowClient

from hand_gestures.mlflow_support import database
from hand_gestures.mlflow_support.database import create_database, require_database
from hand_gestures.utils.errors import HandGesturesError

LOCK = ".mlflow.db.lock"
CREATE = """
import sys
from hand_gestures.mlflow_support.database import create_database
print("imported", flush=True)
create_database(sys.argv[1])
print("created", flush=True)
"""


def start(uri):
    command = [sys.executable, "-c", CREATE, uri]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout.readline() == "imported\n"
    return process


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mlflow.db"


def names(folder):
    return sorted(item.name for item in folder.iterdir())


def test_a_creation_that_is_killed_at_any_moment_leaves_a_whole_database_or_none(path):
    uri = f"sqlite:///{path}"
    for _ in range(3):
        process = start(uri)
        time.sleep(random.random() * 2)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if path.exists():
            with sqlite3.connect(path) as connection:
                assert connection.execute("SELECT name FROM experiments").fetchall() == [("Default",)]
            path.unlink()
    create_database(uri)
    assert names(path.parent) == [LOCK, "mlflow.db"]
    assert MlflowClient(uri).create_experiment("gestures") == "1"


def test_two_creations_at_once_give_one_whole_database(path):
    first, second = start(f"sqlite:///{path}"), start(f"sqlite:///{path}")
    assert (first.wait(), second.wait()) == (0, 0)
    assert names(path.parent) == [LOCK, "mlflow.db"]
    require_database(f"sqlite:///{path}")


def test_the_rest_of_an_interrupted_creation_is_set_aside(path, empty_store, monkeypatch, caplog):
    shutil.copy(empty_store, path)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE runs")
        connection.execute("DELETE FROM experiments")
    path.with_name("mlflow.db-wal").write_bytes(b"of another database")
    monkeypatch.setattr(database, "STILL_SECONDS", 0.2)
    create_database(f"sqlite:///{path}")
    assert MlflowClient(f"sqlite:///{path}").create_experiment("gestures") == "1"
    assert names(path.parent) == [LOCK, "mlflow.db", "mlflow.db.incomplete"]
    assert "the creation of" in caplog.text


def test_a_database_with_experiments_is_left_as_it_is(path, empty_store):
    shutil.copy(empty_store, path)
    before = path.read_bytes(), path.stat().st_mtime_ns
    create_database(f"sqlite:///{path}")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    path.write_bytes(path.read_bytes()[:5000])
    create_database(f"sqlite:///{path}")
    assert path.stat().st_size == 5000  # `require_database` says that it is damaged


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1", "sqlite://", "sqlite:///:memory:"])
def test_other_stores_are_left_to_mlflow(uri, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    create_database(uri)
    assert names(tmp_path) == []


def test_a_full_disk_is_one_sentence_and_the_next_creation_works(small_disk):
    folder = small_disk(300)
    uri = f"sqlite:///{folder}/mlflow.db"
    with pytest.raises(HandGesturesError, match=r"mlflow\.db could not be created \(.*full.*\); free disk space"):
        create_database(uri)
    assert names(folder) == [LOCK]
    small_disk(8000)
    create_database(uri)
    assert names(folder) == [LOCK, "mlflow.db"]
