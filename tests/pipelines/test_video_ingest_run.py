"""From footage to a trained model by the command line, as a user would go."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from small_videos import write_video

VIDEOS = Path(__file__).parents[3] / "shared/data/real_gestures/videos"
real = pytest.mark.skipif(not VIDEOS.is_dir(), reason="the real videos are not beside this project")
INGEST = ["run", "--env", "demo", "--pipeline", "video_ingest"]
OTHER_CLASSES = ["evaluation.class_sets.direction_only=[]"]  # the class set of the demo has classes of its sample
TINY = ["clips.size=64", "network.hidden=8", "network.layers=1", "training.epochs=2"]


def params(project, *more):
    return ["--params", ",".join([f"frames_dir={project}/frames", f"data_root={project}/out", *more])]


def table(project, name):
    return pd.read_csv(project / "out" / f"{name}.csv", keep_default_na=False)


def metrics(project, pipeline):
    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    experiment = client.get_experiment_by_name("hand_gestures")
    (run,) = client.search_runs([experiment.experiment_id], filter_string=f"tags.pipeline = '{pipeline}'")
    return run.data.metrics, {Path(item.path).name for item in client.list_artifacts(run.info.run_id, "dataset")}


@real
def test_real_videos_become_a_trained_model(kedro, project):
    run = kedro(*INGEST, *params(project, f"videos_dir={VIDEOS}"))
    assert run.returncode == 0, run.stderr
    assert "8 videos ingested, 0 were up to date" in run.stderr
    ingested = table(project, "02_intermediate/ingested_videos")
    assert set(ingested["frames"]) == {32}
    assert set(ingested["source_fps"]) == {12.0}
    assert set(zip(ingested["width"], ingested["height"], strict=True)) == {(640, 480)}
    assert table(project, "02_intermediate/rejected_videos").empty

    run = kedro("run", "--env", "demo", *params(project, "split.group_pattern=null", *OTHER_CLASSES, *TINY))
    assert run.returncode == 0, run.stderr
    assert "256 frames of 8 videos in 4 classes" in run.stderr
    assert "leak audit: of 4 held-out clips, 0 have a copy and 4 have a look-alike in another split" in run.stderr
    assert "validation accuracy: " in run.stdout
    frames = pd.read_parquet(project / "out/02_intermediate/frame_catalog.parquet")
    assert frames.groupby(["class_name", "video_id"]).size().tolist() == [32] * 8
    assert table(project, "02_intermediate/rejected_frames").empty
    split = table(project, "03_primary/split")
    assert split.groupby("class_name")["side"].apply(sorted).tolist() == [["train", "val"]] * 4
    summary = table(project, "08_reporting/dataset/class_summary").set_index("class_name")
    assert summary.loc["(all)", ["clips", "frames", "repeated_frames", "rejected"]].tolist() == [8, 256, 0, 0]
    sheets = project / "out/08_reporting/dataset/contact_sheets"
    assert {path.stem for path in sheets.iterdir()} == set(split["class_name"])
    logged, artifacts = metrics(project, "__default__")
    assert (logged["leaks_held_out"], logged["leaks_look_alikes"]) == (4, 4)
    assert 0 <= logged["best_val_accuracy"] <= 1
    assert {"split.csv", "leaks.csv", "class_summary.csv", "split_summary.json", "contact_sheets"} <= artifacts


@real
def test_a_spoiled_video_is_listed_and_the_rest_goes_on(kedro, project):
    shutil.copytree(VIDEOS / "letter_a", project / "videos" / "letter_a")
    spoiled = shutil.copy(sorted((VIDEOS / "index_up").iterdir())[0], project / "videos" / "letter_a" / "cut.mp4")
    Path(spoiled).write_bytes(Path(spoiled).read_bytes()[:20_000])
    run = kedro(*INGEST, *params(project, f"videos_dir={project}/videos"))
    assert run.returncode == 0, run.stderr
    assert "2 videos ingested, 0 were up to date" in run.stderr
    assert "1 files rejected, see rejected_videos.csv; the first: letter_a/cut.mp4, cannot be decoded" in run.stderr
    assert list(table(project, "02_intermediate/rejected_videos")["path"]) == ["letter_a/cut.mp4"]
    assert len(table(project, "02_intermediate/ingested_videos")) == 2
    assert not list((project / "frames/letter_a").glob("cut*"))


def test_performers_are_kept_apart_on_three_sides_and_lists_go_first(kedro, project):
    for number in range(24):
        class_name, performer = ("fist", "wave", "palm")[number % 3], number // 3
        write_video(project / "videos" / class_name / f"p{performer}.mp4", frames=3 + 2 * number)
    write_video(project / "videos/rare/p0.mp4")
    kedro(*INGEST, *params(project, f"videos_dir={project}/videos", "video_ingest.every=2"))
    processing = ["run", "--env", "demo", "--pipeline", "data_processing"]
    pattern = r"split.group_pattern=^(p\d+)"

    run = kedro(*processing, *params(project, pattern, "split.val_fraction=0.25", "split.test_fraction=0.25"))
    assert run.returncode == 0, run.stderr
    assert "no group could be spared for the validation split, so its metrics exclude them: rare" in run.stderr
    split = table(project, "03_primary/split")
    assert split.groupby("group")["side"].nunique().max() == 1
    assert split.groupby("side")["group"].nunique().to_dict() == {"test": 2, "train": 4, "val": 2}
    assert split.groupby("group")["random_side"].nunique().max() > 1
    folds = table(project, "03_primary/folds")
    assert set(folds["group"]) == set(split["group"][split["side"] != "test"])
    sizes = json.loads((project / "out/08_reporting/dataset/split_summary.json").read_text())
    for name in ("split", "random_split"):
        assert {side: sizes[name][side]["sequences"] for side in ("train", "val", "test")} == {
            "train": 13,
            "val": 6,
            "test": 6,
        }
    assert sizes["random_split"]["leaks"]["groups_on_both_sides"] > sizes["split"]["leaks"]["groups_on_both_sides"] == 0

    sides = {"p0": "train", "p1": "val", "p2": "test"}
    lines = [f"{row.class_name},{row.video_id},{sides.get(row.group, 'train')}" for row in split.itertuples()]
    (project / "lists.csv").write_text("\n".join(["class_name,video_id,split", *lines, "wave,p99,train"]) + "\n")
    run = kedro(*processing, *params(project, pattern, "split.lists=lists.csv"))
    assert run.returncode == 0, run.stderr
    assert "split.lists names 1 sequence not in this data set, the first: wave/p99" in run.stderr
    split = table(project, "03_primary/split")
    assert set(split["group"][split["side"] == "val"]) == {"p1"}
    assert set(split["group"][split["side"] == "test"]) == {"p2"}
    test = pd.read_parquet(project / "out/03_primary/test_sequences.parquet")
    assert sorted(test["sequence_id"]) == ["fist/p2", "palm/p2", "wave/p2"]


def test_a_folder_without_videos_is_one_sentence(kedro, project):
    (project / "videos").mkdir()
    run = kedro(*INGEST, *params(project, f"videos_dir={project}/videos"))
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert run.stderr.splitlines()[-1].startswith("Error: videos are read from {class_name}/{name}.mp4")


def test_a_video_that_was_moved_to_another_class_trains_only_there(kedro, project):
    for path in ("fist/a", "fist/b", "wave/c", "wave/d"):
        write_video(project / "videos" / f"{path}.mp4", frames=4 + ord(path[-1]) % 7)
    ingest = [*INGEST, *params(project, f"videos_dir={project}/videos")]
    assert kedro(*ingest).returncode == 0
    (project / "videos/fist/a.mp4").rename(project / "videos/wave/a.mp4")
    run = kedro(*ingest)
    assert "that are no longer in videos_dir still take part in training" in run.stderr
    assert "1 videos ingested, 3 were up to date" in run.stderr
    videos = table(project, "02_intermediate/ingested_videos")
    assert [f"{row.class_name}/{row.file}" for row in videos[videos["leftover_frames"] > 0].itertuples()] == [
        "fist/a.mp4"
    ]

    run = kedro("run", "--env", "demo", *params(project))
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith("Error: a video belongs to one class")
    assert "the frames of video 'a' are in both 'fist' and 'wave'" in run.stderr.splitlines()[-1]
    assert not (project / "out/05_model_input").exists()

    ingest[-1] += ",video_ingest.prune=true"
    assert kedro(*ingest).returncode == 0
    run = kedro("run", "--env", "demo", "--pipeline", "data_processing", *params(project))
    assert run.returncode == 0, run.stderr
    assert set(table(project, "03_primary/split")["sequence_id"]) == {"fist/b", "wave/a", "wave/c", "wave/d"}
