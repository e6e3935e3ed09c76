"""From embeddings to an evaluated classifier. torch is imported inside the nodes, so that the CLI starts without it."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from hand_gestures.classifier.bundle import Bundle
from hand_gestures.parameters import (
    AugmentationParameters,
    ChannelParameters,
    EvaluationParameters,
    NetworkParameters,
    RegistryParameters,
    Topic,
    TrainingParameters,
)
from hand_gestures.store.embedding_file import EmbeddingFile

logger = logging.getLogger(__name__)


def audit_mirrors(
    train_embeddings: EmbeddingFile, split: pd.DataFrame, augmentation: AugmentationParameters
) -> pd.DataFrame:
    """Which class the mirrored views of each class look like; `train` stops where their labels are wrong."""
    from hand_gestures.evaluation import mirror_audit, mirror_findings

    groups = dict(zip(split["sequence_id"], split["group"], strict=True))
    audit = mirror_audit.audit_mirrors(train_embeddings, groups, augmentation.mirrored_classes)
    for sentence in mirror_findings.describe_mirrors(audit):
        logger.info(sentence)
    for sentence in mirror_findings.mirror_contradictions(audit):
        logger.warning(sentence)
    return audit


def train(
    train_embeddings: EmbeddingFile,
    val_embeddings: EmbeddingFile,
    mirror_audit: pd.DataFrame,
    folder: Path,
    on_epoch: Callable[[Any], None],
    network: NetworkParameters,
    channels: ChannelParameters,
    training: TrainingParameters,
    seed: int,
) -> tuple[Bundle, pd.DataFrame]:
    """Train a classifier: the model of the best epoch, and the metrics of all epochs."""
    from hand_gestures.evaluation.mirror_findings import require_decided_mirrors
    from hand_gestures.store.selection import remaining_channels, select_channels
    from hand_gestures.training.train import train_classifier

    require_decided_mirrors(mirror_audit)
    chosen = remaining_channels(train_embeddings.header.channel_names, channels.leave_out)
    trained = train_classifier(
        select_channels(train_embeddings, chosen),
        select_channels(val_embeddings, chosen),
        network=network,
        training=training,
        seed=training.seed_or(seed),
        folder=folder,
        on_epoch=on_epoch,
    )
    return trained.best, trained.history


def finish_training(folder: Path, *saved: Any) -> None:
    """Remove the checkpoint of the training.

    Args:
        folder: where the training is kept.
        saved: outputs of other nodes; until they are saved, a failure must not cost the training.
    """
    from hand_gestures.training import train

    train.finish_training(folder)


def describe_embeddings(
    train_embeddings: EmbeddingFile, val_embeddings: EmbeddingFile, split: pd.DataFrame
) -> dict[str, Any]:
    """Rows, classes, groups, contract and origin of the training and the validation file."""
    from hand_gestures.dataset.split_table import count_groups
    from hand_gestures.store.file_description import content_digest, describe_file

    return {
        name: describe_file(file)
        | {"content_digest": content_digest(file.header), "groups": count_groups(split, file.sequence_ids)}
        for name, file in {"train": train_embeddings, "validation": val_embeddings}.items()
    }


def record_run(parameters: dict[str, Any], history: pd.DataFrame, mlflow_run: dict[str, str]) -> dict[str, Any]:
    """Parameters, package versions, date and MLflow run of a training."""
    from hand_gestures.reporting import run_summary

    plain = {
        name: value.model_dump(mode="json") if isinstance(value, Topic) else value for name, value in parameters.items()
    }
    return run_summary.record_run(plain, history, mlflow_run, datetime.now(UTC))


def evaluate_validation(
    classifier: Bundle,
    val_embeddings: EmbeddingFile,
    split: pd.DataFrame,
    training: TrainingParameters,
    evaluation: EvaluationParameters,
    seed: int,
) -> tuple[Any, ...]:
    """Score the saved model on the validation clips; the outputs are the fields of a `Score`."""
    return _score(classifier, val_embeddings, "validation", split, training, evaluation, seed)


def evaluate_test(
    classifier: Bundle,
    test_embeddings: EmbeddingFile,
    split: pd.DataFrame,
    training: TrainingParameters,
    evaluation: EvaluationParameters,
    seed: int,
) -> tuple[Any, ...]:
    """Metrics, predictions and tables by class and group of the test clips; empty without a test split.

    Nothing else reads the test clips: the epoch was chosen on validation before, and nothing is chosen after.
    """
    return _score(classifier, test_embeddings, "test", split, training, evaluation, seed)[:4]


def _score(
    bundle: Bundle,
    file: EmbeddingFile,
    split_name: str,
    split: pd.DataFrame,
    training: TrainingParameters,
    evaluation: EvaluationParameters,
    seed: int,
) -> tuple[Any, ...]:
    from hand_gestures.evaluation.summary import score_classifier

    groups = dict(zip(split["sequence_id"], split["group"], strict=True))
    return score_classifier(
        bundle,
        file,
        split_name,
        groups,
        batch_size=training.batch_size,
        device=training.device,
        parameters=evaluation,
        seed=seed,
    )


def measure_faithfulness(
    classifier: Bundle,
    val_embeddings: EmbeddingFile,
    training: TrainingParameters,
    evaluation: EvaluationParameters,
    seed: int,
) -> pd.DataFrame:
    """Accuracy without the most attended frames and channels, beside accuracy without random ones."""
    from hand_gestures.evaluation import faithfulness
    from hand_gestures.utils.devices import choose_device

    return faithfulness.measure_faithfulness(
        classifier,
        val_embeddings,
        clips=evaluation.faithfulness_clips,
        draws=evaluation.faithfulness_draws,
        batch_size=training.batch_size,
        device=choose_device(training.device),
        seed=seed,
    )


def register_model(
    classifier: Bundle,
    val_embeddings: EmbeddingFile,
    metrics: dict[str, Any],
    record: dict[str, Any],
    mlflow_run: dict[str, str],
    registry: RegistryParameters,
    training: TrainingParameters,
) -> dict[str, Any]:
    """Register the model if it is better than chance and than the champion; the decision and its reason."""
    from hand_gestures.mlflow_support.registry import Registry, make_candidate, measure_performance, not_offered
    from hand_gestures.reporting.run_summary import result_lines

    if not registry.enabled:
        decision = not_offered("registry.enabled is false")
    elif not mlflow_run:
        decision = not_offered("the run is not tracked")
    else:
        name, text = result_lines(metrics, {}, record["parameters"]["evaluation"]["confidence_level"])[0]
        decision = Registry(registry.model, registry.alias, registry.min_clips, registry.min_groups).offer(
            make_candidate(classifier, val_embeddings, metrics, record, f"{name} {text}"),
            lambda bundle: measure_performance(bundle, val_embeddings, training.batch_size, training.device),
        )
    unexpected = decision.decision in ("not_comparable", "not_eligible")
    logger.log(logging.WARNING if unexpected else logging.INFO, decision.sentence)
    return decision.as_dict()
