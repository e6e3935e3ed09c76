"""The site as it is built: strictly, from the code as it is, and nothing in it is fetched from elsewhere."""

import os
import re
import subprocess
import sys

import pytest
from pydantic import BaseModel

from doc_pages import ROOT
from hand_gestures.parameters import Parameters

pytest.importorskip("mkdocs")
FETCHED = re.compile(
    r'<(?:link|script|img|iframe)\b[^>]*(?:href|src)="?(?:https?:)?//[^>]*>|@import|url\(["\']?(?:https?:)?//'
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = os.environ | {"PYTHONPATH": "src"}  # a session of Kedro may have left another
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


def names(model: type[BaseModel]) -> set[str]:
    """Every name below a model, as the page writes it."""
    found = set()
    for name, field in model.model_fields.items():
        inner = getattr(field.annotation, "model_fields", None)
        found |= {f"{name}.{below}" for below in names(field.annotation)} if inner else {name}
    return found


def test_every_parameter_has_a_line_with_a_description(site):
    page = (site / "parameters.html").read_text(encoding="utf-8")
    cells = [re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)]
    lines = [(re.sub("<.*?>", "", row[0]), row[1:]) for row in cells if row]
    assert len(lines) == len(names(Parameters))
    assert {name for name, _ in lines} == {name.partition(".")[2] or name for name in names(Parameters)}
    assert [name for name, told in lines if not all(told)] == []


def test_every_page_is_reached_from_the_navigation(site):
    start = (site / "index.html").read_text(encoding="utf-8")
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert [page for page in pages if f'href="{page}"' not in start] == []


def test_nothing_is_fetched_from_elsewhere(site):
    for page in [*site.rglob("*.html"), *site.rglob("*.css")]:
        assert FETCHED.findall(page.read_text(encoding="utf-8")) == [], page


def test_a_fetched_font_would_be_found():
    assert FETCHED.search('<link rel="stylesheet" href="https://fonts.example/css">')
    assert FETCHED.search("@font-face { src: url(https://fonts.example/a.woff) }")
    assert not FETCHED.search('<a href="https://example.org">')


def test_the_pipelines_stand_beside_the_pages_without_places_of_this_machine(site):
    assert (site / "pipelines" / "api" / "main").is_file()
    assert 'href="pipelines/index.html"' in (site / "tracking.html").read_text(encoding="utf-8")
    for answer in (path for path in (site / "pipelines" / "api").rglob("*") if path.is_file()):
        assert not re.search(r'"/\w+/', answer.read_text(encoding="utf-8")), answer
