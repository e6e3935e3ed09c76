"""The demo environment at a tiny size, run by real Kedro sessions; each test reads the files that it wrote."""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from mlflow import MlflowClient

from hand_gestures.classifier import load_bundle
from hand_gestures.embedding.channels import CHANNEL_NAMES
from hand_gestures.evaluation.evaluate import evaluate_classifier
from hand_gestures.reporting.run_summary import NO_GROUPS
from hand_gestures.store.embedding_file import EmbeddingFile
from html_page import Page, body
from tiny_project import run


@pytest.fixture(scope="module")
def results(demo) -> Path:
    return demo / "data" / "demo"


@pytest.fixture(scope="module")
def mlflow_run(demo):
    client = MlflowClient(f"sqlite:///{demo}/mlflow.db")
    experiment = client.get_experiment_by_name("hand_gestures")
    (only,) = client.search_runs([experiment.experiment_id], filter_string="tags.pipeline = '__default__'")
    return client, only


@pytest.mark.parametrize(("split", "rows"), [("train", 2 * 12 * 2), ("val", 12)])
def test_plain_h5py_finds_the_contract(results, split, rows):
    with h5py.File(results / f"05_model_input/preprocessed_{split}_dataset.h5") as file:
        data = file["embeddings/data"]
        assert data.shape == (rows, 32, 12, 192)
        assert data.dtype == np.float32
        assert (data.compression, data.shuffle, data.chunks) == ("gzip", True, (1, 32, 12, 192))
        assert file["labels/data"].shape == (rows,)
        assert np.issubdtype(file["labels/data"].dtype, np.integer)
        assert file["sequence_ids/data"].shape == (rows,)
        assert tuple(file.attrs["channel_names"]) == CHANNEL_NAMES
        assert len(file.attrs["class_names"]) == 12
        clip = data[0]
        assert np.isfinite(clip).all()
        chunks = [CHANNEL_NAMES.index(f"{region}_resnext_3") for region in ("left", "right", "full")]
        assert not clip[:, chunks, 512 - 2 * 192 :].any()  # 512 features end there
        assert clip[:, chunks, : 512 - 2 * 192].any()
        contract, provenance = json.loads(file.attrs["contract"]), json.loads(file.attrs["provenance"])
        assert set(provenance["models"]) == {"vit", "resnext", "hands"}
        assert all(len(backbone["sha256"]) == 64 for backbone in contract["backbones"].values())
        assert file["contents/data"].shape == (rows, 16)
        assert file["mirrored/data"][:].tolist() == [view > 0 for view in file["views/data"][:]]


def test_no_performer_is_in_both_splits(results):
    train, val = (pd.read_parquet(results / f"03_primary/{side}_sequences.parquet") for side in ("train", "val"))
    assert set(train["group"]) | set(val["group"]) == {"performer01", "performer02", "performer03"}
    assert not set(train["group"]) & set(val["group"])


def test_mirrored_views_have_the_mirrored_label(results):
    file = EmbeddingFile(results / "05_model_input/preprocessed_train_dataset.h5")
    names = np.array(file.header.class_names)[file.labels]
    labels = {(sequence, view): name for sequence, view, name in zip(file.sequence_ids, file.views, names, strict=True)}
    partner = {"swipe_left": "swipe_right", "circle_clockwise": "circle_counterclockwise"}
    partner |= {other: one for one, other in partner.items()}
    for (sequence, view), name in labels.items():
        own = sequence.split("/")[0]
        assert name == (partner.get(own, own) if view else own)


def test_the_mirror_audit_of_few_clips_is_undecided_and_is_logged(results, mlflow_run):
    table = pd.read_csv(results / "08_reporting/dataset/mirror_audit.csv", keep_default_na=False)
    assert len(table) == 12
    assert set(table["finding"]) == {"undecided"}
    mirrors = dict(zip(table["class_name"], table["mirrored_classes"], strict=True))
    assert mirrors["swipe_right"] == "swipe_left"
    assert mirrors["hold_fist"] == ""
    client, run_ = mlflow_run
    assert "dataset/mirror_audit.csv" in [file.path for file in client.list_artifacts(run_.info.run_id, "dataset")]


