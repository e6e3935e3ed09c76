"""Parts of the pipelines: what they need is on disk after a full run, and where it is not, nothing starts."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from mlflow import MlflowClient

from hand_gestures.pipeline_registry import register_pipelines
from hand_gestures.run_checks import joint_saves, missing_inputs
from hand_gestures.utils.errors import HandGesturesError
from small_videos import write_video
from tiny_project import copy_project, run

PIPELINES = register_pipelines()
NODES = {node.name: node for pipeline in PIPELINES.values() for node in pipeline.nodes}
NOT_IN_DEMO = {"tiny_pixels", "comparison_trials", "comparison", "comparison_plot"}  # the comparison makes them
CLASSES = ("fist", "wave")


@pytest.fixture(scope="module")
def demo(demo, tmp_path_factory) -> Path:
    """A copy of the tiny demo: runs here must not add MLflow runs to the one that other tests read."""
    return shutil.copytree(demo, tmp_path_factory.mktemp("partial") / "demo")


@pytest.fixture(scope="module")
def catalog(demo):
    bootstrap_project(demo)
    with KedroSession.create(demo, env="demo") as session:
        return session.load_context().catalog


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Path:
    return copy_project(tmp_path_factory.mktemp("clean"))


def files_of(project):
    """What a run wrote into its data folder, but for the lock that it took."""
    return [path for path in (project / "data/demo").rglob("*") if path.is_file() and path.name != ".run.lock"]


def runs(project):
    if not (project / "mlflow.db").exists():
        return []
    return MlflowClient(f"sqlite:///{project}/mlflow.db").search_runs(["1"], order_by=["attributes.start_time DESC"])


@pytest.mark.parametrize("name", NODES)
def test_every_node_can_run_alone_after_a_full_run(catalog, name):
    """`kedro run --nodes NAME`: no input is only in the memory of another run."""
    alone = PIPELINES["__default__"] if name in {node.name for node in PIPELINES["__default__"].nodes} else None
    alone = alone or next(pipeline for pipeline in PIPELINES.values() if NODES[name] in pipeline.nodes)
    assert set(missing_inputs(alone.only_nodes(name), catalog)) <= NOT_IN_DEMO
    assert not any(catalog.get(output)._EPHEMERAL for output in NODES[name].outputs)


@pytest.mark.parametrize(
    ("option", "product"),
    [
        ({"node_names": ["write_report"]}, "08_reporting/report.html"),
        ({"from_nodes": ["write_model_card", "write_report"]}, "06_models/model_card.md"),
        ({"node_names": ["audit_mirrors", "make_folds"]}, "08_reporting/dataset/mirror_audit.csv"),
        ({"node_names": ["train"]}, "06_models/classifier/model.safetensors"),
    ],
)
def test_a_node_that_runs_alone_writes_the_same_file(demo, option, product):
    path = demo / "data" / "demo" / product
    before, modified = path.read_bytes(), path.stat().st_mtime_ns
    run(demo, **option)
    assert path.stat().st_mtime_ns > modified
    assert path.read_bytes() == before


def test_only_missing_outputs_starts_no_mlflow_run_where_nothing_is_missing(demo):
    before = [run.info.run_id for run in runs(demo)]
    run(demo, only_missing_outputs=True)
    assert [run.info.run_id for run in runs(demo)] == before


def test_only_missing_outputs_names_its_mlflow_run_by_what_runs(demo):
    folds = demo / "data/demo/03_primary/folds.csv"
    before = folds.read_bytes()
    folds.unlink()
    run(demo, only_missing_outputs=True)
    assert folds.read_bytes() == before
    assert runs(demo)[0].info.run_name == "__default__"  # and not "bilstm seed 42": nothing was trained


@pytest.mark.parametrize(
    ("option", "needed"),
    [
        ({"pipeline_names": ["modeling"]}, "--pipelines data_processing,feature_engineering"),
        ({"pipeline_names": ["reporting"]}, "--pipelines data_processing,feature_engineering,modeling"),
        ({"pipeline_names": ["model_comparison"]}, "--pipelines data_processing,feature_engineering"),
        ({"node_names": ["audit_leaks"]}, "--nodes scan_frames,make_sequences,make_split"),
        (
            {"node_names": ["audit_leaks"], "pipeline_names": ["data_processing"]},
            "--nodes scan_frames,make_sequences,make_split --pipelines data_processing",
        ),
    ],
)
def test_a_run_without_its_inputs_names_what_makes_them_and_starts_nothing(clean, option, needed):
    with pytest.raises(HandGesturesError, match="reads what earlier runs wrote") as error:
        run(clean, **option)
    assert str(error.value).endswith(f"not exist; run kedro run --env demo {needed}")
    assert runs(clean) == []
    assert files_of(clean) == []


def test_embeddings_need_class_names_before_anything_is_downloaded(clean):
    frames(clean / "frames")
    changes = {"frames_dir": str(clean / "frames"), "backbones": {"vit": {"path": str(clean / "nowhere")}}}
    with pytest.raises(HandGesturesError) as error:
        run(clean, changes, pipeline_names=["feature_engineering"])
    assert "sequences.parquet and 5 other inputs do not exist; run kedro run --env demo --pipelines data_" in str(
        error.value
    )


def frames(folder, classes=CLASSES):
    for name in classes:
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "v_frame_0.jpg").write_bytes(b"a picture")


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [(None, "is no folder"), ((), "no frame"), (("wave",), "no frame (2 rejected")],
)
@pytest.mark.parametrize("names", [["__default__"], ["feature_engineering"]])
def test_frames_are_there_before_a_model_is_looked_for(clean, tmp_path, classes, sentence, names):
    folder = tmp_path / "frames"
    if classes is not None:
        folder.mkdir()
        frames(folder, classes)
    changes = {"frames_dir": str(folder), "backbones": {"vit": {"path": "nowhere"}}}
    with pytest.raises(HandGesturesError) as error:
        run(clean, changes, pipeline_names=names)
    assert sentence in str(error.value)
    assert runs(clean) == []


def test_the_demo_says_how_its_frames_are_drawn(clean):
    with pytest.raises(HandGesturesError, match="run kedro run --env demo --pipelines sample_data --tags clips"):
        run(clean)


def test_videos_are_not_ingested_into_the_folder_of_drawn_frames(clean, tmp_path):
    (tmp_path / "videos/wave").mkdir(parents=True)
    write_video(tmp_path / "videos/wave/a.mp4", frames=3)
    with pytest.raises(HandGesturesError, match=r"need a folder each, but frames_dir is .*sample_frames"):
        run(clean, {"videos_dir": str(tmp_path / "videos")}, pipeline_names=["video_ingest"])
    assert files_of(clean) == []
    changes = {"videos_dir": str(tmp_path / "videos"), "frames_dir": str(tmp_path / "frames")}
    run(clean, {**changes, "data_root": str(tmp_path / "out")}, pipeline_names=["video_ingest"])
    assert len(list(tmp_path.glob("frames/wave/*.jpg"))) == 3


# Dies when the named entry is about to be saved.
KILLED = """
import os, signal, sys
from pathlib import Path
from hand_gestures.catalog_datasets import atomic_datasets
from tiny_project import run

