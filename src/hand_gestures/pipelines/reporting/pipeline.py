"""Metrics and tables → figures; predictions and frames → pictures; all of them → a page."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.reporting.card_nodes import write_model_card
from hand_gestures.pipelines.reporting.nodes import draw_attention, draw_confused_pairs, draw_film_strips, draw_plots
from hand_gestures.pipelines.reporting.report_nodes import (
    build_attention_sections,
    build_dataset_sections,
    build_prediction_sections,
    build_provenance_sections,
    build_results_sections,
    build_training_sections,
    write_report,
)


def create_pipeline() -> Pipeline:
    """The `reporting` pipeline: it draws anew what `modeling` left on disk."""
    return pipeline(
        [
            node(
                draw_plots,
                inputs=[
                    "training_history",
                    "val_predictions",
                    "per_group",
                    "confusion",
                ],
                outputs=[
                    "curves_plot",
                    "confusion_plot",
                    "class_accuracy_plot",
                    "group_accuracy_plot",
                    "reliability_plot",
                ],
                name="draw_plots",
            ),
            node(
                draw_attention,
                inputs=["channel_attention", "frame_attention", "faithfulness"],
                outputs=[
                    "channel_attention_plot",
                    "frame_attention_plot",
                    "channel_map_plot",
                    "frame_map_plot",
                    "faithfulness_plot",
                ],
                name="draw_attention",
            ),
            node(
                draw_film_strips,
                inputs=["val_sequences", "val_predictions", "val_attention", "raw_frames"],
                outputs="film_strips",
                name="draw_film_strips",
            ),
            node(
                draw_confused_pairs,
                inputs=["val_sequences", "val_predictions", "raw_frames"],
                outputs="confused_pairs",
                name="draw_confused_pairs",
            ),
            node(
                build_results_sections,
                inputs=["evaluation", "test_evaluation", "split_summary", "run_record"],
                outputs="results_sections",
                name="build_results_sections",
            ),
            node(
                build_prediction_sections,
                inputs=[
                    "per_class",
                    "test_per_class",
                    "per_group",
                    "test_per_group",
                    "confusion",
                    "class_accuracy_plot",
                    "confusion_plot",
                    "group_accuracy_plot",
                    "reliability_plot",
                    "confused_pairs",
                ],
                outputs="prediction_sections",
                name="build_prediction_sections",
            ),
            node(
                build_training_sections,
                inputs=[
                    "run_record",
                    "dataset_fingerprint",
                    "curves_plot",
                ],
                outputs="training_sections",
                name="build_training_sections",
            ),
            node(
                build_attention_sections,
                inputs=[
                    "faithfulness",
                    "faithfulness_plot",
                    "channel_attention_plot",
                    "frame_attention_plot",
                    "channel_map_plot",
                    "frame_map_plot",
                    "film_strips",
                ],
                outputs="attention_sections",
                name="build_attention_sections",
            ),
            node(
                build_dataset_sections,
                inputs=[
                    "class_summary",
                    "split_summary",
                    "hand_rates",
                    "clip_lengths_plot",
                    "class_balance_plot",
                    "contact_sheets",
                    "hand_sheets",
                ],
                outputs="dataset_sections",
                name="build_dataset_sections",
            ),
            node(
                build_provenance_sections,
                inputs=["dataset_fingerprint", "run_record", "registry_decision"],
                outputs="provenance_sections",
                name="build_provenance_sections",
            ),
            node(
                write_report,
                inputs=[
                    "evaluation",
                    "test_evaluation",
                    "dataset_fingerprint",
                    "run_record",
                    "results_sections",
                    "prediction_sections",
                    "training_sections",
                    "attention_sections",
                    "dataset_sections",
                    "provenance_sections",
                ],
                outputs="report",
                name="write_report",
            ),
            node(
                write_model_card,
                inputs=[
                    "run_record",
                    "registry_decision",
                    "dataset_fingerprint",
                    "split",
                    "split_summary",
                    "evaluation",
                    "test_evaluation",
                    "per_class",
                    "test_per_class",
                ],
                outputs="model_card",
                name="write_model_card",
            ),
        ],
        tags="reporting",
    )