def test_hands_are_stored_beside_the_embeddings(results):
    with h5py.File(results / "05_model_input/preprocessed_val_dataset.h5") as file:
        assert file["hands/frames"][:].tolist() == [0, 8, 16, 24]
        boxes, scores = file["hands/boxes"][:], file["hands/scores"][:]
    assert boxes.shape == (12, 4, 4, 4)
    found = np.isfinite(scores)
    assert found.any()
    assert (np.isfinite(boxes).all(-1) == found).all()
    assert boxes[found].min() >= 0
    assert boxes[found].max() <= 1


def test_the_rate_of_detected_hands_is_reported_by_class_and_split(results):
    rates = pd.read_csv(results / "08_reporting/dataset/hand_rates.csv")
    assert set(rates["split"]) == {"train", "val"}
    assert len(rates) == 2 * (12 + 1)
    assert rates["frames_with_hand"].between(0, 1).all()
    sequences = pd.read_csv(results / "08_reporting/dataset/hand_detections.csv")
    assert len(sequences) == 36
    assert rates[rates["class_name"] == "(all)"]["clips"].sum() == 36


def test_only_complete_files_remain(results):
    assert sorted(path.name for path in (results / "05_model_input").iterdir()) == [
        f"preprocessed_{split}_dataset.h5" for split in ("test", "train", "val")
    ]


def test_the_saved_model_reproduces_the_reported_accuracy(results):
    bundle = load_bundle(results / "06_models/classifier")
    file = EmbeddingFile(results / "05_model_input/preprocessed_val_dataset.h5")
    again = evaluate_classifier(bundle, file, 32, torch.device("cpu")).predictions["correct"].mean()
    history = pd.read_csv(results / "08_reporting/training_history.csv")
    assert json.loads((results / "08_reporting/evaluation.json").read_text())["accuracy"] == again
    assert history["val_accuracy"].max() == pytest.approx(again, abs=1e-6)


def test_metrics_of_one_performer_have_no_intervals(results):
    metrics = json.loads((results / "08_reporting/evaluation.json").read_text())
    assert metrics["clips"] == 12
    assert metrics["groups"] == 1
    assert {"top5_accuracy", "mean_class_accuracy", "macro_f1", "loss", "ece", "accuracy_direction_only"} <= set(
        metrics
    )
    assert not any(name.endswith(("_low", "_high")) for name in metrics)  # one performer says nothing about others


def test_predictions_hold_group_hands_and_the_most_likely_classes(results):
    rows = pd.read_csv(results / "07_model_output/val_predictions.csv")
    assert rows["group"].nunique() == 1
    assert rows["most_likely"].str.split(" > ").str.len().eq(5).all()
    assert rows["confidence"].between(1 / 12, 1).all()
    with h5py.File(results / "05_model_input/preprocessed_val_dataset.h5") as file:
        found = np.isfinite(file["hands/scores"][:]).any(axis=(1, 2))
    assert rows["hand_found"].tolist() == found.tolist()


def test_tables_by_class_and_group_count_every_clip(results):
    by_class, by_group = (pd.read_csv(results / f"08_reporting/per_{what}.csv") for what in ("class", "group"))
    assert len(by_class) == 12
    assert by_class["clips"].sum() == by_group["clips"].sum() == 12
    assert by_class["right"].sum() == by_group["right"].sum()


def test_without_a_test_split_its_results_are_empty(results):
    assert json.loads((results / "08_reporting/test_evaluation.json").read_text()) == {}
    assert pd.read_csv(results / "07_model_output/test_predictions.csv").empty
    assert pd.read_csv(results / "08_reporting/test_per_class.csv").empty


@pytest.mark.parametrize(("name", "clips"), [("(all)", 12), ("swipe_left", 1)])
def test_attention_statistics_count_every_clip(results, name, clips):
    channels, frames = (pd.read_csv(results / f"08_reporting/{what}_attention.csv") for what in ("channel", "frame"))
    assert channels["class_name"].nunique() == frames["class_name"].nunique() == 12 + 1
    channels, frames = (table[table["class_name"] == name] for table in (channels, frames))
    assert tuple(channels["channel"]) == CHANNEL_NAMES
    assert frames["frame"].tolist() == list(range(32))
    assert channels["times_highest"].sum() == channels["times_lowest"].sum() == clips
    assert frames["times_highest"].sum() == frames["times_lowest"].sum() == 12 * clips
    assert channels["mean"].sum() == pytest.approx(1)


