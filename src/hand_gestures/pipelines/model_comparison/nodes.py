"""Compare the classifier with simpler ones and with fewer inputs.

torch and matplotlib are imported inside the functions that use them, so that the CLI starts fast.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from hand_gestures.comparison.variants import Trial, make_variants
from hand_gestures.parameters import (
    ChannelParameters,
    ComparisonParameters,
    EvaluationParameters,
    NetworkParameters,
    TrainingParameters,
)
from hand_gestures.pipelines.types import Figure
from hand_gestures.store.embedding_file import EmbeddingFile
from hand_gestures.store.selection import remaining_channels
from hand_gestures.utils.rules import groups_known


def average_pixels(sequences: pd.DataFrame, frames_dir: Path, comparison: ComparisonParameters) -> pd.DataFrame:
    """Average a few frames of each sequence to tiny pictures.

    Returns:
        Columns `sequence_id` and `pixels`; no rows if nearest neighbour is turned off.
    """
    from hand_gestures.comparison import pixel_baseline

    # not None: the next node and the catalog need a table of the same columns
    wanted = sequences if comparison.nearest_neighbour else sequences.head(0)
    return pixel_baseline.average_pixels(wanted, frames_dir, comparison.processes)


def compare_models(
    train_embeddings: EmbeddingFile,
    val_embeddings: EmbeddingFile,
    mirror_audit: pd.DataFrame,
    split: pd.DataFrame,
    pixels: pd.DataFrame,
    trials_folder: Path,
    on_trial: Callable[[Trial], None],
    network: NetworkParameters,
    channels: ChannelParameters,
    training: TrainingParameters,
    evaluation: EvaluationParameters,
    comparison: ComparisonParameters,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run all trials and report each to `on_trial` when it ends.

    Returns:
        The table of trials and the table of variants.
    """
    from hand_gestures.comparison.table import compare_variants, tabulate_trials
    from hand_gestures.comparison.trials import Compared, run_trials
    from hand_gestures.evaluation.mirror_findings import require_decided_mirrors

    require_decided_mirrors(mirror_audit)
    channel_names = remaining_channels(train_embeddings.header.channel_names, channels.leave_out)
    variants = make_variants(
        network.name,
        comparison,
        channel_names=channel_names,
        available_views=training.views or int(train_embeddings.views.max()) + 1,
        groups_known=groups_known(split["sequence_id"], split["group"]),
    )
    compared = Compared(
        train_embeddings,
        val_embeddings,
        channel_names,
        random_sides=dict(zip(split["sequence_id"], split["random_side"], strict=True)),
        pixels=dict(zip(pixels["sequence_id"], pixels["pixels"], strict=True)),
        network=network,
        training=training,
        class_sets=evaluation.class_sets,
    )
    trials = []
    # each trial is reported at once: a comparison takes hours, and a kill must not lose what is finished
    for trial in run_trials(variants, comparison.seeds, compared, trials_folder):
        on_trial(trial)
        trials.append(trial)
    groups = dict(zip(split["sequence_id"], split["group"], strict=True))
    table = compare_variants(trials, groups, evaluation.bootstrap_draws, evaluation.confidence_level, seed)
    return tabulate_trials(trials), table


def draw_comparison(trials: pd.DataFrame) -> Figure:
    """Plot the accuracy of every variant and seed."""
    from hand_gestures.reporting.comparison_report import variant_accuracy

    return variant_accuracy(trials)


def write_comparison(
    table: pd.DataFrame, plot: Path, class_names: list[str], evaluation: EvaluationParameters, notice: str | None
) -> str:
    """Write the page of the comparison: findings, plot and table.

    Returns:
        The page as HTML.
    """
    from hand_gestures.reporting.comparison_report import comparison_page

    return comparison_page(table, len(class_names), evaluation.confidence_level, notice, plot)
