"""Commands on the pages: those that take seconds are run, and all name things that exist."""

import copy
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest
import yaml
from kedro.framework.cli.cli import KedroCLI
from kedro.framework.startup import bootstrap_project
from pydantic import BaseModel

from doc_pages import PAGES, ROOT, blocks, commands, option, prose
from hand_gestures.classifier import load_bundle
from hand_gestures.mlflow_support.serving import log_model
from hand_gestures.parameters import Parameters
from hand_gestures.pipeline_registry import register_pipelines
from hand_gestures.store.embedding_file import EmbeddingFile
from small_videos import write_video
from tiny_project import TINY, copy_project

PIPELINES = register_pipelines()
TAGS = {tag for pipeline in PIPELINES.values() for node in pipeline.nodes for tag in node.tags}
NODES = {node.name for node in PIPELINES["__default__"].nodes}
# Commands that are not run here: prefix → reason. A prefix that ends with $ must match the whole command.
NOT_RUN = {
    "source ": "sets up a shell",
    "export ": "sets up a shell",
    "make ": "installs packages or takes minutes; its targets are checked, and the commands of `make demo` are run",
    "mlflow ui": "runs a server until it is stopped",
    "kedro viz run": "runs a server until it is stopped",
    "docker ": "needs a container engine",
    "kedro run$": "downloads the real backbones",
    "kedro run --params ": "downloads the real backbones",
    "kedro run --pipeline feature_engineering": "downloads the real backbones",
    "kedro run --pipeline model_comparison": "trains thirty times; tests/comparison covers it",
    "kedro run --pipeline video_ingest --params videos_dir=slovo": "tests/pipelines/test_import_run.py runs it",
    "kedro run --env landmarks": "tests/pipelines/test_landmarks_run.py runs it",
    "kedro run --pipeline modeling --params training.epochs=60": "the same pipeline runs with 5 epochs",
    "kedro run --env demo --params seed=1": "the same as the demo with another seed",
    "kedro run --env demo --pipeline sample_data --tags clips --params seed=1": "the same drawing with another seed",
}
COMMANDS = commands()
# MLflow keeps a store open until the process ends, and another project may use this one: snippets get another path.
STORE = "sqlite:///mlflow.db"


def skip_reason(command: str) -> str | None:
    """Why a command is not run, or None."""
    return next((reason for prefix, reason in NOT_RUN.items() if f"{command}$".startswith(prefix)), None)


def merged(base: dict, changes: dict) -> dict:
    result = copy.deepcopy(base)
    for name, value in changes.items():
        result[name] = merged(result.get(name, {}), value) if isinstance(value, dict) else value
    return result


@pytest.fixture(scope="module")
def project(demo, tmp_path_factory) -> Iterator[Path]:
    """A copy of the tiny demo project: every environment has the demo parameters, and a video to ingest."""
    folder = copy_project(tmp_path_factory.mktemp("pages"))
    shutil.copytree(demo / "data" / "demo", folder / "data" / "demo")
    conf = folder / "conf" / "demo"
    parameters = merged(yaml.safe_load((conf / "parameters.yml").read_text()), TINY)
    for environment in (conf, folder / "conf" / "local"):
        (environment / "parameters.yml").write_text(yaml.safe_dump(parameters))
    (folder / "conf" / "local" / "globals.yml").write_text("data_root: data/demo\n")
    shutil.copytree(folder / "data/demo/01_raw/sample_frames", folder / "data/01_raw/frames")  # videos are added to it
    for videos in ("data/01_raw/videos", "PATH"):
        (folder / videos / "wave").mkdir(parents=True)
        write_video(folder / videos / "wave" / "a.mp4", frames=6)
    store = mlflow.get_tracking_uri()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        yield folder
    mlflow.set_tracking_uri(store)


