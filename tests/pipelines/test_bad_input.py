"""What a user sees after wrong input: one sentence, exit code 1, no traceback, no incomplete file."""

import shutil

import pandas as pd
import pytest

from hand_gestures.utils.errors import HandGesturesError
from tiny_project import run as run_in_process

RUN = ["run", "--env", "demo"]


def error_line(run):
    """The only line of the error."""
    assert run.returncode == 1
    assert "Traceback" not in run.stdout + run.stderr
    errors = [line for line in run.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert run.stderr.splitlines()[-1] == errors[0]
    assert (run.stdout + run.stderr).count(errors[0].removeprefix("Error: ")) == 1  # not in a log line as well
    return errors[0]


def params(project, *more):
    return ["--params", ",".join([f"frames_dir={project}/frames", f"data_root={project}/out", *more])]


@pytest.mark.parametrize("layout", [{}, {"wave": 3}])
def test_too_few_classes(kedro, project, write_frames, layout):
    (project / "frames").mkdir()
    write_frames(**layout)
    sentence = error_line(kedro(*RUN, "--pipeline", "data_processing", *params(project)))
    assert "at least two classes" in sentence
    assert str(project / "frames") in sentence
    assert ("only class 'wave'" if layout else "no frame") in sentence


def test_a_missing_folder(kedro, project):
    sentence = error_line(kedro(*RUN, "--pipeline", "data_processing", *params(project)))
    assert f"{project}/frames is no folder" in sentence
    assert "--params frames_dir=PATH" in sentence


def test_files_that_are_not_frames_are_counted_and_the_run_continues(kedro, project, write_frames):
    frames = write_frames(wave=3, fist=3, empty=1)
    shutil.rmtree(frames / "empty")
    (frames / "empty").mkdir()
    (frames / "wave" / "v9_frame_0.jpg").write_text("no picture")
    whole = (frames / "wave" / "v0_frame_0.jpg").read_bytes()
    (frames / "wave" / "v9_frame_1.jpg").write_bytes(whole[: len(whole) // 2])
    run = kedro(*RUN, "--pipeline", "data_processing", *params(project))
    assert run.returncode == 0
    assert "3 files rejected, see rejected_frames.csv" in run.stderr
    rejected = pd.read_csv(project / "out/02_intermediate/rejected_frames.csv").set_index("path")["reason"].to_dict()
    assert rejected == {
        "empty/": "class folder without a readable frame",
        "wave/v9_frame_0.jpg": "not a jpeg or png image",
        "wave/v9_frame_1.jpg": "truncated jpeg",
    }
    assert len(pd.read_parquet(project / "out/02_intermediate/frame_catalog.parquet")) == 24


def test_a_class_with_a_single_sequence_stays_in_training(kedro, project, write_frames):
    write_frames(wave=4, fist=4, rare=1)
    run = kedro(*RUN, "--pipeline", "data_processing", *params(project))
    assert run.returncode == 0
    assert "1 of 3 classes stay in training because no group could be spared for the validation split" in run.stderr
    train, val = (pd.read_parquet(project / f"out/03_primary/{side}_sequences.parquet") for side in ("train", "val"))
    assert "rare" in set(train["class_name"])
    assert set(val["class_name"]) == {"wave", "fist"}


def test_a_wrong_parameter_name(kedro, project):
    sentence = error_line(kedro(*RUN, *params(project, "training.epoch=3")))
    assert "'training.epoch' does not exist (did you mean 'epochs'?)" in sentence
    assert not (project / "out").exists()


def test_a_wrong_topic(kedro, project):
    assert "'trainin' does not exist (did you mean 'training'?)" in error_line(
        kedro(*RUN, *params(project, "trainin.epochs=3"))
    )


def test_a_missing_model_stops_the_run_before_any_frame_is_read(kedro, project, write_frames):
    write_frames(wave=3, fist=3)
    sentence = error_line(kedro(*RUN, *params(project, "backbones.vit.path=nowhere/vit")))
    assert "nowhere/vit does not exist" in sentence
    assert not (project / "out/02_intermediate").exists()


def test_a_frame_that_disappears_while_embedding_leaves_no_incomplete_file(kedro, project, write_frames):
    frames = write_frames(wave=4, fist=4)
    tiny = ["clips.size=32", "extraction.workers=1"]
    assert kedro(*RUN, "--pipeline", "data_processing", *params(project, *tiny)).returncode == 0
    train = pd.read_parquet(project / "out/03_primary/train_sequences.parquet")
    gone = frames / train["frames"].iloc[-1][0]
    gone.unlink()
    sentence = error_line(
        kedro(*RUN, "--pipeline", "feature_engineering", *params(project, *tiny, "hands.enabled=false"))
    )
    assert str(gone) in sentence
    assert "run data_processing again" in sentence
    assert not list((project / "out").rglob("*.h5*"))


def test_classes_named_after_a_direction_need_mirrored_classes(kedro, project, write_frames):
    write_frames(turn_left=3, turn_right=3)
    run = ["--pipeline", "data_processing"]
    assert kedro(*RUN, *run, *params(project)).returncode == 0
    sentence = error_line(kedro(*RUN, "--pipeline", "feature_engineering", *params(project)))
    assert "turn_left, turn_right" in sentence


@pytest.mark.parametrize("damage", ["cut", "empty"])
def test_a_damaged_table_is_one_sentence_with_the_pipeline_that_writes_it(project, write_frames, monkeypatch, damage):
    write_frames(fist=3, wave=3)
    monkeypatch.chdir(project)
    folders = {"frames_dir": "frames", "data_root": "out"}
    run_in_process(project, folders, pipeline_names=["data_processing"])
    table = project / "out/03_primary/sequences.parquet"
    content = table.read_bytes()
    table.write_bytes(content[: len(content) // 2 if damage == "cut" else 0])
    message = (
        r"sequences must be a whole file of an earlier run, but out/03_primary/sequences\.parquet cannot be read \(.+\)"
        "; write it again with kedro run --pipeline data_processing"
    )
    with pytest.raises(HandGesturesError, match=message):
        run_in_process(project, folders, pipeline_names=["data_processing"], from_nodes=["make_split"])
    run_in_process(project, folders, pipeline_names=["data_processing"])
    assert table.read_bytes() == content
