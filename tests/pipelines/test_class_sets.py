"""A class set with an unknown class stops the run by the command line: before any node if the classes are known."""

import json

import pytest

from hand_gestures.evaluation.mirror_audit import COLUMNS
from hand_gestures.hooks import ParameterHooks
from hand_gestures.store.write import write_embeddings
from hand_gestures.utils.errors import HandGesturesError
from small_embeddings import CLASS_NAMES, embedded_sequence, pending_embeddings

RUN = ["run", "--env", "demo"]
NO_SET = "evaluation.class_sets.direction_only=[]"
SENTENCE = "evaluation.class_sets.swipes contains 'swipe_lft' (did you mean 'swipe_left'?)"


def params(project, *more):
    return ["--params", ",".join([f"frames_dir={project}/frames", f"data_root={project}/out", *more])]


def wrong(project):
    return params(project, NO_SET, "evaluation.class_sets.swipes=[swipe_lft]")


def error(run):
    """The one line of the error."""
    assert run.returncode == 1
    assert "Traceback" not in run.stdout + run.stderr
    return run.stderr.splitlines()[-1].removeprefix("Error: ")


def write_mirror_audit(project):
    """The table that `train` reads, without a finding."""
    path = project / "out/08_reporting/dataset/mirror_audit.csv"
    path.parent.mkdir(parents=True)
    path.write_text(",".join(COLUMNS) + "\n")


@pytest.fixture
def class_names(project):
    folder = project / "out/03_primary"
    folder.mkdir(parents=True)
    (folder / "class_names.json").write_text(json.dumps(CLASS_NAMES))


@pytest.mark.usefixtures("class_names")
def test_known_classes_are_checked_before_any_node_runs(kedro, project):
    run = kedro(*RUN, "--pipeline", "modeling", *wrong(project))
    assert SENTENCE in error(run)
    assert "train_embeddings" not in run.stderr
    assert "Running node" not in run.stderr


@pytest.mark.usefixtures("class_names")
def test_a_class_set_of_known_classes_does_not_stop_the_run(kedro, project):
    write_mirror_audit(project)
    known = params(project, NO_SET, "evaluation.class_sets.swipes=[swipe_left]")
    run = kedro(*RUN, "--pipeline", "modeling", "--nodes", "train,evaluate_validation", *known)
    assert "out/03_primary/split.csv and 2 other inputs do not exist" in error(run)


def test_new_classes_are_checked_as_soon_as_the_frames_are_read(kedro, project, write_frames):
    write_frames(swipe_left=3, fist=3)
    (project / "out/03_primary").mkdir(parents=True)
    (project / "out/03_primary/class_names.json").write_text('["jump"]')  # of other data, made again by this run
    assert SENTENCE in error(kedro(*RUN, *wrong(project)))
    assert not (project / "out/05_model_input").exists()


def test_classes_of_the_embeddings_are_checked_before_the_training(kedro, project):
    write_mirror_audit(project)
    folder = project / "out/05_model_input"
    folder.mkdir(parents=True)
    for split, first in (("train", 0), ("val", 6)):
        pending = pending_embeddings([embedded_sequence(number % 3, number) for number in range(first, first + 6)])
        write_embeddings(folder / f"preprocessed_{split}_dataset.h5", pending)
    (project / "out/03_primary").mkdir()
    (project / "out/03_primary/split.csv").touch()  # evaluate_validation would read it
    run = kedro(*RUN, "--pipeline", "modeling", "--nodes", "train,evaluate_validation", *wrong(project))
    assert SENTENCE in error(run)
    assert "epoch 1 of" not in run.stderr


@pytest.mark.parametrize("name", ["train_embeddings", "val_embeddings"])
def test_a_node_that_reads_embeddings_does_not_run_with_an_unknown_class(write_file, name):
    hooks = ParameterHooks()
    hooks.before_node_run({name: write_file("some.h5", 3)})  # without class sets
    hooks.class_sets = {"swipes": ["swipe_lft"]}
    with pytest.raises(HandGesturesError, match="contains 'swipe_lft'"):
        hooks.before_node_run({name: write_file("same.h5", 3)})


def test_a_run_that_evaluates_nothing_needs_no_class_sets(kedro, project, write_frames):
    write_frames(wave=3, fist=3)
    assert kedro(*RUN, "--pipeline", "data_processing", *wrong(project)).returncode == 0
