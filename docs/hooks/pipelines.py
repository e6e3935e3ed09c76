"""Adds the Kedro-Viz drawing of all pipelines to the site, without links to other hosts."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError

FOLDER = "pipelines"  # of the site
EXTERNAL_LINK = re.compile(r'\s*<link\s[^>]*href="https?://[^>]*>')


def on_post_build(config: MkDocsConfig) -> None:
    """Run `kedro viz build` on a copy of the project and copy the result into the site."""
    root = Path(config.config_file_path).parent
    # Kedro-Viz always writes to build/ of the project, which may contain other files: work on a copy.
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary).resolve() / root.name
        project.mkdir()
        for name in ("conf", "src"):
            shutil.copytree(root / name, project / name, ignore=shutil.ignore_patterns("local", "__pycache__"))
        (project / "conf" / "local").mkdir()
        for name in ("pyproject.toml", ".telemetry"):
            shutil.copy(root / name, project)
        command = [sys.executable, "-m", "kedro", "viz", "build"]
        environment = os.environ | {"PYTHONPATH": str(project / "src")}
        result = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
        built = project / "build"
        if not (built / "api" / "main").is_file():
            raise PluginError(f"`kedro viz build` failed; its output: {result.stdout}{result.stderr}")
        for page in built.glob("*.html"):
            page.write_text(EXTERNAL_LINK.sub("", page.read_text(encoding="utf-8")), encoding="utf-8")
        for response in (path for path in built.glob("api/**/*") if path.is_file()):
            response.write_text(_relative(response.read_text(encoding="utf-8"), project, root), encoding="utf-8")
        skipped = shutil.ignore_patterns("telemetry.html", "autoreload.html")
        shutil.copytree(built, Path(config.site_dir, FOLDER), ignore=skipped, dirs_exist_ok=True)


def _relative(text: str, *folders: Path) -> str:
    """`text` without the absolute paths of this machine."""
    for folder in folders:
        text = text.replace(f"{folder}/", "")
    return text
