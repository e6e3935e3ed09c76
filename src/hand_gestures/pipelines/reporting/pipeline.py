"""Metrics and tables → figures; predictions and frames → pictures."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.reporting.nodes import (
    draw_attention,
    draw_confused_pairs,
    draw_figures,
    draw_film_strips,
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
        ],
        tags="reporting",
    )
