"""Hooks that keep runs apart, check the parameters before a run and print its results after it."""

import os
import re
import shutil
import sys
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Pipeline
from kedro.utils import is_kedro_project

from hand_gestures.parameters import check_class_sets, check_parameters
from hand_gestures.utils.errors import HandGesturesError, user_error
from hand_gestures.utils.resumable import exclusive_lock

RUN_LOCK = ".run.lock"  # in data_root
UNLOCKED_OUTPUTS = {"data_check", "data_check_rejects"}  # no run reads them
CLASS_NAMES, EMBEDDINGS = "class_names", ("train_embeddings", "val_embeddings")  # catalog entries with the classes


class RunLockHooks:
    """Lets one run at a time write to a `data_root`; reading needs no lock (docs/adr/0021)."""

    def __init__(self) -> None:
        self.lock = ExitStack()

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        loader = context.config_loader
        self.data_root = context.project_path / (
            (loader.runtime_params or {}).get("data_root") or loader["globals"]["data_root"]
        )

    @hook_impl(wrapper=True)
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> Generator[None, Any, Any]:
        self.lock.close()  # Ctrl-C in a notebook calls no other hook
        if any(not isinstance(catalog.get(name), MemoryDataset) for name in pipeline.all_outputs() - UNLOCKED_OUTPUTS):
            self.lock.enter_context(exclusive_lock(self.data_root, RUN_LOCK))
        try:
            return (yield)
        except BaseException:
            self.lock.close()
            raise

    @hook_impl(wrapper=True)
    def after_pipeline_run(self) -> Generator[None, Any, Any]:
        try:
            return (yield)
        finally:
            self.lock.close()

    @hook_impl(wrapper=True)
    def on_pipeline_error(self) -> Generator[None, Any, Any]:
        try:
            return (yield)
        finally:
            self.lock.close()


class UnreadableFileHooks:
    """Says in one sentence which file of an earlier run is missing or damaged, and which pipeline writes it again."""

    @hook_impl(wrapper=True)
    def on_pipeline_error(self, error: Exception, catalog: DataCatalog) -> Generator[None, Any, Any]:
        result = yield
        loading = re.match(r"(\w+): Failed while loading data from dataset", str(error))
        if loading and user_error(error) is None and "filepath" in catalog[loading[1]]._describe():
            from hand_gestures.pipeline_registry import register_pipelines

            name, reason = loading[1], " ".join(str(error.__cause__).split())[:200]
            makers = [maker for maker, pipeline in register_pipelines().items() if name in pipeline.all_outputs()]
            raise HandGesturesError(
                f"{name} must be a whole file of an earlier run, but {_path(catalog, name)} cannot be read ({reason}); "
                f"write it again with kedro run --pipeline {makers[0] if makers else '__default__'}"
            ) from error
        return result


class ParameterHooks:
    """Checks all parameters before anything runs, and class sets as soon as the classes of the data set are known."""

    def __init__(self) -> None:
        self.class_sets: dict[str, list[str]] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self.class_sets = check_parameters(context.config_loader["parameters"]).evaluation.class_sets

    @hook_impl
    def before_pipeline_run(self, pipeline: Pipeline, catalog: DataCatalog) -> None:
        if "params:evaluation" not in pipeline.inputs():
            self.class_sets = {}  # this run does not evaluate
        # class names that this run makes again may be those of other data
        if self.class_sets and CLASS_NAMES not in pipeline.all_outputs() and catalog.exists(CLASS_NAMES):
            check_class_sets(self.class_sets, catalog.load(CLASS_NAMES))

    @hook_impl
    def after_node_run(self, outputs: dict[str, Any]) -> None:
        if CLASS_NAMES in outputs:
            check_class_sets(self.class_sets, outputs[CLASS_NAMES])

    @hook_impl
    def before_node_run(self, inputs: dict[str, Any]) -> None:
        # the list of class names may be missing where only the embeddings were copied to this machine
        for name in EMBEDDINGS if self.class_sets else ():
            if name in inputs:
                check_class_sets(self.class_sets, inputs[name].header.class_names)


class SummaryHooks:
    """Prints the report of a data check, or the metrics of a model and the paths of its results."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self.env = context.env
        self.in_project = is_kedro_project(context.project_path)  # an installed package has no `kedro viz`
        self.parameters = context.config_loader["parameters"]

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        outputs = pipeline.all_outputs()
        if "data_check" in outputs:
            print("\n" + catalog.load("data_check"))
        lines = [
            *(self._model_lines(outputs, catalog) if "evaluation" in outputs else ()),
            *(self._comparison_lines(catalog) if "comparison_report" in outputs else ()),
        ]
        if not lines:
            return
        lines.append(("MLflow", f"{_command('mlflow')} ui"))
        if self.in_project:
            lines.append(("pipeline", f"{_command('kedro')} viz run{self._env_option()}"))
        width = max(len(name) for name, _ in lines) + 2
        notice = [self.parameters["notice"]] if self.parameters.get("notice") else []
        print("\n" + "\n".join([f"{name + ':':<{width}}{text}" for name, text in lines] + notice))

    def _model_lines(self, outputs: set[str], catalog: DataCatalog) -> list[tuple[str, str]]:
        from hand_gestures.reporting.run_summary import result_lines

        test = catalog.load("test_evaluation") if "test_evaluation" in outputs else {}
        lines = result_lines(catalog.load("evaluation"), test, self.parameters["evaluation"]["confidence_level"])
        if "registry_decision" in outputs:
            lines.append(("registry", catalog.load("registry_decision")["sentence"]))
        return [
            *lines,
            ("report", _path(catalog, "report")),
            ("model", _path(catalog, "classifier")),
            ("model card", _path(catalog, "model_card")),
            ("plots", str(Path(_path(catalog, "confusion_plot")).parent)),
        ]

    def _comparison_lines(self, catalog: DataCatalog) -> list[tuple[str, str]]:
        from hand_gestures.reporting.run_summary import variant_lines

        return [*variant_lines(catalog.load("comparison")), ("comparison", _path(catalog, "comparison_report"))]

    def _env_option(self) -> str:
        return f" --env {self.env}" if self.env not in (None, "local") else ""


def _command(name: str) -> str:
    """How to call a command of this Python environment: its name alone where it is on the PATH."""
    script = Path(sys.executable).with_name(name)
    return name if shutil.which(name) == str(script) else os.path.relpath(script)


def _path(catalog: DataCatalog, name: str) -> str:
    return os.path.relpath(catalog[name]._describe()["filepath"])
