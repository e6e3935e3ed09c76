"""CONTRIBUTING.md describes the code as it is: modules, nodes, catalog entries and imports between packages."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from doc_pages import ROOT, table_rows
from hand_gestures.pipeline_registry import register_pipelines

PAGE = ROOT / "CONTRIBUTING.md"
SOURCE = ROOT / "src" / "hand_gestures"
PIPELINES = register_pipelines()
NODES = {node.name: node for pipeline in PIPELINES.values() for node in pipeline.nodes}
TOUR = table_rows(PAGE, "module")
PACKAGES = table_rows(PAGE, "package")
MODULE = re.compile(r"`(hand_gestures(?:[./]\w+)+(?:\.py|/)?)`")


def code_words(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def named_modules() -> list[str]:
    """Every `hand_gestures/...` path and every dotted `hand_gestures...` name on the page."""
    return sorted(set(MODULE.findall(PAGE.read_text(encoding="utf-8"))))


def module_exists(name: str) -> bool:
    """Whether a path or a dotted name is in the source; a dotted name may end with an attribute of a module."""
    if "/" in name:
        return (ROOT / "src" / name).exists()
    parent, _, attribute = name.rpartition(".")
    return (ROOT / "src" / name.replace(".", "/")).with_suffix(".py").is_file() or hasattr(
        importlib.import_module(parent), attribute
    )


def allowed_imports() -> dict[str, set[str]]:
    """Package → the packages it may import, besides itself, `parameters` and `utils`."""
    names = [code_words(row[0])[0] for row in PACKAGES]
    return {
        name: set(names[index + 1 :]) if row[2] == "everything below" else set(code_words(row[2]))
        for index, (name, row) in enumerate(zip(names, PACKAGES, strict=True))
    }


def actual_imports(package: str) -> set[str]:
    folder = SOURCE / package
    files = folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]
    imported: set[str] = set()
    for node in (node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        parts = [name.split(".") for name in names]
        imported |= {part[1] for part in parts if part[0] == "hand_gestures" and len(part) > 1}
    return {name for name in imported if (SOURCE / name).is_dir() or (SOURCE / f"{name}.py").is_file()} - {package}


@pytest.mark.parametrize("name", named_modules())
def test_every_module_named_on_the_page_exists(name):
    assert module_exists(name)


@pytest.mark.parametrize("name", ["hand_gestures/video/missing.py", "hand_gestures.video.missing"])
def test_a_module_that_does_not_exist_is_found(name):
    assert MODULE.fullmatch(f"`{name}`")
    assert not module_exists(name)


def test_the_tour_visits_the_packages_in_the_order_of_the_data():
    visited = [Path(code_words(row[0])[0]).parent.name for row in TOUR]
    assert list(dict.fromkeys(visited)) == [
        *("video", "dataset", "embedding", "augmentation", "backbones"),
        *("store", "training", "evaluation", "reporting"),
    ]


@pytest.mark.parametrize("step", [row[2] for row in TOUR if "→" in row[2]])
def test_a_step_of_the_tour_is_a_node_with_these_inputs_and_outputs(step):
    name, inputs, outputs = (code_words(part) for part in re.split(r":|→", step))
    node = NODES[name[0]]
    assert set(inputs) <= set(node.inputs)
    assert set(outputs) <= set(node.outputs)


def test_the_table_has_every_package():
    packages = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").is_file()}
    assert {code_words(row[0])[0] for row in PACKAGES} == packages | {"parameters"}


@pytest.mark.parametrize("package", allowed_imports())
def test_a_package_imports_only_what_the_table_allows(package):
    assert actual_imports(package) <= allowed_imports()[package] | {"parameters", "utils"}


def test_imports_go_down_in_the_table():
    names = list(allowed_imports())
    for index, (name, allowed) in enumerate(allowed_imports().items()):
        assert allowed <= set(names[index + 1 :]), name
