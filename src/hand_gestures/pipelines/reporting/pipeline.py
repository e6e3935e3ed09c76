"""Metrics and tables → figures."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.reporting.nodes import draw_figures


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
                    "channel_attention",
                    "frame_attention",
                ],
                outputs=[
                    "curves_figure",
                    "confusion_figure",
                    "class_accuracy_figure",
                    "group_accuracy_figure",
                    "reliability_figure",
                    "channel_attention_figure",
                    "frame_attention_figure",
                ],
                name="draw_figures",
            ),
        ],
        tags="reporting",
    )