atomic_write = atomic_datasets.atomic_write

def write_or_die(target):
    if target.stem == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
    return atomic_write(target)

atomic_datasets.atomic_write = write_or_die
run(Path(sys.argv[1]), {"seed": 7, "split": {"group_pattern": None}}, node_names=["make_split"])
"""


@pytest.fixture
def killed(demo, tmp_path):
    """A copy of the demo's tables in which a run was killed between the saves of one node."""
    project = copy_project(tmp_path / "killed")
    for name in ("data/demo", "mlflow.db"):
        subprocess.run(["cp", "-a", demo / name, project / name], check=True)
    return project


@pytest.mark.parametrize("entry", ["train_sequences", "test_sequences"])
def test_a_kill_between_split_and_sequences_is_refused_until_the_node_has_run_again(killed, entry, monkeypatch):
    tables = killed / "data/demo/03_primary"
    old = {path.name: path.read_bytes() for path in tables.iterdir()}
    path = [str(Path(__file__).parents[1]), *sys.path]
    monkeypatch.setenv("PYTHONPATH", ":".join(path))
    ended = subprocess.run([sys.executable, "-c", KILLED, killed, entry], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert (tables / "split.csv").read_bytes() != old["split.csv"]
    assert (tables / f"{entry}.parquet").read_bytes() == old[f"{entry}.parquet"]
    before = len(runs(killed))
    for option in ({"node_names": ["train"]}, {"pipeline_names": ["reporting"]}, {"node_names": ["make_folds"]}):
        with pytest.raises(HandGesturesError) as error:
            run(killed, **option)
        assert "a run stopped between those of make_split (new: split, " in str(error.value)
        assert str(error.value).endswith("run kedro run --env demo --from-nodes make_split")
    assert len(runs(killed)) == before
    run(killed, node_names=["make_split", "make_folds"])
    assert {path.name: path.read_bytes() for path in tables.iterdir()} == old
    run(killed, node_names=["make_folds"])


def test_the_marker_of_a_node_lies_beside_its_first_output(catalog, demo):
    saves = joint_saves(NODES["make_split"], catalog)
    assert saves.marker == demo / "data/demo/03_primary/make_split.unfinished"
    assert list(saves.files) == ["split", "class_names", "train_sequences", "val_sequences", "test_sequences"]
    assert joint_saves(NODES["make_folds"], catalog) is None
    assert not list((demo / "data").rglob("*.unfinished"))


def test_the_outputs_of_a_finished_node_are_whole(demo):
    split = pd.read_csv(demo / "data/demo/03_primary/split.csv")
    train = pd.read_parquet(demo / "data/demo/03_primary/train_sequences.parquet")
    assert set(split[split["side"] == "train"]["sequence_id"]) == set(train["sequence_id"])
