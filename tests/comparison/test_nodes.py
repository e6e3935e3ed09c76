"""The nodes of the pipeline `model_comparison`, without Kedro."""

import subprocess
import sys

import pandas as pd
import pytest

from base_parameters import base_parameters
from hand_gestures.parameters import ChannelParameters, ComparisonParameters, EvaluationParameters
from hand_gestures.pipeline_registry import register_pipelines
from hand_gestures.pipelines.model_comparison.nodes import average_pixels, compare_models
from hand_gestures.utils.errors import HandGesturesError
from small_training import NETWORK, TRAINING


def audit_of(finding="unchanged", looks_like=("fist", "palm", "wave")):
    """The table of a mirror audit without the columns that nothing decides."""
    names = ["fist", "palm", "wave"]
    return pd.DataFrame(
        {"class_name": names, "finding": finding, "looks_like": looks_like, "mirrored_classes": "", "reason": ""}
    )


def compare(files, folder, on_trial, mirror_audit=None):
    ids = [*files[0].sequence_ids, *files[1].sequence_ids]
    return compare_models(
        *files,
        mirror_audit=audit_of() if mirror_audit is None else mirror_audit,
        split=pd.DataFrame({"sequence_id": ids, "group": ids, "random_side": "train"}),
        pixels=pd.DataFrame({"sequence_id": ids, "pixels": [[float(len(name))] for name in ids]}),
        trials_folder=folder,
        on_trial=on_trial,
        network=NETWORK,
        channels=base_parameters(ChannelParameters),
        training=TRAINING.model_copy(update={"epochs": 1}),
        evaluation=base_parameters(EvaluationParameters, bootstrap_draws=10),
        comparison=base_parameters(ComparisonParameters, networks=["linear_probe"], leave_out=[], seeds=[1, 2]),
        seed=3,
    )


def test_each_trial_is_reported_once_when_it_ends_and_is_a_row_of_the_table(write_file, tmp_path):
    reported = []
    files = write_file("train.h5", 9), write_file("val.h5", 6, first=9)
    trials, variants = compare(files, tmp_path, reported.append)
    assert [trial.name for trial in reported] == [
        "bilstm, seed 1",
        "bilstm, seed 2",
        "linear_probe, seed 1",
        "linear_probe, seed 2",
        "nearest_neighbour",
    ]
    assert trials["accuracy"].tolist() == [trial.metrics["accuracy"] for trial in reported]
    assert variants["variant"].tolist() == ["bilstm", "linear_probe", "nearest_neighbour"]


def test_a_trial_is_kept_before_it_is_reported(write_file, tmp_path):
    def on_trial(trial):
        assert (tmp_path / f"{trial.name}.json").is_file()
        raise InterruptedError

    files = write_file("train.h5", 9), write_file("val.h5", 6, first=9)
    with pytest.raises(InterruptedError):
        compare(files, tmp_path, on_trial)


def test_a_pair_that_changes_places_in_a_mirror_stops_before_the_first_trial(write_file, tmp_path):
    files = write_file("train.h5", 9), write_file("val.h5", 6, first=9)
    reported = []
    swapped = audit_of(["swap", "swap", "unchanged"], ["palm", "fist", "wave"])
    with pytest.raises(HandGesturesError, match="a mirror turns fist into palm and back"):
        compare(files, tmp_path, reported.append, swapped)
    assert not reported
    assert not list(tmp_path.glob("*.json"))


def test_the_comparison_audits_its_own_embeddings_before_it_trains():
    pipeline = register_pipelines()["model_comparison"]
    (audit,) = [node for node in pipeline.nodes if node.outputs == ["mirror_audit"]]
    (compared,) = [node for node in pipeline.nodes if node.name == "compare_models"]
    assert "train_embeddings" in audit.inputs
    assert "mirror_audit" in compared.inputs


def test_no_pixels_are_averaged_when_nearest_neighbour_is_turned_off(tmp_path):
    sequences = pd.DataFrame({"sequence_id": ["x"], "frames": [["missing.png"] * 32]})
    off = base_parameters(ComparisonParameters, nearest_neighbour=False)
    assert average_pixels(sequences, tmp_path, off).empty


def test_the_nodes_are_imported_without_slow_packages():
    script = """
import sys, typing
from hand_gestures.pipelines.model_comparison import nodes
for node in (nodes.average_pixels, nodes.compare_models, nodes.draw_comparison, nodes.write_comparison):
    typing.get_type_hints(node)
print(sorted({"torch", "lightning", "matplotlib", "sklearn", "mlflow"} & sys.modules.keys()))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
