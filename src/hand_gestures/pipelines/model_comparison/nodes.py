"""The classifier beside simpler ones and fewer inputs. torch is imported where it is used: the CLI starts fast."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hand_gestures.mlflow_support import tracking
from hand_gestures.parameters import (
    ChannelParameters,
    ComparisonParameters,
    EvaluationParameters,
    NetworkParameters,
    TrainingParameters,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hand_gestures.store.embedding_file import EmbeddingFile
else:  # Kedro resolves annotations as it starts, and these would import torch and matplotlib
    EmbeddingFile = Figure = Any


def average_pixels(sequences: pd.DataFrame, frames_dir: Path, comparison: ComparisonParameters) -> pd.DataFrame:
    """Tiny averaged pixels of each sequence, which tell rooms and clothes but no gesture; none where not asked for."""
    from hand_gestures.comparison import pixel_baseline as tiny_pixels

    asked = sequences if comparison.nearest_neighbour else sequences.head(0)
    return tiny_pixels.average_pixels(asked, frames_dir, comparison.processes)


def compare_models(
    train_embeddings: EmbeddingFile,
    val_embeddings: EmbeddingFile,
    split: pd.DataFrame,
    pixels: pd.DataFrame,
    trials_folder: Path,
    network: NetworkParameters,
    channels: ChannelParameters,
    training: TrainingParameters,
    evaluation: EvaluationParameters,
    comparison: ComparisonParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All trials, each a nested run as it ends, and the table of variants."""
    from hand_gestures.comparison.table import compare_variants, tabulate_trials
    from hand_gestures.comparison.trials import Compared, run_trials
    from hand_gestures.comparison.variants import make_variants
    from hand_gestures.dataset.split_table import count_groups
    from hand_gestures.store.selection import remaining_channels

    chosen = remaining_channels(train_embeddings.header.channel_names, channels.leave_out)
    groups_known = count_groups(split, split["sequence_id"]) is not None
    variants = make_variants(
        network.name,
        comparison.networks,
        without=comparison.leave_out,
        views=comparison.views,
        pixels=comparison.nearest_neighbour,
        random_split=comparison.random_split and groups_known,
        channel_names=chosen,
        views_there=training.views or int(train_embeddings.views.max()) + 1,
    )
    compared = Compared(
        train_embeddings,
        val_embeddings,
        chosen,
        random_sides=dict(zip(split["sequence_id"], split["random_side"], strict=True)),
        pixels=dict(zip(pixels["sequence_id"], pixels["pixels"], strict=True)),
        network=network.model_dump(),
        training=training.model_dump(),
        class_sets=evaluation.class_sets,
    )
    trials = []
    for trial in run_trials(variants, comparison.seeds, compared, trials_folder):
        tracking.log_trial(trial.name, trial.described(), trial.figures, trial.history)
        trials.append(trial)
    groups = dict(zip(split["sequence_id"], split["group"], strict=True))
    table = compare_variants(trials, groups, evaluation.bootstrap_draws, evaluation.confidence_level, seed)
    return tabulate_trials(trials), table


def draw_comparison(trials: pd.DataFrame) -> Figure:
    """Accuracy of every variant and seed."""
    from hand_gestures.reporting.comparison_report import variant_accuracy

    return variant_accuracy(trials)


def write_comparison(
    table: pd.DataFrame, figure: Path, class_names: list[str], evaluation: EvaluationParameters, notice: str | None
) -> str:
    """The page: what the comparison says, its figure and its table."""
    from hand_gestures.reporting.comparison_report import comparison_page

    return comparison_page(table, len(class_names), evaluation.confidence_level, notice, figure)
