"""The MLflow run around a Kedro run: its name and tags, what is logged, and how it ends."""

import atexit
import logging
import os
import signal
import sys
import threading
from contextlib import nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

import mlflow
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro_mlflow.config.kedro_mlflow_config import KedroMlflowConfig
from kedro_mlflow.io.catalog.switch_catalog_logging import switch_catalog_logging
from mlflow import MlflowClient
from mlflow.environment_variables import (
    MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING,
    MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING,
    MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL,
)
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

from hand_gestures.mlflow_support import tracking
from hand_gestures.mlflow_support.database import create_database, require_database
from hand_gestures.mlflow_support.delivery import REQUEST_DEFAULTS, is_lost, quick_requests, require_answer
from hand_gestures.mlflow_support.git_state import git_state
from hand_gestures.mlflow_support.killed_runs import close_killed_runs, process_tags
from hand_gestures.mlflow_support.outputs import NOTE_OUTPUTS, log_output

logger = logging.getLogger(__name__)

# Every 10 seconds the mean of two samples: five points for a run of a minute, 8640 for a day.
SAMPLING_SECONDS, SAMPLES_PER_POINT = 5, 2

END_SECONDS = 8  # after SIGTERM; Docker, for example, sends SIGKILL after ten seconds

for _name, _value in REQUEST_DEFAULTS.items():
    os.environ.setdefault(_name, _value)
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # it warns of every attempt; `Delivery` warns once
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # MLflow looks for git and complains where there is none
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


