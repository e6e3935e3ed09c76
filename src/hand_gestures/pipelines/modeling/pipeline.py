"""HDF5 → classifier → metrics, attention statistics, figures."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.modeling.nodes import (
    describe_embeddings,
    draw_figures,
    evaluate_test,
    evaluate_validation,
    train,
)


def create_pipeline() -> Pipeline:
    """The `modeling` pipeline."""
    return pipeline(
        [
            node(
                describe_embeddings,
                inputs=["train_embeddings", "val_embeddings"],
                outputs="dataset_fingerprint",
                name="describe_embeddings",
            ),
            node(
                train,
                inputs=[
                    "train_embeddings",
                    "val_embeddings",
                    "training_checkpoint",
                    "params:network",
                    "params:training",
                    "params:seed",
                ],
                outputs=["classifier", "training_history"],
                name="train",
            ),
            node(
                evaluate_validation,
                inputs=[
                    "classifier",
                    "val_embeddings",
                    "split",
                    "params:training",
                    "params:evaluation",
                    "params:seed",
                ],
                outputs=[
                    "evaluation",
                    "val_predictions",
                    "per_class",
                    "per_group",
                    "confusion",
                    "channel_attention",
                    "frame_attention",
                ],
                name="evaluate_validation",
            ),
            node(
                evaluate_test,
                inputs=[
                    "classifier",
                    "test_embeddings",
                    "split",
                    "params:training",
                    "params:evaluation",
                    "params:seed",
                ],
                outputs=["test_evaluation", "test_predictions", "test_per_class", "test_per_group"],
                name="evaluate_test",
            ),
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
        tags="modeling",
    )
