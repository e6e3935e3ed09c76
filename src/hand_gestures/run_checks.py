"""What a run needs, checked before any node starts: a refused run leaves no MLflow run and downloads nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

from hand_gestures.mlflow_support.hooks import nodes_to_run
from hand_gestures.parameters import FrameCatalogParameters
from hand_gestures.pipeline_registry import register_pipelines
from hand_gestures.utils.errors import HandGesturesError
from hand_gestures.utils.joint_saves import JointSaves
from hand_gestures.utils.names import did_you_mean
from hand_gestures.utils.rules import pluralise

# Folders and files that a node creates, or whose absence it explains itself.
NEED_NOT_EXIST = frozenset(
    {"raw_videos", "raw_frames", "model_commits", "frame_digests", "training_checkpoint", "comparison_work"}
)


class RunChecks:
    """Refuses a run that cannot succeed, and marks nodes whose files are being replaced, so that a kill is noticed."""

    def __init__(self) -> None:
        self.catalog: DataCatalog | None = None

    @hook_impl(tryfirst=True)  # before any other hook reads the settings
    def after_context_created(self, context: KedroContext) -> None:
        try:
            self.parameters = context.config_loader["parameters"]
        except MissingConfigException as error:
            loader: Any = context.config_loader
            conf, env = Path(loader.conf_source), str(context.env or loader.default_run_env)
            known = [path.name for path in conf.iterdir() if path.is_dir()] if conf.is_dir() else []
            missing = env if loader.base_env in known else loader.base_env
            raise HandGesturesError(
                f"settings are read from {conf / loader.base_env} and from the folder of the environment, but "
                f"{conf / missing} is no folder{did_you_mean(missing, known)}; correct --env or --conf-source"
            ) from error

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        self.catalog = catalog
        registered = register_pipelines()
        running = nodes_to_run(pipeline, catalog, run_params["only_missing_outputs"])
        _require_own_folder_for_videos(running, catalog)
        _require_frames(running, catalog, self.parameters, run_params)
        _require_inputs(running, catalog, registered, run_params)
        _require_whole_outputs(running, catalog, registered, run_params)

    @hook_impl
    def before_dataset_saved(self, dataset_name: str, node: Node) -> None:
        saves = self.catalog and joint_saves(node, self.catalog)
        if saves and dataset_name == node.outputs[0]:
            saves.begin()

    @hook_impl
    def after_dataset_saved(self, dataset_name: str, node: Node) -> None:
        saves = self.catalog and joint_saves(node, self.catalog)
        if saves and dataset_name == node.outputs[-1]:
            saves.end()


def missing_inputs(pipeline: Pipeline, catalog: DataCatalog) -> list[str]:
    """The catalog entries that the pipeline reads, does not make, and that do not exist.

    Args:
        pipeline: the nodes of a run.
        catalog: where each entry is stored.
    """
    read = sorted(name for name in pipeline.inputs() - NEED_NOT_EXIST if not name.startswith("param"))
    return [name for name in read if not catalog.exists(name)]


def joint_saves(node: Node, catalog: DataCatalog) -> JointSaves | None:
    """The files that one node writes one after another; None where it writes at most one.

    Args:
        node: any node.
        catalog: where each entry is stored.
    """
    files = {name: path for name in node.outputs if (path := _path(name, catalog))}
    if len(files) < 2:
        return None
    return JointSaves(next(iter(files.values())).parent / f"{node.name}.unfinished", files)


def _path(name: str, catalog: DataCatalog) -> Path | None:
    dataset = catalog.get(name)
    found = dataset._describe().get("filepath") if dataset else None
    return Path(found) if found else None


def _require_own_folder_for_videos(running: Pipeline, catalog: DataCatalog) -> None:
    if "raw_frames" in running.all_outputs() and _reads_drawn_frames(catalog):
        raise HandGesturesError(
            "drawn frames and frames of videos need a folder each, but frames_dir is "
            f"{_path('raw_frames', catalog)}, where sample_data draws; leave out --env demo, or give another folder "
            "with --params frames_dir=PATH"
        )


def _reads_drawn_frames(catalog: DataCatalog) -> bool:
    frames, sample = _path("raw_frames", catalog), _path("sample_frames", catalog)
    return frames is not None and sample is not None and frames.resolve() == sample.resolve()


def _require_frames(
    running: Pipeline, catalog: DataCatalog, parameters: Mapping[str, Any], run_params: Mapping[str, Any]
) -> None:
    """Frames are looked for before models are downloaded. Embeddings that exist may need no frames any more."""
    nodes = {node.name: node for node in running.nodes}
    reads = "scan_frames" in nodes or (
        "plan_embeddings" in nodes and not all(catalog.exists(name) for name in nodes["plan_embeddings"].outputs)
    )
    if not reads or "raw_frames" not in running.inputs():
        return
    if _reads_drawn_frames(catalog) and not catalog.exists("raw_frames"):
        raise HandGesturesError(
            f"this environment reads drawn frames, but {_path('raw_frames', catalog)} does not exist; run "
            f"{_command(run_params)} --pipelines sample_data --tags clips"
        )
    from hand_gestures.dataset.frame_catalog import require_frames  # imports OpenCV

    checks = FrameCatalogParameters.model_validate(parameters["frame_catalog"])
    require_frames(catalog.load("raw_frames"), checks.full_decode, checks.processes, checks.frame_pattern)


def _require_inputs(
    running: Pipeline, catalog: DataCatalog, registered: Mapping[str, Pipeline], run_params: Mapping[str, Any]
) -> None:
    missing = missing_inputs(running, catalog)
    if not missing:
        return
    makers = _makers(missing, catalog, registered)
    first = next((name for node in makers for name in node.outputs if name in missing), missing[0])
    others = f" and {pluralise(len(missing) - 1, 'other input')} do" if len(missing) > 1 else " does"
    remedy = f"run {_command(run_params)} {_options(makers, registered, run_params)}" if makers else "put it there"
    raise HandGesturesError(
        f"a run reads what earlier runs wrote, but {_path(first, catalog) or first}{others} not exist; {remedy}"
    )


def _makers(missing: list[str], catalog: DataCatalog, registered: Mapping[str, Pipeline]) -> list[Node]:
    """The nodes that make the missing entries, and those that make what these nodes miss, in their order."""
    everything = sum(registered.values(), Pipeline([]))
    maker_of = {name: node for node in everything.nodes for name in node.outputs}
    makers: set[Node] = set()
    todo = missing
    while todo:
        new = {maker_of[name] for name in todo if name in maker_of} - makers
        makers |= new
        todo = missing_inputs(Pipeline(new), catalog) if new else []
    return [node for node in everything.nodes if node in makers]


def _options(makers: list[Node], registered: Mapping[str, Pipeline], run_params: Mapping[str, Any]) -> str:
    """Options of `kedro run`: nodes of the pipelines that were asked for, else whole pipelines."""
    chosen = run_params["pipeline_names"] or ["__default__"]
    own = {node for name in chosen if name in registered for node in registered[name].nodes}
    if set(makers) <= own:
        options = [f"--nodes {','.join(node.name for node in makers)}"]
        options += [f"--pipelines {','.join(chosen)}"] if chosen != ["__default__"] else []
    else:
        needed = {_pipeline_of(node, registered) for node in makers}
        options = [f"--pipelines {','.join(name for name in registered if name in needed)}"]
    return " ".join(options)


def _pipeline_of(node: Node, registered: Mapping[str, Pipeline]) -> str:
    """The pipeline that makes a node run; of several the one that `kedro run` includes."""
    default = set(registered["__default__"].nodes)
    names = sorted(registered.keys() - {"__default__"}, key=lambda name: not set(registered[name].nodes) <= default)
    return next(name for name in names if node in registered[name].nodes)


def _command(run_params: Mapping[str, Any]) -> str:
    env = run_params["env"]
    return "kedro run" + (f" --env {env}" if env not in (None, "local") else "")


def _require_whole_outputs(
    running: Pipeline, catalog: DataCatalog, registered: Mapping[str, Pipeline], run_params: Mapping[str, Any]
) -> None:
    """Refuse to use what a killed run left half new and half old, also where only a later node reads what follows."""
    everything = sum(registered.values(), Pipeline([]))
    names = {node.name for node in running.nodes}
    known = [node.name for node in everything.nodes if node.name in names]
    for node in everything.to_nodes(*known).nodes if known else ():
        saves = joint_saves(node, catalog) if node.name not in names else None
        mixture = saves.mixture() if saves else None
        if mixture:
            options = f"--from-nodes {node.name}"
            if node not in registered["__default__"].nodes:
                options += f" --pipelines {_pipeline_of(node, registered)}"
            raise HandGesturesError(
                f"all outputs of a node must come from one run, but a run stopped between those of {node.name} "
                f"(new: {', '.join(mixture.replaced)}; old: {', '.join(mixture.old)}); run {_command(run_params)} "
                f"{options}"
            )
