"""HDF5 → classifier → metrics, attention statistics, figures."""

from kedro.pipeline import Pipeline, node, pipeline

from hand_gestures.pipelines.modeling.nodes import describe_embeddings, draw_figures, evaluate, train


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
                evaluate,
                inputs=["classifier", "val_embeddings", "params:training", "params:evaluation"],
                outputs=["evaluation", "val_predictions", "confusion", "channel_attention", "frame_attention"],
                name="evaluate",
            ),
            node(
                draw_figures,
                inputs=["training_history", "val_predictions", "confusion", "channel_attention", "frame_attention"],
                outputs=[
                    "curves_figure",
                    "confusion_figure",
                    "class_accuracy_figure",
                    "channel_attention_figure",
                    "frame_attention_figure",
                ],
                name="draw_figures",
            ),
        ],
        tags="modeling",
    )
