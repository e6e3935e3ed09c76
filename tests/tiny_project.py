"""A copy of the project's configuration in an empty folder, so that runs write nothing into the project."""

import os
import shutil
from pathlib import Path

from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

ROOT = Path(__file__).parents[1]
BACKBONES = "data/06_models/compact_backbones"

# A demo that takes seconds: three performers, and a network that does not have to learn anything.
TINY = {
    "sample": {"performers": 3, "height": 120, "width": 160},
    "clips": {"size": 64},
    "network": {"hidden": 8, "layers": 1},
    "training": {"epochs": 2},
}


def copy_project(folder: Path) -> Path:
    shutil.copytree(ROOT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    (folder / "conf" / "local").mkdir()
    shutil.copytree(ROOT / BACKBONES, folder / BACKBONES)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def run(project: Path, changes: dict | None = None, **selection: object) -> None:
    """Run pipelines of a project in the demo environment at its tiny size."""
    before = Path.cwd()
    os.chdir(project)  # as a user would
    os.environ["TRACKING_URI"] = f"sqlite:///{project}/mlflow.db"  # MLflow opens a relative path only once per process
    try:
        bootstrap_project(project)
        with KedroSession.create(project, env="demo", runtime_params=_over(TINY, changes or {})) as session:
            session.run(**selection)
    finally:
        del os.environ["TRACKING_URI"]
        os.chdir(before)


def _over(base: dict, changes: dict) -> dict:
    return base | {
        name: base.get(name, {}) | value if isinstance(value, dict) else value for name, value in changes.items()
    }
