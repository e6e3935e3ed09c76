"""The best model so far in MLflow's registry: a new one takes the alias only where it beats the aliased one on the same
validation data."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from hand_gestures.classifier import Bundle, load_bundle
from hand_gestures.evaluation.evaluate import evaluate_classifier
from hand_gestures.evaluation.summary import summarise
from hand_gestures.mlflow_support.serving import BUNDLE, log_model
from hand_gestures.reporting.run_summary import result_lines
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.fingerprint import content_digest
from hand_gestures.utils.devices import choose_device

VALIDATION_DATA = "validation_data"  # tag of a version: digest of the file that it was validated on
ABOUT = (
    "Gesture classifiers that read embeddings of clips, float32 (clips, frames, channels, features), and give class, "
    "confidence and probabilities. The version with the alias is the best on its validation data."
)


class Standing(NamedTuple):
    """How good a model is on the validation data."""

    accuracy: float
    loss: float

    def rank(self) -> tuple[float, float]:
        """The better of two models ranks higher, by the rule that epochs are chosen by."""
        return self.accuracy, -self.loss

    def __str__(self) -> str:
        return f"accuracy {self.accuracy:.3f}, loss {self.loss:.4f}"


class Candidate(NamedTuple):
    """A model that was validated on `val_file`; `tags` and `description` are those it is registered with."""

    bundle: Bundle
    standing: Standing
    val_file: EmbeddingFile
    tags: Mapping[str, str]
    description: str

    @property
    def validation_data(self) -> str:
        return content_digest(self.val_file.header)


class Decision(NamedTuple):
    """What became of a candidate: "registered", "kept" (the aliased version stays), "not_comparable" or "off", a
    `sentence` that says so, and the version and standing of the candidate and of the champion before it."""

    decision: str
    sentence: str
    version: str | None = None
    standing: Standing | None = None
    champion_version: str | None = None
    champion: Standing | None = None

    def described(self) -> dict[str, Any]:
        """As JSON keeps it."""
        standings = {"standing": self.standing, "champion": self.champion}
        return self._asdict() | {name: of and of._asdict() for name, of in standings.items()}

    def metrics(self) -> dict[str, float]:
        """`champion_accuracy` and `champion_loss` of the version that the candidate was compared with."""
        figures = self.champion._asdict() if self.champion else {}
        return {f"champion_{name}": value for name, value in figures.items()}


def not_offered(why: str) -> Decision:
    """The decision where no candidate is offered."""
    return Decision("off", f"nothing is registered: {why}")


def make_candidate(
    bundle: Bundle, val_file: EmbeddingFile, figures: Mapping[str, Any], record: Mapping[str, Any]
) -> Candidate:
    """The model of a run.

    Args:
        bundle: the model.
        val_file: what it was validated on.
        figures: what it reached there, as `summarise` gives them.
        record: of its training, as `record_run` gives it.
    """
    standing = Standing(figures["accuracy"], figures["loss"])
    run = record["mlflow_run"].get("name", "a run that was not tracked")
    name, headline = result_lines(figures, {}, record["parameters"]["evaluation"]["confidence_level"])[0]
    tags = {name: f"{value:.4f}" for name, value in standing._asdict().items()}
    tags |= {"network": bundle.architecture["name"], "seed": str(record["parameters"]["seed"])}
    return Candidate(bundle, standing, val_file, tags, f"{run}: {name} {headline}")


def measure_standing(bundle: Bundle, val_file: EmbeddingFile, batch_size: int, device: str) -> Standing:
    """How good a model is on the clips of a file."""
    evaluation = evaluate_classifier(bundle, val_file, batch_size, choose_device(device))
    figures = summarise(evaluation, bundle.class_names, {}, draws=0)
    return Standing(figures["accuracy"], figures["loss"])


class Registry:
    """A registered model of MLflow and the alias of its best version.

    Args:
        model, alias: their names.
    """

    def __init__(self, model: str, alias: str) -> None:
        self.model = model
        self.alias = alias
        self.client = MlflowClient()

    def offer(self, candidate: Candidate, evaluate: Callable[[Bundle], Standing]) -> Decision:
        """Register the candidate if it is the first, or better than the champion on the same validation data.

        `evaluate` is asked for the champion's standing; what is on its tags was measured elsewhere.
        """
        champion = self.champion()
        if champion is None:
            version = self._register(candidate)
            said = f"{self.model} version {version} is the first {self.alias}: {candidate.standing}"
            return Decision("registered", said, version, candidate.standing)
        stays = f"{self.model} version {champion.version} stays {self.alias}"
        if champion.tags.get(VALIDATION_DATA) != candidate.validation_data:
            return self._not_comparable(f"{stays}: it was validated on other data", candidate, champion)
        try:
            before, now = evaluate(self._bundle_of(champion)), candidate.standing
        except Exception as error:  # whatever is wrong with the one, the other has been trained and is not to be lost
            reason = " ".join(str(error).split())[:200]
            return self._not_comparable(f"{stays}, but cannot be tried ({reason})", candidate, champion)
        if not now.rank() > before.rank():
            said = f"{stays}: {before}; this run reached {now} on the same clips"
            return Decision("kept", said, None, now, str(champion.version), before)
        version = self._register(candidate)
        said = (
            f"{self.model} version {version} is the new {self.alias}: {now}; "
            f"version {champion.version} reaches {before} on the same clips"
        )
        return Decision("registered", said, version, now, str(champion.version), before)

    def champion(self) -> ModelVersion | None:
        """The version with the alias."""
        for model in self.client.search_registered_models(f"name = '{self.model}'"):
            if self.alias in model.aliases:
                return self.client.get_model_version(self.model, model.aliases[self.alias])
        return None

    def _not_comparable(self, why: str, candidate: Candidate, champion: ModelVersion) -> Decision:
        remedy = (
            "nothing is registered; give this data a registry.model or registry.alias of its own, or take the alias "
            "off that version, and run kedro run --pipeline modeling --nodes register_model"
        )
        return Decision("not_comparable", f"{why}: {remedy}", None, candidate.standing, str(champion.version))

    def _bundle_of(self, champion: ModelVersion) -> Bundle:
        with tempfile.TemporaryDirectory() as folder:
            uri = f"models:/{self.model}/{champion.version}/artifacts/{BUNDLE}"
            return load_bundle(Path(mlflow.artifacts.download_artifacts(uri, dst_path=folder)))

    def _register(self, candidate: Candidate) -> str:
        """Its version. The alias comes last: what an interruption leaves has none."""
        logged = log_model(candidate.bundle, candidate.val_file)
        if not self.client.search_registered_models(f"name = '{self.model}'"):
            self.client.create_registered_model(self.model, description=ABOUT)
        made = self.client.create_model_version(
            self.model,
            logged.model_uri,
            logged.run_id,
            tags=dict(candidate.tags) | {VALIDATION_DATA: candidate.validation_data},
            description=candidate.description,
            model_id=logged.model_id,
        )
        self.client.set_registered_model_alias(self.model, self.alias, made.version)
        return str(made.version)
