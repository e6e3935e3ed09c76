"""Wrong options of `kedro run` and of the package's own command: one sentence before anything runs."""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kedro.framework.cli.cli import KedroCLI
from kedro.framework.startup import bootstrap_project

from hand_gestures import __main__, cli
from hand_gestures.utils.errors import HandGesturesError
from tiny_project import copy_project


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


def call(command, project, arguments):
    if command == "kedro run":
        KedroCLI(project).main(["run", *arguments], prog_name="kedro", standalone_mode=False)
    else:
        __main__.main(list(arguments))


@pytest.fixture(params=["kedro run", "hand_gestures"])
def refusal(request, project, monkeypatch):
    """Runs a command line that must be refused, and gives the sentence. Nothing may be written."""
    monkeypatch.chdir(project)
    monkeypatch.setenv("TRACKING_URI", f"sqlite:///{project}/mlflow.db")
    bootstrap_project(project)

    def run(*arguments: str) -> str:
        before = sorted(project.iterdir())
        with pytest.raises(HandGesturesError) as error:
            call(request.param, project, arguments)
        assert sorted(project.iterdir()) == before
        return str(error.value)

    return run


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            "--pipelines modelling",
            "every pipeline that is named must exist, but 'modelling' is not in the project (did you mean 'modeling'?)",
        ),
        (
            "--pipeline modelling",
            "every pipeline that is named must exist, but 'modelling' is not in the project (did you mean 'modeling'?)",
        ),
        (
            "--nodes tran",
            "every node that is named must exist, but 'tran' is not in __default__ (did you mean 'train'?)",
        ),
        (
            "--from-nodes tran",
            "every node that is named must exist, but 'tran' is not in __default__ (did you mean 'train'?)",
        ),
        (
            "--to-nodes train,tran",
            "every node that is named must exist, but 'tran' is not in __default__ (did you mean 'train'?)",
        ),
        ("--nodes compare_models", "is not in __default__; add --pipelines model_comparison"),
        (
            "--nodes zzz --pipelines sample_data",
            "every node that is named must exist, but 'zzz' is not in sample_data; use one of render_clips",
        ),
        (
            "--tags modelling",
            "every tag that is named must exist, but 'modelling' is not in __default__ (did you mean 'modeling'?)",
        ),
        (
            "--to-outputs clasifier",
            "every catalog entry that is named must exist, but 'clasifier' is not in __default__ (did you",
        ),
        (
            "--from-inputs splt",
            "every catalog entry that is named must exist, but 'splt' is not in __default__ (did you mean 'split'?)",
        ),
        (
            "--namespaces train",
            "every namespace that is named must exist, but 'train' is not in __default__; leave the namespace out",
        ),
        ("--nodes train --tags reporting", "but no node of __default__ is selected by all of reporting, train"),
        ("--async", "nodes run one after another in one thread (SequentialRunner), because"),
        ("--runner-params is_async=true", "but --runner-params is_async=True was given; leave it out"),
        ("--runner-params max_workers=2", "but --runner-params max_workers=2 was given; leave it out"),
        ("--runner ParallelRunner", "but --runner ParallelRunner was given; leave it out"),
        ("--runner ThreadRunner --async", "but --runner ThreadRunner and --async was given; leave it out"),
        ("--runner SequentalRunner", "but --runner SequentalRunner was given; leave it out"),
        ("--params comparison.seeds=[1,2", "but 'comparison.seeds=[1,2' is not of this form"),
        ("--params seed", "but 'seed' is not of this form"),
        ("--params training.epoch=2", "parameter 'training.epoch' does not exist (did you mean 'epochs'?)"),
    ],
)
def test_a_wrong_option_is_refused_in_one_sentence(refusal, arguments, sentence):
    found = refusal(*arguments.split())
    assert sentence in found
    assert "\n" not in found


def test_a_wrong_environment_is_refused_with_the_nearest_name(refusal, project):
    sentence = refusal("--env", "dmeo")
    assert f"{project / 'conf' / 'dmeo'} is no folder (did you mean 'demo'?); correct --env" in sentence


def test_a_folder_without_settings_is_refused(refusal, project, tmp_path):
    sentence = refusal("--conf-source", str(tmp_path))
    assert f"but {tmp_path / 'base'} is no folder; correct --env or --conf-source" in sentence


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("", {}),
        ("seed=3", {"seed": 3}),
        ("comparison.seeds=[1,2],seed=3", {"comparison": {"seeds": [1, 2]}, "seed": 3}),
        ("a=1, b.c = [x, [y,z]] ,d=2", {"a": 1, "b": {"c": ["x", ["y", "z"]]}, "d": 2}),
        ("a.b={c: [x, y], d: []},seed=1", {"a": {"b": {"c": ["x", "y"], "d": []}}, "seed": 1}),
        ("frames_dir=/data/[old],data_root=out", {"frames_dir": "/data/[old]", "data_root": "out"}),
        ("frames_dir=/data/[old,data_root=out", {"frames_dir": "/data/[old", "data_root": "out"}),
        ("name=a=b", {"name": "a=b"}),
        ("seed=3,", {"seed": 3}),
    ],
)
def test_commas_inside_a_list_separate_no_parameters(text, parameters):
    assert cli.split_parameters(text) == parameters


def test_the_run_command_reads_lists_and_keeps_kedros_other_options():
    given = ["--params", "comparison.seeds=[1,2],seed=3", "--tags", "a,b"]
    context = cli.run.make_context("run", given)
    assert context.params["params"] == {"comparison": {"seeds": [1, 2]}, "seed": 3}
    assert context.params["tags"] == ["a", "b"]


def test_a_file_of_options_is_read_as_by_kedro(tmp_path):
    file = tmp_path / "options.yml"
    file.write_text("run:\n  params: {seed: 3}\n")
    assert cli.run.make_context("run", ["--config", str(file)]).params["params"] == {"seed": 3}


@pytest.mark.parametrize("start", [["-m", "kedro", "run"], ["-m", "hand_gestures"]])
def test_the_program_prints_the_sentence_and_nothing_else(project, start):
    command = [sys.executable, *start, "--pipelines", "modelling"]
    environment = os.environ | {"PYTHONPATH": str(project / "src")}
    ended = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr == (
        "Error: every pipeline that is named must exist, but 'modelling' is not in the project (did you mean "
        "'modeling'?); correct the name\n"
    )


@pytest.mark.parametrize("name", ["lab", "notebook"])
def test_jupyter_asks_for_its_package(project, monkeypatch, name):
    monkeypatch.chdir(project)
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    bootstrap_project(project)
    with pytest.raises(HandGesturesError, match=rf"needs the package {cli.JUPYTER_PACKAGES[name]}, but .* pip install"):
        KedroCLI(project).main(["jupyter", name], prog_name="kedro", standalone_mode=False)


def test_ipython_starts_where_the_environment_is_not_activated(project):
    environment = os.environ | {"PATH": os.defpath, "PYTHONPATH": str(project / "src")}
    command = [sys.executable, "-m", "kedro", "ipython", "--version"]
    ended = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == importlib.metadata.version("ipython")  # of this environment
