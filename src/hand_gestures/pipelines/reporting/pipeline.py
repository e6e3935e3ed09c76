"""Metrics and tables → plots; predictions and frames → sheets of pictures; all of them → a report and a model card."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.reporting import nodes

MODEL_PLOTS = ["curves_plot", "confusion_plot", "class_accuracy_plot", "group_accuracy_plot", "reliability_plot"]
ATTENTION_PLOTS = [
    "channel_attention_plot", "frame_attention_plot", "channel_map_plot", "frame_map_plot", "faithfulness_plot",
]  # fmt: skip
DATASET_PLOTS = ["clip_lengths_plot", "class_balance_plot"]
SHEETS = ["film_strips", "confused_pairs", "contact_sheets", "hand_sheets"]
RESULTS = [
    "run_record", "registry_decision", "embeddings_description", "split_summary", "evaluation", "test_evaluation",
    "per_class", "test_per_class", "per_group", "test_per_group", "confusion", "faithfulness", "class_summary",
    "hand_rates", "mirror_audit",
]  # fmt: skip


def create_pipeline() -> Pipeline:
    """The `reporting` pipeline: it needs no training, only what `modeling` left on disk."""
    return pipeline(
        [
            node(
                nodes.draw_plots,
                inputs=["training_history", "val_predictions", "per_group", "confusion"],
                outputs=MODEL_PLOTS,
                name="draw_plots",
            ),
            node(
                nodes.draw_attention,
                inputs=["channel_attention", "frame_attention", "faithfulness"],
                outputs=ATTENTION_PLOTS,
                name="draw_attention",
            ),
            node(
                nodes.draw_film_strips,
                inputs=["val_sequences", "val_predictions", "val_attention", "raw_frames"],
                outputs="film_strips",
                name="draw_film_strips",
            ),
            node(
                nodes.draw_confused_pairs,
                inputs=["val_sequences", "val_predictions", "raw_frames"],
                outputs="confused_pairs",
                name="draw_confused_pairs",
            ),
            node(
                nodes.write_report,
                inputs=_by_name([*RESULTS, *MODEL_PLOTS, *ATTENTION_PLOTS, *DATASET_PLOTS, *SHEETS]),
                outputs="report",
                name="write_report",
            ),
            node(nodes.write_model_card, inputs=_by_name(RESULTS), outputs="model_card", name="write_model_card"),
        ],
        tags="reporting",
    )


def _by_name(datasets: list[str]) -> dict[str, str]:
    """Each data set goes to the argument of its name, so that their order does not matter."""
    return {name: name for name in datasets}