class MlflowHooks:
    """One MLflow run for one Kedro run, configured by conf/*/mlflow.yml as kedro-mlflow defines it.

    The run gets a name, the commit of the code, the parameters that its nodes use (under flat keys), the load of the
    machine, what `log_output` logs of the nodes' outputs, and a description once there is an evaluation. It is closed
    when the pipeline ends, fails or is stopped, so that the next Kedro run of the process gets its own run. A run that
    was active before the Kedro run is used and stays open.
    """

    def __init__(self) -> None:
        self.run_id: str | None = None  # of the run that is logged to; None while nothing is tracked
        self.outer_run_id: str | None = None  # of the run that was active before the Kedro run
        self.artifacts: dict[str, tuple[Path, str | None]] = {}  # catalog entry: its file, and its folder in MLflow
        atexit.register(self._end, "KILLED")  # Ctrl-C reaches no other hook

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        self.config = KedroMlflowConfig.model_validate(dict(context.config_loader["mlflow"]))
        outer_run = mlflow.active_run()
        self.outer_run_id = outer_run.info.run_id if outer_run else None
        if outer_run is None:
            create_database(str(self.config.server.mlflow_tracking_uri))
            require_database(str(self.config.server.mlflow_tracking_uri))
            with require_answer(str(self.config.server.mlflow_tracking_uri)):
                self._set_up(context)
        context.__setattr__("mlflow", self.config)  # `kedro mlflow ui` reads it
        self.project_path = context.project_path
        self.env = "base" if context.env in (None, "local") else str(context.env)
        self.parameters: dict[str, Any] = dict(context.config_loader["parameters"])
        self.note_outputs: dict[str, Any] = {}

    @hook_impl
    def before_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        names = run_params["pipeline_names"] or ["__default__"]
        self.artifacts = _artifacts(pipeline, catalog)
        # this class logs the files instead: kedro-mlflow would end the run where MLflow is lost
        switch_catalog_logging(catalog, False)
        if set(names) <= set(self.config.tracking.disable_tracking.pipelines):
            return
        pipeline = nodes_to_run(pipeline, catalog, run_params["only_missing_outputs"])
        if not pipeline.nodes:
            return
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._terminate)
        if self.outer_run_id is None:
            trains = "classifier" in pipeline.all_outputs()
            default = tracking.run_name(self.parameters, run_params["runtime_params"], self.env)
            with require_answer(str(self.config.server.mlflow_tracking_uri)):
                self._start_run(default if trains else "+".join(names))
        self.run_id = tracking.active_run()["id"]
        tracking.set_tags({"env": self.env, "pipeline": "+".join(names)})
        tracking.log_code(git_state(self.project_path))
        used = {name.removeprefix("params:") for name in pipeline.inputs()}
        tracking.log_parameters({topic: value for topic, value in self.parameters.items() if topic in used})

    @hook_impl
    def before_node_run(self, node: Node, catalog: DataCatalog, inputs: dict[str, Any], is_async: bool) -> None:
        self._activate_run()

    @hook_impl
    def before_dataset_saved(self) -> None:
        self._activate_run()

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        if self.run_id is not None and dataset_name in self.artifacts:
            tracking.log_artifact(*self.artifacts[dataset_name])

    @hook_impl
    def after_node_run(self, outputs: dict[str, Any]) -> None:
        for name, value in outputs.items():
            log_output(name, value)
        results = {name: value for name, value in outputs.items() if name in NOTE_OUTPUTS}
        self.note_outputs |= results
        if results and "evaluation" in self.note_outputs:
            from hand_gestures.reporting.run_summary import run_note

            level, notice = self.parameters["evaluation"]["confidence_level"], self.parameters["notice"]
            tracking.describe_run(run_note(self.note_outputs, level, notice))

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog) -> None:
        if self.run_id is not None and "torch" in sys.modules:  # a run that computes has imported it
            from hand_gestures.utils.devices import describe_gpus

            tracking.set_tags(describe_gpus())
        self._end("FINISHED")

    @hook_impl
    def on_pipeline_error(
        self, error: Exception, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        self._end("FAILED")

    def _set_up(self, context: KedroContext) -> None:
        """Connect to the store and create the experiment."""
        try:
            self.config.setup(context)
        except MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
                raise
            self.config.setup(context)  # another first run has created the experiment in between

    def _start_run(self, name: str) -> None:
        settings = self.config.tracking.run
        close_killed_runs(MlflowClient(), self.config.tracking.experiment._experiment.experiment_id)
        mlflow.start_run(
            settings.id, run_name=settings.name or name, log_system_metrics=_system_metrics(), tags=process_tags()
        )

    def _activate_run(self) -> None:
        """Make the run active in this thread: MLflow keeps one active run per thread and would start another."""
        if self.run_id is not None and mlflow.active_run() is None:
            try:
                mlflow.start_run(self.run_id, log_system_metrics=False)
            except MlflowException as error:
                if not is_lost(error):
                    raise
                logger.warning("MLflow does not answer: what this thread logs is only in the files of the run")

    def _end(self, status: str) -> None:
        """Close the run and every run left open inside it, but not a run that was active before."""
        if self.run_id is None:
            return
        kept = tracking.delivery.flush()
        tracking.delivery.discard()
        ended = True
        while (run := mlflow.active_run()) and run.info.run_id != self.outer_run_id:
            try:
                with quick_requests() if kept else nullcontext():
                    mlflow.end_run(status)
            except Exception as error:  # the work is done: no fault of the tracking may end it as failed
                ended = False
                if not is_lost(error):
                    logger.exception("MLflow did not close the run")
        self.run_id = None
        if kept or not ended:
            history = self.artifacts.get("training_history", (None,))[0]
            logger.warning(
                "MLflow did not answer until the end: it lacks the last %d entries of this run, and shows it as "
                "running until the next run on this host%s",
                kept,
                f"; the metrics of all epochs are in {history}" if history else "",
            )

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        """Mark the run as killed, then let the signal do what it does without this handler."""
        signal.signal(number, signal.SIG_DFL)
        limit = threading.Timer(END_SECONDS, os._exit, [128 + number])
        limit.daemon = True
        limit.start()
        try:
            with quick_requests():
                self._end("KILLED")
        finally:
            os.kill(os.getpid(), number)


def _artifacts(pipeline: Pipeline, catalog: DataCatalog) -> dict[str, tuple[Path, str | None]]:
    """The outputs of a pipeline that are logged to MLflow."""
    datasets: dict[str, Any] = {name: catalog.get(name) for name in pipeline.all_outputs()}
    return {
        name: (Path(str(dataset._filepath)), dataset.artifact_path)
        for name, dataset in datasets.items()
        if getattr(dataset, "_logging_activated", False)
    }


def nodes_to_run(pipeline: Pipeline, catalog: DataCatalog, only_missing_outputs: bool) -> Pipeline:
    """The nodes that Kedro will run: all, or with `--only-missing-outputs` those with an output that does not exist.

    Args:
        pipeline: the nodes that the user selected; every output of them is stored.
        catalog: where each entry is stored.
        only_missing_outputs: the option of `kedro run`.
    """
    if not only_missing_outputs:
        return pipeline
    return pipeline.only_nodes(
        *(node.name for node in pipeline.nodes if not all(catalog.exists(name) for name in node.outputs))
    )


def _system_metrics() -> bool:
    """Whether the load of processors, memory, disk and network is logged; MLflow's own variables decide if set."""
    if not MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL.is_set():
        mlflow.set_system_metrics_sampling_interval(SAMPLING_SECONDS)
    if not MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING.is_set():
        mlflow.set_system_metrics_samples_before_logging(SAMPLES_PER_POINT)
    return not MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING.is_set() or MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING.get()
