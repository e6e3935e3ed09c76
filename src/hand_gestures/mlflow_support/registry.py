"""The best model so far in MLflow's registry: a new model gets the alias only if it is better on the same data.

A model that is not shown to be better than its baselines never gets it, not even as the first.
"""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from hand_gestures.classifier.bundle import Bundle, load_bundle
from hand_gestures.evaluation.baselines import baseline_accuracy
from hand_gestures.evaluation.evaluate import evaluate_classifier
from hand_gestures.evaluation.intervals import exact_interval
from hand_gestures.evaluation.summary import summarise
from hand_gestures.mlflow_support.delivery import is_lost, lost_reason
from hand_gestures.mlflow_support.serving import BUNDLE, log_model
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.file_description import content_digest
from hand_gestures.utils.devices import choose_device
from hand_gestures.utils.rules import epoch_rank, pluralise

VALIDATION_DATA = "validation_data"  # tag of a version: digest of the file that the model was validated on
MODEL_DESCRIPTION = (
    "Gesture classifiers that read embeddings of clips, float32 (clips, frames, channels, features), and return class, "
    "confidence and probabilities. The version with the alias is the best on its validation data."
)


class Performance(NamedTuple):
    """Accuracy (0..1) and cross entropy of a model on validation data."""

    accuracy: float
    loss: float

    def rank(self) -> tuple[float, float]:
        """Sort key, higher is better; the rule by which the best epoch is chosen."""
        return epoch_rank(self.accuracy, self.loss)

    def __str__(self) -> str:
        return f"accuracy {self.accuracy:.3f}, loss {self.loss:.4f}"


class Candidate(NamedTuple):
    """A trained model that is offered to the registry.

    Attributes:
        bundle: the model.
        performance: on `val_file`.
        metrics: all metrics of the validation, as `summarise` returns them.
        level: confidence level of their intervals.
        val_file: the embeddings that it was validated on.
        tags: of its version in the registry.
        description: of its version in the registry.
    """

    bundle: Bundle
    performance: Performance
    metrics: Mapping[str, Any]
    level: float
    val_file: EmbeddingFile
    tags: Mapping[str, str]
    description: str

    @property
    def validation_data(self) -> str:
        return content_digest(self.val_file.header)


class Decision(NamedTuple):
    """What the registry did with a candidate.

    Attributes:
        decision: "registered", "kept" (the champion stays), "not_comparable", "not_eligible" (too few validation clips
            or groups, or not shown to be better than the baselines) or "off".
        sentence: the decision and its reason for people.
        version: of the registered candidate.
        performance: of the candidate.
        champion_version: the version that had the alias before.
        champion: performance of that version on the same data.
    """

    decision: str
    sentence: str
    version: str | None = None
    performance: Performance | None = None
    champion_version: str | None = None
    champion: Performance | None = None

    def as_dict(self) -> dict[str, Any]:
        """The fields, as JSON can hold them."""
        performances = {"performance": self.performance, "champion": self.champion}
        return self._asdict() | {name: value and value._asdict() for name, value in performances.items()}


def not_offered(reason: str) -> Decision:
    """The decision where no candidate is offered."""
    return Decision("off", f"no model is registered: {reason}")


def make_candidate(
    bundle: Bundle, val_file: EmbeddingFile, metrics: Mapping[str, Any], record: Mapping[str, Any], headline: str
) -> Candidate:
    """The model of a run as a candidate.

    Args:
        bundle: the model.
        val_file: the embeddings that it was validated on.
        metrics: of the validation, as `summarise` returns them.
        record: of the training, as `record_run` returns it.
        headline: the result in one line, for the version's description.
    """
    performance = Performance(metrics["accuracy"], metrics["loss"])
    run_name = record["mlflow_run"].get("name", "an untracked run")
    tags = {name: f"{value:.4f}" for name, value in performance._asdict().items()}
    tags |= {"network": bundle.architecture["name"], "seed": str(_training_seed(record["parameters"]))}
    level = record["parameters"]["evaluation"]["confidence_level"]
    return Candidate(bundle, performance, metrics, level, val_file, tags, f"{run_name}: {headline}")


def _training_seed(parameters: Mapping[str, Any]) -> int:
    own = parameters.get("training", {}).get("seed")  # records of earlier versions lack it
    return parameters["seed"] if own is None else own


def find_shortfall(metrics: Mapping[str, Any], min_clips: int, min_groups: int, level: float) -> str | None:
    """Why a model must not become the champion, whatever the other models are.

    Args:
        metrics: of the validation, as `summarise` returns them. Where the accuracy has no interval (one group, or no
            bootstrap draws), the exact interval over clips counts.
        min_clips: smallest number of validation clips.
        min_groups: smallest number of validation groups, if groups are known.
        level: confidence level of the interval.

    Returns:
        Rule, value and remedy; None where nothing is missing.
    """
    clips, accuracy, baseline = metrics["clips"], metrics["accuracy"], baseline_accuracy(metrics)
    if clips < min_clips:
        return (
            f"it needs {pluralise(min_clips, 'validation clip')} or more, but has {clips}; "
            "add clips, or change registry.min_clips"
        )
    if metrics.get("groups", min_groups) < min_groups:
        return (
            f"it needs validation clips of {pluralise(min_groups, 'group')} or more, but has {metrics['groups']}, "
            "and one group says nothing about others; increase split.val_fraction, or change registry.min_groups"
        )
    if baseline is None:
        return "it needs metrics with majority_accuracy, but its evaluation is older; run kedro run --pipeline modeling"
    low = metrics["accuracy_low"] if "accuracy_low" in metrics else exact_interval(accuracy, clips, level)[0]
    if low > baseline:
        return None
    return (
        f"its accuracy must be above that of always answering the most frequent class, {baseline:.3f}, with its whole "
        f"{100 * level:g} % interval, but is {accuracy:.3f} with an interval from {low:.3f}; train longer or add clips"
    )