def test_each_clip_has_its_attention_weights(results):
    attention = pd.read_parquet(results / "07_model_output/val_attention.parquet")
    predictions = pd.read_csv(results / "07_model_output/val_predictions.csv")
    assert attention["sequence_id"].tolist() == predictions["sequence_id"].tolist()
    assert attention["correct"].tolist() == predictions["correct"].tolist()
    for column, length in (("channel_weights", 12), ("frame_weights", 32)):
        weights = np.stack(attention[column])
        assert weights.shape == (12, length)
        np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)


def test_faithfulness_is_measured_on_frames_and_channels(results, mlflow_run):
    table = pd.read_csv(results / "08_reporting/faithfulness.csv")
    assert table.groupby("axis")["removed"].agg(list).to_dict() == {"frames": [0, 4, 8, 16], "channels": [0, 1, 3, 6]}
    whole = json.loads((results / "08_reporting/evaluation.json").read_text())["accuracy"]
    assert table.loc[table["removed"] == 0, "most_attended"].tolist() == [whole, whole]
    quarter = table[table["share"] == 0.25].set_index("axis")
    for axis, lost in (quarter["random"] - quarter["most_attended"]).items():
        assert mlflow_run[1].data.metrics[f"faithfulness_{axis}"] == pytest.approx(lost)


def test_each_class_has_a_film_strip_and_each_mistake_a_picture(results):
    predictions = pd.read_csv(results / "07_model_output/val_predictions.csv")
    strips = sorted(path.stem for path in (results / "08_reporting/film_strips").iterdir())
    assert strips == sorted(predictions["class_name"].unique())
    mistakes = predictions[~predictions["correct"]]
    pairs = set(mistakes["class_name"] + "_as_" + mistakes["predicted"])
    drawn = sorted(path.stem for path in (results / "08_reporting/confused_pairs").iterdir())
    assert len(drawn) == min(10, len(pairs)) > 0
    assert {name[3:] for name in drawn} <= pairs


def test_a_report_can_be_written_where_the_frames_are_missing(demo, results, caplog):
    before = {path: path.read_bytes() for path in (results / "08_reporting/film_strips").iterdir()}
    with caplog.at_level("WARNING"):
        run(demo, {"frames_dir": str(demo / "nowhere")}, pipeline_names=["reporting"])
    assert len([line for line in caplog.messages if "in the film strips are blank" in line]) == 1
    assert all(path.read_bytes() != picture for path, picture in before.items())
    run(demo, pipeline_names=["reporting"])
    assert {path: path.read_bytes() for path in before} == before


def test_mlflow_holds_flat_parameters(mlflow_run):
    parameters = mlflow_run[1].data.params
    assert parameters["training.epochs"] == "2"
    assert parameters["augmentation.mirrored_classes.swipe_left"] == "swipe_right"
    assert parameters["backbones.resnext.name"] == "timm/resnext50_32x4d.a1_in1k"
    assert not {"data_root", "notice", "channel_names", "parameters"} & parameters.keys()
    assert not any(name.startswith(("sample.", "comparison.", "compact_backbones.")) for name in parameters)


def test_mlflow_holds_metrics_of_every_epoch(mlflow_run):
    client, run = mlflow_run
    for metric in ("train_loss", "train_accuracy", "val_loss", "val_accuracy"):
        assert [point.step for point in client.get_metric_history(run.info.run_id, metric)] == [1, 2]
    assert "best_val_accuracy" in run.data.metrics
    assert "best_val_accuracy_direction_only" in run.data.metrics
    assert {"best_val_ece", "best_val_top5_accuracy", "best_val_accuracy_with_hands"} <= set(run.data.metrics)
    assert not {"best_val_clips", "best_val_groups"} & set(run.data.metrics)
    assert not any(name.startswith("test_") for name in run.data.metrics)


