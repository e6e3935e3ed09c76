"""Hooks observe a run: they check and log its parameters and say at its end what came out."""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline

from hand_gestures.parameters import check_parameters


class ParameterHooks:
    """Checks all parameters before anything runs and logs them to MLflow under flat keys."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self.parameters: dict[str, Any] = dict(context.config_loader["parameters"])
        check_parameters(self.parameters)

    @hook_impl(trylast=True)
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        from hand_gestures.tracking import log_parameters

        log_parameters(self.parameters)


class SummaryHooks:
    """Prints, after a run that evaluated a model, its accuracy and where things lie."""

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self.env = context.env
        self.notice = context.config_loader["parameters"].get("notice")

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        if "evaluation" not in pipeline.all_outputs():
            return
        metrics = catalog.load("evaluation")
        lines = [
            f"validation {name.replace('_', ' ')}: {value:.3f}" for name, value in metrics.items() if "accuracy" in name
        ]
        lines += [
            f"model:    {_place(catalog, 'classifier')}",
            f"figures:  {Path(_place(catalog, 'confusion_figure')).parent}",
            f"MLflow:   {_command('mlflow')} ui",
            f"pipeline: {_command('kedro')} viz run{f' --env {self.env}' if self.env not in (None, 'local') else ''}",
        ]
        if self.notice:
            lines.append(self.notice)
        print("\n" + "\n".join(lines))


def _command(name: str) -> str:
    """How this environment's command is called from here: by its name alone where it is on the path."""
    script = Path(sys.executable).with_name(name)
    return name if shutil.which(name) == str(script) else os.path.relpath(script)


def _place(catalog: DataCatalog, name: str) -> str:
    return os.path.relpath(catalog[name]._describe()["filepath"])
