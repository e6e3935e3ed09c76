"""The built documentation: the strict build succeeds, every page is linked, and the browser downloads nothing."""

import os
import re
import subprocess
import sys

import pytest
from pydantic import BaseModel

from doc_pages import ROOT
from hand_gestures.parameters import Parameters

pytest.importorskip("mkdocs")
EXTERNAL = re.compile(
    r'<(?:link|script|img|iframe)\b[^>]*(?:href|src)="?(?:https?:)?//[^>]*>|@import|url\(["\']?(?:https?:)?//'
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = os.environ | {"PYTHONPATH": "src"}  # an earlier Kedro session may have changed PYTHONPATH
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


def names(model: type[BaseModel]) -> set[str]:
    """The dotted names of all parameters below a model."""
    found = set()
    for name, field in model.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        found |= {f"{name}.{child}" for child in names(field.annotation)} if inner else {name}
    return found


def test_every_parameter_has_a_row_without_empty_cells(site):
    page = (site / "parameters.html").read_text(encoding="utf-8")
    cells = [re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)]
    table = [(re.sub("<.*?>", "", row[0]), row[1:]) for row in cells if row]
    assert len(table) == len(names(Parameters))
    assert {name for name, _ in table} == {name.partition(".")[2] or name for name in names(Parameters)}
    assert [name for name, values in table if not all(values)] == []


def test_the_navigation_links_every_page(site):
    start = (site / "index.html").read_text(encoding="utf-8")
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert [page for page in pages if f'href="{page}"' not in start] == []


def test_pages_load_nothing_from_other_hosts(site):
    for page in [*site.rglob("*.html"), *site.rglob("*.css")]:
        assert EXTERNAL.findall(page.read_text(encoding="utf-8")) == [], page


def test_an_external_font_is_found():
    assert EXTERNAL.search('<link rel="stylesheet" href="https://fonts.example/css">')
    assert EXTERNAL.search("@font-face { src: url(https://fonts.example/a.woff) }")
    assert not EXTERNAL.search('<a href="https://example.org">')


def test_the_site_contains_the_pipelines_without_absolute_paths(site):
    assert (site / "pipelines" / "api" / "main").is_file()
    assert 'href="pipelines/index.html"' in (site / "tracking.html").read_text(encoding="utf-8")
    for response in (path for path in (site / "pipelines" / "api").rglob("*") if path.is_file()):
        assert not re.search(r'"/\w+/', response.read_text(encoding="utf-8")), response