def measure_performance(bundle: Bundle, val_file: EmbeddingFile, batch_size: int, device: str) -> Performance:
    """Evaluate a model.

    Args:
        bundle: the model.
        val_file: embeddings made like those that it was trained on.
        batch_size: clips per batch.
        device: as in `choose_device`.

    Raises:
        HandGesturesError: the embeddings were made in another way, or have other classes.
    """
    evaluation = evaluate_classifier(bundle, val_file, batch_size, choose_device(device))
    metrics = summarise(evaluation, bundle.class_names, {}, draws=0)
    return Performance(metrics["accuracy"], metrics["loss"])


class Registry:
    """A registered model of MLflow and the alias of its best version, the champion.

    Args:
        model: name of the registered model.
        alias: name of the alias.
        min_clips: smallest number of validation clips of a version.
        min_groups: smallest number of validation groups of a version, if groups are known.

    Example:
        >>> decision = Registry("hand_gestures", "champion", min_clips=20, min_groups=2).offer(candidate, evaluate)
    """

    def __init__(self, model: str, alias: str, min_clips: int, min_groups: int) -> None:
        self.model = model
        self.alias = alias
        self.min_clips = min_clips
        self.min_groups = min_groups
        self.client = MlflowClient()

    def offer(self, candidate: Candidate, evaluate: Callable[[Bundle], Performance]) -> Decision:
        """Register the candidate if it is the first model, or better than the champion on the same validation data.

        A candidate with a shortfall (`find_shortfall`) is not registered, and none while MLflow does not answer.

        Args:
            candidate: the new model.
            evaluate: measures the champion on the candidate's validation data. The metrics in the champion's tags are
                not used: they were measured on another machine.
        """
        try:
            return self._offer(candidate, evaluate)
        except Exception as error:
            if not is_lost(error):
                raise
            return not_offered(
                f"MLflow does not answer ({lost_reason(error)}); when it does, run kedro run --pipeline modeling "
                "--nodes register_model"
            )

    def _offer(self, candidate: Candidate, evaluate: Callable[[Bundle], Performance]) -> Decision:
        if shortfall := find_shortfall(candidate.metrics, self.min_clips, self.min_groups, candidate.level):
            sentence = f"no model is registered: to become {self.alias}, {shortfall}"
            return Decision("not_eligible", sentence, None, candidate.performance)
        champion = self.champion()
        if champion is None:
            version = self._register(candidate)
            sentence = f"{self.model} version {version} is the first {self.alias}: {candidate.performance}"
            return Decision("registered", sentence, version, candidate.performance)
        stays = f"{self.model} version {champion.version} stays {self.alias}"
        if champion.tags.get(VALIDATION_DATA) != candidate.validation_data:
            return self._not_comparable(f"{stays}: it was validated on other data", candidate, champion)
        try:
            before, now = evaluate(self._load(champion)), candidate.performance
        except Exception as error:  # a faulty champion must not cost the model that was just trained
            reason = " ".join(str(error).split())[:200]
            return self._not_comparable(f"{stays}, but cannot be evaluated ({reason})", candidate, champion)
        if not now.rank() > before.rank():
            sentence = f"{stays}: {before}; this run reached {now} on the same clips"
            return Decision("kept", sentence, None, now, str(champion.version), before)
        version = self._register(candidate)
        sentence = (
            f"{self.model} version {version} is the new {self.alias}: {now}; "
            f"version {champion.version} reaches {before} on the same clips"
        )
        return Decision("registered", sentence, version, now, str(champion.version), before)

    def champion(self) -> ModelVersion | None:
        """The version with the alias."""
        for model in self.client.search_registered_models(f"name = '{self.model}'"):
            if self.alias in model.aliases:
                return self.client.get_model_version(self.model, model.aliases[self.alias])
        return None

    def _not_comparable(self, reason: str, candidate: Candidate, champion: ModelVersion) -> Decision:
        remedy = (
            "no model is registered; set another registry.model or registry.alias for this data, or remove the alias "
            "from that version, and run kedro run --pipeline modeling --nodes register_model"
        )
        return Decision("not_comparable", f"{reason}: {remedy}", None, candidate.performance, str(champion.version))

    def _load(self, champion: ModelVersion) -> Bundle:
        with tempfile.TemporaryDirectory() as folder:
            uri = f"models:/{self.model}/{champion.version}/artifacts/{BUNDLE}"
            return load_bundle(Path(mlflow.artifacts.download_artifacts(uri, dst_path=folder)))

    def _register(self, candidate: Candidate) -> str:
        """Register the candidate and return its version. The alias is set last: an interruption leaves it in place."""
        logged = log_model(candidate.bundle, candidate.val_file)
        if not self.client.search_registered_models(f"name = '{self.model}'"):
            self.client.create_registered_model(self.model, description=MODEL_DESCRIPTION)
        created = self.client.create_model_version(
            self.model,
            logged.model_uri,
            logged.run_id,
            tags=dict(candidate.tags) | {VALIDATION_DATA: candidate.validation_data},
            description=candidate.description,
            model_id=logged.model_id,
        )
        self.client.set_registered_model_alias(self.model, self.alias, created.version)
        return str(created.version)
