"""Each importer, from a made-up copy of the published layout to a trained model, by a real Kedro session."""

import cv2
import pandas as pd
import pytest

from hand_gestures.classifier import load_bundle
from hand_gestures.dataset.importers import READERS
from small_data_sets import CLASSES, DATA_SETS, PERFORMERS, frame_number
from tiny_project import copy_project, run

PIPELINES = ["video_ingest", "data_processing", "feature_engineering", "modeling"]
TINY = {
    "video_ingest": {"processes": 1, "jpeg_quality": 100},
    "frame_catalog": {"processes": 1},
    "leak_audit": {"processes": 1},
    "clips": {"size": 32, "frames": 8},
    "augmentation": {"views": 0},
    "hands": {"enabled": False},
    "extraction": {"workers": 0},
    "training": {"epochs": 1},
    "evaluation": {"class_sets": {"direction_only": []}, "bootstrap_draws": 10, "faithfulness_clips": 2},
    "registry": {"enabled": False},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("importers"))


def test_every_importer_is_tried():
    assert set(DATA_SETS) == set(READERS)


@pytest.mark.parametrize("annotation_format", DATA_SETS)
def test_a_published_layout_becomes_a_trained_model(project, tmp_path, annotation_format):
    data_set = DATA_SETS[annotation_format](tmp_path / "copy")
    tables = tmp_path / "out/02_intermediate"
    segments = {"segments": str(data_set.annotations), "segments_format": annotation_format}
    lists = str(tables / "split_lists.csv") if data_set.splits else None
    changes = TINY | {
        "videos_dir": str(tmp_path / "copy"),
        "frames_dir": str(tmp_path / "frames"),
        "data_root": str(tmp_path / "out"),
        "video_ingest": TINY["video_ingest"] | segments,
        "split": {"group_pattern": None, "groups": str(tables / "ingested_videos.csv"), "lists": lists},
    }
    run(project, changes, pipeline_names=PIPELINES, to_nodes=["report_ingest", "evaluate_validation"])

    assert pd.read_csv(tables / "rejected_videos.csv").empty
    frames = pd.read_parquet(tables / "frame_catalog.parquet").sort_values(["class_name", "video_id", "frame_number"])
    clips = frames.groupby(["class_name", "video_id"])["path"].agg(list)
    assert len(clips) == len(CLASSES) * len(PERFORMERS)
    for (class_name, _), paths in clips.items():
        numbers = [frame_number(cv2.imread(str(tmp_path / "frames" / path))) for path in paths]
        assert numbers == list(range(*data_set.frames[class_name]))

    split = pd.read_csv(tmp_path / "out/03_primary/split.csv")
    assert data_set.splits | {"train", "val"} == set(split["side"])
    assert split.groupby("group")["side"].nunique().max() == 1
    if data_set.has_groups:
        assert split["group"].nunique() >= len(PERFORMERS)

    bundle = load_bundle(tmp_path / "out/06_models/classifier")
    assert bundle.class_names == sorted(CLASSES)
    predictions = pd.read_csv(tmp_path / "out/07_model_output/val_predictions.csv")
    assert set(predictions["sequence_id"]) == set(split["sequence_id"][split["side"] == "val"])
