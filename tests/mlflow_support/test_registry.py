"""Which model has the alias, in a real registry with real models."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import torch

from base_parameters import base_parameters
from hand_gestures.classifier.bundle import Bundle
from hand_gestures.classifier.networks import build_network
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.evaluation.evaluate import evaluate_classifier
from hand_gestures.evaluation.summary import summarise
from hand_gestures.mlflow_support.registry import (
    VALIDATION_DATA,
    Registry,
    find_shortfall,
    make_candidate,
    measure_performance,
)
from hand_gestures.mlflow_support.serving import log_model
from hand_gestures.parameters import RegistryParameters, TrainingParameters
from hand_gestures.pipelines.modeling.nodes import register_model
from small_embeddings import CLASS_NAMES, CONTRACT, FRAMES, WIDTH, embedded_sequence

USED_CHANNELS = CHANNEL_NAMES[2:4]  # of the channels in the file, those that the models take
CLIPS = 12
HEADLINE = "validation accuracy 0.333"
RECORD = {"mlflow_run": {"name": "bilstm seed 7"}, "parameters": {"seed": 7, "evaluation": {"confidence_level": 0.95}}}


def untrained_bundle(seed=0):
    """A model that knows nothing."""
    torch.manual_seed(seed)
    architecture = {"name": "linear_probe", "classes": 3, "channels": len(USED_CHANNELS), "width": WIDTH}
    weights = build_network(architecture).copy_weights()
    return Bundle(weights, architecture, list(CLASS_NAMES), list(USED_CHANNELS), FRAMES, CONTRACT)


def make_bundle(mistakes=0):
    """A model that has learned the clips of `val_file` by heart, so many of them with a wrong class."""
    clips = np.stack([embedded_sequence(n % 3, n).embeddings[0] for n in range(CLIPS)])  # (N, T, C, D)
    inputs = clips[:, :, 2:4].mean(axis=1).reshape(CLIPS, -1)
    classes = [(n + (n < mistakes)) % 3 for n in range(CLIPS)]
    solution = np.linalg.pinv(np.column_stack([inputs, np.ones(CLIPS)])) @ (10 * np.eye(3)[classes])
    bundle = untrained_bundle()
    learned = {"head.weight": solution[:-1].T.copy().astype("f4"), "head.bias": solution[-1].astype("f4")}
    return replace(bundle, weights=bundle.weights | learned)


@pytest.fixture
def val_file(write_file):
    return write_file("val.h5", CLIPS)


@pytest.fixture
def worse_and_better(val_file):
    return sorted((make_bundle(seed) for seed in range(2)), key=lambda bundle: performance_of(bundle, val_file).rank())


def performance_of(bundle, file):
    return measure_performance(bundle, file, 8, "cpu")


def metrics_of(bundle, file, draws=100, groups=None):
    evaluation = evaluate_classifier(bundle, file, 8, torch.device("cpu"), groups)
    return summarise(evaluation, bundle.class_names, {}, draws)


def offer(bundle, file, alias="champion", min_clips=CLIPS, draws=100, groups=None, min_groups=2):
    """The decision on a model that its own run offers."""
    metrics = metrics_of(bundle, file, draws, groups)
    with mlflow.start_run():
        return Registry("gestures", alias, min_clips, min_groups).offer(
            make_candidate(bundle, file, metrics, RECORD, HEADLINE), lambda champion: performance_of(champion, file)
        )


def champion(store):
    return str(store.get_model_version_by_alias("gestures", "champion").version)


def versions(store):
    return sorted(int(version.version) for version in store.search_model_versions("name = 'gestures'"))


def files_of(store, version):
    return Path(mlflow.artifacts.download_artifacts(f"models:/gestures/{version}"))


def test_the_first_model_is_registered_with_the_alias_and_says_what_it_is(store, val_file):
    decision = offer(make_bundle(), val_file)
    version = store.get_model_version_by_alias("gestures", "champion")
    performance = performance_of(make_bundle(), val_file)
    assert (decision.decision, decision.version, decision.performance) == ("registered", "1", performance)
    assert decision.champion is None
    assert version.tags.pop(VALIDATION_DATA)
    accuracy, loss = (f"{metric:.4f}" for metric in performance)
    tags = {"accuracy": accuracy, "loss": loss, "network": "linear_probe", "seed": "7"}
    assert version.tags == tags
    assert version.description == f"bilstm seed 7: {HEADLINE}"
    assert version.run_id == store.search_runs(["1"])[0].info.run_id


@pytest.mark.parametrize("draws", [0, 100])
@pytest.mark.parametrize("mistakes", [0, 2])
def test_a_first_model_that_is_better_than_its_baselines_is_registered(store, val_file, mistakes, draws):
    assert performance_of(make_bundle(mistakes), val_file).accuracy == 1 - mistakes / CLIPS
    assert offer(make_bundle(mistakes), val_file, draws=draws).decision == "registered"


@pytest.mark.parametrize("draws", [0, 100])
def test_a_model_at_chance_never_becomes_champion_not_even_the_first(store, val_file, draws):
    bundle = make_bundle(8)
    assert performance_of(bundle, val_file).accuracy == 1 / 3
    decision = offer(bundle, val_file, draws=draws)
    assert (decision.decision, decision.version, decision.champion_version) == ("not_eligible", None, None)
    assert decision.sentence.startswith(
        "no model is registered: to become champion, its accuracy must be above that of always answering the most "
        "frequent class, 0.333, with its whole 95 % interval, but is 0.333 with an interval from 0."
    )
    assert store.search_registered_models() == []
    offer(make_bundle(), val_file)
    assert offer(bundle, val_file, draws=draws).decision == "not_eligible"
    assert (champion(store), versions(store)) == ("1", [1])


def test_a_model_that_was_validated_on_too_few_clips_is_not_registered(store, write_file):
    four = write_file("four.h5", 4)
    assert performance_of(make_bundle(), four).accuracy == 1
    decision = offer(make_bundle(), four, min_clips=5)
    assert decision.decision == "not_eligible"
    assert decision.sentence == (
        "no model is registered: to become champion, it needs 5 validation clips or more, but has 4; add clips, or "
        "change registry.min_clips"
    )
    assert store.search_registered_models() == []


@pytest.mark.parametrize("draws", [0, 100])
def test_a_model_that_was_validated_on_one_group_is_not_registered(store, val_file, draws):
    one = dict.fromkeys(val_file.sequence_ids, "anna")
    decision = offer(make_bundle(), val_file, draws=draws, groups=one)
    assert decision.decision == "not_eligible"
    assert decision.sentence == (
        "no model is registered: to become champion, it needs validation clips of 2 groups or more, but has 1, and "
        "one group says nothing about others; increase split.val_fraction, or change registry.min_groups"
    )
    assert store.search_registered_models() == []
    four = {name: f"person{number % 4}" for number, name in enumerate(val_file.sequence_ids)}
    assert offer(make_bundle(), val_file, draws=draws, groups=four).decision == "registered"
    assert offer(make_bundle(), val_file, alias="own", draws=draws, groups=one, min_groups=1).decision == "registered"


def test_a_model_whose_evaluation_has_no_baselines_is_not_eligible(val_file):
    metrics = metrics_of(make_bundle(), val_file)
    old = {name: value for name, value in metrics.items() if name not in ("chance_accuracy", "majority_accuracy")}
    assert find_shortfall(metrics, CLIPS, 2, 0.95) is None
    assert "its evaluation is older; run kedro run --pipeline modeling" in find_shortfall(old, CLIPS, 2, 0.95)


def test_a_better_model_takes_the_alias_and_the_decision_tells_both(store, val_file, worse_and_better):
    worse, better = worse_and_better
    offer(worse, val_file)
    store.set_model_version_tag("gestures", "1", "accuracy", "1.0")  # the tag is not used
    decision = offer(better, val_file)
    assert (decision.decision, decision.version, decision.champion_version) == ("registered", "2", "1")
    assert (decision.champion, decision.performance) == (
        performance_of(worse, val_file),
        performance_of(better, val_file),
    )
    assert str(decision.champion) in decision.sentence
    assert str(decision.performance) in decision.sentence
    assert (champion(store), versions(store)) == ("2", [1, 2])


@pytest.mark.parametrize("other", [0, 1], ids=["worse", "equal"])
def test_a_model_that_is_not_better_is_not_registered(store, val_file, worse_and_better, other):
    offer(worse_and_better[1], val_file)
    decision = offer(worse_and_better[other], val_file)
    assert (decision.decision, decision.version, decision.champion_version) == ("kept", None, "1")
    assert str(decision.performance) in decision.sentence
    assert (champion(store), versions(store)) == ("1", [1])


def test_models_that_were_validated_on_other_clips_are_not_compared(store, val_file, write_file, worse_and_better):
    offer(worse_and_better[0], val_file)
    other = write_file("other.h5", CLIPS + 3)
    decision = offer(worse_and_better[1], other)
    assert (decision.decision, decision.champion_version, decision.champion) == ("not_comparable", "1", None)
    assert "version 1 stays champion: it was validated on other data: no model is registered" in decision.sentence
    assert (champion(store), versions(store)) == ("1", [1])
    assert offer(worse_and_better[1], other, alias="champion_of_others").decision == "registered"
    assert champion(store) == "1"


def damage_weights(bundle_folder):
    (bundle_folder / "model.safetensors").write_bytes(b"half")


def name_an_unknown_network(bundle_folder):
    description = json.loads((bundle_folder / "model.json").read_text())
    description["architecture"] = {"name": "transformer"}
    (bundle_folder / "model.json").write_text(json.dumps(description))


def remove(bundle_folder):
    for path in bundle_folder.iterdir():
        path.unlink()


@pytest.mark.parametrize("damage", [damage_weights, name_an_unknown_network, remove])
def test_a_champion_that_cannot_be_tried_is_not_beaten(store, val_file, worse_and_better, damage):
    offer(worse_and_better[0], val_file)
    damage(files_of(store, 1) / "artifacts/classifier")
    decision = offer(worse_and_better[1], val_file)
    assert (decision.decision, decision.champion_version) == ("not_comparable", "1")
    assert "but cannot be evaluated (" in decision.sentence
    assert "remove the alias from that version" in decision.sentence
    assert versions(store) == [1]
    store.delete_registered_model_alias("gestures", "champion")  # as the sentence advises
    assert offer(worse_and_better[1], val_file).decision == "registered"


def test_an_interruption_before_the_alias_leaves_the_champion(store, val_file, worse_and_better, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    offer(worse_and_better[0], val_file)
    with monkeypatch.context() as patch:
        patch.setattr(mlflow.MlflowClient, "set_registered_model_alias", interrupt)
        with pytest.raises(KeyboardInterrupt):
            offer(worse_and_better[1], val_file)
    assert (champion(store), versions(store)) == ("1", [1, 2])
    decision = offer(worse_and_better[1], val_file)
    assert (decision.version, decision.champion_version, champion(store)) == ("3", "1", "3")


def test_the_node_registers_only_where_the_parameters_and_a_run_allow_it(store, val_file):
    bundle = make_bundle()
    performance = performance_of(bundle, val_file)
    given = (bundle, val_file, metrics_of(bundle, val_file), RECORD)
    enabled = base_parameters(RegistryParameters, model="gestures", min_clips=CLIPS)
    training = base_parameters(TrainingParameters, device="cpu")
    untracked = register_model(*given, {}, enabled, training)
    assert untracked["sentence"] == "no model is registered: the run is not tracked"
    decisions = []
    more_clips = enabled.model_copy(update={"min_clips": CLIPS + 1})
    for parameters in (enabled.model_copy(update={"enabled": False}), enabled, enabled, more_clips):
        with mlflow.start_run() as run:
            mlflow_run = {"name": run.info.run_name, "id": run.info.run_id}
            decisions.append(register_model(*given, mlflow_run, parameters, training))
    assert [decision["decision"] for decision in decisions] == ["off", "registered", "kept", "not_eligible"]
    assert decisions[2]["champion"] == performance._asdict()
    assert json.loads(json.dumps(decisions)) == decisions
    assert versions(store) == [1]
    description = store.get_model_version("gestures", "1").description
    assert description.startswith(f"bilstm seed 7: validation accuracy {performance.accuracy:.3f} (")


SERVE = """
import sys
import mlflow, numpy as np
model = mlflow.pyfunc.load_model(sys.argv[1])
model.predict(np.load(sys.argv[2])).to_json(sys.argv[3])
print(sys.modules["hand_gestures.classifier"].__file__)
"""


def test_a_clean_process_loads_the_model_with_its_code_unpickles_nothing_and_predicts_as_the_bundle(
    store, val_file, tmp_path
):
    bundle = make_bundle()
    with mlflow.start_run():
        uri = log_model(bundle, val_file).model_uri
    folder = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(tmp_path / "model")))
    suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert not suffixes & {".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib"}
    with val_file.open() as file:
        np.save(tmp_path / "clips.npy", file["embeddings/data"][:])
    served = subprocess.run(
        [sys.executable, "-c", SERVE, folder, tmp_path / "clips.npy", tmp_path / "answers.json"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    answers = pd.read_json(tmp_path / "answers.json")
    expected = evaluate_classifier(bundle, val_file, 8, torch.device("cpu"))
    assert answers["predicted"].tolist() == expected.predictions["predicted"].tolist()
    np.testing.assert_allclose(answers["confidence"], expected.predictions["confidence"], rtol=1e-5)
    probabilities = [[row[name] for name in CLASS_NAMES] for row in answers["probabilities"]]
    np.testing.assert_allclose(probabilities, expected.probabilities, rtol=1e-5)
    assert str(folder) in served.stdout
