"""Whether a model is the best so far. torch is imported where it is used: the CLI starts without it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from hand_gestures.mlflow_support import tracking
from hand_gestures.parameters import RegistryParameters, TrainingParameters

if TYPE_CHECKING:
    from hand_gestures.classifier import Bundle
    from hand_gestures.store.embedding_file import EmbeddingFile
else:  # Kedro resolves annotations as it starts, and these would import torch
    Bundle = EmbeddingFile = Any

logger = logging.getLogger(__name__)


def register_model(
    classifier: Bundle,
    val_embeddings: EmbeddingFile,
    figures: dict[str, Any],
    record: dict[str, Any],
    registry: RegistryParameters,
    training: TrainingParameters,
) -> dict[str, Any]:
    """Register the model if it is the first or beats the champion on the same clips; what was decided, and why."""
    from hand_gestures.mlflow_support.registry import Registry, make_candidate, measure_standing, not_offered

    if registry.enabled and tracking.tracked_run():
        decision = Registry(registry.model, registry.alias).offer(
            make_candidate(classifier, val_embeddings, figures, record),
            lambda bundle: measure_standing(bundle, val_embeddings, training.batch_size, training.device),
        )
    else:
        decision = not_offered("the run is not tracked" if registry.enabled else "registry.enabled is false")
    tracking.set_tags({"registry_decision": decision.decision})
    tracking.log_metrics(decision.metrics())
    logger.log(logging.WARNING if decision.decision == "not_comparable" else logging.INFO, decision.sentence)
    return decision.described()
