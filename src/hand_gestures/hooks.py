"""Hooks observe a run: they check its parameters and say at its end what came out."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.utils import is_kedro_project

from hand_gestures.parameters import check_parameters


class ParameterHooks:
    """Checks all parameters before anything runs."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        check_parameters(context.config_loader["parameters"])


class SummaryHooks:
    """Prints, after a run that evaluated a model, how good it is and where things lie."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self.env = context.env
        self.in_project = is_kedro_project(context.project_path)  # elsewhere kedro knows no viz
        self.parameters = context.config_loader["parameters"]

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        made = pipeline.all_outputs()
        lines = [
            *(self._of_model(made, catalog) if "evaluation" in made else ()),
            *(self._of_comparison(catalog) if "comparison_report" in made else ()),
        ]
        if not lines:
            return
        lines.append(("MLflow", f"{_command('mlflow')} ui"))
        if self.in_project:
            lines.append(("pipeline", f"{_command('kedro')} viz run{self._env()}"))
        width = max(len(name) for name, _ in lines) + 2
        notice = [self.parameters["notice"]] if self.parameters.get("notice") else []
        print("\n" + "\n".join([f"{name + ':':<{width}}{text}" for name, text in lines] + notice))

    def _of_model(self, made: set[str], catalog: DataCatalog) -> list[tuple[str, str]]:
        from hand_gestures.reporting.run_summary import result_lines

        test = catalog.load("test_evaluation") if "test_evaluation" in made else {}
        lines = result_lines(catalog.load("evaluation"), test, self.parameters["evaluation"]["confidence_level"])
        if "registry_decision" in made:
            lines.append(("registry", catalog.load("registry_decision")["sentence"]))
        return [
            *lines,
            ("report", _place(catalog, "report")),
            ("model", _place(catalog, "classifier")),
            ("model card", _place(catalog, "model_card")),
            ("plots", str(Path(_place(catalog, "confusion_plot")).parent)),
        ]

    def _of_comparison(self, catalog: DataCatalog) -> list[tuple[str, str]]:
        from hand_gestures.reporting.run_summary import variant_lines

        return [*variant_lines(catalog.load("comparison")), ("comparison", _place(catalog, "comparison_report"))]

    def _env(self) -> str:
        return f" --env {self.env}" if self.env not in (None, "local") else ""


def _command(name: str) -> str:
    """How this environment's command is called from here: by its name alone where it is on the path."""
    script = Path(sys.executable).with_name(name)
    return name if shutil.which(name) == str(script) else os.path.relpath(script)


def _place(catalog: DataCatalog, name: str) -> str:
    return os.path.relpath(catalog[name]._describe()["filepath"])
