"""The MLflow run around a Kedro run: how it is named and tagged, when it ends."""

import atexit
import os
import signal
import threading
from types import FrameType
from typing import Any

import mlflow
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro_mlflow.framework.hooks.mlflow_hook import MlflowHook
from kedro_mlflow.io.catalog.switch_catalog_logging import switch_catalog_logging
from mlflow.environment_variables import (
    MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING,
    MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING,
    MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL,
)

from hand_gestures.mlflow_support import tracking
from hand_gestures.mlflow_support.git_state import git_state

# Every 10 seconds a mean of two samples: five points for a run of a minute, 8640 for a day.
SAMPLING_SECONDS, SAMPLES_A_POINT = 5, 2

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # MLflow looks for git too, and complains where there is none
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


class TrackingHooks(MlflowHook):
    """kedro-mlflow's hook with one run for a whole pipeline, whatever its nodes open.

    The parameters that its nodes take are logged once, under flat keys; the run has a name that tells it from others,
    the commit of its code, the load of the machine, and a description when it is evaluated. It is closed when the
    pipeline ends, fails or is stopped, so that the next run of the same process is a run of its own. A run that was
    there before goes on, as kedro-mlflow has it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.run_id: str | None = None
        atexit.register(self._end, "KILLED")  # an interrupted run reaches no other hook

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        super().after_context_created(context)
        self.project_path = context.project_path
        self.env = "base" if context.env in (None, "local") else str(context.env)
        self.parameters: dict[str, Any] = dict(context.config_loader["parameters"])
        self.results: dict[str, Any] = {}

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        names = run_params["pipeline_names"] or ["__default__"]
        settings = self.mlflow_config.tracking
        self._is_mlflow_enabled = not set(names) <= set(settings.disable_tracking.pipelines)
        if not self._is_mlflow_enabled:
            switch_catalog_logging(catalog, False)
            return
        if not self._already_active_mlflow:
            trains = "classifier" in pipeline.all_outputs()
            named = tracking.run_name(self.parameters, run_params["runtime_params"], self.env)
            mlflow.start_run(
                settings.run.id,
                run_name=settings.run.name or (named if trains else "+".join(names)),
                log_system_metrics=_system_metrics(),
            )
        self.run_id = tracking.tracked_run()["id"]
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._terminate)
        tracking.set_tags({"env": self.env, "pipeline": "+".join(names)})
        tracking.log_code(git_state(self.project_path))
        taken = {name.removeprefix("params:") for name in pipeline.inputs()}
        tracking.log_parameters({topic: value for topic, value in self.parameters.items() if topic in taken})

    @hook_impl
    def before_node_run(self, node: Node, catalog: DataCatalog, inputs: dict[str, Any], is_async: bool) -> None:
        self._take_up()

    @hook_impl
    def before_dataset_saved(self) -> None:
        self._take_up()

    @hook_impl
    def after_node_run(self, outputs: dict[str, Any]) -> None:
        """Describe the run anew with each result that is known."""
        told = outputs.keys() & {"dataset_fingerprint", "evaluation", "test_evaluation", "registry_decision"}
        self.results.update({name: outputs[name] for name in told})
        if told and "evaluation" in self.results:
            from hand_gestures.reporting.run_summary import run_note

            level, notice = self.parameters["evaluation"]["confidence_level"], self.parameters["notice"]
            tracking.describe_run(run_note(self.results, level, notice))

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        self._end("FINISHED")

    @hook_impl
    def on_pipeline_error(
        self, error: Exception, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        self._end("FAILED")

    def _take_up(self) -> None:
        """A thread does not know the run of the one that started it, and would begin another."""
        if self.run_id is not None and mlflow.active_run() is None:
            mlflow.start_run(self.run_id, log_system_metrics=False)

    def _end(self, status: str) -> None:
        """Close the run and what was left open within it, but none that was there before."""
        if self.run_id is None:
            return
        kept = self.run_id if self._already_active_mlflow else None
        while (run := mlflow.active_run()) and run.info.run_id != kept:
            mlflow.end_run(status)
        self.run_id = None

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        """Say of the run that it was stopped, and stop as if there were no handler."""
        signal.signal(number, signal.SIG_DFL)
        try:
            self._end("KILLED")
        finally:
            os.kill(os.getpid(), number)


def _system_metrics() -> bool:
    """Whether load of processors, memory, disk and network is logged: unless MLflow's own variables say otherwise."""
    if not MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL.is_set():
        mlflow.set_system_metrics_sampling_interval(SAMPLING_SECONDS)
    if not MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING.is_set():
        mlflow.set_system_metrics_samples_before_logging(SAMPLES_A_POINT)
    return not MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING.is_set() or MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING.get()
