"""What goes to MLflow, in a real store."""

import mlflow
import pytest

from hand_gestures.mlflow_support import tracking

PARAMETERS = {"seed": 7, "network": {"name": "bilstm"}, "training": {"epochs": 40, "patience": None}}


@pytest.fixture
def logged(store):
    """Logs in a run of its own and gives what the store holds of it then."""

    def log(function, *arguments, **tags):
        with mlflow.start_run(tags=tags) as run:
            function(*arguments)
        return store.get_run(run.info.run_id)

    return log


def test_parameters_have_flat_keys_and_those_that_are_null_are_left_out(logged):
    run = logged(tracking.log_parameters, PARAMETERS)
    assert run.data.params == {"seed": "7", "network.name": "bilstm", "training.epochs": "40"}


def test_names_of_classes_become_keys_whatever_they_are(logged):
    run = logged(tracking.log_parameters, {"mirrored": {"влево": "вправо", "a+b/(c)": "d", "x" * 300: "y" * 7000}})
    assert run.data.params["mirrored.влево"] == "вправо"
    assert run.data.params["mirrored.a_b__c_"] == "d"
    assert {key: len(value) for key, value in run.data.params.items() if "xx" in key} == {
        "mirrored." + "x" * 241: tracking.LONGEST_VALUE
    }
    assert logged(tracking.log_metrics, {"accuracy_a+b": 0.5}).data.metrics == {"accuracy_a_b": 0.5}


def test_a_data_set_is_named_with_its_digest_and_no_place_on_a_machine(logged):
    run = logged(tracking.log_input, "train.h5", "0123456789ab", "training")
    (dataset,) = run.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("train.h5", "0123456789ab")
    assert dataset.dataset.source == '{"uri": "train.h5"}'
    assert [tag.value for tag in dataset.tags] == ["training"]


def test_the_commit_replaces_what_mlflow_guessed_and_is_missing_where_it_is_not_known(logged):
    guessed = dict.fromkeys(tracking.GUESSED, "guessed")
    tags = logged(tracking.log_code, tracking.GitState("abc", True), **guessed).data.tags
    assert (tags[tracking.COMMIT], tags["git_dirty"]) == ("abc", "true")
    tags = logged(tracking.log_code, None, **guessed).data.tags
    assert not {*tracking.GUESSED, "git_dirty"} & tags.keys()


def test_without_a_run_nothing_is_logged_and_none_is_begun(store):
    tracking.log_parameters(PARAMETERS)
    tracking.log_metrics({"loss": 1.0})
    tracking.log_input("train.h5", "0", "training")
    tracking.log_code(tracking.GitState("abc", True))
    tracking.describe_run("a run")
    assert tracking.tracked_run() == {}
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
def test_a_training_is_named_by_network_seed_and_what_is_changed(changed, env, name):
    assert tracking.run_name(PARAMETERS, changed, env) == name
