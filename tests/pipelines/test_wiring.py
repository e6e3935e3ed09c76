import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml
from kedro.validation.type_extractor import TypeExtractor

from hand_gestures.parameters import Parameters, Topic
from hand_gestures.pipeline_registry import register_pipelines

ROOT = Path(__file__).parents[2]
PIPELINES = register_pipelines()


def test_the_default_pipeline_leads_from_frames_to_classifier():
    parts = [PIPELINES[name] for name in ("data_processing", "feature_engineering", "modeling")]
    assert set(PIPELINES["__default__"].nodes) == {node for part in parts for node in part.nodes}


def test_models_are_fetched_before_any_frame_is_read():
    names = [node.name for node in PIPELINES["__default__"].nodes]
    assert names.index("fetch_backbones") < names.index("scan_frames")


def test_every_saved_data_set_is_declared_in_base():
    declared = yaml.safe_load((ROOT / "conf/base/catalog.yml").read_text())
    used = {name for pipeline in PIPELINES.values() for name in pipeline.datasets() if not name.startswith("param")}
    assert {name for name in used if not name.endswith("_plot")} == {
        name for name in declared if not name.startswith(("_", "{"))
    }
    assert "{name}_plot" in declared


@pytest.mark.parametrize("name", [name for name in PIPELINES if name != "__default__"])
def test_each_pipeline_has_a_folder_of_its_name(name):
    assert (ROOT / "src/hand_gestures/pipelines" / name / "pipeline.py").is_file()


def test_every_topic_reaches_its_nodes_as_a_checked_model():
    """An annotation that cannot be resolved would silently hand the node a plain dictionary."""
    found = TypeExtractor(PIPELINES).extract_types_from_pipelines()
    inputs = {name[7:] for pipeline in PIPELINES.values() for name in pipeline.datasets() if name.startswith("params:")}
    topics = {name: field.annotation for name, field in Parameters.model_fields.items()}
    for name in inputs:
        annotation = topics[name]
        if isinstance(annotation, type) and issubclass(annotation, Topic):
            assert found[name] is annotation


def test_the_command_line_starts_without_torch_and_other_slow_imports():
    script = (
        "import sys; from pathlib import Path; from kedro.framework.cli.cli import KedroCLI;"
        "assert 'hand_gestures.cli' in str(KedroCLI(Path.cwd()).get_command(None, 'run').callback.__module__);"
        "from kedro.framework.project import pipelines; assert dict(pipelines);"
        "print({'torch', 'lightning', 'timm', 'albumentations', 'matplotlib.pyplot'} & sys.modules.keys())"
    )
    started = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert started.stdout.strip() == "set()"


DECLARED = yaml.safe_load((ROOT / "conf/base/catalog.yml").read_text())


def layer(dataset):
    entry = DECLARED.get(dataset) or DECLARED["{name}_" + dataset.rpartition("_")[2]]
    return entry["metadata"]["kedro-viz"]["layer"]


@pytest.mark.parametrize("name", PIPELINES)
def test_layers_follow_each_other(name):
    """Kedro-Viz draws no layers if two of them depend on each other."""
    before = {}
    for node in PIPELINES[name].nodes:
        inputs = {layer(dataset) for dataset in node.inputs if not dataset.startswith("param")}
        for after in map(layer, node.outputs):
            before.setdefault(after, set()).update(inputs - {after})
    assert list(TopologicalSorter(before).static_order())


def test_each_node_has_the_tag_of_its_pipeline():
    for name, pipeline in PIPELINES.items():
        if name not in ("__default__", "modeling"):
            assert all(name in node.tags for node in pipeline.nodes)
    assert all(node.tags for pipeline in PIPELINES.values() for node in pipeline.nodes)