def test_mlflow_holds_the_model_metrics_tables_and_descriptions(mlflow_run):
    client, run = mlflow_run

    def names(folder: str | None = None) -> set[str]:
        return {Path(item.path).name for item in client.list_artifacts(run.info.run_id, folder)}

    files = {"embeddings_description.json", "run_record.json", "report.html", "model_card.md"}
    assert {"classifier", "plots", "tables", *files} <= names()
    assert names("classifier") == {"model.json", "model.safetensors"}
    of_model = ("curves", "confusion", "class_accuracy", "group_accuracy", "reliability")
    of_attention = ("channel_attention", "frame_attention", "channel_map", "frame_map", "faithfulness")
    of_data = ("class_balance", "clip_lengths")
    folders = {"film_strips", "confused_pairs"}
    assert names("plots") == {f"{name}.png" for name in (*of_model, *of_attention, *of_data)} | folders
    assert "swipe_left.jpg" in names("plots/film_strips")
    assert {"val_attention.parquet", "faithfulness.csv"} <= names("tables")
    assert {"channel_attention.csv", "frame_attention.csv", "evaluation.json", "confusion.csv"} <= names("tables")
    assert {"per_class.csv", "per_group.csv", "test_evaluation.json", "test_predictions.csv"} <= names("tables")
    assert len(run.data.tags["embedding_contract"]) == 12


def test_mlflow_describes_the_run_and_its_result(mlflow_run):
    run = mlflow_run[1]
    assert run.info.run_name.startswith("bilstm seed 42 demo performers=3 ")
    assert run.info.status == "FINISHED"
    assert run.data.tags["registry_decision"] == "not_eligible"
    note = run.data.tags["mlflow.note.content"]
    assert f"validation accuracy {run.data.metrics['best_val_accuracy']:.3f}" in note
    assert "24 clips of 2 groups train, 12 clips of 1 group validate; 12 classes" in note
    assert (
        "registry: no model is registered: to become champion, it needs 20 validation clips or more, but has 12" in note
    )
    assert "- by chance: 0.083, always the most frequent class 0.083" in note
    assert "know drawn hands only" in note


def test_mlflow_records_both_embeddings_files_and_registers_no_model_of_a_dozen_clips(mlflow_run):
    client, run = mlflow_run
    named = {(tag.value, item.dataset.name) for item in run.inputs.dataset_inputs for tag in item.tags}
    assert named == {
        (side, f"preprocessed_{file}_dataset.h5") for side, file in (("training", "train"), ("validation", "val"))
    }
    assert len({item.dataset.digest for item in run.inputs.dataset_inputs}) == 2
    assert client.search_registered_models() == []


def test_the_report_is_one_page_of_everything(results, mlflow_run):
    page = Page((results / "08_reporting/report.html").read_text(encoding="utf-8"))
    page.assert_self_contained()
    assert page.all("h2") == [
        "Results",
        "By class",
        "By group",
        "Calibration",
        "Training",
        "Attention",
        "Data set",
        "How it was made",
    ]
    metrics = json.loads((results / "08_reporting/evaluation.json").read_text())
    assert page.all("strong")[0] == f"{metrics['accuracy']:.3f}"
    assert f"{mlflow_run[1].info.run_name}, {mlflow_run[1].info.run_id[:8]}" in page.all("dd")
    assert json.loads((results / "08_reporting/registry_decision.json").read_text())["sentence"] in page.all("p")
    assert "know drawn hands only" in body(page)
    pictures = [path for path in (results / "08_reporting").rglob("*") if path.suffix in {".png", ".jpg"}]
    assert page.count("img") == len(pictures) > 12 + 12 + 12  # contact sheets, hand sheets, film strips


def test_the_report_can_be_written_again_without_training(demo, results):
    report, model = results / "08_reporting/report.html", results / "06_models/classifier/model.safetensors"
    before, trained = report.read_bytes(), model.stat().st_mtime_ns
    report.unlink()
    run(demo, {"training": {"epochs": 77}}, pipeline_names=["reporting"])
    assert report.read_bytes() == before
    assert model.stat().st_mtime_ns == trained


