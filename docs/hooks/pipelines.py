"""Puts kedro viz's drawing of all pipelines beside the pages, without what it would fetch from elsewhere."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError

PLACE = "pipelines"  # in the site
OUTSIDE = re.compile(r'\s*<link\s[^>]*href="https?://[^>]*>')


def on_post_build(config: MkDocsConfig) -> None:
    root = Path(config.config_file_path).parent
    with tempfile.TemporaryDirectory() as folder:  # a copy, as kedro viz writes to build/, where other things may lie
        here = Path(folder).resolve() / root.name
        here.mkdir()
        for name in ("conf", "src"):
            shutil.copytree(root / name, here / name, ignore=shutil.ignore_patterns("local", "__pycache__"))
        (here / "conf" / "local").mkdir()
        for name in ("pyproject.toml", ".telemetry"):
            shutil.copy(root / name, here)
        command = [sys.executable, "-m", "kedro", "viz", "build"]
        environment = os.environ | {"PYTHONPATH": str(here / "src")}
        said = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
        built = here / "build"
        if not (built / "api" / "main").is_file():
            raise PluginError(f"kedro viz must draw the pipelines, but did not: {said.stdout}{said.stderr}")
        for page in built.glob("*.html"):
            page.write_text(OUTSIDE.sub("", page.read_text(encoding="utf-8")), encoding="utf-8")
        for answer in (path for path in built.glob("api/**/*") if path.is_file()):
            answer.write_text(_relative(answer.read_text(encoding="utf-8"), here, root), encoding="utf-8")
        skipped = shutil.ignore_patterns("telemetry.html", "autoreload.html")
        shutil.copytree(built, Path(config.site_dir, PLACE), ignore=skipped, dirs_exist_ok=True)


def _relative(text: str, *folders: Path) -> str:
    """`text` without the places of this machine."""
    for folder in folders:
        text = text.replace(f"{folder}/", "")
    return text