@pytest.fixture(scope="module")
def kedro(project) -> Callable[[str], None]:
    def run(command: str) -> None:
        try:
            bootstrap_project(project)
            KedroCLI(project).main(shlex.split(command)[1:], prog_name="kedro", standalone_mode=False)
        finally:
            while mlflow.active_run():
                mlflow.end_run()

    return run


def test_commands_and_python_snippets_run(project, kedro):
    """Commands that read videos run last, because they add frames to those of the demo."""
    to_run = sorted(
        (command for command in COMMANDS if not skip_reason(command)), key=lambda command: "video_ingest" in command
    )
    for command in to_run:
        kedro(command)
    assert any("video_ingest" in command for command in to_run)
    register_champion(project)
    for page in PAGES:
        for block in blocks(page, "python"):
            text = block.text.replace(STORE, f"sqlite:///{project}/mlflow.db")
            exec(compile(text, page.name, "exec"), {"__name__": page.stem})


def register_champion(project):
    """Registers the model of the tiny demo for the page that loads it: a run registers none from 12 clips."""
    mlflow.set_tracking_uri(f"sqlite:///{project}/mlflow.db")
    bundle = load_bundle(project / "data/demo/06_models/classifier")
    with mlflow.start_run():
        logged = log_model(bundle, EmbeddingFile(project / "data/demo/05_model_input/preprocessed_val_dataset.h5"))
    version = mlflow.register_model(logged.model_uri, "hand_gestures_demo")
    mlflow.MlflowClient().set_registered_model_alias("hand_gestures_demo", "champion", version.version)


def test_every_skip_reason_matches_a_command():
    for prefix in NOT_RUN:
        assert any(f"{command}$".startswith(prefix) for command in COMMANDS), prefix


def test_only_kedro_run_commands_are_run():
    assert {shlex.split(command)[:2][-1] for command in COMMANDS if not skip_reason(command)} == {"run"}


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("kedro run")])
def test_a_kedro_command_uses_existing_names(command):
    words = shlex.split(command)
    assert set(option(words, "--pipeline")) <= set(PIPELINES)
    assert set(option(words, "--tags")) <= TAGS
    assert {
        name for given in ("--nodes", "--from-nodes") for names in option(words, given) for name in names.split(",")
    } <= NODES
    assert all((ROOT / "conf" / environment).is_dir() for environment in option(words, "--env"))
    assert all(is_parameter(given.split("=")[0]) for given in option(words, "--params"))
    assert {word for word in words if word.startswith("--")} <= {
        *("--pipeline", "--tags", "--env", "--params", "--nodes", "--from-nodes", "--only-missing-outputs"),
    }


def is_parameter(dotted: str) -> bool:
    model: object = Parameters
    for name in dotted.split("."):
        if not (isinstance(model, type) and issubclass(model, BaseModel) and name in model.model_fields):
            return False
        model = model.model_fields[name].annotation
    return True


def test_a_wrong_name_is_not_a_parameter():
    assert is_parameter("training.epochs")
    assert not is_parameter("training.epoch")
    assert not is_parameter("training.epochs.more")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_on_a_page_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_parameters_and_files_on_a_page_exist(page):
    topics = "|".join(
        name for name, field in Parameters.model_fields.items() if hasattr(field.annotation, "model_fields")
    )
    named = re.findall(rf"`((?:{topics})\.\w+(?:\.\w+)*)[`:=]", prose(page))
    assert [name for name in named if not is_parameter(name) and not name.endswith((".csv", ".html", ".h5"))] == []
    paths = re.findall(r"`((?:docs|src|conf|benchmarks|tests|notebooks)/[\w./*-]*)`", prose(page))
    assert [path for path in paths if not path.startswith("conf/local/") and not list(ROOT.glob(path))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_existing_files_and_headings(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith("http"):
            continue
        path, _, heading = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.is_file(), target
        if heading and heading not in headings(linked):
            assert linked.name == "parameters.md", target  # the build generates its headings from the topics
            assert heading in Parameters.model_fields, target


def headings(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", title).strip().lower().replace(" ", "-") for title in titles}
