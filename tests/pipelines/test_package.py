"""The wheel and the configuration of `kedro package`, used in a folder that is no project."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tiny_project import ROOT, copy_project

TINY_NETWORK = "clips.size=64,network.hidden=8,network.layers=1,training.epochs=2"


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    """What `kedro package` makes, but with the setuptools that is installed: no network is needed."""
    project = copy_project(tmp_path_factory.mktemp("packaged"))
    for name in ("README.md", "LICENSE"):
        shutil.copy(ROOT / name, project / name)
    succeed(project, sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", "dist")
    succeed(project, "tar", "-czf", "dist/conf-hand_gestures.tar.gz", "conf")
    return project / "dist"


@pytest.fixture(scope="module")
def outside(dist, demo, tmp_path_factory) -> Path:
    """A folder with the package in `site`, the configuration, and the data of a demo."""
    folder = tmp_path_factory.mktemp("outside")
    (wheel,) = dist.glob("*.whl")
    succeed(folder, sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", "site", wheel)
    shutil.copytree(demo / "data", folder / "data", ignore=shutil.ignore_patterns("08_reporting"))
    shutil.copy(dist / "conf-hand_gestures.tar.gz", folder)
    return folder


def call(folder: Path, *command: str | Path) -> subprocess.CompletedProcess:
    """Call a command in a folder, with the package that lies in its `site`."""
    environment = os.environ | {"PYTHONPATH": str(folder / "site")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def succeed(folder: Path, *command: str | Path) -> subprocess.CompletedProcess:
    ended = call(folder, *command)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended


def test_the_wheel_holds_every_file_of_the_package(dist):
    (wheel,) = dist.glob("*.whl")
    source = ROOT / "src"
    files = {path.relative_to(source).as_posix() for path in source.glob("hand_gestures/**/*") if path.is_file()}
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("hand_gestures/")}
    assert packed == {name for name in files if "__pycache__" not in name}


def test_the_package_runs_outside_the_project(outside):
    place = succeed(outside, sys.executable, "-c", "import hand_gestures; print(hand_gestures.__file__)").stdout
    assert Path(place.strip()).is_relative_to(outside / "site")
    conf, params = "--conf-source=conf-hand_gestures.tar.gz", f"--params={TINY_NETWORK}"
    ended = succeed(outside, sys.executable, "-m", "hand_gestures", conf, "--env=demo", params)
    assert "validation accuracy:" in ended.stdout
    assert "kedro viz" not in ended.stdout  # which only a project has
    assert "usage data" not in ended.stdout + ended.stderr
    assert (outside / "data/demo/08_reporting/report.html").stat().st_size > 100_000
    assert (outside / "data/demo/06_models/model_card.md").is_file()


def test_the_installed_command_reads_the_unpacked_configuration_and_tells_errors_in_a_sentence(outside):
    succeed(outside, "tar", "-xzf", "conf-hand_gestures.tar.gz")
    ended = call(outside, outside / "site/bin/hand_gestures", "--env=demo", "--params=training.epoch=2")
    assert ended.returncode == 1
    assert "Error: " in ended.stderr
    assert "training.epoch" in ended.stderr
    assert "Traceback" not in ended.stderr
