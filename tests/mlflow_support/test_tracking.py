"""What goes to MLflow, in a real store."""

from typing import NamedTuple

import mlflow
import pytest

from hand_gestures.comparison.variants import Trial, Variant
from hand_gestures.mlflow_support import tracking
from hand_gestures.mlflow_support.git_state import GitState

PARAMETERS = {"seed": 7, "network": {"name": "bilstm"}, "training": {"epochs": 40, "patience": None}}


@pytest.fixture
def logged(store):
    """Logs in its own run and returns what the store holds of that run."""

    def log(function, *arguments, **tags):
        with mlflow.start_run(tags=tags) as run:
            function(*arguments)
        return store.get_run(run.info.run_id)

    return log


def test_parameters_have_flat_keys_and_null_is_left_out(logged):
    run = logged(tracking.log_parameters, PARAMETERS)
    assert run.data.params == {"seed": "7", "network.name": "bilstm", "training.epochs": "40"}


def test_any_class_name_becomes_a_valid_key(logged):
    run = logged(tracking.log_parameters, {"mirrored": {"влево": "вправо", "a+b/(c)": "d", "x" * 300: "y" * 7000}})
    assert run.data.params["mirrored.влево"] == "вправо"
    assert run.data.params["mirrored.a_b__c_"] == "d"
    assert {key: len(value) for key, value in run.data.params.items() if "xx" in key} == {
        "mirrored." + "x" * 241: tracking.MAX_VALUE
    }
    assert logged(tracking.log_metrics, {"accuracy_a+b": 0.5}).data.metrics == {"accuracy_a_b": 0.5}


def test_names_that_would_have_the_same_key_keep_their_own_values(logged):
    metrics = logged(tracking.log_metrics, {"accuracy_a+": 0.5, "accuracy_a?": 0.25, "accuracy_b": 1.0}).data.metrics
    assert sorted(metrics.values()) == [0.25, 0.5, 1.0]
    assert metrics["accuracy_b"] == 1.0
    long_names = {"x" * 300: "first", "x" * 301: "second"}
    assert sorted(logged(tracking.log_parameters, long_names).data.params.values()) == ["first", "second"]


def test_a_trial_is_logged_whatever_a_class_set_is_called(logged, store):
    trial = Trial(Variant("bilstm"), 1, {"accuracy": 0.5, "accuracy_what?": 0.75}, 10, 1.0, [], {})
    parent = logged(tracking.log_trial, trial).info
    (nested,) = store.search_runs(
        [parent.experiment_id], filter_string=f"tags.`mlflow.parentRunId` = '{parent.run_id}'"
    )
    assert nested.data.metrics == {"best_val_accuracy": 0.5, "best_val_accuracy_what_": 0.75}


def test_a_data_set_is_recorded_with_its_digest_and_without_its_folder(logged):
    run = logged(tracking.log_input, "train.h5", "0123456789ab", "training")
    (dataset,) = run.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("train.h5", "0123456789ab")
    assert dataset.dataset.source == '{"uri": "train.h5"}'
    assert [tag.value for tag in dataset.tags] == ["training"]


def test_the_commit_replaces_the_tags_that_mlflow_guessed(logged):
    guessed = dict.fromkeys(tracking.GUESSED_TAGS, "guessed")
    tags = logged(tracking.log_code, GitState("abc", True), **guessed).data.tags
    assert (tags[tracking.COMMIT], tags["git_dirty"]) == ("abc", "true")
    tags = logged(tracking.log_code, None, **guessed).data.tags
    assert not {*tracking.GUESSED_TAGS, "git_dirty"} & tags.keys()


class Epoch(NamedTuple):
    epoch: int
    val_accuracy: float


def test_each_epoch_is_a_step_of_the_metrics(logged, store):
    run = logged(lambda: [tracking.log_epoch(Epoch(1, 0.5)), tracking.log_epoch(Epoch(2, 0.75))])
    history = store.get_metric_history(run.info.run_id, "val_accuracy")
    assert [(point.step, point.value) for point in history] == [(1, 0.5), (2, 0.75)]
    assert "epoch" not in run.data.metrics


def test_without_an_active_run_nothing_is_logged_and_no_run_starts(store):
    tracking.log_parameters(PARAMETERS)
    tracking.log_metrics({"loss": 1.0})
    tracking.log_input("train.h5", "0", "training")
    tracking.log_code(GitState("abc", True))
    tracking.describe_run("a run")
    tracking.log_epoch(Epoch(1, 0.5))
    assert tracking.active_run() == {}
    assert store.search_runs(["1"]) == []


@pytest.mark.parametrize(
    ("changed", "env", "name"),
    [
        ({}, "base", "bilstm seed 7"),
        ({"seed": 7, "data_root": "/home/anna"}, "demo", "bilstm seed 7 demo"),
        (
            {"training": {"epochs": 5}, "split": {"group_pattern": "^p"}},
            "base",
            "bilstm seed 7 epochs=5 group_pattern=^p",
        ),
        ({"notice": "x" * 200}, "base", "bilstm seed 7 notice=" + "x" * 78 + "…"),
    ],
)
def test_the_name_of_a_run_holds_network_seed_and_changed_parameters(changed, env, name):
    assert tracking.run_name(PARAMETERS, changed, env) == name
