"""What is logged of the nodes' outputs, in a real store."""

import mlflow
import pandas as pd
import pytest

from hand_gestures.mlflow_support.outputs import LOGGERS, log_output


@pytest.fixture
def logged(store):
    """Logs a catalog entry in its own run and returns what the store holds of that run."""

    def log(name, value):
        with mlflow.start_run() as run:
            log_output(name, value)
        return store.get_run(run.info.run_id)

    return log


def test_leaks_of_the_split_are_metrics(logged):
    leaks = {"held_out": 72, "copies": 0, "look_alikes": 2, "groups_on_both_sides": 0}
    run = logged("split_summary", {"split": {"leaks": leaks}, "random_split": {"leaks": {"copies": 9}}})
    assert run.data.metrics == {f"leaks_{name}": count for name, count in leaks.items()}


def test_of_an_evaluation_only_what_runs_are_compared_by_is_logged(logged):
    metrics = {
        "accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 1.0, "loss": 0.4, "loss_low": 0.3, "loss_high": 0.5,
        "clips": 72, "worst_group": "anna", "chance_accuracy": 0.1, "majority_accuracy": 0.2, "exact_intervals": [],
    }  # fmt: skip
    of_validation = logged("evaluation", metrics).data.metrics
    assert of_validation == {
        "best_val_accuracy": 0.9, "best_val_accuracy_low": 0.8, "best_val_accuracy_high": 1.0, "best_val_loss": 0.4,
    }  # fmt: skip
    of_test = logged("test_evaluation", metrics).data.metrics
    assert of_test.keys() == {name.replace("best_val", "test") for name in of_validation}
    assert logged("test_evaluation", {}).data.metrics == {}


def test_embeddings_files_are_inputs_of_the_run_and_their_size_is_a_tag(logged):
    train = {"file": "train.h5", "digest": "aa", "content_digest": "bb"}
    train |= {"sequences": 9, "rows_by_class": {"fist": 5, "wave": 4}}
    run = logged("embeddings_description", {"train": train, "validation": train | {"file": "val.h5", "sequences": 3}})
    ours = {name: value for name, value in run.data.tags.items() if not name.startswith("mlflow.")}
    assert ours == {"embedding_contract": "aa", "classes": "2", "clips": "12"}
    inputs = {(item.dataset.name, item.dataset.digest, item.tags[0].value) for item in run.inputs.dataset_inputs}
    assert inputs == {("train.h5", "bb", "training"), ("val.h5", "bb", "validation")}


def test_the_decision_of_the_registry_is_a_tag_and_the_champion_a_metric(logged):
    run = logged("registry_decision", {"decision": "kept", "champion": {"accuracy": 0.8, "loss": 0.5}})
    assert run.data.tags["registry_decision"] == "kept"
    assert run.data.metrics == {"champion_accuracy": 0.8, "champion_loss": 0.5}
    assert logged("registry_decision", {"decision": "off", "champion": None}).data.metrics == {}


def test_faithfulness_is_a_metric_of_each_axis(logged):
    table = pd.DataFrame(
        {
            "axis": ["frames", "frames"],
            "removed": [0, 8],
            "share": [0.0, 0.25],
            "most_attended": [1.0, 0.25],
            "random": [1.0, 0.75],
        }
    )
    assert logged("faithfulness", table).data.metrics == {"faithfulness_frames": 0.5}
    assert logged("faithfulness", table.head(0)).data.metrics == {}


def test_other_entries_log_nothing(logged):
    run = logged("confusion", pd.DataFrame())
    assert (run.data.metrics, run.data.params) == ({}, {})


def test_every_logged_entry_is_an_output_of_a_pipeline():
    from hand_gestures.pipeline_registry import register_pipelines

    outputs = {name for pipeline in register_pipelines().values() for name in pipeline.all_outputs()}
    assert LOGGERS.keys() <= outputs
