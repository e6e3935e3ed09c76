"""A copy of the project's configuration in an empty folder, so that runs write nothing into the project."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
BACKBONES = "data/06_models/compact_backbones"

# A demo of seconds: three performers, and a network that need not learn anything.
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
