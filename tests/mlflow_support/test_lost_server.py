"""A tracking server that is lost while a run works, with a real server process on the loopback address."""

import os
import signal
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from hand_gestures.mlflow_support import delivery, tracking
from hand_gestures.mlflow_support.delivery import Delivery, require_answer
from hand_gestures.mlflow_support.hooks import MlflowHooks
from hand_gestures.mlflow_support.registry import Registry
from hand_gestures.training.train import train_classifier
from hand_gestures.utils.errors import HandGesturesError
from small_training import NETWORK, TRAINING


class Server:
    """An MLflow server that can be killed and started again."""

    def __init__(self, database, artifacts):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.options = f"--backend-store-uri sqlite:///{database} --artifacts-destination {artifacts} --workers 1"
        self.process = None

    def start(self):
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(self.port), *self.options.split()]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while True:
            try:
                with urlopen(f"{self.uri}/health"):
                    return
            except (URLError, ConnectionError):
                assert self.process.poll() is None
                time.sleep(0.2)

    def kill(self):
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@pytest.fixture
def server(store, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    monkeypatch.setattr(delivery, "RETRY_SECONDS", 0)
    server = Server(tmp_path / "mlflow.db", tmp_path / "mlruns")
    server.start()
    mlflow.set_tracking_uri(server.uri)
    yield server
    server.kill()
    tracking.delivery.discard()
    while mlflow.active_run():
        try:
            mlflow.end_run("KILLED")
        except MlflowException:
            continue


def hooks():
    """The hooks of a run that is already active."""
    made = MlflowHooks()
    made.run_id = mlflow.start_run(run_name="training", log_system_metrics=False).info.run_id
    return made


def warnings_of(caplog):
    return [record.getMessage() for record in caplog.records if record.name.startswith("hand_gestures.mlflow")]


def train(write_file, folder, on_epoch):
    files = write_file("train.h5", 12), write_file("val.h5", 6, first=12)
    training = TRAINING.model_copy(update={"epochs": 5})
    return train_classifier(
        *files, network=NETWORK, training=training, seed=1, folder=folder, on_epoch=on_epoch
    ).history.to_dict("records")


def test_a_server_that_is_lost_between_epochs_and_comes_back_gets_every_epoch(server, write_file, tmp_path, caplog):
    undisturbed = train(write_file, tmp_path / "undisturbed", lambda metrics: None)
    run = hooks()

    def on_epoch(metrics):
        if metrics.epoch == 2:
            server.kill()
        if metrics.epoch == 4:
            server.start()
        tracking.log_epoch(metrics)

    file = tmp_path / "table.csv"
    file.write_text("a,b\n")
    assert train(write_file, tmp_path / "work", on_epoch) == undisturbed
    tracking.log_artifact(file, "tables")
    run_id = run.run_id
    run._end("FINISHED")
    client = MlflowClient()
    history = client.get_metric_history(run_id, "val_loss")
    assert [(point.step, point.value) for point in history] == [
        (epoch["epoch"], pytest.approx(epoch["val_loss"])) for epoch in undisturbed
    ]
    assert [point.timestamp for point in history] == sorted(point.timestamp for point in history)
    assert [item.path for item in client.list_artifacts(run_id, "tables")] == ["tables/table.csv"]
    assert client.get_run(run_id).info.status == "FINISHED"
    warned = [text for text in warnings_of(caplog) if "does not answer" in text]
    assert len(warned) == 1
    assert "Connection refused" in warned[0]


def test_a_server_that_never_comes_back_costs_a_warning_and_nothing_else(server, caplog, tmp_path):
    run = hooks()
    run.artifacts = {"training_history": (tmp_path / "training_history.csv", None)}
    tracking.log_metrics({"loss": 1.0}, step=1)
    server.kill()
    tracking.log_metrics({"loss": 0.5}, step=2)
    tracking.set_tags({"classes": "3"})
    tracking.log_parameters({"seed": 1})
    assert Registry("gestures", "champion", 1, 1).offer(_eligible(), lambda bundle: None).decision == "off"
    run._end("FINISHED")
    assert mlflow.active_run() is None
    first, last = warnings_of(caplog)
    assert "MLflow does not answer" in first
    assert "it lacks the last 3 entries of this run" in last
    assert last.endswith(f"; the metrics of all epochs are in {tmp_path}/training_history.csv")
    message = r"recorded by MLflow at http://127\.0\.0\.1:\d+, but that failed"
    with pytest.raises(HandGesturesError, match=message), require_answer(server.uri.replace("//", "//user:secret@")):
        mlflow.search_experiments()


class _Eligible:
    metrics = {"clips": 10, "accuracy": 1.0, "accuracy_low": 1.0, "majority_accuracy": 0.5}  # noqa: RUF012
    level = 0.95
    performance = None


def _eligible():
    return _Eligible()


def test_an_error_that_is_no_lost_server_is_raised_at_its_place(store):
    def refuse():
        raise MlflowException.invalid_parameter_value("no such metric")

    sender = Delivery()
    with pytest.raises(MlflowException, match="no such metric"):
        sender.send(refuse)
    assert sender.flush() == 0
    assert not sender.lost