def test_a_test_split_is_scored_once_and_reported(demo, capfd):
    apart = demo / "data" / "with_test"
    changes = {"split": {"test_fraction": 0.25, "group_pattern": None}, "training": {"epochs": 1}}
    run(
        demo,
        {**changes, "data_root": str(apart)},
        pipeline_names=["data_processing", "feature_engineering", "modeling"],
    )
    printed = capfd.readouterr().out
    metrics = json.loads((apart / "08_reporting/test_evaluation.json").read_text())
    rows = pd.read_csv(apart / "07_model_output/test_predictions.csv")
    test = pd.read_parquet(apart / "03_primary/test_sequences.parquet")
    assert metrics["clips"] == len(rows) == 12
    assert set(rows["sequence_id"]) == set(test["sequence_id"])
    assert metrics["accuracy"] == rows["correct"].mean()
    assert metrics["loss_low"] < metrics["loss"] < metrics["loss_high"]  # each clip is a group of its own
    assert "groups" not in metrics
    assert pd.read_csv(apart / "08_reporting/per_group.csv").empty
    assert f"test accuracy:       {metrics['accuracy']:.3f} (" in printed
    client = MlflowClient(f"sqlite:///{demo}/mlflow.db")
    (latest,) = client.search_runs(["1"], order_by=["attributes.start_time DESC"], max_results=1)
    assert latest.data.metrics["test_accuracy"] == metrics["accuracy"]
    page = Page((apart / "08_reporting/report.html").read_text(encoding="utf-8"))
    assert page.all("strong")[1] == f"{metrics['accuracy']:.3f}"
    assert NO_GROUPS in page.all("p")  # in place of the section by group
    assert f"report:              {os.path.relpath(apart / '08_reporting/report.html', demo)}" in printed


@pytest.mark.parametrize("name", ["data_processing", "feature_engineering", "modeling"])
def test_each_pipeline_runs_alone_from_saved_files_with_the_same_result(demo, results, name):
    product = {
        "data_processing": "03_primary/val_sequences.parquet",
        "feature_engineering": "05_model_input/preprocessed_val_dataset.h5",
        "modeling": "06_models/classifier/model.safetensors",
    }[name]
    before = (results / product).read_bytes()
    modified = (results / product).stat().st_mtime_ns
    run(demo, pipeline_names=[name])
    written_again = (results / product).stat().st_mtime_ns > modified
    assert written_again == (name != "feature_engineering")  # embeddings of the same frames are up to date
    assert (results / product).read_bytes() == before


def test_a_comparison_is_one_run_with_a_nested_run_for_each_trial(demo, results):
    asked = {"seeds": [1, 2], "leave_out": ["vit"], "networks": ["linear_probe"]}
    run(demo, {"comparison": asked, "training": {"epochs": 1}}, pipeline_names=["model_comparison"])
    folder = results / "08_reporting/comparison"
    table = pd.read_csv(folder / "comparison.csv")
    variants = [
        "bilstm",
        "linear_probe",
        "nearest_neighbour",
        "bilstm without vit",
        "bilstm on 1 view",
        "bilstm on 1 view, random split",
        "nearest_neighbour, random split",
    ]
    assert table["variant"].tolist() == variants
    assert table["seeds"].tolist() == [2, 2, 1, 2, 2, 2, 1]
    assert table["accuracy_direction_only"].between(0, 1).all()
    page = Page((folder / "comparison.html").read_text())
    assert page.all("h1") == ["Model comparison"]
    assert len(page.texts["tr"]) >= len(variants)
    client = MlflowClient(f"sqlite:///{demo}/mlflow.db")
    experiment = client.get_experiment_by_name("hand_gestures")
    runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])
    inside = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    assert len(inside) == 12
    (parent,) = {run.data.tags["mlflow.parentRunId"] for run in inside}
    assert {artifact.path for artifact in client.list_artifacts(parent, "comparison")} == {
        f"comparison/{name}" for name in ("comparison.csv", "comparison.html", "trials.csv")
    }
    trial = next(run for run in inside if run.info.run_name == "bilstm without vit, seed 2")
    assert trial.data.params["without"] == "vit"
    trials = pd.read_csv(folder / "trials.csv").set_index(["variant", "seed"])
    expected = trials.loc[("bilstm without vit", 2), "accuracy"]
    assert trial.data.metrics["best_val_accuracy"] == pytest.approx(expected)
    assert [epoch.step for epoch in client.get_metric_history(trial.info.run_id, "val_accuracy")] == [1]
