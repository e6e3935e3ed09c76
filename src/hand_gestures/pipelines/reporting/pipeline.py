"""Metrics and tables → figures; predictions and frames → pictures; all of them → a page."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.reporting.card_nodes import write_model_card
from hand_gestures.pipelines.reporting.nodes import (
    draw_attention,
    draw_confused_pairs,
    draw_figures,
    draw_film_strips,
)
from hand_gestures.pipelines.reporting.report_nodes import (
    tell_answers,
    tell_attention,
    tell_dataset,
    tell_making,
    tell_results,
    tell_training,
    write_report,
)


def create_pipeline() -> Pipeline:
    """The `reporting` pipeline: it draws anew what `modeling` left on disk."""
    return pipeline(
        [
            node(
                draw_figures,
                inputs=[
                    "training_history",
                    "val_predictions",
                    "per_group",
                    "confusion",
                ],
                outputs=[
                    "curves_figure",
                    "confusion_figure",
                    "class_accuracy_figure",
                    "group_accuracy_figure",
                    "reliability_figure",
                ],
                name="draw_figures",
            ),
            node(
                draw_attention,
                inputs=["channel_attention", "frame_attention", "faithfulness"],
                outputs=[
                    "channel_attention_figure",
                    "frame_attention_figure",
                    "channel_map_figure",
                    "frame_map_figure",
                    "faithfulness_figure",
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
                tell_results,
                inputs=["evaluation", "test_evaluation", "split_summary", "run_record"],
                outputs="results_sections",
                name="tell_results",
            ),
            node(
                tell_answers,
                inputs=[
                    "per_class",
                    "test_per_class",
                    "per_group",
                    "test_per_group",
                    "confusion",
                    "class_accuracy_figure",
                    "confusion_figure",
                    "group_accuracy_figure",
                    "reliability_figure",
                    "confused_pairs",
                ],
                outputs="answers_sections",
                name="tell_answers",
            ),
            node(
                tell_training,
                inputs=[
                    "run_record",
                    "dataset_fingerprint",
                    "curves_figure",
                ],
                outputs="training_sections",
                name="tell_training",
            ),
            node(
                tell_attention,
                inputs=[
                    "faithfulness",
                    "faithfulness_figure",
                    "channel_attention_figure",
                    "frame_attention_figure",
                    "channel_map_figure",
                    "frame_map_figure",
                    "film_strips",
                ],
                outputs="attention_sections",
                name="tell_attention",
            ),
            node(
                tell_dataset,
                inputs=[
                    "class_summary",
                    "split_summary",
                    "hand_rates",
                    "clip_lengths_figure",
                    "class_balance_figure",
                    "contact_sheets",
                    "hand_sheets",
                ],
                outputs="dataset_sections",
                name="tell_dataset",
            ),
            node(
                tell_making,
                inputs=["dataset_fingerprint", "run_record", "registry_decision"],
                outputs="making_sections",
                name="tell_making",
            ),
            node(
                write_report,
                inputs=[
                    "evaluation",
                    "test_evaluation",
                    "dataset_fingerprint",
                    "run_record",
                    "results_sections",
                    "answers_sections",
                    "training_sections",
                    "attention_sections",
                    "dataset_sections",
                    "making_sections",
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
